//! Honest responses, as products send them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_server::sso::person::Protocol;
use proptest::prelude::*;

use crate::case::{Canaries, read};
use crate::parties::{IDP, PROVIDER};

#[test]
fn honest_responses_of_every_shape_are_believed() {
    let mut wrong = Vec::new();
    let cases = read("accepted");
    for case in &cases {
        let wanted = case.person.clone().unwrap_or_else(|| panic!("{}: no person", case.name));
        match case.verify(&case.form(&Canaries::default())) {
            Err(refusal) => wrong.push(format!("{}: {} ({refusal})", case.name, refusal.reason())),
            Ok(person) => {
                let (email, evidence, single_use) = person.into_parts();
                assert_eq!(email.to_string(), wanted.email, "{}", case.name);
                assert_eq!(evidence.groups, wanted.groups, "{}", case.name);
                assert_eq!(evidence.display_name, wanted.display_name, "{}", case.name);
                if wanted.context.is_some() {
                    assert_eq!(evidence.context, wanted.context, "{}", case.name);
                }
                assert_eq!(evidence.subject, wanted.subject.unwrap_or(wanted.email), "{}", case.name);
                assert_eq!(
                    (evidence.issuer.as_str(), evidence.provider.as_str()),
                    (IDP, PROVIDER),
                    "{}",
                    case.name
                );
                assert_eq!(evidence.protocol, Protocol::Saml, "{}", case.name);
                assert_eq!(single_use.key, format!("{PROVIDER}\n{}", evidence.assertion), "{}", case.name);
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} were refused:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(cases.len() >= 20, "only {} cases", cases.len());
}

/// The text of an honest response, and the response's case.
fn honest(name: &str) -> (crate::case::Case, Vec<u8>) {
    let case = read("accepted").into_iter().find(|case| case.name == name).unwrap();
    let text = STANDARD.decode(case.form(&Canaries::default())).unwrap();
    (case, text)
}

/// Octets that a change tries: those that mean something to XML more often than others.
fn octet() -> impl Strategy<Value = u8> {
    prop_oneof![any::<u8>(), proptest::sample::select(&b"<>/&;=\"' #:x0\n-![]?"[..])]
}

#[test]
fn whatever_is_changed_the_response_is_refused_or_says_the_same() {
    for name in ["plain, assertion signed", "plain, response signed", "SimpleSAMLphp, both signed"] {
        let (case, text) = honest(name);
        let relying = case.relying();
        let wanted = case.person.clone().unwrap();
        let changes = (0..text.len(), 0_usize..3, octet());
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(1_500));
        runner
            .run(&changes, |(at, kind, octet)| {
                let mut changed = text.clone();
                match kind {
                    0 => changed[at] = octet,
                    1 => changed.insert(at, octet),
                    _ => drop(changed.remove(at)),
                }
                if let Ok(person) = case.verify_as(STANDARD.encode(changed).as_bytes(), &relying) {
                    let (email, evidence, _) = person.into_parts();
                    prop_assert_eq!(email.to_string(), wanted.email.clone());
                    prop_assert_eq!(&evidence.groups, &wanted.groups);
                    prop_assert_eq!(&evidence.display_name, &wanted.display_name);
                }
                Ok(())
            })
            .unwrap();
    }
}

#[test]
fn any_octets_give_a_person_or_a_refusal() {
    let (case, _) = honest("plain, assertion signed");
    let relying = case.relying();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(1_000));
    let octets = proptest::collection::vec(octet(), 0..400);
    runner
        .run(&octets, |octets| {
            prop_assert!(case.verify_as(&octets, &relying).is_err());
            prop_assert!(case.verify_as(STANDARD.encode(&octets).as_bytes(), &relying).is_err());
            Ok(())
        })
        .unwrap();
}
