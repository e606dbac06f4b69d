//! samael, which is built on libxml2 and xmlsec1, as the provider: it reads our metadata and our request, and its answer leads to a certificate.
//!
//! It is a crate of its own outside the workspace, `tests/samael-peer`; `ROLLCALL_SAMAEL_PEER` names its program, as `.ci/interop` built it.

use std::path::{Path, PathBuf};
use std::process::Command;

use rollcall_tests::foreign;
use serde_json::Value;

use crate::enrolment::{Enrolment, Method};
use crate::served::serve;
use crate::setting::{BOB, PROVIDER, Prepared};

const ENTITY_ID: &str = "urn:example:samael";

#[tokio::test(flavor = "multi_thread")]
async fn samael_reads_what_we_write_and_its_answer_leads_to_a_certificate() {
    let Some(peer) = peer() else { return };
    let prepared = Prepared::new().await;
    let folder = prepared.folder.path().join("samael");
    std::fs::create_dir(&folder).unwrap();
    let sign_on = sign_on_page();
    run(&peer, &folder, "provider", &[ENTITY_ID, &sign_on]);
    let metadata = folder.join("provider.xml").display().to_string();
    let setting = prepared.start(&format!("[identity_provider.saml]\nmetadata = {metadata:?}\n"));
    let ours = folder.join("ours.xml");
    std::fs::write(&ours, setting.service_provider().await).unwrap();

    let Some(browser) = setting.browser() else { return };
    let enrolment = Enrolment::begin(&setting, BOB.email, Method::Code);
    browser.go(&enrolment.link).unwrap();
    browser.click(&browser.button("Sign in with Corp staff").unwrap()).unwrap();
    browser.heading("samael").unwrap();
    let request = browser.url().unwrap();
    let answer = run(&peer, &folder, "answer", &[&ours.display().to_string(), &request, BOB.email]);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    understood(&answer, &setting.server.url, &sign_on);

    // As the provider's own page would.
    let consumer = answer["service_provider"]["consumer"].as_str().unwrap();
    let relay_state = url::Url::parse(&request).unwrap();
    let relay_state =
        relay_state.query_pairs().find(|(name, _)| name == "RelayState").unwrap().1.into_owned();
    let post = format!(
        "const form = Object.assign(document.createElement('form'), {{ method: 'post', action: {consumer:?} }});
         for (const [name, value] of [['SAMLResponse', {}], ['RelayState', {relay_state:?}]])
             form.append(Object.assign(document.createElement('input'), {{ type: 'hidden', name, value }}));
         document.body.append(form);
         form.submit();",
        answer["response"]
    );
    browser.evaluate(&post).unwrap();
    browser.heading("Type the code").unwrap();
    browser.type_into(&browser.find("#code").unwrap(), enrolment.code.as_deref().unwrap()).unwrap();
    browser.click(&browser.button("Confirm").unwrap()).unwrap();
    browser.heading("Done").unwrap();
    let (enrolled, verdict) = enrolment.succeed(&setting, BOB.email);
    assert_eq!(verdict.display, BOB.email);
    let evidence = setting.evidence(enrolled["serial"].as_str().unwrap());
    assert_eq!(evidence["issuer"], ENTITY_ID, "{evidence:#}");
}

/// What samael found in our metadata and in our request.
#[track_caller]
fn understood(answer: &Value, url: &str, sign_on: &str) {
    let (entity_id, consumer) =
        (format!("{url}/sso/saml/{PROVIDER}/metadata"), format!("{url}/sso/saml/{PROVIDER}/acs"));
    assert_eq!(answer["service_provider"]["entity_id"], entity_id.as_str());
    assert_eq!(answer["service_provider"]["consumer"], consumer.as_str());
    let request = &answer["request"];
    assert_eq!(request["version"], "2.0");
    assert_eq!(request["issuer"], entity_id.as_str());
    assert_eq!(request["destination"], sign_on);
    assert_eq!(request["consumer"], consumer.as_str());
    assert_eq!(request["binding"], "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST");
    assert_eq!(request["force_authn"], true);
    assert_eq!(request["name_id_format"], "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress");
    // The commitment to the account's key: `_` and a SHA-256.
    assert_eq!(request["id"].as_str().map(str::len), Some(65), "{request}");
}

/// The program, if it was built.
fn peer() -> Option<PathBuf> {
    let path = std::env::var_os("ROLLCALL_SAMAEL_PEER").map(PathBuf::from).filter(|path| path.is_file());
    if path.is_none() {
        foreign::skip("samael-peer (tests/samael-peer; ROLLCALL_SAMAEL_PEER)");
    }
    path
}

#[track_caller]
fn run(peer: &Path, folder: &Path, what: &str, arguments: &[&str]) -> String {
    let said = foreign::run(Command::new(peer).arg(what).arg(folder).args(arguments)).unwrap();
    assert!(said.success, "{what}: {}", said.text);
    said.text
}

/// A page where a person would sign in, were this a real provider.
fn sign_on_page() -> String {
    let page = "<!doctype html><title>samael</title><h1>samael</h1>";
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n";
    format!("{}/sign-on", serve(format!("{head}Content-Length: {}\r\n\r\n{page}", page.len())))
}
