//! instant-acme, a client library that others wrote: everything that it can ask for, it gets.

use std::borrow::Cow;
use std::time::Duration;

use acme_client::enroll::Leaf;
use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, Error, ExternalAccountKey,
    Identifier, NewAccount, NewOrder, OrderStatus, RetryPolicy, RevocationReason, RevocationRequest,
};
use rustls_pki_types::CertificateDer;

use crate::local::Local;
use crate::setting::ask;

const PATIENCE: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(50)).timeout(Duration::from_secs(30));

const INCORRECT: &str = "urn:ietf:params:acme:error:incorrectResponse";

fn nobody() -> NewAccount<'static> {
    NewAccount { contact: &[], terms_of_service_agreed: true, only_return_existing: false }
}

async fn register(local: &Local) -> Account {
    let builder = Account::builder_with_root(local.server.root("external")).unwrap();
    builder.create(&nobody(), local.directory(), None).await.unwrap().0
}

/// One order from opening to the chain (PEM) and its key (PEM).
async fn obtain(local: &Local, account: &Account, new: &NewOrder<'_>) -> (String, String) {
    let mut order = account.new_order(new).await.unwrap();
    let mut published = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.unwrap();
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let mut challenge = authorization.challenge(ChallengeType::Dns01).unwrap();
        let name = challenge.identifier().to_string();
        let at = format!("_acme-challenge.{}", name.trim_start_matches("*."));
        let value = challenge.key_authorization().dns_value();
        local.dns.add_txt(&at, &value);
        published.push((at, value));
        challenge.set_ready().await.unwrap();
    }
    assert_eq!(order.poll_ready(&PATIENCE).await.unwrap(), OrderStatus::Ready);
    let key = order.finalize().await.unwrap();
    let chain = order.poll_certificate(&PATIENCE).await.unwrap();
    for (at, value) in published {
        local.dns.remove_txt(&at, &value);
    }
    (chain, key)
}

fn dns(names: &[&str]) -> Vec<Identifier> {
    names.iter().map(|name| Identifier::Dns((*name).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_and_a_wildcard_are_obtained_replaced_and_revoked() {
    let local = Local::start().await;
    let account = register(&local).await;
    let names = dns(&["halls.corp.test", "*.halls.corp.test"]);
    let (chain, key) = obtain(&local, &account, &NewOrder::new(&names)).await;
    let leaf = Leaf::from_pem(&chain).unwrap();
    let wanted = ["*.halls.corp.test", "halls.corp.test"].map(acme_client::acme::Identifier::dns);
    leaf.check(&wanted, &key, time::OffsetDateTime::now_utc()).unwrap();

    let id = leaf.id.unwrap();
    let (authority, serial) = id.as_str().split_once('.').unwrap();
    let old = CertificateIdentifier {
        authority_key_identifier: Cow::Borrowed(authority),
        serial: Cow::Borrowed(serial),
    };
    let (newer, _) = obtain(&local, &account, &NewOrder::new(&names).replaces(old)).await;
    let known = local.certificates("halls.corp.test");
    assert_eq!(known.len(), 2);
    assert!(known.iter().any(|row| row["replaces"] == id.as_str()), "{known:?}");

    let der = CertificateDer::from(Leaf::from_pem(&newer).unwrap().der);
    let request = RevocationRequest { certificate: &der, reason: Some(RevocationReason::Superseded) };
    account.revoke(&request).await.unwrap();
    let serial = Leaf::from_pem(&newer).unwrap().serial;
    let known = local.certificates("halls.corp.test");
    assert!(
        known.iter().all(|row| (row["status"] == "revoked") == (row["serial"] == serial.as_str())),
        "{known:?}"
    );
    let Err(Error::Api(problem)) = account.revoke(&request).await else { panic!("revoked twice") };
    assert_eq!(problem.r#type.as_deref(), Some("urn:ietf:params:acme:error:alreadyRevoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_stored_found_rekeyed_changed_and_closed() {
    let local = Local::start().await;
    let builder = || Account::builder_with_root(local.server.root("external")).unwrap();
    let (account, credentials) = builder().create(&nobody(), local.directory(), None).await.unwrap();
    let stored = serde_json::to_string(&credentials).unwrap();
    let mut again = builder().from_credentials(serde_json::from_str(&stored).unwrap()).await.unwrap();
    assert_eq!(again.id(), account.id());
    let credentials = again.update_key().await.unwrap();
    assert!(account.update_contacts(&["mailto:ops@corp.test"]).await.is_err(), "the old key still works");
    let again = builder().from_credentials(credentials).await.unwrap();
    again.update_contacts(&["mailto:ops@corp.test"]).await.unwrap();
    let id = again.id().rsplit('/').next().unwrap().to_owned();
    let known = ask(&local.server, &["accounts", "show", &id]);
    assert_eq!(known["contact"], serde_json::json!(["mailto:ops@corp.test"]));
    again.deactivate().await.unwrap();
    assert_eq!(ask(&local.server, &["accounts", "show", &id])["status"], "deactivated");
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_are_listed_chosen_and_refused() {
    let local = Local::start().await;
    let account = register(&local).await;
    let mut names: Vec<String> = account.profiles().map(|profile| profile.name.to_owned()).collect();
    names.sort_unstable();
    assert_eq!(names, ["device", "user"]);
    let wanted = dns(&["room-1.corp.test"]);
    obtain(&local, &account, &NewOrder::new(&wanted).profile("device")).await;
    assert_eq!(local.certificates("room-1.corp.test")[0]["profile"], "device");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_account_is_bound() {
    use base64::Engine as _;
    let local = Local::start().await;
    let made = ask(&local.server, &["eab", "create"]);
    let key =
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(made["secret"].as_str().unwrap()).unwrap();
    let external = ExternalAccountKey::new(made["kid"].as_str().unwrap().to_owned(), &key);
    let builder = Account::builder_with_root(local.server.root("external")).unwrap();
    let (account, _) = builder.create(&nobody(), local.directory(), Some(&external)).await.unwrap();
    let id = account.id().rsplit('/').next().unwrap().to_owned();
    assert_eq!(ask(&local.server, &["accounts", "show", &id])["external_key"], made["kid"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_proof_is_told_with_its_reason() {
    let local = Local::start().await;
    let account = register(&local).await;
    let names = dns(&["room-1.corp.test"]);
    let mut order = account.new_order(&NewOrder::new(&names)).await.unwrap();
    local.dns.set_txt("_acme-challenge.room-1.corp.test", &["something-else"]);
    let mut authorizations = order.authorizations();
    let mut authorization = authorizations.next().await.unwrap().unwrap();
    // The answer already tells it if the server was done within the moment that it waits.
    match authorization.challenge(ChallengeType::Dns01).unwrap().set_ready().await {
        Ok(()) => {}
        Err(Error::Api(told)) => assert_eq!(told.r#type.as_deref(), Some(INCORRECT)),
        Err(error) => panic!("{error}"),
    }
    let Err(Error::Api(problem)) = order.poll_ready(&PATIENCE).await else {
        panic!("a wrong proof was taken")
    };
    assert_eq!(problem.r#type.as_deref(), Some("urn:ietf:params:acme:error:unauthorized"));
    let [about] = &problem.subproblems[..] else { panic!("{problem:?}") };
    assert_eq!(about.identifier, Some(names[0].clone()));
    let detail = about.detail.as_deref().unwrap();
    assert!(
        detail.contains("_acme-challenge.room-1.corp.test") && detail.contains("something-else"),
        "{detail}"
    );
    let mut authorizations = order.authorizations();
    let authorization = authorizations.next().await.unwrap().unwrap();
    let mut challenges = authorization.challenges.iter();
    let failed = challenges.find(|challenge| challenge.r#type == ChallengeType::Dns01).unwrap();
    assert_eq!(failed.error.as_ref().unwrap().r#type.as_deref(), Some(INCORRECT));
    assert_eq!(order.refresh().await.unwrap().status, OrderStatus::Invalid);
}
