//! Reading an `OCSPRequest` (RFC 6960 §4.1), the input of anybody who can reach the responder.
//!
//! Bounded: [`MOST_OCTETS`], [`MOST_CERTIFICATES`], hashes of a known length, serials of at most 21 octets, nonces as RFC 9654 has them. Names and
//! signatures of requestors are skipped. A critical extension that is not known refuses the request.

use std::fmt;

use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode as _, ErrorKind, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};

/// The largest request that is read, in octets.
pub const MOST_OCTETS: usize = 4096;
/// The most certificates that one request may ask for.
pub const MOST_CERTIFICATES: usize = 8;

/// The longest serial: 20 octets and a sign (RFC 5280 §4.1.2.2).
const MOST_SERIAL: usize = 21;
/// RFC 9654 §2.1.
const MOST_NONCE: usize = 128;
/// Extensions of one request or of one certificate in it.
const MOST_EXTENSIONS: usize = 16;

const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");

/// Why octets are no request that is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Too long.
    #[error("the request has {0} octets, at most {MOST_OCTETS} are read")]
    TooLarge(usize),
    /// Not the structure, or not in distinguished encoding.
    #[error("not an OCSPRequest in distinguished encoding: {0}")]
    Encoding(ErrorKind),
    /// Another version than 1.
    #[error("the version is not 1")]
    Version,
    /// None, or too many certificates.
    #[error("the request asks for {0} certificates, 1 to {MOST_CERTIFICATES} are answered")]
    Count(usize),
    /// A hash algorithm that nobody names certificates with.
    #[error("the certificate is named with an unknown hash algorithm")]
    Algorithm,
    /// A hash of another length than its algorithm's.
    #[error("a hash has not the length of its algorithm")]
    HashLength,
    /// An empty or overlong serial.
    #[error("the serial number has {0} octets")]
    Serial(usize),
    /// A nonce of a length that RFC 9654 forbids.
    #[error("the nonce has {0} octets, 1 to {MOST_NONCE} are allowed")]
    Nonce(usize),
    /// An extension that must be understood and is not.
    #[error("a critical extension is not known")]
    Critical,
    /// More extensions than anybody needs, or one twice.
    #[error("there are too many extensions, or one stands twice")]
    Extensions,
}

/// A hash by which a request names an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashAlgorithm {
    /// SHA-1, which RFC 5019 demands; it protects nothing here, it only names.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl HashAlgorithm {
    /// Every one that is understood.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// Octets of a hash.
    pub fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::Sha1 => "1.3.14.3.2.26",
            Self::Sha256 => "2.16.840.1.101.3.4.2.1",
            Self::Sha384 => "2.16.840.1.101.3.4.2.2",
            Self::Sha512 => "2.16.840.1.101.3.4.2.3",
        })
    }
}

/// A `CertID`: which certificate, by the hashes of its issuer and its serial.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CertId {
    der: Vec<u8>,
    algorithm: HashAlgorithm,
    name_hash: Vec<u8>,
    key_hash: Vec<u8>,
    serial: Vec<u8>,
}

impl CertId {
    /// The whole structure as it was sent; an answer repeats it octet for octet.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// With which algorithm the issuer is hashed.
    pub fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// The hash of the issuer's name.
    pub fn name_hash(&self) -> &[u8] {
        &self.name_hash
    }

    /// The hash of the issuer's key.
    pub fn key_hash(&self) -> &[u8] {
        &self.key_hash
    }

    /// The content octets of the serial.
    pub fn serial_content(&self) -> &[u8] {
        &self.serial
    }
}

impl fmt::Debug for CertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let serial = data_encoding::HEXLOWER.encode(&self.serial);
        f.debug_struct("CertId").field("algorithm", &self.algorithm).field("serial", &serial).finish()
    }
}

/// What somebody wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The certificates, in the order of the request; one at least.
    pub certificates: Vec<CertId>,
    /// What the answer should repeat to prove that it is fresh (RFC 9654).
    pub nonce: Option<Vec<u8>>,
}

impl Request {
    /// Reads a request.
    pub fn parse(der: &[u8]) -> Result<Self, RequestError> {
        if der.len() > MOST_OCTETS {
            return Err(RequestError::TooLarge(der.len()));
        }
        let whole = elements(AnyRef::from_der(der)?)?;
        let fields = match whole.as_slice() {
            [to_be_signed] => elements(*to_be_signed)?,
            [to_be_signed, signature] if is_tagged(signature, TagNumber::N0) => elements(*to_be_signed)?,
            _ => return Err(NOT_THE_STRUCTURE),
        };
        Self::of_fields(&fields)
    }

    /// `SEQUENCE { version [0] DEFAULT v1, requestorName [1] OPTIONAL, requestList, requestExtensions [2] OPTIONAL }`
    fn of_fields(fields: &[AnyRef<'_>]) -> Result<Self, RequestError> {
        // Version 1 is written as 0, and left out; some write it all the same.
        let (version, fields) = optional(fields, TagNumber::N0)?;
        if version.is_some_and(|version| version.tag() != Tag::Integer || version.value() != [0]) {
            return Err(RequestError::Version);
        }
        let (_requestor, fields) = optional(fields, TagNumber::N1)?;
        let (list, fields) = fields.split_first().ok_or(NOT_THE_STRUCTURE)?;
        let list = elements(*list)?;
        if !(1..=MOST_CERTIFICATES).contains(&list.len()) {
            return Err(RequestError::Count(list.len()));
        }
        let certificates = list.into_iter().map(one).collect::<Result<_, _>>()?;
        let (extensions, rest) = optional(fields, TagNumber::N2)?;
        if !rest.is_empty() {
            return Err(NOT_THE_STRUCTURE);
        }
        let nonce = extensions.map(|list| nonce_among(list, true)).transpose()?.flatten();
        Ok(Self { certificates, nonce })
    }
}

const NOT_THE_STRUCTURE: RequestError = RequestError::Encoding(ErrorKind::Failed);

impl From<der::Error> for RequestError {
    fn from(error: der::Error) -> Self {
        Self::Encoding(error.kind())
    }
}

/// The elements of a SEQUENCE.
fn elements(value: AnyRef<'_>) -> Result<Vec<AnyRef<'_>>, RequestError> {
    if value.tag() != Tag::Sequence {
        return Err(NOT_THE_STRUCTURE);
    }
    let mut reader = SliceReader::new(value.value())?;
    let mut found = Vec::new();
    while !reader.is_finished() {
        found.push(AnyRef::decode(&mut reader)?);
    }
    Ok(found)
}

/// What stands in the first field if it is `[wanted] EXPLICIT`, and the fields after it.
fn optional<'f, 'r>(
    fields: &'f [AnyRef<'r>],
    wanted: TagNumber,
) -> Result<(Option<AnyRef<'r>>, &'f [AnyRef<'r>]), RequestError> {
    match fields.split_first() {
        Some((first, rest)) if is_tagged(first, wanted) => Ok((Some(AnyRef::from_der(first.value())?), rest)),
        _ => Ok((None, fields)),
    }
}

fn is_tagged(value: &AnyRef<'_>, wanted: TagNumber) -> bool {
    matches!(value.tag(), Tag::ContextSpecific { number, constructed: true } if number == wanted)
}

/// `Request ::= SEQUENCE { reqCert CertID, singleRequestExtensions [0] EXPLICIT Extensions OPTIONAL }`
fn one(request: AnyRef<'_>) -> Result<CertId, RequestError> {
    let fields = elements(request)?;
    match fields.as_slice() {
        [certificate] => cert_id(*certificate),
        [certificate, extensions] if is_tagged(extensions, TagNumber::N0) => {
            nonce_among(AnyRef::from_der(extensions.value())?, false)?;
            cert_id(*certificate)
        }
        _ => Err(NOT_THE_STRUCTURE),
    }
}

fn cert_id(value: AnyRef<'_>) -> Result<CertId, RequestError> {
    let fields = elements(value)?;
    let [algorithm, name_hash, key_hash, serial] = fields.as_slice() else {
        return Err(NOT_THE_STRUCTURE);
    };
    let algorithm = hash_algorithm(*algorithm)?;
    let hash = |value: &AnyRef<'_>| {
        let octets = value.decode_as::<OctetStringRef<'_>>()?.as_bytes().to_vec();
        if octets.len() == algorithm.length() { Ok(octets) } else { Err(RequestError::HashLength) }
    };
    let (name_hash, key_hash) = (hash(name_hash)?, hash(key_hash)?);
    let octets = serial.value();
    let padded = matches!(octets, [0, second, ..] if second & 0x80 == 0)
        || matches!(octets, [0xff, second, ..] if second & 0x80 != 0);
    if serial.tag() != Tag::Integer || padded {
        return Err(RequestError::Encoding(ErrorKind::Noncanonical { tag: Tag::Integer }));
    }
    if !(1..=MOST_SERIAL).contains(&octets.len()) {
        return Err(RequestError::Serial(octets.len()));
    }
    let der = crate::asn1::tlv(crate::asn1::SEQUENCE, &[value.value()]);
    Ok(CertId { der, algorithm, name_hash, key_hash, serial: octets.to_vec() })
}

/// An `AlgorithmIdentifier`; its parameters are NULL or absent.
fn hash_algorithm(value: AnyRef<'_>) -> Result<HashAlgorithm, RequestError> {
    let fields = elements(value)?;
    let oid = match fields.as_slice() {
        [oid] => oid,
        [oid, parameters] if parameters.is_null() => oid,
        _ => return Err(RequestError::Algorithm),
    };
    let oid = oid.decode_as::<ObjectIdentifier>()?;
    HashAlgorithm::ALL.into_iter().find(|known| known.oid() == oid).ok_or(RequestError::Algorithm)
}

/// The nonce among `Extensions`. Others are passed over, unless they are critical; so is a nonce where it has no place.
fn nonce_among(extensions: AnyRef<'_>, wanted: bool) -> Result<Option<Vec<u8>>, RequestError> {
    let list = elements(extensions)?;
    if list.len() > MOST_EXTENSIONS {
        return Err(RequestError::Extensions);
    }
    let mut nonce = None;
    for extension in list {
        let fields = elements(extension)?;
        let (oid, critical, value) = match fields.as_slice() {
            [oid, value] => (oid, false, value),
            [oid, critical, value] => (oid, critical.decode_as::<bool>()?, value),
            _ => return Err(NOT_THE_STRUCTURE),
        };
        let value = value.decode_as::<OctetStringRef<'_>>()?;
        match (oid.decode_as::<ObjectIdentifier>()? == NONCE && wanted, critical) {
            (true, _) if nonce.is_some() => return Err(RequestError::Extensions),
            (true, _) => nonce = Some(nonce_of(value.as_bytes())?),
            (false, true) => return Err(RequestError::Critical),
            (false, false) => {}
        }
    }
    Ok(nonce)
}

/// The nonce is an OCTET STRING within the extension's.
fn nonce_of(value: &[u8]) -> Result<Vec<u8>, RequestError> {
    let octets = OctetStringRef::from_der(value)?.as_bytes();
    if (1..=MOST_NONCE).contains(&octets.len()) {
        Ok(octets.to_vec())
    } else {
        Err(RequestError::Nonce(octets.len()))
    }
}
