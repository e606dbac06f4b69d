//! The alternative names are exactly the identifiers of the order: none more, none less, none twice, none of another kind. They
//! are critical exactly when the subject is empty.

use std::collections::BTreeSet;

use certs::identifier::IdentifierKind;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::OID_X509_EXT_SUBJECT_ALT_NAME;

use super::{Leaf, Lint, LintContext, Severity};

pub(super) const LINT: Lint = Lint {
    rule: "alternative_names",
    citation: "RFC 8555 §7.4, RFC 5280 §4.2.1.6",
    severity: Severity::Error,
    check,
};

fn check(leaf: &Leaf<'_>, context: &LintContext<'_>) -> Vec<String> {
    let extension = leaf.parsed(&OID_X509_EXT_SUBJECT_ALT_NAME);
    let Some((ParsedExtension::SubjectAlternativeName(names), critical)) = extension else {
        return vec!["there are no alternative names".to_owned()];
    };
    let mut faults = Vec::new();
    let mut present = BTreeSet::new();
    for name in &names.general_names {
        match kind_and_value(name) {
            None => faults.push(format!("alternative name `{name}` is of a kind that is never ordered")),
            Some(pair) if !present.insert(pair) => {
                faults.push(format!("alternative name `{name}` stands twice"))
            }
            Some(_) => {}
        }
    }
    let values: Vec<_> = context.identifiers.iter().map(|name| (name.kind(), name.value())).collect();
    let ordered: BTreeSet<_> = values.iter().map(|(kind, value)| (*kind, value.as_str())).collect();
    for (kind, value) in present.difference(&ordered) {
        faults.push(format!("alternative name {kind} `{value}` was not ordered"));
    }
    for (kind, value) in ordered.difference(&present) {
        faults.push(format!("{kind} `{value}` was ordered but is no alternative name"));
    }
    let subject_is_empty = leaf.certificate.subject().iter_attributes().next().is_none();
    if subject_is_empty && !critical {
        faults.push("the subject is empty but the alternative names are not critical".to_owned());
    }
    if !subject_is_empty && critical {
        faults.push("the alternative names are critical although there is a subject".to_owned());
    }
    faults
}

fn kind_and_value<'a>(name: &GeneralName<'a>) -> Option<(IdentifierKind, &'a str)> {
    match name {
        GeneralName::DNSName(value) => Some((IdentifierKind::Dns, *value)),
        GeneralName::RFC822Name(value) => Some((IdentifierKind::Email, *value)),
        GeneralName::URI(value) => Some((IdentifierKind::Uri, *value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{DistinguishedName, SanType};

    use crate::lints::samples::{dns, found};

    #[test]
    fn one_name_more_less_twice_or_of_another_kind_is_found() {
        let with =
            |names: Vec<SanType>| found("alternative_names", |params| params.subject_alt_names = names);
        let (room, all) = (|| dns("room-1.example.com"), || dns("*.rooms.example.com"));
        assert_eq!(with(vec![all(), room()]), [""; 0], "their order does not matter");
        assert_eq!(with(vec![]), ["there are no alternative names"]);
        assert_eq!(with(vec![room()]), ["dns `*.rooms.example.com` was ordered but is no alternative name"]);
        let evil = dns("evil-example.com");
        assert_eq!(
            with(vec![room(), all(), evil]),
            ["alternative name dns `evil-example.com` was not ordered"]
        );
        assert_eq!(with(vec![room(), all(), room()]).len(), 1);
        assert_eq!(with(vec![room(), all(), SanType::IpAddress([10, 0, 0, 1].into())]).len(), 1);
        let as_email = SanType::Rfc822Name("room-1.example.com".try_into().unwrap());
        assert_eq!(with(vec![as_email, all()]).len(), 2);
    }

    #[test]
    fn the_names_are_critical_exactly_when_the_subject_is_empty() {
        let found = found("alternative_names", |params| params.distinguished_name = DistinguishedName::new());
        assert_eq!(found, [""; 0], "rcgen makes them critical then");
    }
}
