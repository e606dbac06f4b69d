//! The revocation of a device's certificate ends its whole line: what was got with its key, by whomever, and whatever the account was bound to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certs::inspect::inspect_certificate;
use rcgen::KeyPair;
use rollcall_tests::internal::InternalCa;
use rollcall_tests::internal::est::{Answer, Identity, Wanted, key, request};
use rustls_pki_types::CertificateDer;
use serde_json::{Value, json};

type Leaf = CertificateDer<'static>;

/// A device with a certificate on its token, and a thief who holds its key and has got one for a key of his own.
struct Stolen {
    it: InternalCa,
    id: String,
    token: String,
    key: KeyPair,
    own: Leaf,
    thief: KeyPair,
    theirs: Leaf,
}

impl Stolen {
    async fn new() -> Self {
        let it = InternalCa::start().await;
        it.organisation("Corp").await;
        let (key, thief) = (key(), key());
        let (account, token) = it.activated_for_est("Corp", &key).await;
        let csr = request(&key, &Wanted::default());
        let answer = it.enroll(None, "simpleenroll", Some(&format!("Bearer {token}")), &csr).await;
        let own = answer.certificates()[0].clone();
        let id = account.trim_start_matches("urn:uuid:").to_owned();
        let answer = reenroll(&it, (&own, &key), &thief).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let theirs = answer.certificates()[0].clone();
        Self { it, id, token, key, own, thief, theirs }
    }

    async fn revoke(&self, leaf: &Leaf, reason: u8) -> Value {
        self.it.tell(&format!("/certificates/{}/revoke", serial(leaf)), json!({"reason": reason})).await
    }

    async fn thief_goes_on(&self) -> Answer {
        reenroll(&self.it, (&self.theirs, &self.thief), &key()).await
    }
}

async fn reenroll(it: &InternalCa, (leaf, holds): (&Leaf, &KeyPair), next: &KeyPair) -> Answer {
    let held = Identity { certificate: leaf.clone(), key: holds };
    it.enroll(Some(&held), "simplereenroll", None, &request(next, &Wanted::default())).await
}

fn serial(leaf: &Leaf) -> String {
    inspect_certificate(leaf).unwrap().serial
}

#[tokio::test]
async fn what_was_got_with_a_stolen_key_renews_nothing_once_the_stolen_certificate_is_revoked() {
    for reason in [0, 1] {
        let stolen = Stolen::new().await;
        assert_eq!(stolen.thief_goes_on().await.status, 200, "nobody knows yet");
        let intents = stolen.it.ca.audit().await.count("intent");
        let view = stolen.revoke(&stolen.own, reason).await;
        assert_eq!(view["also_revoked"].as_array().unwrap().len(), 2, "{view}");
        assert_eq!(
            (&view["unbound_device"], view.get("still_in_force")),
            (&json!(stolen.id), None),
            "{view}"
        );
        assert_eq!(stolen.thief_goes_on().await.status, 403);
        let again = reenroll(&stolen.it, (&stolen.own, &stolen.key), &stolen.key).await;
        assert_eq!(again.status, 403, "{again:?}");
        let csr = request(&stolen.key, &Wanted::default());
        let bearer = format!("Bearer {}", stolen.token);
        let answer = stolen.it.enroll(None, "simpleenroll", Some(&bearer), &csr).await;
        assert_eq!(answer.status, 401, "the token was bound to that key: {answer:?}");
        let audit = stolen.it.ca.audit().await;
        assert_eq!(audit.count("intent"), intents);
        assert_eq!(audit.count("revoked"), 3);
        let unbound = format!("unbound: certificate {} revoked", serial(&stolen.own));
        assert!(audit.of_kind("machine-account").any(|act| act["change"] == unbound.as_str()));
        assert_eq!(stolen.it.ask(&format!("/devices/{}", stolen.id)).await["status"], "waiting");
    }
}

#[tokio::test]
async fn revoking_what_the_thief_got_ends_the_line_as_well() {
    let stolen = Stolen::new().await;
    stolen.revoke(&stolen.theirs, 1).await;
    let again = reenroll(&stolen.it, (&stolen.own, &stolen.key), &stolen.key).await;
    assert_eq!(again.status, 403, "{again:?}");
    let page = stolen.it.ask("/certificates?limit=10&status=issued&profile=internal-device").await;
    assert_eq!(page["items"], json!([]));
}

#[tokio::test]
async fn a_device_that_was_unbound_is_activated_anew_and_goes_on() {
    let stolen = Stolen::new().await;
    stolen.revoke(&stolen.own, 1).await;
    let code = stolen.it.tell("/devices", json!({"device": stolen.id})).await;
    let fresh = key();
    let csr = STANDARD.encode(request(&fresh, &Wanted::default()));
    let reply = stolen.it.post("devices/activate", None, &json!({"code": code["code"], "csr": csr})).await;
    assert_eq!(reply.status, 201, "{reply}");
    let bearer = format!("Bearer {}", reply.json()["token"].as_str().unwrap());
    let answer =
        stolen.it.enroll(None, "simpleenroll", Some(&bearer), &request(&fresh, &Wanted::default())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let leaf = answer.certificates()[0].clone();
    assert_eq!(reenroll(&stolen.it, (&leaf, &fresh), &key()).await.status, 200);
    assert_eq!(stolen.thief_goes_on().await.status, 403);
}

#[tokio::test]
async fn a_certificate_that_is_only_superseded_ends_alone_and_the_operator_sees_what_else_is_held() {
    let stolen = Stolen::new().await;
    let view = stolen.revoke(&stolen.own, 4).await;
    assert_eq!((view.get("also_revoked"), view.get("unbound_device")), (None, None), "{view}");
    assert_eq!(view["still_in_force"], json!([serial(&stolen.theirs)]));
    assert_eq!(stolen.thief_goes_on().await.status, 200);
    let csr = request(&stolen.key, &Wanted::default());
    let bearer = format!("Bearer {}", stolen.token);
    assert_eq!(stolen.it.enroll(None, "simpleenroll", Some(&bearer), &csr).await.status, 200);
}

#[tokio::test]
async fn a_revocation_that_broke_off_goes_on_when_it_is_asked_for_again() {
    let stolen = Stolen::new().await;
    // The certificate and its binding commit; the next one of the line does not.
    stolen.it.ca.store_faults.fail_commit_after(1);
    let path = format!("/certificates/{}/revoke", serial(&stolen.own));
    assert!(stolen.it.try_tell(&path, json!({"reason": 1})).await.is_err());
    assert_eq!(stolen.thief_goes_on().await.status, 403, "the line is over from the first commit on");
    let view = stolen.it.tell(&path, json!({"reason": 1})).await;
    assert_eq!(view["also_revoked"], json!([serial(&stolen.theirs)]));
    let done = stolen.it.try_tell(&path, json!({"reason": 1})).await.unwrap_err();
    assert!(done.to_string().contains("revoked already"), "{done}");
}
