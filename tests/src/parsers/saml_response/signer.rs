//! The provider's hand: fills the place that an input leaves for a signature over the element it stands in.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use xml_sec::c14n::{C14nAlgorithm, C14nMode, canonicalize, canonicalize_xml};
use xml_sec::{Document, Node};

/// Where a signature goes.
const PLACE: &str = "<Signature xmlns=\"urn:here\"/>";

const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const DS: &str = "http://www.w3.org/2000/09/xmldsig#";

/// Signs with the provider's key.
pub(super) struct Signer(EcdsaKeyPair);

/// What came of it.
pub(super) struct Signed {
    /// The document with its signature.
    pub(super) document: String,
    /// The octets under the signature.
    pub(super) covered: Vec<u8>,
}

impl Signer {
    pub(super) fn new(pkcs8: &[u8]) -> Option<Self> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).ok().map(Self)
    }

    /// `None` if there is not exactly one place, or it stands in an element that cannot be signed.
    pub(super) fn fill_in(&self, input: &[u8]) -> Option<Signed> {
        let input = std::str::from_utf8(input).ok()?;
        let (before, after) = input.split_once(PLACE).filter(|(_, after)| !after.contains(PLACE))?;
        let id = id_around(input)?;
        let bare = format!("{before}{after}");
        let covered = covered(&bare, &id)?;
        let info = format!(
            "<ds:SignedInfo xmlns:ds=\"{DS}\"><ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\"></ds:CanonicalizationMethod>\
             <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256\"></ds:SignatureMethod>\
             <ds:Reference URI=\"#{}\"><ds:Transforms><ds:Transform Algorithm=\"{DS}enveloped-signature\"></ds:Transform>\
             <ds:Transform Algorithm=\"{EXCLUSIVE}\"></ds:Transform></ds:Transforms>\
             <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>\
             <ds:DigestValue>{}</ds:DigestValue></ds:Reference></ds:SignedInfo>",
            escaped(&id).replace('"', "&quot;"),
            STANDARD.encode(digest(&SHA256, &covered)),
        );
        let canonical = canonicalize_xml(info.as_bytes(), &exclusive()).ok()?;
        let value = self.0.sign(&SystemRandom::new(), &canonical).ok()?;
        let value = STANDARD.encode(value.as_ref());
        let document = format!(
            "{before}<ds:Signature xmlns:ds=\"{DS}\">{info}<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>{after}"
        );
        Some(Signed { document, covered })
    }
}

fn exclusive() -> C14nAlgorithm {
    C14nAlgorithm::new(C14nMode::Exclusive1_0, false)
}

/// The ID of the element around the place.
fn id_around(input: &str) -> Option<String> {
    let document = Document::parse(input).ok()?;
    let place = document.descendants().find(|node| node.tag_name().namespace() == Some("urn:here"))?;
    place.parent()?.attribute("ID").map(str::to_owned)
}

/// The canonical form of the element with this ID.
fn covered(bare: &str, id: &str) -> Option<Vec<u8>> {
    let document = Document::parse(bare).ok()?;
    let apex = document.descendants().find(|node| node.is_element() && node.attribute("ID") == Some(id))?;
    let inside = |node: Node<'_, '_>| node.ancestors().any(|above| above.id() == apex.id());
    let mut octets = Vec::new();
    canonicalize(&document, Some(&inside), &exclusive(), &mut octets).ok()?;
    Some(octets)
}

/// As canonical XML has it in text.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
