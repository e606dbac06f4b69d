//! Only key usage, and the alternative names when the subject is empty, are critical: a relying party that does not know a
//! critical extension must refuse the certificate, so none beyond these is ever wanted.

use x509_parser::oid_registry::{OID_X509_EXT_KEY_USAGE, OID_X509_EXT_SUBJECT_ALT_NAME};

use super::{Leaf, Lint, LintContext, Severity};

pub(super) const LINT: Lint =
    Lint { rule: "critical_extensions", citation: "RFC 5280 §4.2", severity: Severity::Error, check };

fn check(leaf: &Leaf<'_>, _context: &LintContext<'_>) -> Vec<String> {
    let known = [OID_X509_EXT_KEY_USAGE, OID_X509_EXT_SUBJECT_ALT_NAME];
    let critical = leaf.certificate.extensions().iter().filter(|extension| extension.critical);
    let unknown = critical.filter(|extension| !known.contains(&extension.oid));
    unknown.map(|extension| format!("extension {} is critical", extension.oid)).collect()
}

#[cfg(test)]
mod tests {
    use crate::lints::samples::{extension, found, tlv};

    #[test]
    fn a_critical_extension_that_relying_parties_may_not_know_is_found() {
        let found = found("critical_extensions", |params| {
            let mut unknown = extension(&[1, 3, 6, 1, 4, 1, 99999, 1], tlv(0x04, b"x"));
            unknown.set_criticality(true);
            params.custom_extensions.push(unknown);
        });
        assert_eq!(found, ["extension 1.3.6.1.4.1.99999.1 is critical"]);
    }
}
