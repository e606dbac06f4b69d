//! The matrix of verdicts: every profile, every defect, every choice of what is trusted, against what `data/verdicts.csv` expects.
//!
//! Certificates are made by the product's own code and then spoilt; the expectations were written by hand and no test writes them. Where OpenSSL and
//! rustls-webpki can express a defect (`data/defects.csv` says where they cannot, and why), they are asked as well and must agree.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first wrong value"
)]

mod agent;
mod data;
mod defect;
mod der;
mod others;
mod scene;

use std::collections::BTreeSet;

use certs::verdict::{Lobby, Reason, State, lobby, verdict};

use data::{defects, expectations};
use defect::Defect;
use scene::{Choice, Profile, Scene};

/// A verdict in one word, as the data file spells it.
fn word(verdict: &certs::verdict::Verdict) -> String {
    match (&verdict.state, verdict.reason) {
        (State::Unverified, Some(reason)) => reason.to_string(),
        (State::VerifiedBy(set), None) => set.to_string(),
        (State::Internal, None) => "internal".to_owned(),
        (state, reason) => panic!("{state:?} with {reason:?}"),
    }
}

#[test]
fn every_profile_with_every_defect_under_every_trust_is_judged_as_expected() {
    let scene = Scene::new();
    let mut wrong = Vec::new();
    for row in expectations() {
        let case = scene.case(row.profile, row.defect);
        for (choice, expected) in Choice::ALL.into_iter().zip(&row.words) {
            let trust = scene.trust(choice, &case);
            let found = verdict(&case.chain, &trust, case.expected.as_ref(), &case.lists(), case.now);
            if word(&found) != *expected {
                wrong.push(format!(
                    "{}, {}, {choice:?}: {} expected, {found}",
                    row.profile, row.defect, expected
                ));
            }
            let seen = lobby(&found, &scene.organisation);
            assert_eq!(seen == Lobby::Unverified, found.state == State::Unverified);
            let json = serde_json::to_string(&found).unwrap();
            assert_eq!(serde_json::from_str::<certs::verdict::Verdict>(&json).unwrap(), found);
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_data_has_every_profile_with_every_defect_and_every_reason_comes_up() {
    let rows = expectations();
    let given: BTreeSet<_> = rows.iter().map(|row| (row.profile, row.defect)).collect();
    assert_eq!(given.len(), rows.len(), "a row is there twice");
    let wanted: BTreeSet<_> =
        Profile::ALL.into_iter().flat_map(|profile| Defect::ALL.map(|defect| (profile, defect))).collect();
    assert_eq!(given, wanted);
    assert_eq!(defects().keys().copied().collect::<BTreeSet<_>>(), Defect::ALL.into());
    let words: BTreeSet<_> = rows.iter().flat_map(|row| row.words.iter().map(String::as_str)).collect();
    let never: Vec<_> = Reason::ALL.iter().filter(|reason| !words.contains(reason.as_str())).collect();
    assert!(never.is_empty(), "no row expects {never:?}");
}

#[test]
fn every_shipped_profile_is_in_the_matrix() {
    for (file, _) in policies::profiles::SHIPPED {
        let name = file.strip_suffix(".toml").unwrap();
        assert!(Profile::ALL.iter().any(|profile| profile.shipped() == name), "{name}");
    }
}
