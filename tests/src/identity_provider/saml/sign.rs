//! Enveloped XML signatures (XML signature §8.1): RSA-SHA256 over exclusive canonical XML.
//!
//! xml-sec makes the canonical form, aws-lc the digest and the signature. The document is known before it is signed, so what the
//! enveloped-signature transform leaves of it is the document without a signature. Nothing of the verifying side is used.

#![expect(clippy::expect_used, reason = "documents of our own are XML, and a key of our own signs")]

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use xml_sec::c14n::{C14nAlgorithm, C14nMode, canonicalize_xml};

use crate::identity_provider::keys::KeyRing;

const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";

/// Signs the document, whose element has this id. `place` makes the document around a signature.
pub(super) fn enveloped(keys: &KeyRing, id: &str, place: impl Fn(&str) -> String) -> String {
    let digest = STANDARD.encode(digest(&SHA256, &canonical(&place(""))));
    let info = format!(
        "<ds:SignedInfo xmlns:ds=\"{SIGNATURE}\"><ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\"></ds:CanonicalizationMethod>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></ds:SignatureMethod>\
         <ds:Reference URI=\"#{id}\"><ds:Transforms><ds:Transform Algorithm=\"{SIGNATURE}enveloped-signature\"></ds:Transform>\
         <ds:Transform Algorithm=\"{EXCLUSIVE}\"></ds:Transform></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>\
         <ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    );
    let value = STANDARD.encode(keys.sign_octets(&canonical(&info)).expect("the key signs"));
    place(&format!(
        "<ds:Signature xmlns:ds=\"{SIGNATURE}\">{info}<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>"
    ))
}

fn canonical(xml: &str) -> Vec<u8> {
    canonicalize_xml(xml.as_bytes(), &C14nAlgorithm::new(C14nMode::Exclusive1_0, false)).expect("it is XML")
}
