//! Which of the offered challenges to answer.
//!
//! Decides by what the server offers, what the person chose and what the provider can do; never answers a challenge that is not
//! about DNS.

use crate::{
    acme::{Authorization, Challenge, ChallengeType},
    state::{ChallengeChoice, ProviderKind},
};

/// Why no challenge can be answered.
#[derive(Debug, thiserror::Error)]
pub enum ChallengeError {
    /// None of the wanted types is offered.
    #[error("the server offers {offered} for {name}, not {wanted}")]
    NotOffered {
        /// The name to be proven.
        name: String,
        /// What was wanted.
        wanted: String,
        /// What is offered.
        offered: String,
    },
    /// A `dns-persist-01` challenge names no issuer.
    #[error("the dns-persist-01 challenge for {0} names no issuer")]
    NoIssuer(String),
}

/// The challenge to answer.
pub fn choose(
    authorization: &Authorization,
    choice: ChallengeChoice,
    provider: ProviderKind,
) -> Result<&Challenge, ChallengeError> {
    let wanted = wanted(choice, provider);
    let found = wanted.iter().find_map(|kind| authorization.challenge(kind));
    found.ok_or_else(|| ChallengeError::NotOffered {
        name: authorization.identifier.value.clone(),
        wanted: listed(wanted.iter()),
        offered: listed(authorization.challenges.iter().map(|challenge| &challenge.kind)),
    })
}

/// The acceptable types, best first.
fn wanted(choice: ChallengeChoice, provider: ProviderKind) -> Vec<ChallengeType> {
    match (choice, provider) {
        (ChallengeChoice::DnsPersist01, _) | (ChallengeChoice::Auto, ProviderKind::Persist) => {
            vec![ChallengeType::DnsPersist01]
        }
        (ChallengeChoice::Dns01, _) => vec![ChallengeType::Dns01],
        (ChallengeChoice::DnsAccount01, _) => vec![ChallengeType::DnsAccount01],
        (ChallengeChoice::Auto, ProviderKind::Rfc2136 | ProviderKind::Hook | ProviderKind::Manual) => {
            vec![ChallengeType::Dns01, ChallengeType::DnsAccount01]
        }
    }
}

fn listed<'a>(kinds: impl Iterator<Item = &'a ChallengeType>) -> String {
    let words: Vec<String> = kinds.map(ToString::to_string).collect();
    if words.is_empty() { "no challenge".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offering(kinds: &[&str]) -> Authorization {
        let challenges: Vec<_> = kinds
            .iter()
            .map(|kind| serde_json::json!({"type": kind, "url": format!("https://ca.test/{kind}"), "status": "pending"}))
            .collect();
        let text = serde_json::json!({
            "identifier": {"type": "dns", "value": "a.test"}, "status": "pending", "challenges": challenges
        });
        Authorization::parse(&"https://ca.test/authz/1".parse().unwrap(), text.to_string().as_bytes())
            .unwrap()
    }

    #[test]
    fn the_best_offer_that_the_provider_can_meet_is_taken() {
        use ChallengeChoice::{Auto, DnsAccount01, DnsPersist01};
        use ProviderKind::{Hook, Persist, Rfc2136};
        let all = offering(&["sso-01", "dns-account-01", "dns-persist-01", "dns-01"]);
        for (choice, provider, expected) in [
            (Auto, Rfc2136, ChallengeType::Dns01),
            (Auto, Persist, ChallengeType::DnsPersist01),
            (DnsAccount01, Hook, ChallengeType::DnsAccount01),
            (DnsPersist01, Hook, ChallengeType::DnsPersist01),
        ] {
            assert_eq!(choose(&all, choice, provider).unwrap().kind, expected);
        }
        let few = offering(&["dns-account-01"]);
        assert_eq!(choose(&few, Auto, Hook).unwrap().kind, ChallengeType::DnsAccount01);
    }

    #[test]
    fn what_is_offered_is_said_when_nothing_fits() {
        let error = choose(&offering(&["sso-01"]), ChallengeChoice::Auto, ProviderKind::Hook).unwrap_err();
        assert_eq!(error.to_string(), "the server offers sso-01 for a.test, not dns-01, dns-account-01");
    }
}
