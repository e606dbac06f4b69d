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
        Some((ParsedExtension::SubjectKeyIdentifier(identifier), _))
            if (8..=32).contains(&identifier.0.len()) =>
        {
            Vec::new()
        }
        Some((ParsedExtension::SubjectKeyIdentifier(identifier), _)) => {
            vec![format!("the subject key identifier has {} octets", identifier.0.len())]
        }
        Some(_) | None => vec!["there is no subject key identifier".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use crate::lints::samples::{extension, found, tlv};

    #[test]
    fn a_missing_or_short_identifier_is_found() {
        let missing = found("subject_key_identifier", |params| {
            params.custom_extensions.remove(0);
        });
        assert_eq!(missing, ["there is no subject key identifier"]);
        let short = found("subject_key_identifier", |params| {
            params.custom_extensions[0] = extension(&[2, 5, 29, 14], tlv(0x04, &[7; 4]));
        });
        assert_eq!(short, ["the subject key identifier has 4 octets"]);
    }
}
