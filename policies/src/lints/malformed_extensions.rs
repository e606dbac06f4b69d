//! Every extension can be read, as one whole DER element without bytes behind it.

use x509_parser::der_parser::asn1_rs::{Any, FromDer as _};
use x509_parser::extensions::ParsedExtension;

use super::{Leaf, Lint, LintContext, Severity};

pub(super) const LINT: Lint =
    Lint { rule: "malformed_extensions", citation: "RFC 5280 §4.2", severity: Severity::Error, check };

fn check(leaf: &Leaf<'_>, _context: &LintContext<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for extension in leaf.certificate.extensions() {
        let whole = Any::from_der(extension.value).is_ok_and(|(rest, _)| rest.is_empty());
        let readable = !matches!(extension.parsed_extension(), ParsedExtension::ParseError { .. });
        if !whole || !readable {
            faults.push(format!("extension {} is malformed", extension.oid));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use crate::lints::samples::{extension, found, tlv};

    #[test]
    fn extensions_that_cannot_be_read_whole_are_found() {
        for content in [vec![], vec![0x30, 5, 1], [tlv(0x04, &[1; 20]), vec![0]].concat()] {
            let found = found("malformed_extensions", |params| {
                params.custom_extensions[0] = extension(&[2, 5, 29, 14], content.clone());
            });
            assert_eq!(found, ["extension 2.5.29.14 is malformed"], "{content:?}");
        }
    }
}
