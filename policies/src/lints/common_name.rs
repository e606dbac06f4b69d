//! The subject holds at most one common name and nothing else; the name is what the profile says, is one of the alternative names
//! (or the organisation's preferred domain), and has at most 64 characters.

use certs::identifier::Identifier;
use certs::leaf::SubjectRule;
use x509_parser::oid_registry::OID_X509_COMMON_NAME;

use super::{Leaf, Lint, LintContext, Severity};

pub(super) const LINT: Lint = Lint {
    rule: "common_name",
    citation: "RFC 5280 §4.1.2.6, appendix A.1 (ub-common-name)",
    severity: Severity::Error,
    check,
};

const MAX_COMMON_NAME: usize = 64;

fn check(leaf: &Leaf<'_>, context: &LintContext<'_>) -> Vec<String> {
    let subject = leaf.certificate.subject();
    let mut faults = Vec::new();
    let mut names = Vec::new();
    for attribute in subject.iter_attributes() {
        if *attribute.attr_type() != OID_X509_COMMON_NAME {
            faults.push(format!("the subject has an attribute {}", attribute.attr_type()));
            continue;
        }
        match attribute.as_str() {
            Ok(name) => names.push(name),
            Err(_) => faults.push("the common name is not a text".to_owned()),
        }
    }
    if names.len() > 1 {
        faults.push(format!("the subject has {} common names", names.len()));
    }
    for name in &names {
        if name.chars().count() > MAX_COMMON_NAME {
            faults.push(format!("the common name has {} characters", name.chars().count()));
        }
    }
    let expected = expected(context);
    if names.first().map(|name| (*name).to_owned()) != expected {
        let show = |name: Option<&str>| name.map_or_else(|| "absent".to_owned(), |name| format!("`{name}`"));
        faults.push(format!(
            "the common name is {}, by the profile it is {}",
            show(names.first().copied()),
            show(expected.as_deref())
        ));
    }
    faults
}

fn expected(context: &LintContext<'_>) -> Option<String> {
    let name = match context.profile.subject {
        SubjectRule::None => None,
        SubjectRule::FirstNameIfFits => context.identifiers.first().map(Identifier::value),
        SubjectRule::PreferredDomain => context.preferred_domain.map(|domain| domain.as_str().to_owned()),
    };
    name.filter(|name| name.chars().count() <= MAX_COMMON_NAME)
}

#[cfg(test)]
mod tests {
    use certs::identifier::Identifier;
    use rcgen::DnType;

    use crate::lints::samples::{found, found_with};

    #[test]
    fn a_common_name_that_was_not_ordered_is_found() {
        let found =
            found("common_name", |params| params.distinguished_name.push(DnType::CommonName, "admin"));
        assert_eq!(found, ["the common name is `admin`, by the profile it is `room-1.example.com`"]);
    }

    #[test]
    fn any_other_attribute_of_the_subject_is_found() {
        let found = found("common_name", |params| {
            params.distinguished_name.push(DnType::OrganizationName, "Example");
        });
        assert_eq!(found, ["the subject has an attribute 2.5.4.10"]);
    }

    #[test]
    fn a_common_name_that_does_not_fit_is_left_out() {
        let long = format!("{}.{}.example.com", "a".repeat(40), "b".repeat(40));
        let long = [Identifier::from_parts("dns", &long).unwrap()];
        let details = found_with("common_name", |context| {
            context.identifiers = Box::leak(Box::new(long));
        });
        assert_eq!(details, ["the common name is `room-1.example.com`, by the profile it is absent"]);
        let tall = "x".repeat(65);
        let found =
            found("common_name", |params| params.distinguished_name.push(DnType::CommonName, tall.as_str()));
        assert!(found.contains(&"the common name has 65 characters".to_owned()), "{found:?}");
    }
}
