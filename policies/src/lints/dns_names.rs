//! DNS names are letters, digits and hyphens in lower case, labels of 1 to 63, at most 253 octets, with a wildcard only as the
//! whole leftmost label: written out here a second time, so that a fault of the name parser does not go unseen.

use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::OID_X509_EXT_SUBJECT_ALT_NAME;

use super::{Leaf, Lint, LintContext, Severity};

pub(super) const LINT: Lint = Lint {
    rule: "dns_names",
    citation: "RFC 5280 §4.2.1.6, RFC 1123 §2.1, RFC 9525 §6.3",
    severity: Severity::Error,
    check,
};

fn check(leaf: &Leaf<'_>, _context: &LintContext<'_>) -> Vec<String> {
    let extension = leaf.parsed(&OID_X509_EXT_SUBJECT_ALT_NAME);
    let Some((ParsedExtension::SubjectAlternativeName(names), _)) = extension else {
        return Vec::new(); // `alternative_names` says so
    };
    let mut faults = Vec::new();
    for name in &names.general_names {
        if let GeneralName::DNSName(name) = name
            && !is_host_name(name)
        {
            faults.push(format!("`{}` is not a DNS name in canonical form", name.escape_debug()));
        }
    }
    faults
}

fn is_host_name(name: &str) -> bool {
    let base = name.strip_prefix("*.").unwrap_or(name);
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(letter)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && base.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::is_host_name;
    use crate::lints::samples::{dns, found};

    #[test]
    fn names_in_any_other_form_are_found() {
        let found = found("dns_names", |params| params.subject_alt_names.push(dns("Room-2.example.com")));
        assert_eq!(found, ["`Room-2.example.com` is not a DNS name in canonical form"]);
        for wrong in [
            "", ".", "a.", ".a", "a..b", "a_b.c", "-a.b", "a-.b", "*", "a.*.b", "**.a", "ä.b", "a b.c",
            "*.*.a",
        ] {
            assert!(!is_host_name(wrong), "{wrong}");
        }
        for right in ["a.b", "*.a.b", "xn--bcher-kva.example", "1.2.example"] {
            assert!(is_host_name(right), "{right}");
        }
        assert!(!is_host_name(&format!("{}.example", "a".repeat(64))));
        assert!(!is_host_name(&["a".repeat(63).as_str(); 4].join(".")));
    }
}
