//! Every resource that takes a POST, with a real one of each kind behind it; read off the router so that none is forgotten.

use rollcall_tests::ca::TestCa;
use rollcall_tests::device::{AccountKey, Device, dns, revocation};
use serde_json::{Value, json};

/// Who signs for a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signer {
    /// An account.
    Account,
    /// The bare key.
    Key,
    /// Either.
    Either,
}

/// A resource as it stands.
pub(crate) struct Resource {
    /// The route, as the router spells it.
    pub(crate) route: &'static str,
    /// Its URL.
    pub(crate) url: String,
    /// Who signs.
    pub(crate) signer: Signer,
    /// A proper payload; `None` for POST-as-GET.
    pub(crate) payload: Option<Value>,
    /// Whether a proper request writes something.
    pub(crate) writes: bool,
}

/// The paths of all routes that take a signed POST. Those below `/sso` take forms of browsers and answer with pages; those below
/// `/internal` and those of EST take a token, and have tests of their own (`tests/internal`).
pub(crate) fn routes_with_post() -> Vec<&'static str> {
    let source = include_str!("../../../ca-server/src/request/router.rs");
    let mut routes: Vec<&str> = source
        .lines()
        // These two have their methods in a variable.
        .filter(|line| line.contains("post(") || line.contains(", directory)") || line.contains(", nonce)"))
        .filter_map(|line| line.split('"').nth(1))
        .filter(|route| route.starts_with("/acme/"))
        .collect();
    routes.sort_unstable();
    routes
}

/// The device's resources, each real: an order that is pending, one that is valid, its certificate.
pub(crate) async fn all(ca: &TestCa, device: &Device) -> Vec<Resource> {
    let issued = device.issue(&ca.dns, &["done.corp.test"]).await;
    let ready = device.prove(&ca.dns, &device.new_order(&["ready.corp.test"]).await).await;
    let pending = device.new_order(&["pending.corp.test"]).await;
    let authorization = pending.authorizations().remove(0);
    let challenge = rollcall_tests::device::challenge(&device.read(&authorization).await, "dns-01");
    let challenge = challenge["url"].as_str().unwrap().to_owned();
    let (_, csr) = ready.csr();
    use base64::Engine as _;
    let csr = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(csr);
    let name = |name: &str| json!({"type": "dns", "value": name});
    let read = |route, url| Resource { route, url, signer: Signer::Account, payload: None, writes: false };
    let write = |route, url, payload| Resource {
        route,
        url,
        signer: Signer::Account,
        payload: Some(payload),
        writes: true,
    };
    vec![
        read("/acme/{authority}/directory", device.resource("directory")),
        read("/acme/{authority}/new-nonce", device.resource("new-nonce")),
        Resource {
            signer: Signer::Key,
            ..write("/acme/{authority}/new-account", device.resource("new-account"), json!({}))
        },
        write(
            "/acme/{authority}/account/{account}",
            device.url().to_owned(),
            json!({"contact": ["mailto:other@corp.test"]}),
        ),
        write("/acme/{authority}/key-change", device.resource("key-change"), key_change(device)),
        read("/acme/{authority}/account/{account}/orders", format!("{}/orders", device.url())),
        write(
            "/acme/{authority}/new-order",
            device.resource("new-order"),
            json!({"identifiers": dns(&["new.corp.test"])}),
        ),
        read("/acme/{authority}/order/{order}", pending.url.clone()),
        write("/acme/{authority}/order/{order}/finalize", ready.finalize().to_owned(), json!({"csr": csr})),
        write(
            "/acme/{authority}/new-authz",
            device.resource("new-authz"),
            json!({"identifier": name("ahead.corp.test")}),
        ),
        write("/acme/{authority}/authz/{authorization}", authorization, json!({"status": "deactivated"})),
        write("/acme/{authority}/challenge/{authorization}/{challenge}", challenge, json!({})),
        read("/acme/{authority}/certificate/{serial}", issued.url.clone()),
        read("/acme/{authority}/certificate/{serial}/{chain}", format!("{}/1", issued.url)),
        Resource {
            signer: Signer::Either,
            ..write(
                "/acme/{authority}/revoke-cert",
                device.resource("revoke-cert"),
                revocation(issued.leaf(), Some(4)),
            )
        },
    ]
}

/// keyChange to a new key.
fn key_change(device: &Device) -> Value {
    let next = AccountKey::p256();
    let url = device.resource("key-change");
    let header = json!({"alg": next.alg(), "jwk": next.jwk(), "url": url}).to_string();
    let payload = json!({"account": device.url(), "oldKey": device.key().jwk()}).to_string();
    Value::Object(next.flattened(&header, payload.as_bytes()))
}

#[test]
fn the_router_is_read_right() {
    let routes = routes_with_post();
    assert!(routes.len() >= 15, "{routes:?}");
    assert!(routes.contains(&"/acme/{authority}/order/{order}/finalize"), "{routes:?}");
    assert!(!routes.iter().any(|route| route.contains("renewal-info")), "{routes:?}");
}
