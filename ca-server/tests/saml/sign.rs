//! A signer that can sign wrongly: every part of a signature may be chosen.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaKeyPair,
};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use xml_sec::c14n::{C14nAlgorithm, C14nMode, canonicalize};
use xml_sec::{Document, Node};

use crate::parties::{Identity, KEYS};

const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const PENDING: &str = "cGVuZGluZw==";

/// How to sign. Every default is what an honest provider does.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Style {
    pub key: String,
    pub prefix: String,
    pub algorithm: String,
    pub digest: String,
    pub canonicalization: String,
    pub transforms: Vec<String>,
    /// XML inside the last transform.
    pub transform_content: String,
    /// Prefixes of `InclusiveNamespaces`, and honoured.
    pub prefixes: String,
    /// `{id}` stands for the ID.
    pub uri: String,
    pub key_info: String,
    /// Stated instead of the digest; `{digest}` stands for the true one.
    pub digest_value: String,
    /// Stated instead of the signature; `{value}` stands for the true one.
    pub value: String,
    /// Before and after the reference in `SignedInfo`, and after `KeyInfo`.
    pub before_reference: String,
    pub after_reference: String,
    pub object: String,
    /// Break base64 into lines, as some libraries do.
    pub lines: bool,
}

impl Default for Style {
    fn default() -> Self {
        let owned = str::to_owned;
        Self {
            key: owned("rsa"),
            prefix: owned("ds:"),
            algorithm: owned("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
            digest: owned("http://www.w3.org/2001/04/xmlenc#sha256"),
            canonicalization: owned(EXCLUSIVE),
            transforms: vec![
                owned("http://www.w3.org/2000/09/xmldsig#enveloped-signature"),
                owned(EXCLUSIVE),
            ],
            transform_content: String::new(),
            prefixes: String::new(),
            uri: owned("#{id}"),
            key_info: owned("x509"),
            digest_value: owned("{digest}"),
            value: owned("{value}"),
            before_reference: String::new(),
            after_reference: String::new(),
            object: String::new(),
            lines: false,
        }
    }
}

/// Puts a signature into the element with this ID, behind its issuer.
pub fn sign(xml: &str, id: &str, style: &Style) -> String {
    let digest_value = STANDARD.encode(digest_of(xml, id, style));
    let signature = signature_element(id, style, &digest_value);
    let at = place(xml, id);
    let unsigned = format!("{}{signature}{}", &xml[..at], &xml[at..]);
    let value = STANDARD.encode(value_over(&signed_info(&unsigned, id, style), style));
    let value = style.value.replace("{value}", &broken(&value, style.lines));
    unsigned.replacen(PENDING, &value, 1)
}

fn signature_element(id: &str, style: &Style, digest_value: &str) -> String {
    let p = &style.prefix;
    let declaration = if p.is_empty() {
        format!("xmlns=\"{DS}\"")
    } else {
        format!("xmlns:{}=\"{DS}\"", p.trim_end_matches(':'))
    };
    let last = style.transforms.len().saturating_sub(1);
    let transforms: String = style
        .transforms
        .iter()
        .enumerate()
        .map(|(n, algorithm)| {
            let content = if n == last { transform_content(style) } else { String::new() };
            format!("<{p}Transform Algorithm=\"{algorithm}\">{content}</{p}Transform>")
        })
        .collect();
    let digest_value = style.digest_value.replace("{digest}", &broken(digest_value, style.lines));
    let key_info = key_info(style);
    let uri = style.uri.replace("{id}", id);
    format!(
        "<{p}Signature {declaration}><{p}SignedInfo><{p}CanonicalizationMethod Algorithm=\"{c14n}\"/>\
         <{p}SignatureMethod Algorithm=\"{algorithm}\"/>{before}<{p}Reference URI=\"{uri}\"><{p}Transforms>{transforms}</{p}Transforms>\
         <{p}DigestMethod Algorithm=\"{digest}\"/><{p}DigestValue>{digest_value}</{p}DigestValue></{p}Reference>{after}</{p}SignedInfo>\
         <{p}SignatureValue>{PENDING}</{p}SignatureValue>{key_info}{object}</{p}Signature>",
        c14n = style.canonicalization,
        algorithm = style.algorithm,
        digest = style.digest,
        before = style.before_reference,
        after = style.after_reference,
        object = style.object,
    )
}

fn transform_content(style: &Style) -> String {
    if style.prefixes.is_empty() {
        return style.transform_content.clone();
    }
    format!("<ec:InclusiveNamespaces xmlns:ec=\"{EXCLUSIVE}\" PrefixList=\"{}\"/>", style.prefixes)
}

fn key_info(style: &Style) -> String {
    let p = &style.prefix;
    match style.key_info.as_str() {
        "none" => String::new(),
        "x509" => {
            let certificate = broken(&KEYS.by_name(&style.key).certificate_base64(), style.lines);
            format!(
                "<{p}KeyInfo><{p}X509Data><{p}X509Certificate>{certificate}</{p}X509Certificate></{p}X509Data></{p}KeyInfo>"
            )
        }
        xml => xml.to_owned(),
    }
}

/// Lines of 76, with the carriage returns that Java writes as references.
fn broken(base64: &str, lines: bool) -> String {
    if !lines {
        return base64.to_owned();
    }
    base64
        .as_bytes()
        .chunks(76)
        .map(|line| format!("{}&#13;\n", std::str::from_utf8(line).unwrap()))
        .collect()
}

fn element<'a>(document: &'a Document<'a>, id: &str) -> Node<'a, 'a> {
    let found = document.descendants().find(|node| node.is_element() && node.attribute("ID") == Some(id));
    found.unwrap_or_else(|| panic!("no element {id}"))
}

/// Behind the issuer, or at the beginning where there is none.
fn place(xml: &str, id: &str) -> usize {
    let document = Document::parse(xml).unwrap();
    let target = element(&document, id);
    let mut children = target.children().filter(|node| node.is_element());
    let first = children.next().unwrap();
    if first.tag_name().name() == "Issuer" { first.range().end } else { first.range().start }
}

fn canonical(document: &Document<'_>, apex: Node<'_, '_>, algorithm: &C14nAlgorithm) -> Vec<u8> {
    let mut octets = Vec::new();
    let inside = |node: Node<'_, '_>| node.ancestors().any(|above| above.id() == apex.id());
    canonicalize(document, Some(&inside), algorithm, &mut octets).unwrap();
    octets
}

fn digest_of(xml: &str, id: &str, style: &Style) -> Vec<u8> {
    let document = Document::parse(xml).unwrap();
    let algorithm = C14nAlgorithm::new(C14nMode::Exclusive1_0, false).with_prefix_list(&style.prefixes);
    let octets = canonical(&document, element(&document, id), &algorithm);
    let algorithm = match style.digest.rsplit('#').next() {
        Some("sha384") => &digest::SHA384,
        Some("sha512") => &digest::SHA512,
        Some("sha1") => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        _ => &digest::SHA256,
    };
    digest::digest(algorithm, &octets).as_ref().to_vec()
}

fn signed_info(xml: &str, id: &str, style: &Style) -> Vec<u8> {
    let document = Document::parse(xml).unwrap();
    let named = |node: &Node<'_, '_>, name: &str| node.is_element() && node.tag_name().name() == name;
    let signature = element(&document, id).children().find(|node| named(node, "Signature")).unwrap();
    let info = signature.children().find(|node| named(node, "SignedInfo")).unwrap();
    let algorithm = C14nAlgorithm::from_uri(&style.canonicalization)
        .unwrap_or_else(|| C14nAlgorithm::new(C14nMode::Exclusive1_0, false));
    canonical(&document, info, &algorithm)
}

fn value_over(octets: &[u8], style: &Style) -> Vec<u8> {
    let key = KEYS.by_name(&style.key);
    let algorithm = style.algorithm.rsplit('#').next().unwrap();
    if algorithm.starts_with("hmac") {
        return hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key.spki), octets).as_ref().to_vec();
    }
    match style.key.as_str() {
        "p384" => ecdsa(key, &ECDSA_P384_SHA384_FIXED_SIGNING, octets),
        "p256" | "expired" => ecdsa(key, &ECDSA_P256_SHA256_FIXED_SIGNING, octets),
        _ => rsa(key, algorithm, octets),
    }
}

fn ecdsa(
    key: &Identity,
    algorithm: &'static aws_lc_rs::signature::EcdsaSigningAlgorithm,
    octets: &[u8],
) -> Vec<u8> {
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, &key.pkcs8).unwrap();
    pair.sign(&SystemRandom::new(), octets).unwrap().as_ref().to_vec()
}

fn rsa(key: &Identity, algorithm: &str, octets: &[u8]) -> Vec<u8> {
    let pair = RsaKeyPair::from_pkcs8(&key.pkcs8).unwrap();
    let padding: &dyn aws_lc_rs::signature::RsaEncoding = match algorithm {
        "rsa-sha384" => &RSA_PKCS1_SHA384,
        "rsa-sha512" => &RSA_PKCS1_SHA512,
        _ => &RSA_PKCS1_SHA256,
    };
    let mut value = vec![0; pair.public_modulus_len()];
    pair.sign(padding, &SystemRandom::new(), octets, &mut value).unwrap();
    value
}
