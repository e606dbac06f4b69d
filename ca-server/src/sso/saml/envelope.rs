//! The shape of a response: one `Response`, one assertion in its place, signatures only where they count, identifiers used once.
//!
//! Signature wrapping moves a signed element and puts a forged one where the reader looks. Here a document in which there is anything to
//! move is refused before its signature is looked at: the elements that matter are counted in the whole document, not found by name.

use std::collections::HashSet;

use xml_sec::Document;

use super::refusal::shown;
use super::xml::{self, ASSERTION, Element, PROTOCOL, SIGNATURE};

/// What is wrong with the shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeFault {
    /// Not XML with namespaces.
    #[error("it is not well-formed")]
    Malformed,
    /// Two parsers read it differently.
    #[error("two parsers read it differently")]
    ParsersDisagree,
    /// Too deep, too many nodes, or too many namespaces.
    #[error("it is deeper or has more nodes than a response")]
    TooComplex,
    /// An identifier stands twice.
    #[error("the identifier {0:?} stands twice")]
    DuplicateId(String),
    /// An attribute that some would take for the identifier and others not.
    #[error("the attribute {0:?} could be taken for an identifier")]
    IdAttribute(String),
    /// The root is something else.
    #[error("it is a {0:?}, not a response")]
    NotAResponse(String),
    /// A response inside.
    #[error("a response stands inside it")]
    NestedResponse,
    /// The response has a child that does not belong there.
    #[error("{0:?} does not belong into a response")]
    UnexpectedElement(String),
    /// No assertion.
    #[error("it has no assertion")]
    NoAssertion,
    /// Several assertions.
    #[error("it has {0} assertions")]
    SeveralAssertions(usize),
    /// The assertion is not a child of the response.
    #[error("its assertion is not where it belongs")]
    MisplacedAssertion,
    /// A signature is neither a child of the response nor of the assertion.
    #[error("it has a signature where none belongs")]
    MisplacedSignature,
    /// Several signatures of one element.
    #[error("one element has several signatures")]
    SeveralSignatures,
}

impl EnvelopeFault {
    /// The stable word.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::ParsersDisagree => "parsers-disagree",
            Self::TooComplex => "too-complex",
            Self::DuplicateId(_) => "duplicate-id",
            Self::IdAttribute(_) => "id-attribute",
            Self::NotAResponse(_) => "not-a-response",
            Self::NestedResponse => "nested-response",
            Self::UnexpectedElement(_) => "unexpected-element",
            Self::NoAssertion => "no-assertion",
            Self::SeveralAssertions(_) => "several-assertions",
            Self::MisplacedAssertion => "misplaced-assertion",
            Self::MisplacedSignature => "misplaced-signature",
            Self::SeveralSignatures => "several-signatures",
        }
    }
}

/// The assertion of a response, as it stands there.
#[derive(Clone, Copy)]
pub(super) enum Statement<'a> {
    Plain(Element<'a>),
    Encrypted(Element<'a>),
}

/// Each identifier once, and each under the name that every reader gives it (check 2).
pub(super) fn check_identifiers(document: &Document<'_>) -> Result<(), EnvelopeFault> {
    let mut seen = HashSet::new();
    for node in document.descendants().filter(|node| node.is_element()) {
        let mut own = 0;
        for attribute in node.attributes() {
            if !attribute.name().eq_ignore_ascii_case("id") {
                continue;
            }
            own += 1;
            if attribute.namespace().is_some() || own > 1 {
                return Err(EnvelopeFault::IdAttribute(shown(attribute.name())));
            }
            if !seen.insert(attribute.value()) {
                return Err(EnvelopeFault::DuplicateId(shown(attribute.value())));
            }
        }
    }
    Ok(())
}

/// The one response, which is the root (check 4).
pub(super) fn response<'a>(document: &'a Document<'a>) -> Result<Element<'a>, EnvelopeFault> {
    let root = document.root_element();
    if !xml::is(root, PROTOCOL, "Response") {
        return Err(EnvelopeFault::NotAResponse(shown(root.tag_name().name())));
    }
    if document.descendants().filter(|node| xml::is(*node, PROTOCOL, "Response")).count() > 1 {
        return Err(EnvelopeFault::NestedResponse);
    }
    for child in xml::elements(root) {
        let known = xml::is(child, ASSERTION, "Issuer")
            || xml::is(child, SIGNATURE, "Signature")
            || ["Extensions", "Status"].iter().any(|name| xml::is(child, PROTOCOL, name))
            || is_statement(child);
        if !known {
            return Err(EnvelopeFault::UnexpectedElement(shown(child.tag_name().name())));
        }
    }
    Ok(root)
}

fn is_statement(node: Element<'_>) -> bool {
    xml::is(node, ASSERTION, "Assertion") || xml::is(node, ASSERTION, "EncryptedAssertion")
}

/// The one assertion, which is a child of the response (check 4).
pub(super) fn statement(response: Element<'_>) -> Result<Statement<'_>, EnvelopeFault> {
    let mut all = response.document().descendants().filter(|node| is_statement(*node));
    let first = all.next().ok_or(EnvelopeFault::NoAssertion)?;
    let others = all.count();
    if others > 0 {
        return Err(EnvelopeFault::SeveralAssertions(others + 1));
    }
    if first.parent().map(Element::id) != Some(response.id()) {
        return Err(EnvelopeFault::MisplacedAssertion);
    }
    let plain = xml::is(first, ASSERTION, "Assertion");
    Ok(if plain { Statement::Plain(first) } else { Statement::Encrypted(first) })
}

/// The root of a decrypted assertion, with nothing like it inside (check 4).
pub(super) fn decrypted<'a>(document: &'a Document<'a>) -> Result<Element<'a>, EnvelopeFault> {
    check_identifiers(document)?;
    let root = document.root_element();
    if !xml::is(root, ASSERTION, "Assertion") {
        return Err(EnvelopeFault::MisplacedAssertion);
    }
    let count = document.descendants().filter(|node| is_statement(*node)).count();
    if count > 1 { Err(EnvelopeFault::SeveralAssertions(count)) } else { Ok(root) }
}

/// The signatures of these elements, in order, when the document has no other (check 5).
pub(super) fn signatures<'a, const N: usize>(
    document: &'a Document<'a>,
    signed: [Option<Element<'a>>; N],
) -> Result<[Option<Element<'a>>; N], EnvelopeFault> {
    let mut found = [None; N];
    for signature in document.descendants().filter(|node| xml::is(*node, SIGNATURE, "Signature")) {
        let parent = signature.parent().map(Element::id);
        let place = signed.iter().position(|element| element.map(Element::id) == parent);
        let slot = place.and_then(|at| found.get_mut(at)).ok_or(EnvelopeFault::MisplacedSignature)?;
        if slot.replace(signature).is_some() {
            return Err(EnvelopeFault::SeveralSignatures);
        }
    }
    Ok(found)
}
