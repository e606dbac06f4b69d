//! The few words of XML that the SAML code uses: namespaces, names, children, whole text, escaping.
//!
//! Every reader takes the node it is given and looks only below it. Nothing here searches a document by name.

use xml_sec::Node;

/// SAML 2.0 protocol.
pub(super) const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// SAML 2.0 assertions.
pub(super) const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// SAML 2.0 metadata.
pub(super) const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// XML signatures.
pub(super) const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
/// XML encryption.
pub(super) const ENCRYPTION: &str = "http://www.w3.org/2001/04/xmlenc#";
/// XML encryption 1.1.
pub(super) const ENCRYPTION_11: &str = "http://www.w3.org/2009/xmlenc11#";
/// Exclusive canonical XML, which is a namespace too.
pub(super) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// A node of a parsed document.
pub(super) type Element<'a> = Node<'a, 'a>;

/// Whether a node is the element of this name.
pub(super) fn is(node: Element<'_>, namespace: &str, name: &str) -> bool {
    node.is_element() && node.tag_name().namespace() == Some(namespace) && node.tag_name().name() == name
}

/// The direct children that are elements.
pub(super) fn elements<'a>(node: Element<'a>) -> impl Iterator<Item = Element<'a>> {
    node.children().filter(|child| child.is_element())
}

/// The direct children of this name.
pub(super) fn children<'a>(
    node: Element<'a>,
    namespace: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Element<'a>> {
    elements(node).filter(move |child| is(*child, namespace, name))
}

/// The direct child of this name, if there is exactly one.
pub(super) fn only<'a>(
    node: Element<'a>,
    namespace: &'static str,
    name: &'static str,
) -> Result<Option<Element<'a>>, Several> {
    let mut found = children(node, namespace, name);
    match (found.next(), found.next()) {
        (first, None) => Ok(first),
        (_, Some(_)) => Err(Several),
    }
}

/// More of something than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Several;

/// The whole text of an element that holds nothing but text.
pub(super) fn text(node: Element<'_>) -> Option<String> {
    let mut whole = String::new();
    for child in node.children() {
        if !child.is_text() {
            return None;
        }
        whole.push_str(child.text()?);
    }
    Some(whole)
}

/// The octets of an element that holds base64, however it is broken into lines.
pub(super) fn base64(node: Element<'_>) -> Option<Vec<u8>> {
    decode_base64(text(node)?.as_bytes())
}

/// Base64 with line breaks, as forms and XML carry it.
pub(super) fn decode_base64(octets: &[u8]) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let engine = &base64::engine::general_purpose::STANDARD;
    if octets.iter().any(u8::is_ascii_whitespace) {
        let dense: Vec<u8> = octets.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect();
        return engine.decode(dense).ok();
    }
    engine.decode(octets).ok()
}

/// Text as it stands inside an element or a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\t' => escaped.push_str("&#9;"),
            '\n' => escaped.push_str("&#10;"),
            '\r' => escaped.push_str("&#13;"),
            other => escaped.push(other),
        }
    }
    escaped
}
