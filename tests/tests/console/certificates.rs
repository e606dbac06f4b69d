//! Certificates at the console: found by whatever one knows of them, shown, downloaded, revoked with a reason.

use ca_server::order::model::Certificate;
use ca_server::store::Batch;
use ca_server::store::tables::certificates;
use certs::serial::Serial;
use rollcall_tests::browser::Browser;
use serde_json::json;

use crate::raw::Raw;
use crate::setting::Setting;

async fn found(browser: &mut Browser, setting: &Setting, query: &str) -> String {
    let page = browser.open(&setting.at(&format!("/certificates?{query}"))).await;
    assert_eq!(page.status, 200, "{query}: {}", page.body);
    page.text()
}

#[tokio::test]
async fn a_certificate_is_found_by_name_part_serial_account_organisation_status_and_profile() {
    let setting = Setting::start().await;
    setting.furnish().await;
    let issued = setting.issue("hall.corp.test").await;
    let serial = Setting::serial(&issued);
    let record = setting.it.ask(&format!("/certificates/{serial}")).await;
    let account = record["account"].as_str().unwrap();
    let mut browser = setting.browser().await;
    let all = found(&mut browser, &setting, "").await;
    for name in ["hall", "lobby", "room-1", "room-2"] {
        assert!(all.contains(&format!("dns:{name}.corp.test")), "{all}");
    }
    for (query, is_there, is_not) in [
        ("q=hall.corp.test", "dns:hall.corp.test", "lobby.corp.test"),
        ("q=*room*", "dns:room-2.corp.test", "lobby.corp.test"),
        ("q=*ROOM*", "dns:room-2.corp.test", "lobby.corp.test"),
        (&format!("q={account}"), "dns:hall.corp.test", "lobby.corp.test"),
        ("q=Corp", "alice@corp.test", "lobby.corp.test"),
        ("q=alice%40corp.test", "email:alice@corp.test", "lobby.corp.test"),
        ("profile=internal-user", "alice@corp.test", "lobby.corp.test"),
        ("q=nobody.corp.test", "No certificate fits.", "lobby.corp.test"),
        ("q=no+name+at+all", "This is no name", "lobby.corp.test"),
        ("status=revoked", "No certificate fits.", "lobby.corp.test"),
    ] {
        let shown = found(&mut browser, &setting, query).await;
        assert!(shown.contains(is_there) && !shown.contains(is_not), "{query}: {shown}");
    }
    let page = browser.open(&setting.at(&format!("/certificates?q={serial}"))).await;
    assert_eq!(page.url.path(), format!("/certificates/{serial}"));
    let bad = browser.open(&setting.at("/certificates?status=nonsense")).await;
    assert_eq!(
        (bad.status.as_u16(), bad.text().contains("is not intended, issued")),
        (400, true),
        "{}",
        bad.body
    );
    let bad = browser.open(&setting.at("/certificates?after=!")).await;
    assert_eq!(bad.status, 400);
}

#[tokio::test]
async fn a_long_list_comes_in_pages_that_neither_repeat_nor_leave_out() {
    let setting = Setting::start().await;
    let issued = setting.issue("room-1.corp.test").await;
    let store = &setting.it.ca.app().store;
    let serial: Serial = Setting::serial(&issued).parse().unwrap();
    let record = store.load::<Certificate>(&serial).await.unwrap().unwrap().value;
    for number in 0..120_u8 {
        let mut batch = Batch::new();
        let copy = Certificate { serial: Serial::from_entropy([number + 1; 20]), ..record.clone() };
        certificates::insert(&mut batch, &copy).unwrap();
        store.commit(batch).await.unwrap();
    }
    let mut browser = setting.browser().await;
    let (mut path, mut seen) = ("/certificates".to_owned(), Vec::new());
    loop {
        let page = browser.open(&setting.at(&path)).await;
        let body = page.body.clone();
        let links = body.split("href=\"/certificates/").skip(1).map(|rest| rest.split('"').next().unwrap());
        let before = seen.len();
        seen.extend(links.map(str::to_owned));
        assert!(seen.len() - before <= 50);
        match body.split("href=\"/certificates?after=").nth(1) {
            Some(rest) => path = format!("/certificates?after={}", rest.split('"').next().unwrap()),
            None => break,
        }
    }
    assert_eq!(seen.len(), 121);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 121);
}

#[tokio::test]
async fn a_certificate_is_shown_with_everything_that_is_known_and_its_chain_can_be_had() {
    let setting = Setting::start().await;
    setting.furnish().await;
    let issued = setting.issue("room-5.corp.test").await;
    let serial = Setting::serial(&issued);
    let mut browser = setting.browser().await;
    let shown = browser.open(&setting.at(&format!("/certificates/{serial}"))).await.text();
    let report = issued.report();
    for wanted in
        ["valid", "dns-01", &report.sha256, &report.issuer, "P-256", "client-auth", &report.crl_urls[0]]
    {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    let chain = Raw::get(&setting.at(&format!("/certificates/{serial}/chain.pem")))
        .with_cookies_of(&browser)
        .send()
        .await;
    assert_eq!(chain.headers["content-type"], "application/pem-certificate-chain");
    assert_eq!(chain.headers["content-disposition"], format!("attachment; filename=\"{serial}.pem\""));
    assert_eq!(rollcall_tests::internal::chain(&chain.body), issued.chain);

    // A person of an organisation: whom the token spoke for.
    let alice = setting.it.ask("/certificates?limit=1&identifier=alice@corp.test").await;
    let serial = alice["items"][0]["serial"].as_str().unwrap().to_owned();
    let shown = browser.open(&setting.at(&format!("/certificates/{serial}"))).await.text();
    for wanted in ["Alice Example", "Corp", "access-token corp alice@corp.test"] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    let none = browser.open(&setting.at("/certificates/00")).await;
    assert_eq!(none.status, 404);
}

#[tokio::test]
async fn a_certificate_is_revoked_with_a_reason_after_a_question_and_the_journal_says_by_whom() {
    let setting = Setting::start().await;
    let issued = setting.issue("room-1.corp.test").await;
    let serial = Setting::serial(&issued);
    let mut browser = setting.browser().await;
    browser.open(&setting.at(&format!("/certificates/{serial}"))).await;
    let page = browser.follow(&format!("/certificates/{serial}/revoke")).await;
    assert!(page.text().contains("Revoke this certificate?") && page.text().contains("cannot be taken back"));
    let page = browser.submit(&[("reason", "1")]).await;
    assert!(page.text().contains("The certificate is revoked"), "{}", page.body);
    let record = setting.it.ask(&format!("/certificates/{serial}")).await;
    assert_eq!((&record["status"], &record["revocation_reason"]), (&json!("revoked"), &json!(1)));
    let audit = setting.it.ca.audit().await;
    let by: Vec<_> = audit.of_kind("revoked").map(|act| act["by"].clone()).collect();
    assert_eq!(by, ["operator root (one-time link)"]);
    let shown = browser.open(&setting.at(&format!("/certificates/{serial}"))).await;
    assert!(shown.text().contains("The key is known to others"), "{}", shown.body);
    assert!(!shown.body.contains("/revoke\""), "it can be revoked once");
    let again = browser.open(&setting.at(&format!("/certificates/{serial}/revoke"))).await;
    assert_eq!(again.status, 409, "{}", again.body);

    // A reason that no leaf can have is not taken, and nothing changes.
    let other = Setting::serial(&setting.issue("room-2.corp.test").await);
    let token = crate::raw::form_token(&browser);
    for reason in ["2", "7", "x", ""] {
        let url = setting.at(&format!("/certificates/{other}/revoke"));
        let answer = Raw::post(&url, &[("form-token", &token), ("reason", reason)])
            .with_cookies_of(&browser)
            .send()
            .await;
        assert_eq!(answer.status, 400, "{reason}: {}", answer.body);
    }
    assert_eq!(setting.it.ask(&format!("/certificates/{other}")).await["status"], "issued");
}
