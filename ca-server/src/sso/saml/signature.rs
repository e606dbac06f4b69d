//! Whether a signature covers an element, by one of the provider's keys (checks 5, 6 and 7).
//!
//! First its shape, by our own eyes: exactly the children, one `SignedInfo`, one reference to the parent's ID, allowed algorithms, allowed
//! transforms. Then the library recomputes digest and signature over the same parsed document. Only this file can make a `Covered`, and it
//! holds the very node that was digested: the claims are read from there, never looked up again.

use aws_lc_rs::digest;
use xml_sec::xmldsig::{
    DsigError, DsigStatus, FailureReason, SignatureEvidence, SignatureRequirement,
    SignatureVerificationError, VerificationRequest,
};
use xml_sec::{DocumentView, NodeIdentity, XmlDocument, XmlSecError};

use super::engine::{self, DIGESTS, ENVELOPED, EXCLUSIVE_C14N, SIGNATURES};
use super::keys::TrustedKeys;
use super::refusal::shown;
use super::xml::{self, EXCLUSIVE, Element, SIGNATURE};

/// Why a signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// Neither the assertion nor the response is signed.
    #[error("there is none over the assertion")]
    Unsigned,
    /// It has other parts than a signature has.
    #[error("{0:?} does not belong there, or is missing")]
    Shape(String),
    /// Not exactly one `SignedInfo`.
    #[error("it has {0} SignedInfo elements")]
    SignedInfos(usize),
    /// Not exactly one reference.
    #[error("it has {0} references")]
    References(usize),
    /// The reference names something outside of the document.
    #[error("it refers to something outside, {0:?}")]
    ExternalReference(String),
    /// The reference is not to the parent's ID.
    #[error("it refers to {0:?}, not to the element it stands in")]
    OtherReference(Option<String>),
    /// Another canonicalization of `SignedInfo`.
    #[error("its canonicalization is {0:?}")]
    Canonicalization(Option<String>),
    /// Another signature algorithm.
    #[error("its algorithm is {0:?}")]
    Algorithm(Option<String>),
    /// Another digest algorithm.
    #[error("its digest algorithm is {0:?}")]
    DigestAlgorithm(Option<String>),
    /// Another transform, or not these two in this order.
    #[error("its transforms are not enveloped-signature and exclusive canonicalization, but {0:?}")]
    Transforms(Vec<String>),
    /// The digest is no digest of that length.
    #[error("its digest value cannot be read")]
    DigestValue,
    /// The digest of nothing: what a canonicalization that failed would give.
    #[error("its digest is that of nothing")]
    EmptyDigest,
    /// The signature value is empty or not base64.
    #[error("its value cannot be read")]
    Value,
    /// `KeyInfo` has something that would have to be fetched or resolved.
    #[error("its KeyInfo has {0:?}")]
    KeyInfo(String),
    /// None of the provider's certificates is valid now.
    #[error("none of the provider's signing certificates is valid now")]
    NoKey,
    /// No key of the provider fits the algorithm.
    #[error("the provider has no key for its algorithm")]
    NoFittingKey,
    /// The value was not made with one of the provider's keys.
    #[error("it was not made with a key of the provider")]
    Mismatch,
    /// The element is not what was signed.
    #[error("what it stands in is not what was signed")]
    DigestMismatch,
    /// The library refused it for a reason of its own.
    #[error("the library refuses it: {0}")]
    Refused(String),
}

impl SignatureFault {
    /// The stable word.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::Shape(_) => "signature-shape",
            Self::SignedInfos(_) => "signed-infos",
            Self::References(_) => "references",
            Self::ExternalReference(_) => "external-reference",
            Self::OtherReference(_) => "other-reference",
            Self::Canonicalization(_) => "canonicalization",
            Self::Algorithm(_) => "signature-algorithm",
            Self::DigestAlgorithm(_) => "digest-algorithm",
            Self::Transforms(_) => "transforms",
            Self::DigestValue => "digest-value",
            Self::EmptyDigest => "empty-digest",
            Self::Value => "signature-value",
            Self::KeyInfo(_) => "key-info",
            Self::NoKey => "no-valid-key",
            Self::NoFittingKey => "no-fitting-key",
            Self::Mismatch => "signature-mismatch",
            Self::DigestMismatch => "digest-mismatch",
            Self::Refused(_) => "signature-refused",
        }
    }
}

/// An element whose whole content one of the provider's keys signed.
pub(super) struct Covered<'a> {
    node: Element<'a>,
}

impl<'a> Covered<'a> {
    /// An assertion that was decrypted out of a covered element.
    pub(super) fn by_response(assertion: Element<'a>, _outer: &Covered<'_>) -> Self {
        Self { node: assertion }
    }

    /// The node that was digested.
    pub(super) fn node(&self) -> Element<'a> {
        self.node
    }
}

/// An element and the signature that stands in it.
#[derive(Clone, Copy)]
pub(super) struct Signed<'a> {
    pub(super) element: Element<'a>,
    pub(super) signature: Element<'a>,
}

/// Verifies every signature of a document (all must hold) and gives `wanted` back as covered by one of them (check 7).
pub(super) fn verify<'a>(
    document: &XmlDocument,
    view: DocumentView<'a>,
    signed: &[Signed<'a>],
    wanted: Element<'a>,
    keys: &TrustedKeys<'_>,
) -> Result<Covered<'a>, SignatureFault> {
    if signed.is_empty() {
        return Err(SignatureFault::Unsigned);
    }
    let mut targets = Vec::with_capacity(signed.len());
    for one in signed {
        check_shape(*one)?;
        targets.push(identity(view, one.element)?);
    }
    if keys.is_empty() {
        return Err(SignatureFault::NoKey);
    }
    let request = VerificationRequest {
        expected_targets: &targets,
        signatures: SignatureRequirement::Exactly(signed.len()),
        ..VerificationRequest::default()
    };
    let security = engine::security().map_err(|refusal| fault_of(&refusal))?;
    let verifier = security.verifier().map_err(|refusal| fault_of(&refusal))?;
    let evidence = verifier.key(keys).verify(document, &request).map_err(|refusal| fault_of(&refusal))?;
    for outcome in evidence.signatures() {
        check_outcome(outcome)?;
    }
    let above = |one: &&Signed<'_>| wanted.ancestors().any(|node| node.id() == one.element.id());
    let cover = signed.iter().find(above).ok_or(SignatureFault::Unsigned)?;
    let covers = evidence.covers_element(document, identity(view, cover.element)?);
    if matches!((evidence.accepted(document), covers), (Ok(true), Ok(true))) {
        return Ok(Covered { node: wanted });
    }
    Err(SignatureFault::Unsigned)
}

fn check_outcome(outcome: &SignatureEvidence) -> Result<(), SignatureFault> {
    let result = outcome.result().as_ref().map_err(fault_of_one)?;
    match result.status {
        DsigStatus::Valid => Ok(()),
        DsigStatus::Invalid(FailureReason::SignatureMismatch) => Err(SignatureFault::Mismatch),
        DsigStatus::Invalid(FailureReason::ReferenceDigestMismatch { .. }) => {
            Err(SignatureFault::DigestMismatch)
        }
        ref other => Err(SignatureFault::Refused(format!("{other:?}"))),
    }
}

fn fault_of(refusal: &XmlSecError) -> SignatureFault {
    match refusal {
        XmlSecError::Verification(fault) => fault_of_one(fault),
        other => SignatureFault::Refused(shown(&other.to_string())),
    }
}

fn fault_of_one(fault: &DsigError) -> SignatureFault {
    match fault {
        DsigError::Crypto(SignatureVerificationError::UnsupportedAlgorithm { .. }) => {
            SignatureFault::NoFittingKey
        }
        other => SignatureFault::Refused(shown(&other.to_string())),
    }
}

/// The library's name for this very node: found by its ID, and at this place of the document.
fn identity(view: DocumentView<'_>, element: Element<'_>) -> Result<NodeIdentity, SignatureFault> {
    let id = element.attribute("ID").unwrap_or_default();
    let found = view.node_for_id(id, &[]).ok_or(SignatureFault::OtherReference(None))?;
    let place = view.document_order(found).map_err(|fault| SignatureFault::Refused(fault.to_string()))?;
    let own = u32::try_from(place).ok().and_then(|place| element.document().get_node(place.into()));
    let same =
        std::ptr::eq(element.document(), view.document()) && own.map(Element::id) == Some(element.id());
    if same { Ok(found) } else { Err(SignatureFault::OtherReference(None)) }
}

fn check_shape(signed: Signed<'_>) -> Result<(), SignatureFault> {
    check_parts(signed.signature)?;
    let info = one(signed.signature, "SignedInfo").map_err(SignatureFault::SignedInfos)?;
    check_info_parts(info)?;
    let reference = one(info, "Reference").map_err(SignatureFault::References)?;
    check_reference(signed.element, reference)?;
    check_algorithms(info, reference)?;
    check_transforms(reference)?;
    check_digest(reference)?;
    check_value(signed.signature)?;
    check_key_info(signed.signature)
}

fn one<'a>(parent: Element<'a>, name: &'static str) -> Result<Element<'a>, usize> {
    let mut all = xml::children(parent, SIGNATURE, name);
    let first = all.next().ok_or(0_usize)?;
    let others = all.count();
    if others > 0 { Err(others + 1) } else { Ok(first) }
}

fn check_parts(signature: Element<'_>) -> Result<(), SignatureFault> {
    let infos = xml::children(signature, SIGNATURE, "SignedInfo").count();
    if infos != 1 {
        return Err(SignatureFault::SignedInfos(infos));
    }
    expect_parts(signature, &["SignedInfo", "SignatureValue"], &["KeyInfo"])
}

fn check_info_parts(info: Element<'_>) -> Result<(), SignatureFault> {
    let references = xml::children(info, SIGNATURE, "Reference").count();
    if references != 1 {
        return Err(SignatureFault::References(references));
    }
    expect_parts(info, &["CanonicalizationMethod", "SignatureMethod", "Reference"], &[])?;
    for name in ["CanonicalizationMethod", "SignatureMethod"] {
        let method = one(info, name).map_err(|_| SignatureFault::Shape(name.to_owned()))?;
        if let Some(parameter) =
            xml::elements(method).find(|node| !xml::is(*node, EXCLUSIVE, "InclusiveNamespaces"))
        {
            return Err(SignatureFault::Shape(shown(parameter.tag_name().name())));
        }
    }
    Ok(())
}

/// Exactly these children in this order, with the last ones optional.
fn expect_parts(parent: Element<'_>, needed: &[&str], optional: &[&str]) -> Result<(), SignatureFault> {
    let mut found = xml::elements(parent);
    for name in needed {
        match found.next() {
            Some(child) if xml::is(child, SIGNATURE, name) => {}
            _ => return Err(SignatureFault::Shape((*name).to_owned())),
        }
    }
    for name in optional {
        match found.next() {
            None => return Ok(()),
            Some(child) if xml::is(child, SIGNATURE, name) => {}
            Some(other) => return Err(SignatureFault::Shape(shown(other.tag_name().name()))),
        }
    }
    found.next().map_or(Ok(()), |other| Err(SignatureFault::Shape(shown(other.tag_name().name()))))
}

/// SAML core §5.4.2: the one reference is `#` and the ID of the element that the signature stands in.
fn check_reference(element: Element<'_>, reference: Element<'_>) -> Result<(), SignatureFault> {
    let uri = reference.attribute("URI");
    let id = element.attribute("ID").filter(|id| !id.is_empty());
    if uri.is_some_and(|uri| !uri.is_empty() && !uri.starts_with('#')) {
        return Err(SignatureFault::ExternalReference(shown(uri.unwrap_or_default())));
    }
    if id.is_some() && uri.and_then(|uri| uri.strip_prefix('#')) == id {
        expect_parts(reference, &["Transforms", "DigestMethod", "DigestValue"], &[])
    } else {
        Err(SignatureFault::OtherReference(uri.map(shown)))
    }
}

fn check_algorithms(info: Element<'_>, reference: Element<'_>) -> Result<(), SignatureFault> {
    let algorithm = |parent, name| {
        let method = one(parent, name).map_err(|_| SignatureFault::Shape(name.to_owned()))?;
        Ok::<_, SignatureFault>(method.attribute("Algorithm"))
    };
    let canonicalization = algorithm(info, "CanonicalizationMethod")?;
    if canonicalization != Some(EXCLUSIVE_C14N) {
        return Err(SignatureFault::Canonicalization(canonicalization.map(shown)));
    }
    let signature = algorithm(info, "SignatureMethod")?;
    if !SIGNATURES.iter().any(|known| Some(known.uri()) == signature) {
        return Err(SignatureFault::Algorithm(signature.map(shown)));
    }
    let digest = algorithm(reference, "DigestMethod")?;
    if !DIGESTS.iter().any(|known| Some(known.uri()) == digest) {
        return Err(SignatureFault::DigestAlgorithm(digest.map(shown)));
    }
    Ok(())
}

/// SAML core §5.4.4, without the alternatives that it only tolerates.
fn check_transforms(reference: Element<'_>) -> Result<(), SignatureFault> {
    let transforms =
        one(reference, "Transforms").map_err(|_| SignatureFault::Shape("Transforms".to_owned()))?;
    let listed: Vec<_> = xml::elements(transforms).collect();
    let names =
        || listed.iter().take(4).map(|node| shown(node.attribute("Algorithm").unwrap_or_default())).collect();
    let fits = |node: &Element<'_>, algorithm: &str, may_have_prefixes: bool| {
        xml::is(*node, SIGNATURE, "Transform")
            && node.attribute("Algorithm") == Some(algorithm)
            && xml::elements(*node)
                .all(|child| may_have_prefixes && xml::is(child, EXCLUSIVE, "InclusiveNamespaces"))
    };
    match listed.as_slice() {
        [first, second] if fits(first, ENVELOPED, false) && fits(second, EXCLUSIVE_C14N, true) => Ok(()),
        _ => Err(SignatureFault::Transforms(names())),
    }
}

fn check_digest(reference: Element<'_>) -> Result<(), SignatureFault> {
    let value =
        one(reference, "DigestValue").ok().and_then(xml::base64).ok_or(SignatureFault::DigestValue)?;
    let known = [(32, &digest::SHA256), (48, &digest::SHA384), (64, &digest::SHA512)];
    let (_, algorithm) =
        known.into_iter().find(|(length, _)| *length == value.len()).ok_or(SignatureFault::DigestValue)?;
    if digest::digest(algorithm, b"").as_ref() == value.as_slice() {
        return Err(SignatureFault::EmptyDigest);
    }
    Ok(())
}

fn check_value(signature: Element<'_>) -> Result<(), SignatureFault> {
    let value = one(signature, "SignatureValue").ok().and_then(xml::base64);
    if value.is_some_and(|value| !value.is_empty()) { Ok(()) } else { Err(SignatureFault::Value) }
}

/// What `KeyInfo` says is not believed; what would have to be resolved or fetched is refused.
fn check_key_info(signature: Element<'_>) -> Result<(), SignatureFault> {
    for info in xml::children(signature, SIGNATURE, "KeyInfo") {
        for part in xml::elements(info) {
            if !["KeyName", "KeyValue", "X509Data"].iter().any(|name| xml::is(part, SIGNATURE, name)) {
                return Err(SignatureFault::KeyInfo(shown(part.tag_name().name())));
            }
        }
    }
    Ok(())
}
