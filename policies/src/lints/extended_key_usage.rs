//! Extended key usage is present, is exactly what the profile says, and never anyExtendedKeyUsage: a key for anything is a key
//! for too much.

use certs::leaf::ExtendedKeyUsage;
use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry::OID_X509_EXT_EXTENDED_KEY_USAGE;

use super::{Leaf, Lint, LintContext, Severity};

pub(super) const LINT: Lint =
    Lint { rule: "extended_key_usage", citation: "RFC 5280 §4.2.1.12", severity: Severity::Error, check };

fn check(leaf: &Leaf<'_>, context: &LintContext<'_>) -> Vec<String> {
    let extension = leaf.parsed(&OID_X509_EXT_EXTENDED_KEY_USAGE);
    let Some((ParsedExtension::ExtendedKeyUsage(usage), _)) = extension else {
        return vec!["there is no extended key usage".to_owned()];
    };
    let mut faults = Vec::new();
    if usage.any {
        faults.push("extended key usage has anyExtendedKeyUsage".to_owned());
    }
    if usage.code_signing || usage.time_stamping || !usage.other.is_empty() {
        faults.push("extended key usage has a usage that no profile knows".to_owned());
    }
    for (name, known, present) in [
        ("serverAuth", ExtendedKeyUsage::ServerAuth, usage.server_auth),
        ("clientAuth", ExtendedKeyUsage::ClientAuth, usage.client_auth),
        ("emailProtection", ExtendedKeyUsage::EmailProtection, usage.email_protection),
        ("OCSPSigning", ExtendedKeyUsage::OcspSigning, usage.ocsp_signing),
    ] {
        match (present, context.profile.extended_key_usages.contains(&known)) {
            (true, false) => faults.push(format!("extended key usage has {name}, the profile has not")),
            (false, true) => faults.push(format!("extended key usage lacks {name}")),
            (true, true) | (false, false) => {}
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use rcgen::ExtendedKeyUsagePurpose::{Any, ClientAuth, CodeSigning, OcspSigning, ServerAuth};

    use crate::lints::samples::found;

    #[test]
    fn more_or_less_than_the_profile_says_is_found() {
        let with = |usages: &[rcgen::ExtendedKeyUsagePurpose]| {
            found("extended_key_usage", |params| params.extended_key_usages = usages.to_vec())
        };
        assert_eq!(with(&[ClientAuth]), [""; 0]);
        assert_eq!(with(&[]), ["there is no extended key usage"]);
        assert_eq!(with(&[ClientAuth, Any]), ["extended key usage has anyExtendedKeyUsage"]);
        assert_eq!(
            with(&[ClientAuth, ServerAuth]),
            ["extended key usage has serverAuth, the profile has not"]
        );
        assert_eq!(
            with(&[ClientAuth, CodeSigning]),
            ["extended key usage has a usage that no profile knows"]
        );
        assert_eq!(
            with(&[ClientAuth, OcspSigning]),
            ["extended key usage has OCSPSigning, the profile has not"]
        );
        assert_eq!(with(&[ServerAuth]).len(), 2);
    }
}
