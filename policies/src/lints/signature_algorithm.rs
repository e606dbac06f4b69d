//! The signature algorithm is that of the issuer's key, is named alike inside and outside the signed part, and has no parameters
//! (RFC 5758 §3.2: ECDSA algorithm identifiers omit them).

use certs::key::KeyKind;
use x509_parser::oid_registry::{OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384};

use super::{Leaf, Lint, LintContext, Severity};

pub(super) const LINT: Lint = Lint {
    rule: "signature_algorithm",
    citation: "RFC 5280 §4.1.1.2, RFC 5758 §3.2",
    severity: Severity::Error,
    check,
};

fn check(leaf: &Leaf<'_>, context: &LintContext<'_>) -> Vec<String> {
    let (name, expected) = match context.issuer_key_kind {
        KeyKind::P256 => ("ecdsa-with-SHA256", OID_SIG_ECDSA_WITH_SHA256),
        KeyKind::P384 => ("ecdsa-with-SHA384", OID_SIG_ECDSA_WITH_SHA384),
    };
    let outside = &leaf.certificate.signature_algorithm;
    let inside = &leaf.certificate.tbs_certificate.signature;
    let mut faults = Vec::new();
    if inside.algorithm != expected {
        faults.push(format!("the algorithm is {}, the issuer's key needs {name}", inside.algorithm));
    }
    if inside != outside {
        faults.push("the algorithm inside the signed part differs from the one outside".to_owned());
    }
    if inside.parameters.is_some() {
        faults.push("the algorithm has parameters".to_owned());
    }
    faults
}
