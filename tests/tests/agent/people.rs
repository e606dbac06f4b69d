//! `enroll user` and `renew` for people: sign-ins through a real server, a real provider and a browser.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use certs::chain::TrustSets;
use certs::identifier::Identifier;
use certs::verdict::{State, verdict};
use time::OffsetDateTime;

use acme_client::state::SignInWay;

use crate::organisation::{BOB, Organisation, Waiting, enroll_user, of_person, sign_in};
use crate::setting::Device;

/// Where a run listens for the browser.
fn listening(device: &Device<'_>) -> (u16, String) {
    match device.identity(BOB).sign_in().unwrap().unwrap().way {
        SignInWay::Redirect { port, path } => (port, path),
        SignInWay::Code => panic!("nobody listens"),
    }
}

/// The status line that a port of this machine answers with.
fn status(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_here_and_a_relying_party_believes_what_they_hold() {
    let organisation = Organisation::start().await;
    let device = organisation.setting.device("bob");
    let waiting = Waiting::start(enroll_user(&device, BOB, true, &[]));
    assert_eq!(waiting.invitation["email"], BOB);
    assert_eq!(waiting.invitation["provider"], "corp.corp.test");
    let words = waiting.invitation["key_words"].as_str().unwrap().to_owned();
    let mut browser = organisation.browser();
    let page = browser.open(waiting.link()).await;
    assert!(page.text().contains(&words) && page.text().contains(BOB), "{}", page.text());
    sign_in(&mut browser, waiting.link(), "bob").await;
    let page = browser.page();
    assert_eq!(page.url.host_str(), Some("127.0.0.1"));
    assert!(page.text().contains("You can close this window"), "{}", page.text());
    let enrolled = waiting.end().with(0);
    assert_eq!(enrolled["names"], serde_json::json!([BOB]));
    assert_eq!((&enrolled["issued"], &enrolled["resumed"]), (&true.into(), &false.into()));
    let mut trust = TrustSets::new();
    trust.insert_pem("external".parse().unwrap(), &organisation.setting.root_pem()).unwrap();
    let fullchain = std::fs::read_to_string(enrolled["fullchain"].as_str().unwrap()).unwrap();
    let chain = certs::pem::parse_certificates(&fullchain).unwrap();
    let expected = Identifier::from_parts("email", BOB).unwrap();
    let judged = verdict(&chain, &trust, Some(&expected), &[], OffsetDateTime::now_utc());
    assert!(matches!(judged.state, State::VerifiedBy(_)), "{judged}");
    assert!(judged.to_string().ends_with("proven by sso-01"), "{judged}");
    let known = organisation.setting.certificates(BOB);
    assert_eq!((known.len(), &known[0]["profile"]), (1, &"user".into()));
    // In order already: nobody has to sign in again.
    assert_eq!(device.finish(enroll_user(&device, BOB, true, &[])).with(0)["issued"], false);
    let status = device.run(&["status"]).with(0);
    assert_eq!(status["identities"][0]["names"], serde_json::json!([BOB]));
    assert!(
        status["identities"][0].get("sign_in").is_none(),
        "the sign-in serves the next renewal: {status}"
    );
    let shown = device.run(&["inspect", enrolled["certificate"].as_str().unwrap()]).with(0);
    assert!(shown.to_string().contains(BOB), "{shown}");
    assert_eq!(device.run(&["revoke", "--name", BOB, "--forget"]).with(0)["forgotten"], true);
    assert_eq!(organisation.setting.certificates(BOB)[0]["status"], "revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_elsewhere_and_types_the_code() {
    let organisation = Organisation::start().await;
    let device = organisation.setting.device("bob");
    let waiting = Waiting::start(enroll_user(&device, BOB, true, &["--no-browser"]));
    let code = waiting.invitation["code"].as_str().unwrap().to_owned();
    let mut browser = organisation.browser();
    sign_in(&mut browser, waiting.link(), "bob").await;
    let page = browser.page();
    assert!(page.text().contains(waiting.invitation["key_words"].as_str().unwrap()), "{}", page.text());
    browser.submit(&[("code", &code.to_lowercase().replace('-', " "))]).await;
    assert_eq!(waiting.end().with(0)["names"], serde_json::json!([BOB]));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_providers_are_named_and_one_is_chosen() {
    let organisation = Organisation::start_with(&["corp", "campus"], &[]).await;
    let device = organisation.setting.device("bob");
    let refused = device.finish(enroll_user(&device, BOB, true, &[])).with(1);
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("corp.corp.test") && message.contains("campus.corp.test"), "{message}");
    assert!(refused["error"]["hint"].as_str().unwrap().contains("--provider"), "{refused}");
    let waiting = Waiting::start(enroll_user(&device, BOB, true, &["--provider", "campus.corp.test"]));
    sign_in(&mut organisation.browser(), waiting.link(), "bob").await;
    assert_eq!(waiting.end().with(0)["resumed"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_requests_to_the_port_are_refused_and_change_nothing() {
    let organisation = Organisation::start().await;
    let device = organisation.setting.device("bob");
    let waiting = Waiting::start(enroll_user(&device, BOB, true, &[]));
    let (port, path) = listening(&device);
    let host = format!("127.0.0.1:{port}");
    for (request, expected) in [
        (format!("GET /?code=x HTTP/1.1\r\nHost: {host}\r\n\r\n"), "404"),
        (format!("GET /callback?code=x HTTP/1.1\r\nHost: {host}\r\n\r\n"), "404"),
        (format!("GET {path}x?code=x HTTP/1.1\r\nHost: {host}\r\n\r\n"), "404"),
        (format!("POST {path}?code=x HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n"), "405"),
        (format!("GET {path}?code=x HTTP/1.1\r\nHost: rebound.test:{port}\r\n\r\n"), "421"),
        ("nonsense\r\n\r\n".to_owned(), "400"),
    ] {
        assert!(status(port, &request).contains(expected), "{request}");
    }
    sign_in(&mut organisation.browser(), waiting.link(), "bob").await;
    waiting.end().with(0);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "somebody still listens");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_the_server_did_not_give_certifies_nothing() {
    let organisation = Organisation::start().await;
    let device = organisation.setting.device("bob");
    let waiting = Waiting::start(enroll_user(&device, BOB, true, &[]));
    let (port, path) = listening(&device);
    let request = format!("GET {path}?code=guessed HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    assert!(status(port, &request).contains("200"));
    let refused = waiting.end().with(1);
    assert!(refused["error"]["message"].as_str().is_some(), "{refused}");
    assert!(organisation.setting.certificates(BOB).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_who_signs_in_certifies_nothing_and_the_program_says_so() {
    let organisation = Organisation::start().await;
    let device = organisation.setting.device("bob");
    let waiting = Waiting::start(enroll_user(&device, BOB, true, &[]));
    let mut browser = organisation.browser();
    sign_in(&mut browser, waiting.link(), "alice").await;
    assert_ne!(browser.page().url.host_str(), Some("127.0.0.1"), "the browser was sent back with a code");
    let refused = waiting.end().with(1);
    assert!(refused["error"]["hint"].as_str().unwrap().contains("again"), "{refused}");
    assert!(organisation.setting.certificates(BOB).is_empty());
    assert!(device.state.find_identity(BOB).is_err(), "an identity was left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_never_comes_back_ends_with_the_link() {
    let organisation =
        Organisation::start_with(&["corp"], &[("#link_lifetime = \"10min\"", "link_lifetime = \"1s\"")])
            .await;
    let device = organisation.setting.device("bob");
    let waiting = Waiting::start(enroll_user(&device, BOB, true, &[]));
    let ended = waiting.end().with(1);
    let message = ended["error"]["message"].as_str().unwrap();
    assert!(message.contains("before the link expired"), "{message}");
    assert!(ended["error"]["hint"].as_str().unwrap().contains("run the command again"), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_is_gone_on_with_and_the_browser_finds_the_next_one() {
    let organisation = Organisation::start().await;
    let device = organisation.setting.device("bob");
    let first = Waiting::start(enroll_user(&device, BOB, true, &[]));
    let link = first.link().to_owned();
    let mut browser = organisation.browser();
    browser.open(&link).await;
    browser.submit(&[]).await;
    first.kill();
    let second = Waiting::start(enroll_user(&device, BOB, true, &[]));
    assert_eq!((second.link(), &second.invitation["again"]), (link.as_str(), &true.into()));
    browser.submit(&[("login", "bob"), ("password", "demo")]).await;
    assert!(browser.page().text().contains("You can close this window"), "{}", browser.page().text());
    assert_eq!(second.end().with(0)["resumed"], true);
    assert_eq!(organisation.setting.certificates(BOB).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_typed_while_nobody_ran_is_found_by_the_next_run() {
    let organisation = Organisation::start().await;
    let device = organisation.setting.device("bob");
    let first = Waiting::start(enroll_user(&device, BOB, false, &[]));
    let (link, code) = (first.link().to_owned(), first.invitation["code"].as_str().unwrap().to_owned());
    first.kill();
    let mut browser = organisation.browser();
    sign_in(&mut browser, &link, "bob").await;
    browser.submit(&[("code", &code)]).await;
    // Nobody signs in again: the run would wait for ever.
    let ended = device.finish(enroll_user(&device, BOB, false, &[])).with(0);
    assert_eq!(ended["resumed"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_keeps_the_order_and_force_begins_anew() {
    let organisation = Organisation::start().await;
    let device = organisation.setting.device("bob");
    let first = Waiting::start(enroll_user(&device, BOB, true, &[]));
    let link = first.link().to_owned();
    let mut browser = organisation.browser();
    browser.open(&link).await;
    browser.submit(&[]).await;
    Command::new("kill").args(["-INT", &first.id().to_string()]).status().unwrap();
    let stopped = first.end().with(1);
    assert!(stopped["error"]["hint"].as_str().unwrap().contains("--force"), "{stopped}");
    assert!(device.identity(BOB).pending().unwrap().is_some());
    // The link is used up and its browser gone.
    let second = Waiting::start(enroll_user(&device, BOB, true, &["--force"]));
    assert_ne!(second.link(), link);
    sign_in(&mut organisation.browser(), second.link(), "bob").await;
    assert_eq!(second.end().with(0)["resumed"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_serves_renewals_that_nobody_attends() {
    let organisation = Organisation::start().await;
    let device = organisation.setting.device("bob");
    let waiting = Waiting::start(enroll_user(&device, BOB, true, &[]));
    sign_in(&mut organisation.browser(), waiting.link(), "bob").await;
    let first = waiting.end().with(0);
    let renewed = device.run(&["renew", "--force"]).with(0);
    assert_eq!(renewed["identities"][0]["status"], "renewed");
    assert_ne!(device.current(BOB).0, first["serial"].as_str().unwrap());
    assert_eq!(organisation.setting.certificates(BOB).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_will_not_serve_the_next_renewal_is_announced() {
    let keys = [("#valid_for = \"12h\"", "valid_for = \"1h\"")];
    let organisation = Organisation::start_with(&["corp"], &keys).await;
    let device = organisation.setting.device("bob");
    let waiting = Waiting::start(enroll_user(&device, BOB, true, &[]));
    sign_in(&mut organisation.browser(), waiting.link(), "bob").await;
    waiting.end().with(0);
    let status = device.run(&["status"]).with(0);
    assert_eq!(status["identities"][0]["sign_in"]["needed"], "later", "{status}");
    let pass = device.run(&["renew"]).with(3);
    assert_eq!(pass["identities"][0]["sign_in"]["needed"], "later", "{pass}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_needs_a_sign_in_is_reported_and_done_when_somebody_is_there() {
    let organisation = Organisation::start().await;
    let device = organisation.setting.device("bob");
    let first = Waiting::start(enroll_user(&device, BOB, true, &[]));
    first.kill();
    for _ in 0..2 {
        let pass = of_person(&device, &["renew"], true);
        let pass = device.finish(pass).with(5);
        assert_eq!(pass["result"], "sign_in_needed");
        assert_eq!(pass["identities"][0]["status"], "sign_in_needed");
        assert_eq!(pass["identities"][0]["sign_in"]["needed"], "now");
    }
    let status = device.run(&["status"]).with(0);
    assert_eq!(status["identities"][0]["sign_in"]["needed"], "now");
    let waiting = Waiting::start(of_person(&device, &["renew", "--interactive"], true));
    sign_in(&mut organisation.browser(), waiting.link(), "bob").await;
    assert_eq!(waiting.end().with(0)["identities"][0]["status"], "renewed");
    assert_eq!(organisation.setting.certificates(BOB).len(), 1, "one order waited for all of them");
}
