//! The pages as a browser gets them: on every way out, with every header, and never with the secret of anybody.

use http::StatusCode;

use super::bench::*;

#[tokio::test]
async fn every_page_carries_the_headers_and_no_page_can_be_framed_or_kept() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    let pages = [
        browser.get(&ca, asked.link()).await,
        browser.get(&ca, &format!("{}/sso/start/nonsense", ca.base)).await,
        browser.get(&ca, &format!("{}/sso/confirm/nonsense", ca.base)).await,
        browser.get(&ca, &format!("{}/sso/done", ca.base)).await,
        browser.get(&ca, &format!("{}/sso/oidc/corp/callback?code=x", ca.base)).await,
        browser.form(&ca, &format!("{}/sso/saml/corp/acs", ca.base), &[]).await,
    ];
    for page in pages {
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{page:?}");
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("referrer-policy"), "same-origin");
        assert_eq!(page.header("x-frame-options"), "DENY");
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
    }
}

#[tokio::test]
async fn a_form_that_is_too_large_or_no_form_is_refused_with_a_page() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let url = format!("{}/sso/saml/corp/acs", ca.base);
    let large = "x".repeat(3 * 1024 * 1024);
    let reply = browser.form(&ca, &url, &[("RelayState", "x"), ("SAMLResponse", &large)]).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    let json = ca.send(http::Method::POST, &url, &[("content-type", "application/json")], "{}".into()).await;
    assert_eq!(json.status, StatusCode::BAD_REQUEST);
    assert!(text(&json).contains("This cannot be read"), "{}", text(&json));
}

#[tokio::test]
async fn there_is_metadata_for_saml_providers_only() {
    let ca = ca().await;
    for name in ["corp", "nobody"] {
        let reply = ca.get(&format!("{}/sso/saml/{name}/metadata", ca.base)).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{name}");
    }
}
