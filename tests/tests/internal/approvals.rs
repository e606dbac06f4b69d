//! Certificates that wait for an administrator, where the profile asks for it.

use policies::profiles::SHIPPED;
use rollcall_tests::ca::TestCa;
use rollcall_tests::internal::InternalCa;
use rollcall_tests::internal::est::{Answer, Identity, Wanted, key, request};
use serde_json::{Value, json};
use time::Duration;

async fn start() -> InternalCa {
    let (_, text) = SHIPPED.iter().find(|(name, _)| *name == "internal-device.toml").unwrap();
    let text = text.replace("needs-approval = false", "needs-approval = true");
    let builder = TestCa::builder().file("policy/profiles/internal-device.toml", &text);
    let it = InternalCa::build(builder, |_| {}).await;
    it.organisation("Corp").await;
    it
}

async fn waiting(it: &InternalCa) -> Vec<Value> {
    it.ask("/approvals?limit=10").await["items"].as_array().unwrap().clone()
}

#[track_caller]
fn assert_waits(answer: &Answer) {
    assert_eq!((answer.status, answer.header("retry-after")), (202, Some("120")), "{answer:?}");
}

#[tokio::test]
async fn an_approval_gives_one_certificate_for_one_key() {
    let it = start().await;
    let key = key();
    let (account, token) = it.activated_for_est("Corp", &key).await;
    let token = format!("Bearer {token}");
    let csr = request(&key, &Wanted::default());
    let enroll = async || it.enroll(None, "simpleenroll", Some(&token), &csr).await;
    assert_waits(&enroll().await);
    assert_waits(&enroll().await);
    let requests = waiting(&it).await;
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert_eq!(
        (&requests[0]["decision"], &requests[0]["profile"]),
        (&json!("pending"), &json!("internal-device"))
    );
    assert_eq!(requests[0]["identifiers"], json!([format!("uri:{account}")]));
    assert_eq!(it.ca.audit().await.count("intent"), 0);
    let id = requests[0]["id"].as_str().unwrap();
    let decided = it.tell(&format!("/approvals/{id}/approve"), json!({})).await;
    assert_eq!(decided["decision"], "approved");
    let answer = enroll().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(it.ca.audit().await.count("approval"), 2, "asked, approved");
    // Another certificate is another approval: of the same names for another key, and of the same key once a third of its life is over.
    it.ca.clock.advance(Duration::days(3));
    assert_waits(&enroll().await);
    assert_eq!(it.ca.audit().await.count("approval"), 3, "asked, approved, asked again");
    // With the certificate that was approved, the device goes on by itself.
    let held = Identity { certificate: answer.certificates()[0].clone(), key: &key };
    let answer = it.enroll(Some(&held), "simplereenroll", None, &csr).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn what_was_denied_is_refused_and_what_was_not_looked_at_is_not_approved() {
    let it = start().await;
    let key = key();
    let (_, token) = it.activated_for_est("Corp", &key).await;
    let token = format!("Bearer {token}");
    let csr = request(&key, &Wanted::default());
    assert_waits(&it.enroll(None, "simpleenroll", Some(&token), &csr).await);
    let id = waiting(&it).await[0]["id"].as_str().unwrap().to_owned();
    let other = format!("{}AAAA", &id[..id.len() - 4]);
    assert!(it.try_tell(&format!("/approvals/{other}/approve"), json!({})).await.is_err());
    it.tell(&format!("/approvals/{id}/deny"), json!({})).await;
    let answer = it.enroll(None, "simpleenroll", Some(&token), &csr).await;
    assert_eq!((answer.status, answer.header("retry-after")), (403, None), "{answer:?}");
    assert!(answer.body.contains("denied"), "{}", answer.body);
    // A decision stands for a week.
    it.ca.clock.advance(Duration::days(8));
    assert_waits(&it.enroll(None, "simpleenroll", Some(&token), &csr).await);
}

#[tokio::test]
async fn asking_with_other_keys_touches_nothing_that_was_decided() {
    let (_, text) = SHIPPED.iter().find(|(name, _)| *name == "internal-user.toml").unwrap();
    let text = format!("{text}\nneeds-approval = true\n");
    let it =
        InternalCa::build(TestCa::builder().file("policy/profiles/internal-user.toml", &text), |_| {}).await;
    it.organisation("Corp").await;
    let bearer = format!("Bearer {}", it.issuer.token(&it.claims("alice")));
    let enroll = async |csr: &[u8]| it.enroll(None, "simpleenroll", Some(&bearer), csr).await;
    let (denied, approved) = (request(&key(), &Wanted::default()), request(&key(), &Wanted::default()));
    for (csr, decision) in [(&denied, "deny"), (&approved, "approve")] {
        assert_waits(&enroll(csr).await);
        let requests = waiting(&it).await;
        let pending = requests.iter().find(|request| request["decision"] == "pending").unwrap();
        let id = pending["id"].as_str().unwrap();
        it.tell(&format!("/approvals/{id}/{decision}"), json!({})).await;
    }
    for _ in 0..9 {
        it.ca.clock.advance(Duration::seconds(1));
        assert_waits(&enroll(&request(&key(), &Wanted::default())).await);
    }
    assert_eq!(waiting(&it).await.len(), 8, "of an account so many are kept");
    assert_eq!(enroll(&denied).await.status, 403);
    assert_eq!(enroll(&approved).await.status, 200);
    assert_eq!(enroll(&denied).await.status, 403, "for a week");
}

#[tokio::test]
async fn the_other_front_asks_as_well() {
    let it = start().await;
    let key = rollcall_tests::internal::new_key();
    let (_, token) = it.activated("Corp", &key).await;
    let body = json!({"csr": rollcall_tests::internal::csr(&key, &[])});
    let reply = it.post("certificates", Some(&token), &body).await;
    assert_eq!(
        (reply.status.as_u16(), reply.json()["type"].as_str().unwrap().ends_with(":userActionRequired")),
        (403, true),
        "{reply}"
    );
    assert_eq!(reply.headers["retry-after"], "120");
    let id = waiting(&it).await[0]["id"].as_str().unwrap().to_owned();
    it.tell(&format!("/approvals/{id}/approve"), json!({})).await;
    let reply = it.post("certificates", Some(&token), &body).await;
    assert_eq!(reply.status, 200, "{reply}");
}

#[tokio::test]
async fn of_requests_at_the_same_moment_one_uses_the_approval_up_and_no_other_certificate_is_made() {
    let it = start().await;
    let key = key();
    let (_, token) = it.activated_for_est("Corp", &key).await;
    let token = format!("Bearer {token}");
    let csr = request(&key, &Wanted::default());
    let together = async || {
        let one = || it.enroll(None, "simpleenroll", Some(&token), &csr);
        futures_util::future::join_all((0..8).map(|_| one())).await
    };
    assert!(together().await.iter().all(|answer| answer.status == 202));
    let id = waiting(&it).await[0]["id"].as_str().unwrap().to_owned();
    it.tell(&format!("/approvals/{id}/approve"), json!({})).await;
    let answers = together().await;
    let (given, wait): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert!(!given.is_empty() && wait.iter().all(|answer| answer.status == 202), "{answers:?}");
    assert!(given.iter().all(|answer| answer.certificates() == given[0].certificates()));
    assert_eq!(it.ca.audit().await.count("intent"), 1);
    // Whoever was told to wait gets it too.
    assert!(together().await.iter().all(|answer| answer.certificates() == given[0].certificates()));
}

#[tokio::test]
async fn other_names_for_the_same_key_are_another_request() {
    let (_, text) = SHIPPED.iter().find(|(name, _)| *name == "internal-user.toml").unwrap();
    let text = format!("{text}\nneeds-approval = true\n");
    let it =
        InternalCa::build(TestCa::builder().file("policy/profiles/internal-user.toml", &text), |_| {}).await;
    it.organisation("Corp").await;
    it.verified_domain("Corp", "corp.test").await;
    let csr = request(&key(), &Wanted::default());
    let enroll = async |email| {
        let bearer = format!("Bearer {}", it.token("alice", email));
        it.enroll(None, "simpleenroll", Some(&bearer), &csr).await
    };
    assert_waits(&enroll("alice@corp.test").await);
    let looked_at = waiting(&it).await[0]["id"].as_str().unwrap().to_owned();
    assert_waits(&enroll("boss@corp.test").await);
    assert_eq!(waiting(&it).await.len(), 2, "what was looked at is still there");
    it.tell(&format!("/approvals/{looked_at}/approve"), json!({})).await;
    assert_waits(&enroll("boss@corp.test").await);
    let answer = enroll("alice@corp.test").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // A key that is denied is denied whatever it would name.
    let other = waiting(&it).await.into_iter().find(|request| request["decision"] == "pending").unwrap();
    it.tell(&format!("/approvals/{}/deny", other["id"].as_str().unwrap()), json!({})).await;
    assert_eq!(enroll("alice@corp.test").await.status, 403);
}
