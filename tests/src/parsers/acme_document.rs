//! The objects of an ACME server (directory, order, authorization, challenge), as `acme-client` reads and keeps them.

use std::fmt::Debug;
use std::sync::LazyLock;

use acme_client::acme::{Authorization, Challenge, Directory, Order, ResourceUrl};
use serde::Serialize;

use super::Outcome;
use super::support::{accepted_if, is_tame, opens_object};

static HERE: LazyLock<Option<ResourceUrl>> = LazyLock::new(|| "https://ca.example/acme/x/1".parse().ok());

/// What is read is an object whose URLs are web addresses without passwords, is found where it was asked for whatever it says
/// itself, and reads the same when it was stored.
pub fn check(input: &[u8]) -> Outcome {
    let Some(here) = HERE.as_ref() else { unreachable!("a literal is a URL") };
    let directory = Directory::parse(input).ok();
    let order = Order::parse(here, input).ok();
    let authorization = Authorization::parse(here, input).ok();
    let challenge = Challenge::parse(input).ok();
    let any = directory.is_some() || order.is_some() || authorization.is_some() || challenge.is_some();
    assert!(!any || opens_object(input), "a resource is an object");
    if let Some(directory) = &directory {
        let urls = [&directory.new_nonce, &directory.new_account, &directory.new_order];
        urls.into_iter().chain(&directory.revoke_certificate).for_each(check_url);
        kept(directory, |bytes| Directory::parse(bytes).ok());
    }
    if let Some(order) = &order {
        assert_eq!(&order.url, here, "a server cannot move an order");
        order.authorizations.iter().chain([&order.finalize]).chain(&order.certificate).for_each(check_url);
        kept(order, |bytes| Order::parse(here, bytes).ok());
    }
    if let Some(authorization) = &authorization {
        assert_eq!(&authorization.url, here, "a server cannot move an authorization");
        assert!(is_tame(&authorization.identifier.to_string()), "{}", authorization.identifier);
        authorization.challenges.iter().for_each(check_challenge);
    }
    if let Some(challenge) = &challenge {
        check_challenge(challenge);
    }
    accepted_if(any)
}

fn check_challenge(challenge: &Challenge) {
    check_url(&challenge.url);
    assert!(is_tame(&challenge.kind.to_string()));
    // Numbers of members that nobody knows may lose their last digit on the way; everything else stays.
    let plain = Challenge { other: serde_json::Map::new(), ..challenge.clone() };
    kept(&plain, |bytes| Challenge::parse(bytes).ok());
}

fn check_url(url: &ResourceUrl) {
    let parsed = url.url();
    assert!(matches!(parsed.scheme(), "https" | "http") && parsed.has_host(), "{url}");
    assert!(parsed.username().is_empty() && parsed.password().is_none(), "{url}");
    assert!(url.as_str().bytes().all(|byte| byte.is_ascii_graphic()), "{url}");
}

fn kept<T: Serialize + PartialEq + Debug>(value: &T, read: impl Fn(&[u8]) -> Option<T>) {
    let stored = serde_json::to_vec(value).unwrap_or_default();
    assert_eq!(read(&stored).as_ref(), Some(value), "stored and read back");
}
