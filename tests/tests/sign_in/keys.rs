//! Signatures and keys: what is accepted, what is refused, and what a rotation does.

use rollcall_tests::identity_provider::{Endpoint, Misbehaviour, Signing};
use time::Duration;

use crate::setting::Setting;

#[tokio::test]
async fn the_usual_signatures_are_accepted() {
    let setting = Setting::new().await;
    for signing in [Signing::Rs256, Signing::Ps384, Signing::Es256] {
        setting.idp.faults(|faults| faults.signing = signing);
        setting.sign_in().await.unwrap_or_else(|refusal| panic!("{signing:?}: {refusal}"));
    }
    assert_eq!(setting.idp.asked(Endpoint::Keys), 1, "the keys are kept");
}

#[tokio::test]
async fn every_wrong_signature_is_refused_by_its_own_reason() {
    let cases = [
        (Signing::None, "algorithm"),
        (Signing::MacWithPublicKey, "algorithm"),
        (Signing::UnpublishedKey, "key-unknown"),
        (Signing::OtherKey, "signature"),
        (Signing::Altered, "signature"),
        (Signing::WeakKey, "key-unusable"),
    ];
    for (signing, reason) in cases {
        let setting = Setting::new().await;
        assert_eq!(setting.reason_with(|faults| faults.signing = signing).await, reason, "{signing:?}");
    }
}

#[tokio::test]
async fn new_keys_are_fetched_when_they_are_met_but_not_at_every_strange_token() {
    let setting = Setting::new().await;
    setting.sign_in().await.unwrap();
    setting.idp.rotate_keys().unwrap();
    assert_eq!(setting.reason().await, "key-unknown", "the keys were fetched just now");
    assert_eq!(setting.idp.asked(Endpoint::Keys), 1);
    setting.clock.advance(Duration::seconds(10));
    setting.sign_in().await.unwrap();
    assert_eq!(setting.idp.asked(Endpoint::Keys), 2);
    for _ in 0..5 {
        let found = setting.reason_with(|faults| faults.signing = Signing::UnpublishedKey).await;
        assert_eq!(found, "key-unknown");
    }
    assert_eq!(setting.idp.asked(Endpoint::Keys), 2);
}

#[tokio::test]
async fn keys_are_not_used_for_longer_than_an_hour() {
    let setting = Setting::new().await;
    setting.sign_in().await.unwrap();
    setting.clock.advance(Duration::hours(1));
    let broken = |faults: &mut rollcall_tests::identity_provider::Faults| {
        faults.endpoints.insert(Endpoint::Keys, Misbehaviour::Status(503));
    };
    assert_eq!(setting.reason_with(broken).await, "keys-unreachable");
    setting.idp.heal();
    assert_eq!(setting.reason().await, "keys-unreachable", "the provider rests for a moment");
    setting.clock.advance(Duration::seconds(2));
    setting.sign_in().await.unwrap();
}

#[tokio::test]
async fn what_is_no_key_set_is_refused() {
    for text in ["<html>", "{}", r#"{"keys":7}"#] {
        let setting = Setting::new().await;
        let says = Misbehaviour::Says(text.to_owned());
        let found = setting.reason_with(|faults| _ = faults.endpoints.insert(Endpoint::Keys, says)).await;
        assert_eq!(found, "keys-malformed", "{text}");
    }
    let setting = Setting::new().await;
    let empty = Misbehaviour::Says(r#"{"keys":[]}"#.to_owned());
    let found = setting.reason_with(|faults| _ = faults.endpoints.insert(Endpoint::Keys, empty)).await;
    assert_eq!(found, "key-unknown");
}
