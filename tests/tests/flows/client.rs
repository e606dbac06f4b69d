//! `acme-client`'s own core against the server: everything that it can ask for.

use acme_client::acme::{
    AccountStatus, CertificateId, Identifier, JwsKey, OrderStatus, Revocation, RevocationReason,
};
use rollcall_tests::ca::TestCa;

use crate::support::{assert_verified, obtain, order_for, register};

#[tokio::test]
async fn our_client_obtains_replaces_rolls_over_revokes_and_leaves() {
    let ca = TestCa::start().await;
    let client = ca.client().await;
    assert!(client.directory().meta.profiles.contains_key("device"));
    let account = register(&client).await;

    let (order, chain, key) = obtain(&account, &ca.dns, &order_for(&["room-1.corp.test"])).await;
    assert_eq!(order.status, OrderStatus::Valid);
    assert_eq!(order.profile.as_deref(), Some("device"));
    assert_verified(&ca, &chain.certificates);
    let chains = account.certificate_chains(&chain.url).await.unwrap();
    assert_eq!(chains.len(), 2, "the default chain and the alternate one");

    let id: CertificateId =
        certs::ari::CertId::from_certificate(&chain.certificates[0]).unwrap().to_string().parse().unwrap();
    let info = client.renewal_info(&id).await.unwrap();
    assert!(info.start < info.end);
    let mut next = order_for(&["room-1.corp.test"]);
    next.replaces = Some(id);
    let (_, newer, _) = obtain(&account, &ca.dns, &next).await;

    let account = account.prepare_key_change(JwsKey::generate().unwrap()).unwrap().send().await.unwrap();
    assert_eq!(account.orders().await.unwrap().len(), 2);

    let with_key = JwsKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).unwrap();
    let reason = Some(RevocationReason::KeyCompromise);
    let revoked = client.revoke_with_certificate_key(&with_key, &chain.certificates[0], reason).await;
    assert_eq!(revoked.unwrap(), Revocation::Revoked);
    let leaf = &newer.certificates[0];
    assert_eq!(account.revoke(leaf, None).await.unwrap(), Revocation::Revoked);
    assert_eq!(account.revoke(leaf, None).await.unwrap(), Revocation::AlreadyRevoked);

    assert_eq!(account.deactivate().await.unwrap().status, AccountStatus::Deactivated);
    account.document().await.unwrap_err();
}

#[tokio::test]
async fn our_client_authorizes_ahead_and_gives_an_authorization_up() {
    let ca = TestCa::start().await;
    let account = register(&ca.client().await).await;
    let authorization = account.new_authorization(&Identifier::dns("room-1.corp.test")).await.unwrap();
    let given_up = account.deactivate_authorization(&authorization.url).await.unwrap();
    assert_eq!(given_up.status, acme_client::acme::AuthorizationStatus::Deactivated);
}

#[tokio::test]
async fn our_client_updates_its_contact_and_finds_its_account_again() {
    let ca = TestCa::start().await;
    let client = ca.client().await;
    let account = register(&client).await;
    let contact = vec!["mailto:ops@corp.test".to_owned()];
    assert_eq!(account.update_contact(&contact).await.unwrap().contact, contact);
    let found = client.find_account(account.key().clone()).await.unwrap().unwrap();
    assert_eq!(found.account.url(), account.url());
    assert!(!found.created);
    assert!(client.find_account(JwsKey::generate().unwrap()).await.unwrap().is_none());
}

#[tokio::test]
async fn our_client_takes_the_refusal_of_a_name_as_a_problem_about_it() {
    let ca = TestCa::start().await;
    let account = register(&ca.client().await).await;
    let error = account.new_order(&order_for(&["room-1.elsewhere.test"])).await.unwrap_err();
    let problem = acme_client::acme::Error::from(error).problem().cloned().unwrap();
    assert_eq!(problem.kind.as_str(), "rejectedIdentifier");
    assert!(problem.detail.contains("room-1.elsewhere.test"), "{}", problem.detail);
}
