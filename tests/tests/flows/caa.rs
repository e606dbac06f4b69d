//! CAA (RFC 8659, RFC 8657) at validation and again at issuance, in its three modes.

use ca_server::config::CaaMode;
use rollcall_tests::ca::TestCa;
use rollcall_tests::device::{Device, Problem, challenge};
use rollcall_tests::dns::Fault;
use serde_json::Value;

type Records<'a> = &'a [(u8, &'a str, &'a str)];

/// What becomes of an authorization for `name` proven by `dns-01` while these CAA records stand at `at`.
async fn outcome(ca: &TestCa, alice: &Device, name: &str, at: &str, records: Records<'_>) -> Value {
    ca.dns.set_caa(at, records);
    let order = alice.new_order(&[name]).await;
    let url = order.authorizations().remove(0);
    alice.publish(&ca.dns, &alice.read(&url).await, "dns-01");
    let settled = alice.answer(&url, "dns-01").await;
    ca.dns.set_caa(at, &[]);
    settled
}

#[tokio::test]
async fn records_that_name_this_authority_allow_and_those_that_do_not_forbid() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let account = format!("ca.test; accounturi={}", alice.url());
    let foreign = "ca.test; accounturi=https://ca.test/acme/external/account/AAAAAAAAAAAAAAAAAAAAAA";
    let both = format!("ca.test; accounturi={}; validationmethods=dns-01,dns-persist-01", alice.url());
    let cases: &[(&str, &str, Records<'_>, bool)] = &[
        ("a", "a.corp.test", &[(0, "issue", "ca.test")], true),
        ("b", "corp.test", &[(0, "issue", "ca.test")], true),
        ("c", "c.corp.test", &[(0, "issue", "other.test")], false),
        ("d", "d.corp.test", &[(0, "issue", ";")], false),
        ("e", "e.corp.test", &[(0, "issue", "other.test"), (0, "issue", "ca.test")], true),
        ("f", "f.corp.test", &[(0, "iodef", "mailto:x@corp.test")], true),
        ("g", "g.corp.test", &[(128, "future", "x")], false),
        ("h", "h.corp.test", &[(0, "future", "x")], true),
        ("i", "i.corp.test", &[(0, "issuewild", ";")], true),
        ("j", "j.corp.test", &[(0, "issue", &account)], true),
        ("k", "k.corp.test", &[(0, "issue", foreign)], false),
        ("l", "l.corp.test", &[(0, "issue", &both)], true),
        ("m", "m.corp.test", &[(0, "issue", "ca.test; validationmethods=dns-persist-01")], false),
        ("n", "n.corp.test", &[(0, "issue", "CA.TEST")], true),
    ];
    for (label, at, records, allowed) in cases {
        let settled = outcome(&ca, &alice, &format!("{label}.corp.test"), at, records).await;
        assert_eq!(settled["status"] == "valid", *allowed, "{label}: {settled}");
        if !allowed {
            let error = &challenge(&settled, "dns-01")["error"];
            assert_eq!(error["type"], "urn:ietf:params:acme:error:caa", "{label}");
            assert!(error["detail"].as_str().unwrap().contains(at), "{error}");
        }
    }
}

#[tokio::test]
async fn issuewild_decides_for_wildcards_alone() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let only_wild: Records<'_> = &[(0, "issue", ";"), (0, "issuewild", "ca.test")];
    let settled = outcome(&ca, &alice, "*.a.corp.test", "a.corp.test", only_wild).await;
    assert_eq!(settled["status"], "valid", "{settled}");
    let no_wild: Records<'_> = &[(0, "issue", "ca.test"), (0, "issuewild", ";")];
    let settled = outcome(&ca, &alice, "*.b.corp.test", "b.corp.test", no_wild).await;
    assert_eq!(settled["status"], "invalid", "{settled}");
}

/// Finalizes an order that was proven before this record came.
async fn finalize_under(ca: &TestCa, records: Records<'_>) -> Result<(), Problem> {
    let alice = ca.register("alice").await;
    let order = alice.prove(&ca.dns, &alice.new_order(&["room-1.corp.test"]).await).await;
    assert_eq!(order.status(), "ready");
    ca.dns.set_caa("room-1.corp.test", records);
    let (_, csr) = order.csr();
    alice.finalize(&order, &csr).await.map(drop)
}

#[tokio::test]
async fn a_record_that_came_after_the_proof_forbids_issuance_and_the_refusal_is_journalled() {
    let ca = TestCa::start().await;
    let problem = finalize_under(&ca, &[(0, "issue", "other.test")]).await.unwrap_err();
    assert_eq!((problem.status, problem.kind.as_str()), (403, "caa"));
    assert!(problem.detail.contains("other.test"), "{}", problem.detail);
    let audit = ca.audit().await;
    assert_eq!((audit.count("intent"), audit.count("refused")), (0, 1));
    assert_eq!(audit.of_kind("refused").next().unwrap()["rule"], "caa");
}

#[tokio::test]
async fn in_mode_report_it_is_looked_up_and_forbids_nothing() {
    let ca = TestCa::builder().configure(|config| config.challenge.caa = CaaMode::Report).start().await;
    finalize_under(&ca, &[(0, "issue", ";")]).await.unwrap();
    assert!(ca.dns.queries().iter().any(|asked| asked.kind == "CAA"));
}

#[tokio::test]
async fn in_mode_off_it_is_not_looked_up() {
    let ca = TestCa::builder().configure(|config| config.challenge.caa = CaaMode::Off).start().await;
    finalize_under(&ca, &[(0, "issue", ";")]).await.unwrap();
    assert!(ca.dns.queries().iter().all(|asked| asked.kind != "CAA"));
}

#[tokio::test]
async fn when_caa_cannot_be_asked_nothing_is_issued_until_it_can() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let order = alice.prove(&ca.dns, &alice.new_order(&["room-1.corp.test"]).await).await;
    ca.dns.fault(Fault::ServFail);
    let (_, csr) = order.csr();
    let problem = alice.finalize(&order, &csr).await.unwrap_err();
    assert_eq!(problem.kind, "dns");
    assert_eq!(alice.seen(&order).await.status(), "ready");
    ca.dns.honest();
    assert_eq!(alice.finalize(&order, &csr).await.unwrap().status(), "valid");
}

#[tokio::test]
async fn names_configured_for_the_authority_count_instead_of_its_host() {
    let ca = TestCa::builder()
        .configure(|config| config.challenge.issuer_domains = vec!["authority.corp.test".to_owned()])
        .start()
        .await;
    let alice = ca.register("alice").await;
    let directory = ca.http().get(&ca.resource("external", "directory")).await.json();
    assert_eq!(directory["meta"]["caaIdentities"], serde_json::json!(["authority.corp.test"]));
    let ours: Records<'_> = &[(0, "issue", "authority.corp.test")];
    assert_eq!(outcome(&ca, &alice, "a.corp.test", "a.corp.test", ours).await["status"], "valid");
    let host: Records<'_> = &[(0, "issue", "ca.test")];
    assert_eq!(outcome(&ca, &alice, "b.corp.test", "b.corp.test", host).await["status"], "invalid");
}
