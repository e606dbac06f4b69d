//! `enroll internal` end to end: a person with an access token, a device with an activation code, a guest; how they renew, and what they are worth to others.

use std::fs;
use std::path::{Path, PathBuf};

use acme_client::clock::FixedClock;
use acme_client::renew::{Attempt, renew_identity};
use rollcall_tests::internal::{AUDIENCE, ISSUER, TokenIssuer};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::setting::{Device, Setting, ZONE};

/// A server with an organisation that holds the zone's domain, and the issuer of its people's tokens.
pub(crate) struct Internal {
    pub(crate) setting: Setting,
    issuer: TokenIssuer,
    _keys: tempfile::TempDir,
}

impl Internal {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same with devices that wait for an administrator's approval.
    pub(crate) async fn start_with_approval() -> Self {
        Self::start_with(|home| {
            let path = home.join("policy/profiles/internal-device.toml");
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.replace("needs-approval = false", "needs-approval = true")).unwrap();
        })
        .await
    }

    /// Before it starts, `change` may change the files of its folder.
    async fn start_with(change: impl FnOnce(&Path)) -> Self {
        let (issuer, keys) = (TokenIssuer::new("k1"), tempfile::tempdir().unwrap());
        let file = keys.path().join("keys.json");
        fs::write(&file, issuer.key_set().to_string()).unwrap();
        let section = format!(
            "\n[[token_issuer]]\nname = \"corp\"\nissuer = \"{ISSUER}\"\naudience = [\"{AUDIENCE}\"]\nkeys_file = {file:?}\n"
        );
        let setting =
            Setting::start_in(change, |text| text.replace("#guests = false", "guests = true") + &section)
                .await;
        let it = Self { setting, issuer, _keys: keys };
        it.setting.ask(&["org", "create", "Corp", "--token-issuer", "corp"]);
        let claimed = it.setting.ask(&["org", "domain", "add", "Corp", ZONE]);
        let claim = &claimed["domains"][0];
        it.setting.dns.set_txt(claim["record_name"].as_str().unwrap(), &[claim["record"].as_str().unwrap()]);
        it.setting.ask(&["org", "domain", "verify", "Corp", ZONE]);
        it.setting.ask(&["org", "prefer", "Corp", ZONE]);
        it
    }

    /// `enroll internal` on a state directory.
    pub(crate) fn enroll(&self, device: &Device<'_>, more: &[&str]) -> crate::setting::Ended {
        let root = self.setting.server.root("external").display().to_string();
        let base = ["enroll", "internal", "--ca", &self.setting.server.url, "--root", &root];
        device.run(&[base.as_slice(), more].concat())
    }

    /// A file with a good token for a person.
    pub(crate) fn token(&self, name: &str) -> PathBuf {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": name, "iat": now, "nbf": now, "exp": now + 300,
            "jti": format!("{name}-{now}"), "email": format!("{name}@{ZONE}"), "email_verified": true,
        });
        let path = self.setting.folder.path().join(format!("{name}.token"));
        fs::write(&path, self.issuer.token(&claims)).unwrap();
        path
    }

    /// What `acme-client verify` says of a chain, as somebody in the organisation's meetings sees it.
    pub(crate) fn judged(&self, device: &Device<'_>, code: i32) -> Value {
        let trust = format!(
            "internal={},external-domain={}",
            self.setting.server.root("internal").display(),
            self.setting.server.root("external").display()
        );
        let chain = device.state.path().join("identities/internal/current/fullchain.pem");
        let chain = chain.display().to_string();
        let said = device.run(&["verify", &chain, "--trust", &trust, "--organisation", ZONE]);
        said.with(code)["chains"][0].clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_with_an_access_token_is_of_the_organisation() {
    let it = Internal::start().await;
    let (device, token) = (it.setting.device("bob"), it.token("bob"));
    let token = token.display().to_string();
    let enrolled = it.enroll(&device, &["--token-file", &token]).with(0);
    assert_eq!((&enrolled["identity"], &enrolled["names"]), (&json!("internal"), &json!(["bob@corp.test"])));
    let judged = it.judged(&device, 0);
    assert_eq!((&judged["state"], &judged["lobby"]), (&json!("internal"), &json!("my-organisation")));
    assert_eq!(judged["info"]["kind"], "person");
    let again = it.enroll(&device, &["--token-file", &token]).with(0);
    assert_eq!((&again["issued"], &again["generation"]), (&json!(false), &json!(1)));
    assert_eq!(device.run(&["renew"]).with(3)["result"], "nothing_due");
    let renewed = device.run(&["renew", "--force"]).with(0);
    assert_eq!(renewed["identities"][0]["generation"], 2);
    let listed = device.run(&["status"]).with(0);
    let listed_as = &listed["identities"][0];
    assert_eq!((&listed_as["identity"], &listed_as["names"]), (&json!("internal"), &enrolled["names"]));
    fs::write(&token, "eyJ.not.one").unwrap();
    let refused = device.run(&["renew", "--force"]).with(1);
    let told = refused["identities"][0]["error"].as_str().unwrap();
    assert!(told.contains("401") && !told.contains("eyJ.not.one"), "{told}");
    assert!(refused["identities"][0]["hint"].as_str().unwrap().contains("token"), "{refused}");
    assert_eq!(
        device.current("internal").0,
        listed["identities"][0]["certificate"]["serial"],
        "it is as it was"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_types_its_code_once_and_renews_for_good_until_it_is_deactivated() {
    let it = Internal::start().await;
    let device = it.setting.device("room");
    let made = it.setting.ask(&["device", "activate-code", "--organisation", "Corp", "--name", "Room 1"]);
    let code = made["code"].as_str().unwrap();
    let wrong = it.enroll(&device, &["--activation-code", "0000-0000-0000"]).with(1);
    assert!(wrong["error"]["message"].as_str().unwrap().contains("activation code"), "{wrong}");
    assert!(!device.state.path().join("identities/internal").exists(), "nothing is left of it");
    let enrolled = it.enroll(&device, &["--activation-code", &code.to_lowercase()]).with(0);
    assert_eq!(enrolled["names"], json!([ZONE]));
    let judged = it.judged(&device, 0);
    assert_eq!((&judged["state"], &judged["info"]["kind"]), (&json!("internal"), &json!("device")));
    assert_eq!(device.run(&["renew", "--force"]).with(0)["identities"][0]["generation"], 2);

    let library = device.at(FixedClock(OffsetDateTime::now_utc() + Duration::days(6)));
    let (_lock, _) = library.state.lock().unwrap();
    let identity = device.identity("internal");
    let attempt = renew_identity(library.agent(), &identity, false).await.attempt;
    assert!(matches!(attempt, Attempt::Renewed { .. }), "six of seven days are over: {attempt:?}");
    drop(_lock);

    let id = made["id"].as_str().unwrap();
    it.setting.ask(&["device", "deactivate", id]);
    let ended = device.run(&["renew", "--force"]).with(1);
    let told = ended["identities"][0]["error"].as_str().unwrap();
    assert!(told.contains("deactivated"), "{told}");
    let record = fs::read_to_string(identity.path().join("machine.json")).unwrap();
    let token = serde_json::from_str::<Value>(&record).unwrap()["token"].as_str().unwrap().to_owned();
    assert!(!ended.to_string().contains(&token));
    assert!(device.run(&["revoke", "--name", "internal"]).with(1)["error"]["hint"].is_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_holds_a_certificate_and_stays_unverified() {
    let it = Internal::start().await;
    let device = it.setting.device("guest");
    let enrolled = it.enroll(&device, &["--guest"]).with(0);
    let judged = it.judged(&device, 6);
    assert_eq!((&judged["reason"], &judged["lobby"]), (&json!("anonymous"), &json!("unverified")));
    let first = judged["display"].as_str().unwrap().to_owned();
    assert!(first.starts_with("urn:uuid:"), "{first}");
    assert_eq!(enrolled["names"], json!([first]));
    assert_eq!(device.run(&["status"]).with(0)["identities"][0]["names"], json!([first]));
    assert_eq!(device.run(&["renew", "--name", &first]).with(3)["identities"][0]["identity"], "internal");
    device.run(&["renew", "--force"]).with(0);
    assert_ne!(it.judged(&device, 6)["display"], first, "a new id each time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_file_may_be_a_link_that_is_swapped() {
    let it = Internal::start().await;
    let (device, folder) = (it.setting.device("bob"), it.setting.folder.path());
    let (old, new, link) = (folder.join("old"), folder.join("new"), folder.join("token"));
    for generation in [&old, &new] {
        fs::create_dir(generation).unwrap();
        fs::copy(it.token("bob"), generation.join("token")).unwrap();
    }
    std::os::unix::fs::symlink(&old, &link).unwrap();
    let file = link.join("token").display().to_string();
    it.enroll(&device, &["--token-file", &file]).with(0);
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&new, &link).unwrap();
    fs::remove_dir_all(&old).unwrap();
    assert_eq!(device.run(&["renew", "--force"]).with(0)["identities"][0]["generation"], 2);
    let absent = folder.join("absent").display().to_string();
    let refused = it.enroll(&it.setting.device("other"), &["--token-file", &absent]).with(1);
    assert!(refused["error"]["message"].as_str().unwrap().contains("cannot read"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_needs_approval_ends_with_a_code_of_its_own_and_goes_on_with_the_same_request() {
    let it = Internal::start_with_approval().await;
    let device = it.setting.device("room");
    let made = it.setting.ask(&["device", "activate-code", "--organisation", "Corp", "--name", "Room 1"]);
    let waits = it.enroll(&device, &["--activation-code", made["code"].as_str().unwrap()]).with(7);
    assert!(waits["error"]["message"].as_str().unwrap().contains("waits for approval"), "{waits}");
    assert!(waits["error"]["hint"].as_str().unwrap().contains("acme-client renew"), "{waits}");
    assert_eq!(device.run(&["renew"]).with(7)["result"], "approval_needed");
    let listed = device.run(&["status"]).with(0);
    assert!(listed["identities"][0]["approval"]["ask_again"].is_string(), "{listed}");
    let asked = it.setting.ask(&["approvals", "list"]);
    it.setting.ask(&["approvals", "approve", asked["items"][0]["id"].as_str().unwrap()]);
    assert_eq!(device.run(&["renew", "--force"]).with(0)["identities"][0]["generation"], 1);
    assert_eq!(device.run(&["status"]).with(0)["identities"][0]["pending"], false);
}
