//! To-be-signed bytes: made once, seen by lints and the journal, then signed by whatever holds the key.
//!
//! `rcgen` encodes; the issuer's name is then put in byte for byte from its own certificate, since relying parties compare names as bytes. The
//! *twin* is the same bytes with the signature of a throwaway key, so that every lint and parser can look at a whole certificate before the real key is asked.

use rustls_pki_types::CertificateDer;

use crate::asn1::{BIT_STRING, SEQUENCE, sequence_content, take_element, tlv};
use crate::issuer::Issuer;
use crate::key::{KeyError, KeyKind, PublicKey, SigningKey};

/// Why to-be-signed bytes and a signature do not make a certificate or revocation list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssembleError {
    /// The bytes are not the to-be-signed part of either.
    #[error("not the to-be-signed part of a certificate or revocation list")]
    NotTbs,
    /// The bytes name another algorithm than the signer's.
    #[error("the to-be-signed bytes do not name the signer's algorithm ({0})")]
    Algorithm(KeyKind),
    /// The signature is not by the signer over these bytes.
    #[error("the signature over the to-be-signed bytes does not verify")]
    Signature,
    /// A certificate that has other bytes than were recorded.
    #[error("the signed certificate differs from what was recorded before signing")]
    Differs,
}

/// Signatures of throwaway keys, for twins. Make one at start; it protects nothing and is never written.
///
/// A twin is looked at and never verified, so that it is signed costs a certificate nothing: each kind of key signed once, and is gone.
#[derive(Debug)]
pub struct TwinKey {
    p256: Vec<u8>,
    p384: Vec<u8>,
}

impl TwinKey {
    /// Makes the keys and has them sign.
    pub fn generate() -> Result<Self, KeyError> {
        let signature = |kind| SigningKey::generate(kind)?.sign(b"twin");
        Ok(Self { p256: signature(KeyKind::P256)?, p384: signature(KeyKind::P384)? })
    }

    /// The signature that stands in for that of an issuer of this kind.
    fn of_kind(&self, kind: KeyKind) -> &[u8] {
        match kind {
            KeyKind::P256 => &self.p256,
            KeyKind::P384 => &self.p384,
        }
    }
}

/// The bytes that will be signed, and their twin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tbs {
    der: Vec<u8>,
    twin: Vec<u8>,
}

impl Tbs {
    /// Takes `rcgen`'s output, puts in the issuer's name, and makes the twin.
    pub(crate) fn from_encoded(encoded: &[u8], issuer: &Issuer, twin: &TwinKey) -> Result<Self, TbsError> {
        let der = with_issuer_name(encoded, issuer.subject_der()).ok_or(TbsError::Encoding)?;
        let twin = shell(&der, twin.of_kind(issuer.kind()), issuer.kind());
        Ok(Self { der, twin })
    }

    /// The bytes to record and to sign.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate or revocation list that has exactly these bytes and a worthless signature.
    pub fn twin_der(&self) -> &[u8] {
        &self.twin
    }
}

/// Why to-be-signed bytes could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TbsError {
    /// The encoder refused.
    #[error("the encoder refused: {0}")]
    Encoder(#[from] rcgen::Error),
    /// The encoder's output has an unexpected shape.
    #[error("the encoder wrote an unexpected structure")]
    Encoding,
}

/// Puts recorded bytes and a signature together, after checking that `signer` made the signature over exactly these bytes.
///
/// Works from the journal alone: a certificate that was recorded but lost can be made again from its bytes.
pub fn assemble(
    tbs: &[u8],
    signature: &[u8],
    signer: &PublicKey,
) -> Result<CertificateDer<'static>, AssembleError> {
    assemble_der(tbs, signature, signer).map(CertificateDer::from)
}

pub(crate) fn assemble_der(
    tbs: &[u8],
    signature: &[u8],
    signer: &PublicKey,
) -> Result<Vec<u8>, AssembleError> {
    let (algorithm, _) = algorithm_and_issuer(tbs).ok_or(AssembleError::NotTbs)?;
    if algorithm != signer.kind().signature_algorithm().identifier() {
        return Err(AssembleError::Algorithm(signer.kind()));
    }
    signer.verify(tbs, signature).map_err(|_| AssembleError::Signature)?;
    Ok(shell(tbs, signature, signer.kind()))
}

/// Whether a signed structure has exactly these to-be-signed bytes.
pub fn check_same_tbs(signed: &[u8], tbs: &[u8]) -> Result<(), AssembleError> {
    if tbs_of(signed) == Some(tbs) { Ok(()) } else { Err(AssembleError::Differs) }
}

/// The to-be-signed part of a certificate or revocation list.
pub fn tbs_of(signed: &[u8]) -> Option<&[u8]> {
    let (tbs, _) = take_element(sequence_content(signed)?)?;
    (tbs.tag == SEQUENCE).then_some(tbs.whole)
}

fn shell(tbs: &[u8], signature: &[u8], kind: KeyKind) -> Vec<u8> {
    let signature = tlv(BIT_STRING, &[&[0], signature]);
    tlv(SEQUENCE, &[tbs, kind.signature_algorithm().identifier(), &signature])
}

/// The first two SEQUENCEs of a TBSCertificate or TBSCertList: the algorithm and the issuer's name.
fn algorithm_and_issuer(tbs: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = sequence_content(tbs)?;
    loop {
        let (element, after) = take_element(rest)?;
        rest = after;
        if element.tag == SEQUENCE {
            let (name, _) = take_element(rest)?;
            return (name.tag == SEQUENCE).then_some((element.whole, name.whole));
        }
    }
}

/// The to-be-signed part of `encoded`, with the issuer's name replaced.
pub(crate) fn with_issuer_name(encoded: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let tbs = tbs_of(encoded)?;
    let content = sequence_content(tbs)?;
    let (_, placeholder) = algorithm_and_issuer(tbs)?;
    let before = placeholder.as_ptr().addr().checked_sub(content.as_ptr().addr())?;
    let after = content.get(before + placeholder.len()..)?;
    Some(tlv(SEQUENCE, &[content.get(..before)?, name, after]))
}

/// Stands in for the issuer's key while `rcgen` encodes: names the algorithm, signs nothing.
pub(crate) struct EncodeOnly(pub(crate) KeyKind);

impl rcgen::PublicKeyData for EncodeOnly {
    fn der_bytes(&self) -> &[u8] {
        &[]
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.0.rcgen_algorithm()
    }
}

impl rcgen::SigningKey for EncodeOnly {
    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(Vec::new())
    }
}
