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
