//! The certificate policies name exactly the proofs that were given, if the profile says so, and are absent if not. A relying
//! party tells a person who signed in from an anonymous guest by them, so one too many is as bad as one too few.

use std::collections::BTreeSet;

use certs::leaf::{PolicyRule, Proof};
use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry::OID_X509_EXT_CERTIFICATE_POLICIES;

use super::{Leaf, Lint, LintContext, Severity};

pub(super) const LINT: Lint =
    Lint { rule: "certificate_policies", citation: "RFC 5280 §4.2.1.4", severity: Severity::Error, check };

fn check(leaf: &Leaf<'_>, context: &LintContext<'_>) -> Vec<String> {
    let policies = match (context.profile.policy, leaf.parsed(&OID_X509_EXT_CERTIFICATE_POLICIES)) {
        (PolicyRule::None, None) => return Vec::new(),
        (PolicyRule::None, Some(_)) => {
            return vec!["there are certificate policies, the profile has none".to_owned()];
        }
        (PolicyRule::Proof, Some((ParsedExtension::CertificatePolicies(policies), _))) => policies,
        (PolicyRule::Proof, _) => return vec!["there are no certificate policies".to_owned()],
    };
    let (mut named, mut faults) = (BTreeSet::new(), Vec::new());
    for policy in policies {
        match Proof::from_oid(&policy.policy_id.to_id_string()) {
            None => faults.push(format!("policy {} names no proof", policy.policy_id)),
            Some(proof) if !named.insert(proof) => faults.push(format!("{proof} is named twice")),
            Some(_) => {}
        }
    }
    faults
        .extend(named.difference(context.proofs).map(|proof| format!("{proof} is named but was not given")));
    faults
        .extend(context.proofs.difference(&named).map(|proof| format!("{proof} was given but is not named")));
    faults
}

#[cfg(test)]
mod tests {
    use certs::leaf::{PolicyRule, Proof};

    use crate::lints::lint;
    use crate::lints::samples::{Sample, extension, found, of, policies, tlv};

    #[test]
    fn one_proof_more_or_less_than_given_is_found() {
        let with = |proofs: &[Proof]| {
            found("certificate_policies", |params| params.custom_extensions[2] = policies(proofs))
        };
        assert_eq!(with(&[Proof::Dns01]), [""; 0]);
        assert_eq!(with(&[Proof::Dns01, Proof::Sso01]), ["sso-01 is named but was not given"]);
        assert_eq!(
            with(&[Proof::Token]),
            ["token is named but was not given", "dns-01 was given but is not named"]
        );
        assert_eq!(with(&[Proof::Dns01, Proof::Dns01]), ["dns-01 is named twice"]);
        let any_policy = tlv(0x30, &tlv(0x30, &tlv(0x06, &[0x55, 29, 32, 0])));
        let any_policy = found("certificate_policies", |params| {
            params.custom_extensions[2] = extension(&[2, 5, 29, 32], any_policy);
        });
        assert_eq!(any_policy, ["policy 2.5.29.32.0 names no proof", "dns-01 was given but is not named"]);
        let missing = found("certificate_policies", |params| {
            params.custom_extensions.remove(2);
        });
        assert_eq!(missing, ["there are no certificate policies"]);
    }

    #[test]
    fn policies_under_a_profile_without_are_found() {
        let mut sample = Sample::new();
        sample.profile.policy = PolicyRule::None;
        let found =
            of("certificate_policies", lint(&sample.sign(&sample.params(), &sample.key), &sample.context()));
        assert_eq!(found, ["there are certificate policies, the profile has none"]);
    }
}
