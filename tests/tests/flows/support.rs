//! What several flows look at: verdicts, our client's way to a certificate.

use acme_client::acme::key_authorization::dns_01_name;
use acme_client::acme::{
    Account, AuthorizationStatus, CertificateChain, ChallengeType, Client, Identifier, JwsKey, NewAccount,
    NewOrder, Order,
};
use ca_server::clock::Clock as _;
use certs::chain::{TrustSetName, TrustSets};
use certs::key::{KeyKind, SigningKey};
use certs::verdict::{State, Verdict, verdict};
use rollcall_tests::ca::TestCa;
use rollcall_tests::device::csr;
use rollcall_tests::dns::FakeDns;
use rustls::pki_types::CertificateDer;

/// What a relying party that trusts `root` thinks of a chain now.
pub(crate) fn judge(ca: &TestCa, root: &str, chain: &[CertificateDer<'_>]) -> Verdict {
    let set: TrustSetName = "devices".parse().unwrap();
    let mut trust = TrustSets::new();
    trust.insert_pem(set, root).unwrap();
    verdict(chain, &trust, None, &[], ca.clock.now())
}

/// A relying party verifies the chain.
pub(crate) fn assert_verified(ca: &TestCa, chain: &[CertificateDer<'_>]) {
    let verdict = judge(ca, ca.root_pem(), chain);
    assert!(matches!(verdict.state, State::VerifiedBy(_)), "{verdict}");
}

/// A new account of our client.
pub(crate) async fn register(client: &Client) -> Account {
    let new = NewAccount { terms_of_service_agreed: true, ..NewAccount::default() };
    client.register(JwsKey::generate().unwrap(), &new).await.unwrap().account
}

/// Our client's way from an order to a chain, proven by `dns-01`.
pub(crate) async fn obtain(
    account: &Account,
    dns: &FakeDns,
    new: &NewOrder,
) -> (Order, CertificateChain, SigningKey) {
    let order = account.new_order(new).await.unwrap();
    for url in &order.authorizations {
        let authorization = account.authorization(url).await.unwrap();
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let challenge = authorization.challenge(&ChallengeType::Dns01).unwrap();
        let value = account.key_authorization(challenge).unwrap().dns_value();
        dns.add_txt(&dns_01_name(&authorization.identifier.value), &value);
        account.respond(challenge).await.unwrap();
        account.wait_for_authorization(url).await.unwrap();
    }
    let ready = account.wait_until_ready(&order.url).await.unwrap();
    let key = SigningKey::generate(KeyKind::P256).unwrap();
    let names: Vec<_> = new.identifiers.iter().map(|one| one.value.as_str()).collect();
    account.finalize(&ready, &csr(&key, &names)).await.unwrap();
    let valid = account.wait_until_valid(&order.url).await.unwrap();
    let chain = account.certificate(valid.certificate.as_ref().unwrap()).await.unwrap();
    (valid, chain, key)
}

/// An order of our client for DNS names.
pub(crate) fn order_for(names: &[&str]) -> NewOrder {
    NewOrder::new(names.iter().map(|name| Identifier::dns(*name)))
}
