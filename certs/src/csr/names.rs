//! Who a request names: its subject alternative names and its common name.
//!
//! RFC 8555 §7.4 lets an identifier stand in either place or in both; RFC 8823 §4 wants e-mail addresses as rfc822Name. Other subject fields (organisation,
//! country, …) are ignored: nobody proved them.

use x509_parser::extensions::{GeneralName, ParsedExtension, X509Extension};
use x509_parser::x509::X509Name;

use super::CsrError;
use crate::identifier::{Identifier, IdentifierError, IdentifierKind};

pub(super) fn identifiers(
    subject: &X509Name<'_>,
    extensions: &[X509Extension<'_>],
) -> Result<Vec<Identifier>, CsrError> {
    let mut found = alternative_names(extensions)?;
    for text in common_names(subject)? {
        add(&mut found, common_name(&text)?);
    }
    if found.is_empty() { Err(CsrError::NoNames) } else { Ok(found) }
}

/// The subject alternative names, each once.
pub(super) fn alternative_names(extensions: &[X509Extension<'_>]) -> Result<Vec<Identifier>, CsrError> {
    let mut found: Vec<Identifier> = Vec::new();
    for extension in extensions {
        if let ParsedExtension::SubjectAlternativeName(names) = extension.parsed_extension() {
            for name in &names.general_names {
                add(&mut found, alternative_name(name)?);
            }
        }
    }
    Ok(found)
}

/// The common names, as text.
pub(super) fn common_names(subject: &X509Name<'_>) -> Result<Vec<String>, CsrError> {
    let text = |value: &x509_parser::x509::AttributeTypeAndValue<'_>| {
        value.as_str().map(str::to_owned).map_err(|_| CsrError::Name {
            field: "common name",
            fault: IdentifierError::UnsupportedKind { kind: "text that is not UTF-8".to_owned() },
        })
    };
    subject.iter_common_name().map(text).collect()
}

fn add(found: &mut Vec<Identifier>, identifier: Identifier) {
    if !found.contains(&identifier) {
        found.push(identifier);
    }
}

fn alternative_name(name: &GeneralName<'_>) -> Result<Identifier, CsrError> {
    let (kind, value) = match name {
        GeneralName::DNSName(value) => (IdentifierKind::Dns, value),
        GeneralName::RFC822Name(value) => (IdentifierKind::Email, value),
        GeneralName::URI(value) => (IdentifierKind::Uri, value),
        GeneralName::IPAddress(_) => return Err(CsrError::NameKind { kind: "iPAddress" }),
        GeneralName::DirectoryName(_) => return Err(CsrError::NameKind { kind: "directoryName" }),
        GeneralName::OtherName(..) => return Err(CsrError::NameKind { kind: "otherName" }),
        GeneralName::RegisteredID(_) => return Err(CsrError::NameKind { kind: "registeredID" }),
        GeneralName::X400Address(_) => return Err(CsrError::NameKind { kind: "x400Address" }),
        GeneralName::EDIPartyName(_) => return Err(CsrError::NameKind { kind: "ediPartyName" }),
        GeneralName::Invalid(..) => return Err(CsrError::NameKind { kind: "unknown" }),
    };
    Identifier::from_parts(kind.as_str(), value)
        .map_err(|fault| CsrError::Name { field: "subject alternative name", fault })
}

fn common_name(text: &str) -> Result<Identifier, CsrError> {
    Identifier::from_text(text).map_err(|fault| CsrError::Name { field: "common name", fault })
}
