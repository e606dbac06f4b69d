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

#[cfg(test)]
mod tests {
    use certs::key::KeyKind;

    use crate::lints::samples::{found_in_bytes, found_with};

    #[test]
    fn an_algorithm_that_is_not_the_issuers_is_found() {
        let found = found_with("signature_algorithm", |context| context.issuer_key_kind = KeyKind::P384);
        assert_eq!(found, ["the algorithm is 1.2.840.10045.4.3.2, the issuer's key needs ecdsa-with-SHA384"]);
    }

    #[test]
    fn two_different_algorithms_are_found() {
        let found = found_in_bytes("signature_algorithm", |der| {
            let name = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
            let outside = der.windows(8).rposition(|window| window == name).unwrap();
            der[outside + 7] = 3;
        });
        assert_eq!(found, ["the algorithm inside the signed part differs from the one outside"]);
    }
}
