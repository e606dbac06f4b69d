//! The server: issuing keys that are made in a token, sign there, and are replaced there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use certs::inspect::inspect_certificate;
use certs::pem::parse_certificates;
use rollcall_tests::foreign::{openssl_verify, program};
use rollcall_tests::load::flow::Flow;

use crate::setting::{NAME, Setting, done, refused};

/// Every file below a folder with its text, if it is text.
fn texts(folder: &std::path::Path) -> Vec<(std::path::PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(texts(&path));
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            found.push((path, text));
        }
    }
    found
}

fn assert_chain(setting: &Setting) -> String {
    let fullchain = setting.identity().path().join("current/fullchain.pem");
    if let Some(openssl) = program("openssl") {
        let said = openssl_verify(&openssl, &setting.server.root("external"), &fullchain).unwrap();
        assert!(said.success, "{}", said.text);
    }
    let chain = parse_certificates(&std::fs::read_to_string(fullchain).unwrap()).unwrap();
    inspect_certificate(&chain[0]).unwrap().authority_key_identifier.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_keys_in_tokens_from_enrolment_over_renewal_and_revocation_to_a_rotation() {
    let Some(mut setting) = Setting::start().await else { return };
    let store = setting.hsm.store("agent");
    let hook = format!("printf %s \"$ROLLCALL_KEY\" >'{}'", setting.path("deployed").display());
    let view = done(&setting.enroll(&store, &["--keep", "2", "--deploy-hook", &hook]));
    setting.assert_pair();
    let first = assert_chain(&setting);
    let key = view["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("pkcs11:token=agent;object=rollcall%20room-1.corp.test%20"), "{key}");
    assert_eq!(std::fs::read_to_string(setting.path("deployed")).unwrap(), key, "a deploy hook gets the URI");
    let status = done(&setting.agent(&["status"]).output().unwrap());
    assert_eq!(status["identities"][0]["certificate"]["key"], key.as_str());
    for _ in 0..4 {
        done(&setting.agent(&["renew", "--force", "--name", NAME]).output().unwrap());
        setting.assert_pair();
    }
    assert_eq!(setting.hsm.private_keys("agent").unwrap().len(), 2, "a key for each generation that is kept");
    let serial = setting.certificates()[0]["serial"].as_str().unwrap().to_owned();
    setting.ask(&["certificates", "revoke", &serial, "--reason", "superseded"]);
    // The new issuer's key is made in the token, and the old one stays there for its list.
    let rotated = setting.ask(&["authority", "rotate", "external"]);
    assert_eq!((&rotated["replaced"], &rotated["running"]), (&first.as_str().into(), &true.into()));
    assert_eq!(setting.hsm.private_keys("ca").unwrap().len(), 3);
    done(&setting.agent(&["renew", "--force", "--name", NAME]).output().unwrap());
    let second = assert_chain(&setting);
    assert_ne!(first, second);
    setting.restart();
    done(&setting.agent(&["renew", "--force", "--name", NAME]).output().unwrap());
    assert_eq!(assert_chain(&setting), second);
    let checked = setting.run(&["check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let found = setting.ask(&["doctor"]).to_string();
    assert!(found.contains("is in its token, signs, fits the certificate and cannot leave"), "{found}");
    let backup = setting.path("backup");
    let written = setting.ask(&["backup", backup.to_str().unwrap()]);
    assert_eq!(written["keys_in_tokens"].as_array().unwrap().len(), 3, "{written}");
    for folder in ["ca/authorities", "state/identities"] {
        for (path, text) in texts(&setting.path(folder)) {
            assert!(!text.contains("PRIVATE KEY"), "{} holds a key", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_by_request_keeps_its_key_in_the_token_and_one_into_files_leaves_it() {
    let Some(setting) = Setting::start().await else { return };
    let (csr, pem) = (setting.path("csr.pem"), setting.path("issuing.pem"));
    let asked = setting.ask(&["authority", "request", "external", "--out", csr.to_str().unwrap()]);
    assert_eq!(setting.hsm.private_keys("ca").unwrap().len(), 3);
    let waiting = setting.path("ca/authorities/external/intermediate.key.uri.requested");
    assert!(std::fs::read_to_string(waiting).unwrap().starts_with("pkcs11:token=ca;"));
    assert!(asked["key_uri"].as_str().unwrap().starts_with("pkcs11:token=ca;"), "{asked}");
    let again = setting.path("again.pem").display().to_string();
    let said =
        refused(&setting.run(&["authority", "request", "external", "--key-store", "file", "--out", &again]));
    assert!(said.contains("waits in") && said.contains("leave --key-store away"), "{said}");
    let offline = |name: &str| setting.path("ca/offline").join(name).display().to_string();
    let signed = crate::setting::ca_server(&setting.hsm)
        .args(["authority", "sign", "--root-cert"])
        .arg(setting.server.root("external"))
        .args([
            "--root-key",
            &offline("external.root.key.pem"),
            "--root-passphrase-file",
            &offline("passphrase"),
        ])
        .args(["--key-sha256", asked["key_sha256"].as_str().unwrap(), "--out", pem.to_str().unwrap()])
        .args(["--csr", csr.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    setting.ask(&["authority", "import", "external", pem.to_str().unwrap()]);
    done(&setting.enroll("file", &[]));
    let in_token = assert_chain(&setting);
    setting.ask(&["authority", "rotate", "external", "--key-store", "file"]);
    done(&setting.agent(&["renew", "--force", "--name", NAME]).output().unwrap());
    assert_ne!(assert_chain(&setting), in_token);
    let key = std::fs::read_to_string(setting.path("ca/authorities/external/intermediate.key.uri")).unwrap();
    assert!(key.contains("PRIVATE KEY"), "what the configuration names holds a key now");
    assert!(setting.run(&["check"]).status.success(), "the replaced ones are in the token still");
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_clients_at_once_are_served_by_a_key_in_a_token() {
    let Some(setting) = Setting::start().await else { return };
    let (target, done) = (setting.target(), Arc::new(AtomicUsize::new(0)));
    let mut clients = Vec::new();
    for number in 0..64 {
        let (target, dns, done) = (target.clone(), Arc::clone(&setting.dns), Arc::clone(&done));
        clients.push(tokio::spawn(async move {
            let mut flow = Flow::register(&target, dns).await.unwrap();
            let issued = flow.run(&format!("n{number}.corp.test")).await.unwrap();
            assert_eq!(parse_certificates(&issued.chain).unwrap().len(), 2);
            done.fetch_add(1, Ordering::SeqCst);
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(done.load(Ordering::SeqCst), 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_begun_while_the_token_is_away_ends_when_it_is_back() {
    let Some(setting) = Setting::start().await else { return };
    let mut flow = Flow::register(&setting.target(), Arc::clone(&setting.dns)).await.unwrap();
    flow.run("before.corp.test").await.unwrap();
    setting.hsm.take_away("ca").unwrap();
    let (order, _) = flow.order("during.corp.test").await.unwrap();
    let failed = flow.finish("during.corp.test", &order).await.unwrap_err().to_string();
    assert!(failed.contains("serverInternal"), "{failed}");
    assert!(!failed.contains("pkcs11"), "what is wrong with the token is not told to clients: {failed}");
    let log = setting.log();
    assert!(log.contains("there is no token pkcs11:token=ca"), "{log}");
    setting.hsm.bring_back("ca").unwrap();
    flow.run("after.corp.test").await.unwrap();
    // The recorded bytes are signed: now and then, and before the listener opens at a start.
    let mut setting = setting;
    setting.restart();
    flow.reconnect().await.unwrap();
    let issued = flow.finish("during.corp.test", &order).await.unwrap();
    assert_eq!(parse_certificates(&issued.chain).unwrap().len(), 2);
    let listed = setting.ask(&["certificates", "list", "--identifier", "during.corp.test"]);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "one order, one certificate");
}
