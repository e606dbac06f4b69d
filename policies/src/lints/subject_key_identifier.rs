//! The subject key identifier is present and of usual length.

use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry::OID_X509_EXT_SUBJECT_KEY_IDENTIFIER;

use super::{Leaf, Lint, LintContext, Severity};

pub(super) const LINT: Lint = Lint {
    rule: "subject_key_identifier",
    citation: "RFC 5280 §4.2.1.2, RFC 7093 §2",
    severity: Severity::Error,
    check,
};

fn check(leaf: &Leaf<'_>, _context: &LintContext<'_>) -> Vec<String> {
    match leaf.parsed(&OID_X509_EXT_SUBJECT_KEY_IDENTIFIER) {
        Some((ParsedExtension::SubjectKeyIdentifier(identifier), _)) if (8..=32).contains(&identifier.0.len()) => {
            Vec::new()
        }
        Some((ParsedExtension::SubjectKeyIdentifier(identifier), _)) => {
            vec![format!("the subject key identifier has {} octets", identifier.0.len())]
        }
        Some(_) | None => vec!["there is no subject key identifier".to_owned()],
    }
}
