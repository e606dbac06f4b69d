//! Our RFC 2136 provider against BIND 9 with TSIG: what is put into the zone, what is taken out, and what BIND's refusals are told as.

use acme_client::dns::{ChallengeRecord, DnsError, DnsProvider as _, Rfc2136Provider, TsigKey};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::Name;
use hickory_proto::rr::rdata::tsig::TsigError;
use rollcall_tests::foreign::bind::{ALGORITHMS, Bind};

use crate::setting::ZONE;

fn provider(bind: &Bind, key: Option<&str>) -> Rfc2136Provider {
    let key = key.map(|text| TsigKey::parse(text).unwrap());
    Rfc2136Provider::new(bind.address.to_string(), None, key)
}

fn record(name: &str, value: &str) -> ChallengeRecord {
    ChallengeRecord::new("room-1.corp.test", name, value.to_owned(), 60).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_added_and_removed_one_by_one_with_every_algorithm() {
    let Some(bind) = Bind::start(ZONE).unwrap() else { return };
    let name = "_acme-challenge.room-1.corp.test.";
    for algorithm in ALGORITHMS {
        let provider = provider(&bind, Some(&bind.key_text(algorithm)));
        let (mine, theirs) = (record(name, "mine"), record(name, "theirs"));
        provider.present(&theirs).await.unwrap();
        provider.present(&mine).await.unwrap();
        provider.present(&mine).await.unwrap();
        assert_eq!(bind.texts(name).unwrap(), ["mine", "theirs"]);
        provider.cleanup(&mine).await.unwrap();
        assert_eq!(bind.texts(name).unwrap(), ["theirs"], "{algorithm}: another's value was touched");
        provider.cleanup(&mine).await.unwrap();
        provider.cleanup(&theirs).await.unwrap();
        assert!(bind.texts(name).unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_value_arrives_whole() {
    let Some(bind) = Bind::start(ZONE).unwrap() else { return };
    let long = record("_validation-persist.room-1.corp.test.", &"x".repeat(600));
    provider(&bind, Some(&bind.key_text("hmac-sha256"))).present(&long).await.unwrap();
    assert_eq!(bind.texts("_validation-persist.room-1.corp.test.").unwrap().concat(), long.value);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_refused_and_the_refusal_says_so() {
    let Some(bind) = Bind::start(ZONE).unwrap() else { return };
    let wrong = bind.key_text("hmac-sha256").replace(&bind.secret, "d3Jvbmcgc2VjcmV0IHdyb25nIHNlY3JldA==");
    let error = provider(&bind, Some(&wrong)).present(&record("a.corp.test.", "x")).await.unwrap_err();
    assert!(matches!(error, DnsError::UpdateRefused { tsig: Some(TsigError::BadSig), .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_update_is_refused() {
    let Some(bind) = Bind::start(ZONE).unwrap() else { return };
    let error = provider(&bind, None).present(&record("a.corp.test.", "x")).await.unwrap_err();
    assert!(matches!(error, DnsError::UpdateRefused { code: ResponseCode::Refused, .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_outside_the_zone_is_never_updated() {
    let Some(bind) = Bind::start(ZONE).unwrap() else { return };
    let elsewhere = record("_acme-challenge.room-1.example.org.", "x");
    let key = bind.key_text("hmac-sha256");
    let error = provider(&bind, Some(&key)).present(&elsewhere).await.unwrap_err();
    // The root zone that this BIND serves, too, takes no update.
    assert!(matches!(error, DnsError::UpdateRefused { code: ResponseCode::Refused, .. }), "{error}");
    let zone = Some(Name::from_ascii("corp.test.").unwrap());
    let fixed = Rfc2136Provider::new(bind.address.to_string(), zone, None);
    let error = fixed.present(&elsewhere).await.unwrap_err();
    assert!(matches!(error, DnsError::OutsideZone { .. }), "{error}");
}
