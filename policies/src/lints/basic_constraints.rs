//! A leaf is no authority: basic constraints are absent, or say CA:FALSE without a path length.

use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry::OID_X509_EXT_BASIC_CONSTRAINTS;

use super::{Leaf, Lint, LintContext, Severity};

pub(super) const LINT: Lint =
    Lint { rule: "basic_constraints", citation: "RFC 5280 §4.2.1.9", severity: Severity::Error, check };

fn check(leaf: &Leaf<'_>, _context: &LintContext<'_>) -> Vec<String> {
    match leaf.parsed(&OID_X509_EXT_BASIC_CONSTRAINTS) {
        None => Vec::new(),
        Some((ParsedExtension::BasicConstraints(constraints), _)) if !constraints.ca => {
            let length = constraints.path_len_constraint;
            length.map(|_| "basic constraints have a path length".to_owned()).into_iter().collect()
        }
        Some(_) => vec!["basic constraints do not say CA:FALSE".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, IsCa};

    use crate::lints::samples::found;

    #[test]
    fn an_authority_is_found_and_an_explicit_leaf_is_not() {
        let with = |is_ca: IsCa| found("basic_constraints", |params| params.is_ca = is_ca);
        assert_eq!(with(IsCa::ExplicitNoCa), [""; 0]);
        assert_eq!(
            with(IsCa::Ca(BasicConstraints::Unconstrained)),
            ["basic constraints do not say CA:FALSE"]
        );
        assert_eq!(
            with(IsCa::Ca(BasicConstraints::Constrained(0))),
            ["basic constraints do not say CA:FALSE"]
        );
    }
}
