//! `enroll internal --est` end to end: a device that renews with the certificate it holds, a person who shows a token each time, and requests that wait for an
//! administrator. Once with the programs, once with the library and a clock that stands still.

use std::fs;
use std::path::PathBuf;

use acme_client::acme::{HttpsConfig, HttpsTransport, Patience, Roots, Transport};
use acme_client::clock::FixedClock;
use acme_client::enroll::{Agent, Connector, EstAuthority, Leaf, activate, waiting};
use acme_client::internal::{est_url, internal_url};
use acme_client::progress::Silent;
use acme_client::renew::{Attempt, Why, renew_identity};
use acme_client::state::{
    Credential, EstSettings, IdentityDir, IdentityName, IdentitySettings, KeyType, Operation, ServerLabel,
    StateDir, Subject,
};
use policies::profiles::SHIPPED;
use rollcall_tests::ca::{QuickClock, TestCa};
use rollcall_tests::internal::InternalCa;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::internal::Internal;
use crate::setting::ZONE;

/// A server in this process whose clock stands still, and a state directory with one identity over EST.
pub(crate) struct Est {
    pub(crate) it: InternalCa,
    pub(crate) state: StateDir,
    folder: tempfile::TempDir,
}

/// The client's library on it, as of now.
pub(crate) struct Client {
    state: StateDir,
    connector: Connector,
    pub(crate) clock: FixedClock,
}

impl Client {
    pub(crate) fn agent(&self) -> Agent<'_> {
        Agent {
            state: &self.state,
            connector: &self.connector,
            clock: &self.clock,
            progress: &Silent,
            person: None,
        }
    }

    pub(crate) async fn renew(&self, force: bool) -> Attempt {
        let identity = self.state.identity(&IdentityName::parse("room").unwrap());
        let (_lock, _) = self.state.lock().unwrap();
        renew_identity(self.agent(), &identity, force).await.attempt
    }
}

impl Est {
    pub(crate) async fn start() -> Self {
        Self::of(InternalCa::start().await).await
    }

    /// A server on which certificates of this profile wait for approval.
    pub(crate) async fn approving(profile: &str) -> Self {
        let (name, text) =
            SHIPPED.iter().find(|(name, _)| name.strip_suffix(".toml") == Some(profile)).unwrap();
        let text = text.replace("needs-approval = false", "");
        let text = format!("needs-approval = true\n{text}");
        let builder = TestCa::builder().file(&format!("policy/profiles/{name}"), &text);
        Self::of(InternalCa::build(builder, |_| {}).await).await
    }

    async fn of(it: InternalCa) -> Self {
        it.organisation("Corp").await;
        it.verified_domain("Corp", ZONE).await;
        it.prefer("Corp", ZONE).await;
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::at(folder.path().join("state"));
        Self { it, state, folder }
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.it.ca.app().clock.now()
    }

    /// Time passes, and the organisation's domain is seen again, as a running server sees to.
    pub(crate) async fn advance(&self, by: Duration) {
        self.it.ca.clock.advance(by);
        self.it.tell("/organisations/Corp/domains/verify", json!({"domain": ZONE})).await;
    }

    pub(crate) fn client(&self) -> Client {
        let mut connector = Connector::default();
        connector.addresses = vec![(self.it.ca.host().to_owned(), self.it.ca.running().address())];
        connector.environment_proxy = false;
        Client { state: self.state.clone(), connector, clock: FixedClock(self.now()) }
    }

    /// The same over a transport of the caller's, which shows no certificate.
    pub(crate) fn over(&self, transport: impl Transport + 'static) -> Client {
        let clock = std::sync::Arc::new(QuickClock::default());
        let connector = Connector::over(std::sync::Arc::new(transport), clock, Patience::default());
        Client { connector, ..self.client() }
    }

    /// The client's own HTTPS to the server.
    pub(crate) fn https(&self, max_body: usize) -> HttpsTransport {
        let mut https = HttpsConfig::new(Roots::from_pem(self.it.ca.tls_pem().as_bytes()).unwrap());
        https.environment_proxy = false;
        https.addresses = vec![(self.it.ca.host().to_owned(), self.it.ca.running().address())];
        https.max_body = max_body;
        HttpsTransport::new(&https).unwrap()
    }

    pub(crate) fn identity(&self) -> IdentityDir {
        self.state.identity(&IdentityName::parse("room").unwrap())
    }

    pub(crate) fn settings(&self, credential: Credential) -> IdentitySettings {
        let subject = Subject::Est(EstSettings { credential, user: None });
        self.stored(subject, est_url(&self.it.ca.url("")).unwrap())
    }

    /// The same without EST.
    pub(crate) fn over_json(&self, credential: Credential) -> IdentitySettings {
        self.stored(Subject::Internal(credential), internal_url(&self.it.ca.url("")).unwrap())
    }

    fn stored(&self, subject: Subject, directory: url::Url) -> IdentitySettings {
        let settings = IdentitySettings {
            subject,
            directory,
            profile: None,
            key_type: KeyType::P256,
            key_store: tokens::KeyStore::File,
            keep: 5,
            deploy: None,
        };
        self.identity().store_settings(&settings).unwrap();
        let account = self.state.account(&ServerLabel::of(&settings.directory));
        account.store_roots(self.it.ca.tls_pem().as_bytes()).unwrap();
        settings
    }

    /// Activates the identity as a device.
    pub(crate) async fn device(&self) {
        self.activated(self.settings(Credential::MachineAccount)).await;
    }

    pub(crate) async fn activated(&self, settings: IdentitySettings) {
        let code = self.it.device_code("Corp").await["code"].as_str().unwrap().to_owned();
        let client = self.client();
        let tokens =
            EstAuthority::new(client.agent(), &settings, None).unwrap().tokens(client.agent()).unwrap();
        activate(client.agent(), &tokens, &self.identity(), &code).await.unwrap();
    }

    /// The identity of a person, and how the token file is written.
    fn person(&self) -> impl Fn(&str) {
        let path = self.token_file();
        self.settings(Credential::TokenFile(path.clone()));
        move |token: &str| fs::write(&path, token).unwrap()
    }

    pub(crate) fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    pub(crate) fn leaf(&self) -> Leaf {
        Leaf::from_pem(&self.identity().current().unwrap().unwrap().certificate).unwrap()
    }

    fn key(&self) -> String {
        self.identity().current().unwrap().unwrap().key.to_string()
    }

    pub(crate) async fn approvals(&self) -> Vec<Value> {
        self.it.ask("/approvals?limit=10").await["items"].as_array().unwrap().clone()
    }

    async fn undecided(&self) -> Vec<Value> {
        self.approvals().await.into_iter().filter(|request| request["decision"] == "pending").collect()
    }

    pub(crate) async fn decide(&self, decision: &str) {
        let id = self.undecided().await[0]["id"].as_str().unwrap().to_owned();
        self.it.tell(&format!("/approvals/{id}/{decision}"), json!({})).await;
    }
}

#[track_caller]
pub(crate) fn failure(attempt: Attempt) -> String {
    let Attempt::Failed { error, .. } = attempt else { panic!("{attempt:?}") };
    error.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_enrols_once_with_its_code_and_then_renews_with_the_certificate_it_holds() {
    let it = Internal::start().await;
    let device = it.setting.device("room");
    let made = it.setting.ask(&["device", "activate-code", "--organisation", "Corp", "--name", "Room 1"]);
    let code = made["code"].as_str().unwrap();
    let enrolled = it.enroll(&device, &["--est", "--activation-code", code]).with(0);
    assert_eq!((&enrolled["names"], &enrolled["generation"]), (&json!([ZONE]), &json!(1)));
    assert!(enrolled["directory"].as_str().unwrap().ends_with("/.well-known/est/"), "{enrolled}");
    let judged = it.judged(&device, 0);
    assert_eq!((&judged["state"], &judged["info"]["kind"]), (&json!("internal"), &json!("device")));
    let again = it.enroll(&device, &["--est", "--activation-code", code]).with(1);
    assert!(again["error"]["message"].as_str().unwrap().contains("activation code"), "{again}");
    assert_eq!(device.run(&["renew"]).with(3)["result"], "nothing_due");
    // Without its token: the certificate speaks for it.
    let machine = device.identity("internal").path().join("machine.json");
    fs::rename(&machine, machine.with_extension("away")).unwrap();
    let mut keys = vec![device.current("internal").1];
    for generation in 2..4 {
        let renewed = device.run(&["renew", "--force"]).with(0);
        assert_eq!(renewed["identities"][0]["generation"], generation, "{renewed}");
        assert_eq!(it.judged(&device, 0)["display"], ZONE);
        keys.push(device.current("internal").1);
    }
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 3, "each certificate has its own key");
    let listed = device.run(&["status"]).with(0);
    assert_eq!(
        (&listed["identities"][0]["pending"], &listed["identities"][0]["certificate"]["generation"]),
        (&json!(false), &json!(3))
    );
    it.setting.ask(&["device", "deactivate", made["id"].as_str().unwrap()]);
    let ended = device.run(&["renew", "--force"]).with(1);
    let told = ended["identities"][0]["error"].as_str().unwrap();
    assert!(told.contains("deactivated") && told.contains("no device is activated"), "{told}");
    assert!(ended["identities"][0]["hint"].is_string(), "{ended}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_shows_a_token_at_each_renewal_as_bearer_or_as_password() {
    let it = Internal::start().await;
    for (label, user) in [("bearer", None), ("basic", Some("bob"))] {
        let device = it.setting.device(label);
        let token = it.token(label).display().to_string();
        let user: Vec<&str> = user.map(|user| vec!["--est-user", user]).unwrap_or_default();
        let enrolled = it.enroll(&device, &[&["--est", "--token-file", &token], &user[..]].concat()).with(0);
        assert_eq!(enrolled["names"], json!([format!("{label}@{ZONE}")]));
        assert_eq!(device.run(&["renew", "--force"]).with(0)["identities"][0]["generation"], 2);
        let before = device.current("internal");
        fs::write(&token, "eyJ.not.one").unwrap();
        let refused = device.run(&["renew", "--force"]).with(1);
        let told = refused["identities"][0]["error"].as_str().unwrap();
        assert!(told.contains("only devices renew") && told.contains("401"), "both reasons: {told}");
        assert!(!told.contains("eyJ.not.one") && !told.contains('\u{1b}'), "{told}");
        assert!(refused["identities"][0]["hint"].as_str().unwrap().contains("token"), "{refused}");
        assert_eq!(device.current("internal"), before, "it is as it was");
    }
    let device = it.setting.device("wrong");
    assert_eq!(it.enroll(&device, &["--est", "--guest"]).code, Some(2));
    let token = it.token("wrong").display().to_string();
    let unknown = format!("{}/nowhere", it.setting.server.url);
    let root = it.setting.server.root("external").display().to_string();
    let told = device
        .run(&["enroll", "internal", "--est", "--ca", &unknown, "--root", &root, "--token-file", &token])
        .with(1);
    assert!(told["error"]["message"].as_str().unwrap().contains("404"), "{told}");
    assert!(!device.state.path().join("identities/internal").exists(), "nothing is left of it");
}

#[tokio::test]
async fn a_certificate_is_renewed_with_itself_after_two_thirds_and_with_the_token_once_it_has_ended() {
    let est = Est::start().await;
    est.device().await;
    assert!(matches!(est.client().renew(false).await, Attempt::Renewed { why: Why::Missing, .. }));
    let (first, first_key) = (est.leaf(), est.key());
    let (_, machine_key) = est.identity().machine().unwrap().unwrap();
    assert_eq!(first_key, *machine_key, "a device's token is for its key alone");
    let chain = est.identity().current().unwrap().unwrap().chain;
    assert!(
        est.it
            .judged(&format!("{}{chain}", est.identity().current().unwrap().unwrap().certificate))
            .reason
            .is_none()
    );
    est.advance(Duration::days(4)).await;
    assert!(matches!(est.client().renew(false).await, Attempt::NotDue { .. }));
    est.advance(Duration::days(1) + Duration::hours(12)).await;
    assert!(matches!(est.client().renew(false).await, Attempt::Renewed { why: Why::Lifetime, .. }));
    let second = est.leaf();
    assert_eq!(second.identifiers, first.identifiers);
    assert!(est.key() != first_key && second.serial != first.serial);
    assert!(est.identity().enrolment().unwrap().is_none(), "nothing is left to be done");
    let audit = est.it.ca.audit().await;
    let shown = audit.of_kind("intent").last().unwrap().to_string();
    assert!(shown.contains(&format!("certificate {}", first.serial)), "{shown}");

    est.advance(Duration::days(8)).await;
    assert!(matches!(est.client().renew(false).await, Attempt::Renewed { why: Why::Expired, .. }));
    assert_eq!(est.key(), *machine_key, "on the token");

    est.advance(Duration::days(8)).await;
    fs::remove_file(est.identity().path().join("machine.json")).unwrap();
    let before = est.leaf();
    let told = failure(est.client().renew(false).await);
    assert!(told.contains("it ends at") && told.contains("no device is activated"), "{told}");
    assert_eq!(est.leaf(), before);
}

#[tokio::test]
async fn a_request_that_waits_for_approval_goes_on_with_the_same_key_in_later_runs() {
    let est = Est::approving("internal-user").await;
    let write = est.person();
    write(&est.it.token("alice", "alice@corp.test"));
    let Attempt::ApprovalNeeded { since, next } = est.client().renew(false).await else { panic!("it waits") };
    assert_eq!((since, next), (est.now(), est.now() + Duration::minutes(2)));
    let (pending, key) = est.identity().enrolment().unwrap().unwrap();
    assert_eq!((pending.operation, pending.replaces), (Operation::SimpleEnroll, None));
    // The server is left alone for as long as it said, though it has decided meanwhile.
    est.decide("approve").await;
    est.it.ca.clock.advance(Duration::minutes(1));
    assert!(matches!(est.client().renew(false).await, Attempt::ApprovalNeeded { .. }));
    assert_eq!(est.approvals().await[0]["decision"], "approved", "nobody asked");
    est.it.ca.clock.advance(Duration::minutes(9));
    // The token of then has expired; another of the same person serves.
    write(&est.it.token("alice", "alice@corp.test"));
    assert!(matches!(est.client().renew(false).await, Attempt::Renewed { .. }));
    assert_eq!(est.key(), *key);
    assert!(est.identity().enrolment().unwrap().is_none());
    assert_eq!(est.it.ca.audit().await.count("approval"), 2, "asked and approved, once");
}

#[tokio::test]
async fn a_renewal_that_waits_on_a_token_is_gone_on_with_and_not_begun_anew() {
    let est = Est::approving("internal-user").await;
    let write = est.person();
    write(&est.it.token("alice", "alice@corp.test"));
    est.client().renew(false).await;
    est.decide("approve").await;
    est.it.ca.clock.advance(Duration::minutes(2));
    assert!(matches!(est.client().renew(false).await, Attempt::Renewed { .. }));
    let first = est.leaf();
    est.advance(Duration::hours(9)).await;
    for _ in 0..3 {
        write(&est.it.token("alice", "alice@corp.test"));
        assert!(matches!(est.client().renew(false).await, Attempt::ApprovalNeeded { .. }));
        est.it.ca.clock.advance(Duration::minutes(3));
    }
    let waiting = est.undecided().await;
    assert_eq!(waiting.len(), 1, "one request, however often it is asked for: {waiting:?}");
    assert_eq!(est.leaf(), first, "the present certificate is in place");
    est.decide("approve").await;
    write(&est.it.token("alice", "alice@corp.test"));
    assert!(matches!(est.client().renew(false).await, Attempt::Renewed { .. }));
}

#[tokio::test]
async fn a_request_that_was_denied_says_so_and_asks_nobody_again() {
    let est = Est::approving("internal-device").await;
    est.device().await;
    assert!(matches!(est.client().renew(false).await, Attempt::ApprovalNeeded { .. }));
    est.decide("deny").await;
    est.it.ca.clock.advance(Duration::minutes(3));
    let told = failure(est.client().renew(false).await);
    assert!(told.contains("403") && told.contains("denied"), "{told}");
    let settings = est.identity().settings().unwrap();
    assert!(waiting(&est.identity(), &settings).unwrap().is_none(), "nothing is waited for any more");
    assert!(est.identity().current().unwrap().is_none());
    est.advance(Duration::hours(1)).await;
    assert!(failure(est.client().renew(true).await).contains("denied"));
    assert_eq!(est.approvals().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_programs_say_that_an_approval_is_needed_and_end_with_a_code_of_its_own() {
    let it = Internal::start_with_approval().await;
    let device = it.setting.device("room");
    let made = it.setting.ask(&["device", "activate-code", "--organisation", "Corp", "--name", "Room 1"]);
    let waits = it.enroll(&device, &["--est", "--activation-code", made["code"].as_str().unwrap()]).with(7);
    assert!(waits["error"]["message"].as_str().unwrap().contains("waits for approval"), "{waits}");
    assert!(waits["error"]["hint"].as_str().unwrap().contains("acme-client renew"), "{waits}");
    let early = device.run(&["renew"]).with(7);
    assert_eq!(
        (&early["result"], &early["identities"][0]["status"]),
        (&json!("approval_needed"), &json!("approval_needed"))
    );
    assert!(early["identities"][0]["next"].is_string() && early["identities"][0]["since"].is_string());
    let listed = device.run(&["status"]).with(0);
    assert_eq!(listed["identities"][0]["pending"], true);
    assert!(listed["identities"][0]["approval"]["ask_again"].is_string(), "{listed}");
    let asked = it.setting.ask(&["approvals", "list"]);
    it.setting.ask(&["approvals", "approve", asked["items"][0]["id"].as_str().unwrap()]);
    let renewed = device.run(&["renew", "--force"]).with(0);
    assert_eq!(renewed["identities"][0]["generation"], 1);
    assert_eq!(device.run(&["status"]).with(0)["identities"][0]["pending"], false);
}
