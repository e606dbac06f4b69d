//! Key usage is present, critical, and exactly digitalSignature.

use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry::OID_X509_EXT_KEY_USAGE;

use super::{Leaf, Lint, LintContext, Severity};

pub(super) const LINT: Lint = Lint {
    rule: "key_usage",
    citation: "RFC 5280 §4.2.1.3, RFC 9420 §5.3",
    severity: Severity::Error,
    check,
};

fn check(leaf: &Leaf<'_>, _context: &LintContext<'_>) -> Vec<String> {
    let Some((ParsedExtension::KeyUsage(usage), critical)) = leaf.parsed(&OID_X509_EXT_KEY_USAGE) else {
        return vec!["there is no key usage".to_owned()];
    };
    let mut faults = Vec::new();
    if !critical {
        faults.push("key usage is not critical".to_owned());
    }
    if usage.flags != 1 {
        faults.push(format!("key usage is `{usage}`, not only digitalSignature"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use rcgen::KeyUsagePurpose;

    use crate::lints::samples::found;

    #[test]
    fn any_other_key_usage_and_none_are_found() {
        let with =
            |usages: &[KeyUsagePurpose]| found("key_usage", |params| params.key_usages = usages.to_vec());
        assert_eq!(with(&[]), ["there is no key usage"]);
        for wrong in [
            &[KeyUsagePurpose::KeyCertSign][..],
            &[KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign],
            &[KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment],
        ] {
            assert_eq!(with(wrong).len(), 1, "{wrong:?}");
        }
    }
}
