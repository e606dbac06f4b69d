//! Nothing follows the certificate: bytes behind it are signed by nobody and read differently by different parsers.

use super::{Leaf, Lint, LintContext, Severity};

pub(super) const LINT: Lint =
    Lint { rule: "trailing_data", citation: "X.690 §10", severity: Severity::Error, check };

fn check(leaf: &Leaf<'_>, _context: &LintContext<'_>) -> Vec<String> {
    if leaf.rest.is_empty() {
        return Vec::new();
    }
    vec![format!("{} bytes follow the certificate", leaf.rest.len())]
}

#[cfg(test)]
mod tests {
    use crate::lints::samples::found_in_bytes;

    #[test]
    fn bytes_behind_the_certificate_are_found() {
        assert_eq!(found_in_bytes("trailing_data", |der| der.push(0)), ["1 bytes follow the certificate"]);
    }
}
