//! The certificate is of version 3: it has extensions, and without that version they are not read.

use x509_parser::x509::X509Version;

use super::{Leaf, Lint, LintContext, Severity};

pub(super) const LINT: Lint =
    Lint { rule: "version", citation: "RFC 5280 §4.1.2.1", severity: Severity::Error, check };

fn check(leaf: &Leaf<'_>, _context: &LintContext<'_>) -> Vec<String> {
    let version = leaf.certificate.version();
    if version == X509Version::V3 {
        return Vec::new();
    }
    vec![format!("the version is {version}, not 3")]
}

#[cfg(test)]
mod tests {
    use crate::lints::samples::{found_in_bytes, patch};

    #[test]
    fn version_2_is_found() {
        let found = found_in_bytes("version", |der| patch(der, &[0xa0, 3, 2, 1, 2], &[0xa0, 3, 2, 1, 1]));
        assert_eq!(found.len(), 1);
    }
}
