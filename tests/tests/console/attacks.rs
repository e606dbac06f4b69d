//! What an attacker tries: forms from elsewhere, other names for the console, a flood, and scripts in everything that others may choose.

use serde_json::json;

use crate::pages::PAGES;
use crate::raw::{Raw, form_token};
use crate::setting::Setting;

/// Texts that would be more than text.
pub(crate) fn attacks() -> Vec<String> {
    serde_json::from_str(include_str!("attacks.json")).unwrap()
}

#[tokio::test]
async fn a_form_from_another_site_or_another_session_changes_nothing() {
    let setting = Setting::start().await;
    setting.it.organisation("Corp").await;
    let approval = setting.wait_for_approval("Corp").await;
    let serial = Setting::serial(&setting.issue("room-1.corp.test").await);
    let (browser, other) = (setting.browser().await, setting.browser().await);
    let (token, others) = (form_token(&browser), form_token(&other));
    let before = setting.it.ca.audit().await.len();
    let acts = [
        (format!("/certificates/{serial}/revoke"), ("reason", "1")),
        (format!("/approvals/{approval}"), ("decision", "approve")),
        ("/sign-out".to_owned(), ("a", "b")),
    ];
    for (path, field) in &acts {
        let post = |token: &str| {
            Raw::post(&setting.at(path), &[("form-token", token), *field]).with_cookies_of(&browser)
        };
        for (what, raw) in [
            ("cross-site", post(&token).with("sec-fetch-site", "cross-site")),
            ("another port of this machine", post(&token).with("sec-fetch-site", "same-site")),
            ("typed", post(&token).with("sec-fetch-site", "none")),
            ("evil origin", post(&token).with("origin", "https://evil.example")),
            ("sandboxed", post(&token).with("origin", "null")),
            ("no token", post("")),
            ("another session's token", post(&others)),
            (
                "a token twice",
                Raw::post(&setting.at(path), &[("form-token", &token), ("form-token", &token), *field])
                    .with_cookies_of(&browser),
            ),
            ("no form", post(&token).with("content-type", "text/plain")),
        ] {
            let answer = raw.send().await;
            assert!(matches!(answer.status, 400 | 403), "{path}, {what}: {answer:?}");
        }
        let stranger = Raw::post(&setting.at(path), &[("form-token", &token), *field]).send().await;
        assert_eq!(stranger.status, 401, "{path}: without a cookie");
        let get = Raw::get(&setting.at(&format!("{path}?form-token={token}&{}={}", field.0, field.1)));
        let get = get.with_cookies_of(&browser).send().await;
        assert!(matches!(get.status, 200 | 404), "{path}: {}", get.status);
    }
    assert_eq!(setting.it.ask(&format!("/certificates/{serial}")).await["status"], "issued");
    assert_eq!(setting.it.ask("/approvals?limit=9").await["items"][0]["decision"], "pending");
    assert_eq!(setting.it.ca.audit().await.len(), before, "nothing was done");
    assert_eq!(
        Raw::get(&setting.at("/")).with_cookies_of(&browser).send().await.status,
        200,
        "still signed in"
    );
}

#[tokio::test]
async fn another_site_can_sign_nobody_in() {
    let setting = Setting::start().await;
    let link = setting.link("eve").await;
    for (header, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let answer = Raw::post(&link, &[]).with(header, value).send().await;
        assert_eq!((answer.status, answer.cookies().len()), (403, 0), "{header}");
    }
    assert_eq!(
        Raw::post(&link, &[]).with("sec-fetch-site", "same-origin").send().await.status,
        303,
        "it was not used up"
    );
}

#[tokio::test]
async fn what_another_site_asks_for_behind_a_persons_back_uses_up_nothing_of_her_share() {
    let setting = Setting::start_with(|config| config.console.requests_per_hour = 20).await;
    let asked = |site: &str, mode: &str, dest: &str, raw: Raw| {
        let raw = raw.with("sec-fetch-site", site).with("sec-fetch-mode", mode);
        raw.with("sec-fetch-dest", dest).send()
    };
    let sign_in = || Raw::get(&setting.at("/sign-in"));
    let callback = || Raw::get(&setting.at("/sso/oidc/corp/callback?code=x&state=y"));
    let posted = || Raw::post(&setting.at("/sso/saml/corp/acs"), &[("SAMLResponse", "x")]);
    for _ in 0..10 {
        for (site, mode, dest, raw) in [
            ("cross-site", "no-cors", "image", sign_in()),
            ("same-site", "cors", "empty", sign_in()),
            ("cross-site", "navigate", "iframe", sign_in()),
            ("cross-site", "no-cors", "image", callback()),
            ("cross-site", "no-cors", "empty", posted()),
            ("cross-site", "navigate", "document", Raw::post(&setting.at("/sign-in/with/corp"), &[])),
        ] {
            assert_eq!(asked(site, mode, dest, raw).await.status, 403, "{site} {mode} {dest}");
        }
        assert_eq!(sign_in().with("host", "evil.example").send().await.status, 421);
    }
    for (site, mode, dest) in [("cross-site", "navigate", "document"), ("none", "navigate", "document")] {
        assert_eq!(asked(site, mode, dest, sign_in()).await.status, 200, "a link that a person follows");
    }
    for raw in [callback(), posted()] {
        let answer = asked("cross-site", "navigate", "document", raw).await;
        assert_eq!(answer.status, 400, "an answer that comes from a provider's page is heard: {answer:?}");
    }
    let setting = Setting::start().await;
    let link = setting.link("alice").await;
    for _ in 0..130 {
        assert_eq!(Raw::get(&link).send().await.status, 200);
    }
    assert_eq!(Raw::post(&link, &[]).send().await.status, 303, "looking at a good link counts for nothing");
}

#[tokio::test]
async fn nobody_reaches_the_console_by_another_name() {
    let setting = Setting::start().await;
    let browser = setting.browser().await;
    let port = setting.base.rsplit(':').next().unwrap();
    for host in
        ["evil.example", &format!("evil.example:{port}"), "127.0.0.1.evil.example", "ca.test", "10.0.0.1"]
    {
        let answer = Raw::get(&setting.base).with_cookies_of(&browser).with("host", host).send().await;
        assert_eq!(answer.status, 421, "{host}: {}", answer.body);
    }
    for host in ["localhost:9999", &format!("localhost:{port}"), "[::1]:80", "127.0.0.1"] {
        let answer = Raw::get(&setting.base).with_cookies_of(&browser).with("host", host).send().await;
        assert_eq!(answer.status, 200, "through a tunnel: {host}");
    }
}

#[tokio::test]
async fn without_a_session_every_address_leads_to_the_sign_in_and_shows_nothing() {
    let setting = Setting::start().await;
    let serial = Setting::serial(&setting.issue("room-1.corp.test").await);
    let mut paths: Vec<String> = PAGES.iter().map(|(path, _)| (*path).to_owned()).collect();
    paths.extend(["", "/chain.pem", "/revoke"].map(|rest| format!("/certificates/{serial}{rest}")));
    for path in paths {
        for cookie in [
            "",
            "rollcall-console=",
            &format!("rollcall-console={}", "A".repeat(65)),
            "rollcall-console=a; rollcall-console=b",
        ] {
            let answer = Raw::get(&setting.at(&path)).with("cookie", cookie).send().await;
            assert_eq!((answer.status, answer.location()), (303, "/sign-in"), "{path}");
            assert!(!answer.body.contains("room-1"), "{path}");
        }
    }
    for path in ["/health", "/metrics", "/acme/external/directory", "/roots/external.pem"] {
        assert_eq!(Raw::get(&setting.at(path)).send().await.status, 404, "{path} is none of the console's");
    }
    let main = setting.it.ca.http().get(&setting.it.ca.url("/certificates")).await;
    assert_eq!(main.status, 404, "and the console is none of the main listener's");
}

#[tokio::test]
async fn one_address_can_ask_only_so_much_and_try_to_sign_in_less() {
    let setting = Setting::start_with(|config| config.console.requests_per_hour = 20).await;
    let mut last = 0;
    for _ in 0..21 {
        last = Raw::get(&setting.at("/sign-in")).send().await.status;
    }
    assert_eq!(last, 429);
    assert_eq!(
        Raw::get(&setting.at("/sign-in")).from("127.0.0.2").send().await.status,
        200,
        "others are let in"
    );

    let setting = Setting::start().await;
    let guess = setting.at(&format!("/sign-in/link/{}", "A".repeat(43)));
    let mut statuses = Vec::new();
    for _ in 0..130 {
        statuses.push(Raw::post(&guess, &[]).send().await.status);
    }
    assert_eq!((statuses[0], statuses[129]), (410, 429));
    let audit = setting.it.ca.audit().await;
    let noted = audit.of_kind("refused").filter(|act| act["action"] == "operate").count();
    assert!((1..=130).contains(&noted), "{noted}");
}

#[tokio::test]
async fn a_script_in_a_name_an_address_or_an_error_is_text_on_every_page() {
    let setting = Setting::start().await;
    plant(&setting).await;
    let mut browser = setting.browser().await;
    let serials = setting.it.ask("/certificates?limit=100").await;
    let mut paths: Vec<String> = PAGES.iter().map(|(path, _)| (*path).to_owned()).collect();
    for view in serials["items"].as_array().unwrap() {
        let serial = view["serial"].as_str().unwrap();
        paths.extend([format!("/certificates/{serial}"), format!("/certificates/{serial}/revoke")]);
    }
    for attack in attacks() {
        let query = url::form_urlencoded::byte_serialize(attack.as_bytes()).collect::<String>();
        for name in [
            "certificates?q",
            "certificates?status",
            "certificates?after",
            "journal?about",
            "journal?act",
            "approvals?done",
        ] {
            paths.push(format!("/{name}={query}"));
        }
        paths.push(format!("/certificates/{query}"));
        paths.push(format!("/sign-in/link/{query}"));
    }
    let mut seen = 0;
    for path in paths {
        let body = browser.open(&setting.at(&path)).await.body.clone();
        let plain = body.replace(script(&body), "");
        for part in [
            "<script",
            "<img",
            "<svg o",
            "onerror=window.taken=1>",
            "<form action=https",
            "<meta http-equiv=refresh",
            "<details open onto",
            "href=\"javascript",
        ] {
            assert!(!plain.contains(part), "{path}: {part}");
        }
        seen += plain.matches("&lt;script&gt;window.taken=1").count();
    }
    assert!(seen >= 10, "the attacks were shown as text, {seen} times");
}

/// The page's own script.
fn script(body: &str) -> &str {
    let begin = body.find("<script>\n'use strict';");
    begin
        .and_then(|begin| body.get(begin..))
        .map_or("\u{0}", |rest| &rest[..rest.find("</script>").unwrap() + 9])
}

/// Puts the attacks wherever others can: names of people and organisations, records that errors quote, names of links.
pub(crate) async fn plant(setting: &Setting) {
    setting.it.organisation("Corp").await;
    setting.it.verified_domain("Corp", "corp.test").await;
    for (number, attack) in attacks().iter().enumerate() {
        setting.person(&format!("person-{number}@corp.test"), attack).await;
        setting.fail(&format!("room-{number}.corp.test"), attack).await;
        let name: String = attack.chars().take(64).collect();
        setting.it.tell("/organisations", json!({ "name": name, "token_issuers": [] })).await;
        setting.link(&name).await;
    }
    setting.wait_for_approval("Corp").await;
}
