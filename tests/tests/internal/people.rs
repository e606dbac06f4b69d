//! A person gets a certificate on an access token, as public clients of a meeting provider ask for one.

use ca_server::store::Table;
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
    let kept = it.ca.snapshot().await;
    assert!(kept.holds("access-token corp alice") && !kept.holds(secret));
    let leaf = inspect_certificate(&chain(&reply.text())[0]).unwrap();
    assert!(leaf.names.iter().all(|name| name.starts_with("uri:")), "{:?}", leaf.names);
}

#[tokio::test]
async fn a_request_that_is_none_leaves_one_record_and_says_which_field() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let token = it.issuer.token(&it.claims("alice"));
    for (body, word, rule) in [
        (json!({}), "`csr` is missing", "internal:bad-body"),
        (json!({"csr": 7}), "`csr` must be a string", "internal:bad-body"),
        (json!({"csr": null}), "`csr` must be a string", "internal:bad-body"),
        (json!({"csr": "!"}), "`csr` is not base64", "internal:bad-csr"),
        (json!({"csr": "AAAA"}), "PKCS#10", "internal:bad-csr"),
        (json!({"csr": "-----BEGIN CERTIFICATE REQUEST-----"}), "PEM", "internal:bad-csr"),
        (json!([]), "the body is no JSON object", "internal:bad-body"),
    ] {
        let before = it.ca.snapshot().await;
        let reply = it.post("certificates", Some(&token), &body).await;
        assert_eq!(reply.status, 400, "{body}: {reply}");
        assert!(reply.json()["detail"].as_str().unwrap().contains(word), "{body}: {reply}");
        assert_eq!(it.ca.snapshot().await.changed_since(&before), [Table::Journal], "{body}");
        let audit = it.ca.audit().await;
        let record = audit.of_kind("refused").last().unwrap();
        assert_eq!(
            (&record["rule"], &record["credential"]),
            (&json!(rule), &json!("access-token corp alice"))
        );
    }
    // Many of them in a minute are as many as anybody's refusals.
    for _ in 0..20 {
        it.post("certificates", Some(&token), &json!({})).await;
    }
    assert_eq!(it.ca.audit().await.count("refused"), 10);
}

#[tokio::test]
async fn a_body_is_never_sent_back() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let token = it.issuer.token(&it.claims("alice"));
    for body in [json!("rd_secret"), json!({"csr": {"rd_secret": 1}}), json!(["rd_secret"])] {
        for (resource, token) in
            [("certificates", Some(&*token)), ("devices/activate", None), ("devices/token", Some("rd_x"))]
        {
            let reply = it.post(resource, token, &body).await;
            assert_eq!(reply.status, 400, "{resource}: {reply}");
            assert!(!reply.text().contains("rd_secret"), "{resource}: {reply}");
        }
    }
}

#[tokio::test]
async fn who_asks_too_often_leaves_a_record_within_the_budget() {
    let it = InternalCa::start_with(|config| config.internal.certificates_per_hour = 1).await;
    it.organisation("Corp").await;
    let token = it.issuer.token(&it.claims("alice"));
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(it.certificate(&token).await.status.as_u16());
    }
    assert_eq!(statuses, [200, 429, 429]);
    let audit = it.ca.audit().await;
    let rules: Vec<_> = audit.of_kind("refused").map(|act| act["rule"].clone()).collect();
    assert_eq!(rules, [json!("internal:rate-limited"), json!("internal:rate-limited")]);
}

#[tokio::test]
async fn scripts_of_the_pages_that_the_operator_names_may_ask_and_no_others() {
    let page = "https://meet.corp.test";
    let it = InternalCa::start_with(move |config| config.internal.origins = vec![page.to_owned()]).await;
    it.organisation("Corp").await;
    let allow = "access-control-allow-origin";
    let preflight = async |it: &InternalCa, origin: &str| {
        let mut headers = http::HeaderMap::new();
        headers.insert("origin", origin.parse().unwrap());
        headers.insert("access-control-request-method", "POST".parse().unwrap());
        let asked = "authorization,content-type,include-root-cert";
        headers.insert("access-control-request-headers", asked.parse().unwrap());
        let url = it.ca.url("/internal/certificates");
        it.ca.http().send(http::Method::OPTIONS, &url, headers, Vec::new()).await
    };
    let reply = preflight(&it, page).await;
    assert!(reply.status.is_success(), "{reply}");
    assert_eq!(reply.headers[allow], page);
    assert!(reply.header("access-control-allow-headers").contains("authorization"), "{reply}");
    assert_eq!(preflight(&it, "https://evil.test").await.headers.get(allow), None);
    let body = json!({"csr": csr(&new_key(), &[])});
    let token = it.issuer.token(&it.claims("alice"));
    let reply = it.post_with("certificates", Some(&token), &body, &[("origin", page)]).await;
    assert_eq!((reply.status.as_u16(), reply.header(allow)), (200, page));
    let plain = InternalCa::start().await;
    assert_eq!(preflight(&plain, page).await.status, 405, "nobody is named by default");
}
