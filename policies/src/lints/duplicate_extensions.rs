//! No extension stands twice: one parser would read the first, another the second.

use super::{Leaf, Lint, LintContext, Severity};

pub(super) const LINT: Lint =
    Lint { rule: "duplicate_extensions", citation: "RFC 5280 §4.2", severity: Severity::Error, check };

fn check(leaf: &Leaf<'_>, _context: &LintContext<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut rest = leaf.certificate.extensions();
    while let [extension, after @ ..] = rest {
        if after.iter().any(|other| other.oid == extension.oid) {
            faults.push(format!("extension {} stands more than once", extension.oid));
        }
        rest = after;
    }
    faults
}

#[cfg(test)]
mod tests {
    use crate::lints::samples::found;

    #[test]
    fn an_extension_that_stands_twice_is_found() {
        let found = found("duplicate_extensions", |params| {
            let again = params.custom_extensions[0].clone();
            params.custom_extensions.push(again);
        });
        assert_eq!(found, ["extension 2.5.29.14 stands more than once"]);
    }
}
