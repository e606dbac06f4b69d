//! Rule files (Cedar), as `policies` reads them when a server starts or is told to reload.

use std::collections::BTreeSet;

use certs::identifier::Identifier;
use certs::leaf::Proof;
use policies::rules::{Account, Action, Effect, KeyKind, Request, Rules};

use super::Outcome;
use super::profile::check_problems;

/// Rules that are taken have one id each, allow nothing unless one of them permits it and none forbids it, and name who decided;
/// every problem has a place in the file and says what to do.
pub fn check(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else { return Outcome::Refused };
    let rules = match Rules::parse(&[("own.cedar", text)]) {
        Ok(rules) => rules,
        Err(problems) => {
            check_problems("own.cedar", text, &problems);
            return Outcome::Refused;
        }
    };
    let ids: BTreeSet<String> = rules.all().iter().map(|rule| rule.id.to_string()).collect();
    assert_eq!(ids.len(), rules.all().len(), "two rules of one id");
    for identifier in ["dns:room-1.example.com", "dns:*.example.com", "email:alice@example.com"] {
        let Ok(identifier) = identifier.parse() else { unreachable!("a literal is an identifier") };
        for action in Action::ALL {
            check_decision(&rules, action, &identifier);
        }
    }
    Outcome::Accepted
}

fn check_decision(rules: &Rules, action: Action, identifier: &Identifier) {
    let decision = rules.decide(&Request {
        account: Account {
            id: "AAAAAAAAAAAAAAAAAAAAAA",
            authority: "external",
            contacts: &["mailto:admin@example.com".to_owned()],
            organisation: None,
            external_binding: Some("kid"),
            created: 1_700_000_000,
        },
        action,
        identifier,
        profile: "device",
        proofs: &[Proof::Dns01],
        key_kind: KeyKind::P256,
        requested_lifetime: None,
        client_address: Some([192, 0, 2, 1].into()),
        person: None,
    });
    let effect = |id: &dyn std::fmt::Display| {
        let named = id.to_string();
        rules.all().iter().find(|rule| rule.id.to_string() == named).map(|rule| rule.effect)
    };
    let effects: Vec<_> = decision.rules().iter().map(|id| effect(id)).collect();
    if decision.is_allowed() {
        assert!(!effects.is_empty(), "allowed by nobody");
        assert!(effects.iter().all(|effect| *effect == Some(Effect::Permit)), "{decision:?}");
    } else {
        assert!(decision.reason().is_some_and(|reason| !reason.is_empty()), "{decision:?}");
        assert!(effects.iter().all(Option::is_some), "{decision:?}");
    }
}
