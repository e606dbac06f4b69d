//! The issuer's name is byte for byte the subject of the issuing certificate: relying parties compare names as bytes.

use super::{Leaf, Lint, LintContext, Severity};

pub(super) const LINT: Lint =
    Lint { rule: "issuer_name", citation: "RFC 5280 §4.1.2.4, §7.1", severity: Severity::Error, check };

fn check(leaf: &Leaf<'_>, context: &LintContext<'_>) -> Vec<String> {
    if leaf.certificate.issuer().as_raw() == context.issuer_name {
        return Vec::new();
    }
    vec![format!("the issuer `{}` is not the subject of the issuing certificate", leaf.certificate.issuer())]
}

#[cfg(test)]
mod tests {
    use crate::lints::samples::found_with;

    #[test]
    fn another_issuer_is_found() {
        let found = found_with("issuer_name", |context| context.issuer_name = &[0x30, 0]);
        assert_eq!(found, ["the issuer `CN=Example issuing` is not the subject of the issuing certificate"]);
    }
}
