//! Every route that takes a POST × every fault: each error is a correct problem document with a fresh nonce.
//!
//! The routes are read out of `request/router.rs`, so a new one is in this test without a word here.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test program")]

mod support;

use ca_server::respond::kinds::Kind;
use serde_json::{Value, json};
use support::{Ca, Key, Reply};

/// How a request is spoiled, or its surroundings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    ContentType,
    TooLarge,
    NotJws,
    Algorithm,
    Nonce,
    Url,
    UnknownAccount,
    Signature,
    PayloadNotJson,
    PayloadArray,
    PayloadEmptyObject,
    PayloadEmpty,
    UnknownAuthority,
    ReadsFail,
    CommitsFail,
}

const FAULTS: &[Fault] = &[
    Fault::ContentType,
    Fault::TooLarge,
    Fault::NotJws,
    Fault::Algorithm,
    Fault::Nonce,
    Fault::Url,
    Fault::UnknownAccount,
    Fault::Signature,
    Fault::PayloadNotJson,
    Fault::PayloadArray,
    Fault::PayloadEmptyObject,
    Fault::PayloadEmpty,
    Fault::UnknownAuthority,
    Fault::ReadsFail,
    Fault::CommitsFail,
];

impl Fault {
    /// Faults after which some routes rightly succeed.
    const fn may_succeed(self) -> bool {
        matches!(self, Self::PayloadEmptyObject | Self::PayloadEmpty | Self::CommitsFail)
    }

    const fn payload(self) -> &'static [u8] {
        match self {
            Self::PayloadNotJson => b"{",
            Self::PayloadArray => b"[]",
            Self::PayloadEmpty => b"",
            _ => b"{}",
        }
    }
}

/// The paths of all routes of ACME with a POST.
fn routes() -> Vec<String> {
    let source = include_str!("../src/request/router.rs");
    let routes: Vec<_> = source
        .lines()
        // These two have their methods in a variable.
        .filter(|line| line.contains("post(") || line.contains(", directory)") || line.contains(", nonce)"))
        .filter_map(|line| line.split('"').nth(1).map(str::to_owned))
        // The others take no JWS and give no nonces: pages of browsers, access tokens, EST.
        .filter(|route| route.starts_with("/acme/"))
        .collect();
    assert!(routes.len() >= 14, "{routes:?}");
    routes
}

fn path(template: &str) -> String {
    let segment = |segment: &str| match segment {
        "{authority}" => "external".to_owned(),
        "{chain}" => "1".to_owned(),
        other if other.starts_with('{') => "AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        other => other.to_owned(),
    };
    template.split('/').map(segment).collect::<Vec<_>>().join("/")
}

async fn send(ca: &Ca, key: &Key, kid: &str, template: &str, fault: Fault) -> Reply {
    let mut url = format!("{}{}", ca.base, path(template));
    if fault == Fault::UnknownAuthority {
        url = url.replace("/external/", "/absent/");
    }
    let mut header = json!({"alg": "ES256", "nonce": ca.nonce(), "url": url});
    let by_key = template.ends_with("/new-account");
    match (by_key, fault) {
        (true, _) => header["jwk"] = Key::p256().jwk(),
        (false, Fault::UnknownAccount) => header["kid"] = Value::from(format!("{kid}x")),
        (false, _) => header["kid"] = kid.into(),
    }
    match fault {
        Fault::Algorithm => header["alg"] = "none".into(),
        Fault::Nonce => header["nonce"] = "AAAA".into(),
        Fault::Url => header["url"] = ca.url("elsewhere").into(),
        _ => {}
    }
    let stranger = Key::p256();
    if by_key && fault != Fault::Signature {
        header["jwk"] = stranger.jwk();
    }
    let signer = if by_key || fault == Fault::Signature { &stranger } else { key };
    let body = match fault {
        Fault::TooLarge => vec![b' '; 100_000].into(),
        Fault::NotJws => "{}".into(),
        _ => signer.sign(&header, fault.payload()),
    };
    let content_type = if fault == Fault::ContentType { "application/json" } else { "application/jose+json" };
    ca.switches.fail_reads(fault == Fault::ReadsFail);
    ca.switches.fail_all_commits(fault == Fault::CommitsFail);
    let reply = ca.send(http::Method::POST, &url, &[("content-type", content_type)], body).await;
    ca.switches.fail_reads(false);
    ca.switches.fail_all_commits(false);
    reply
}

/// A problem whose type and status stand together in the table.
fn assert_in_the_table(reply: &Reply, what: &str) {
    let kind = reply.problem();
    let in_table = Kind::ALL.iter().any(|known| known.suffix() == kind && known.status() == reply.status);
    assert!(in_table, "{what}: {kind} with {}", reply.status);
    let detail = reply.json()["detail"].as_str().unwrap_or_default().to_owned();
    assert!(detail.len() > 20, "{what}: a person needs more than {detail:?}");
}

#[tokio::test]
async fn every_error_on_every_route_is_a_problem_of_the_table_with_a_fresh_nonce() {
    let ca = Ca::start_with("", |config| config.limits.accounts_per_hour = 0).await;
    let key = Key::p256();
    let kid = ca.register(&key).await;
    for template in routes() {
        for fault in FAULTS {
            let reply = send(&ca, &key, &kid, &template, *fault).await;
            let what = format!("{template} with {fault:?}");
            let failed = reply.status.is_client_error() || reply.status.is_server_error();
            assert!(failed || fault.may_succeed() || template.ends_with("new-account"), "{what}: {reply:?}");
            if failed {
                assert_in_the_table(&reply, &what);
            }
            let nonces = &ca.running.app().nonces;
            assert_eq!(nonces.redeem(reply.header("replay-nonce")), Ok(()), "{what}");
            assert!(!reply.header("x-request-id").is_empty(), "{what}");
        }
    }
}
