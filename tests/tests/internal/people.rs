//! A person gets a certificate on an access token, as public clients of a meeting provider ask for one.

use certs::identifier::Identifier;
use certs::inspect::inspect_certificate;
use certs::leaf::Proof;
use certs::verdict::State;
use rcgen::{CertificateParams, DistinguishedName, DnType};
use rollcall_tests::internal::{InternalCa, chain, csr, new_key};
use serde_json::json;

const ALICE: &str = "alice@corp.test";

#[tokio::test]
async fn a_person_with_an_access_token_is_internal_by_account_id_and_address() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    it.verified_domain("Corp", "corp.test").await;
    let reply = it.certificate(&it.token("alice", ALICE)).await;
    assert_eq!(reply.status, 200, "{reply}");
    assert_eq!(reply.headers["content-type"], "application/pem-certificate-chain");
    let judged = it.judged(&reply.text());
    assert_eq!((judged.state.clone(), judged.display.as_str()), (State::Internal, ALICE), "{judged}");
    assert_eq!(judged.proofs.into_iter().collect::<Vec<_>>(), [Proof::Token]);
    assert!(judged.who.iter().any(|who| matches!(who, Identifier::Uri(_))));
    assert_eq!(chain(&reply.text()).len(), 2, "the leaf and what is above it, without the root");
}

#[tokio::test]
async fn the_root_comes_along_when_the_client_asks_for_it() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let body = json!({"csr": csr(&new_key(), &[])});
    let token = it.issuer.token(&it.claims("alice"));
    let reply = it.post_with("certificates", Some(&token), &body, &[("include-root-cert", "true")]).await;
    let certificates = chain(&reply.text());
    assert_eq!(certificates.len(), 3, "{reply}");
    assert_eq!(certificates[2], certs::pem::parse_certificates(it.ca.root_pem()).unwrap()[0]);
}

#[tokio::test]
async fn a_public_client_names_the_user_in_its_common_name_and_is_understood() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let token = it.issuer.token(&it.claims("alice"));
    for (name, status) in
        [("email:alice", 200), ("email:bob", 400), ("bob@corp.test", 400), ("Alice's laptop", 200)]
    {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let request = params.serialize_request(&new_key()).unwrap();
        let body = json!({"csr": data_encoding_base64(request.der())});
        let reply = it.post("certificates", Some(&token), &body).await;
        assert_eq!(reply.status, status, "{name}: {reply}");
        if status == 400 {
            assert_eq!(reply.json()["type"], "urn:ietf:params:acme:error:badCSR");
        }
    }
}

fn data_encoding_base64(octets: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(octets)
}

#[tokio::test]
async fn the_same_person_always_has_the_same_account_id_and_another_person_another() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let mut ids = Vec::new();
    for subject in ["alice", "alice", "bob"] {
        let reply = it.certificate(&it.issuer.token(&it.claims(subject))).await;
        ids.push(it.judged(&reply.text()).display);
    }
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
    assert!(ids[0].starts_with("urn:uuid:"), "{ids:?}");
}

#[tokio::test]
async fn the_issuers_own_ids_are_used_where_the_configuration_says_so() {
    let it =
        InternalCa::start_with(|config| config.token_issuer[0].user_id_claim = Some("oid".to_owned())).await;
    it.organisation("Corp").await;
    let mut claims = it.claims("alice");
    claims["oid"] = "6ba7b810-9dad-41d1-80b4-00c04fd430c8".into();
    let reply = it.certificate(&it.issuer.token(&claims)).await;
    assert_eq!(it.judged(&reply.text()).display, "urn:uuid:6ba7b810-9dad-41d1-80b4-00c04fd430c8");
    claims["oid"] = "alice".into();
    let reply = it.certificate(&it.issuer.token(&claims)).await;
    assert_eq!(reply.status, 401, "{reply}");
}

#[tokio::test]
async fn journal_and_record_say_who_vouched_and_never_hold_the_token() {
    let it = InternalCa::start().await;
    let organisation = it.organisation("Corp").await;
    let token = it.issuer.token(&it.claims("alice"));
    let reply = it.certificate(&token).await;
    assert_eq!(reply.status, 200, "{reply}");
    let audit = it.ca.audit().await;
    let intents: Vec<_> = audit.of_kind("intent").collect();
    let holder = &intents[0]["holder"];
    assert_eq!((&holder["kind"], &holder["front"]), (&json!("user"), &json!("certificates")), "{holder}");
    assert_eq!(holder["credential"], "access-token corp alice");
    assert_eq!(holder["organisation"], organisation["id"]);
    assert_eq!(intents[0]["rules"], json!(["members-of-organisations"]));
    assert_eq!((intents.len(), audit.count("issued")), (1, 1));
    let secret = token.rsplit('.').next().unwrap();
    let snapshot = format!("{:?}", it.ca.snapshot().await);
    assert!(!snapshot.contains(secret));
    let leaf = inspect_certificate(&chain(&reply.text())[0]).unwrap();
    assert!(leaf.names.iter().all(|name| name.starts_with("uri:")), "{:?}", leaf.names);
}

#[tokio::test]
async fn a_request_that_is_none_changes_nothing_and_says_which_field() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let token = it.issuer.token(&it.claims("alice"));
    let before = it.ca.snapshot().await;
    for (body, word) in [
        (json!({}), "csr"),
        (json!({"csr": 7}), "string"),
        (json!({"csr": "!"}), "csr"),
        (json!({"csr": "AAAA"}), "PKCS#10"),
        (json!({"csr": "-----BEGIN CERTIFICATE REQUEST-----"}), "PEM"),
        (json!([]), "body"),
    ] {
        let reply = it.post("certificates", Some(&token), &body).await;
        assert_eq!(reply.status, 400, "{body}: {reply}");
        assert!(reply.json()["detail"].as_str().unwrap().contains(word), "{body}: {reply}");
    }
    assert_eq!(it.ca.snapshot().await, before);
}
