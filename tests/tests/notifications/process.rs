//! The server as a process of its own: killed while it tells, backed up and restored, asked and told by an operator.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use rollcall_tests::dns::FakeDns;
use rollcall_tests::load::flow::Flow;
use rollcall_tests::load::process::Server;
use rollcall_tests::load::session::Target;
use rollcall_tests::receiver::{Answer, Receiver};
use serde_json::Value;
use tempfile::TempDir;

use crate::setting::{SECRET, name, next};

const DOMAIN: &str = "hooks.test";

struct Place {
    server: Server,
    url: String,
    dns: Arc<FakeDns>,
    temporary: TempDir,
}

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_harness-ca-server"))
}

fn ca_server(config: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.args(arguments).env_remove("ROLLCALL_CONFIG").arg("--config").arg(config).output().unwrap()
}

impl Place {
    async fn start(receiver: &Receiver) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let dns = Arc::new(FakeDns::start().await);
        dns.add_zone(DOMAIN);
        let folder = temporary.path().join("ca");
        let url = Server::init(program(), &folder, DOMAIN, dns.address()).unwrap();
        let secret = folder.join("hook.secret");
        std::fs::write(&secret, SECRET).unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        let config = folder.join("ca.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let section = format!(
            "\n[[notifications.webhook]]\nname = \"hook\"\nurl = \"{}\"\nsecret_file = \"hook.secret\"\n",
            receiver.url()
        );
        let text = text.replace("\n[policy]", &format!("{section}\n[policy]"));
        std::fs::write(&config, text).unwrap();
        let (server, _) = Server::start(program(), &folder, &url).unwrap();
        Self { server, url, dns, temporary }
    }

    fn folder(&self) -> PathBuf {
        self.temporary.path().join("ca")
    }

    async fn flow(&self) -> Flow {
        let root = std::fs::read_to_string(self.server.root("external")).unwrap();
        let target = Target::new(&self.url, "external", &root).unwrap();
        Flow::register(&target, Arc::clone(&self.dns)).await.unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        ca_server(&self.folder().join("ca.toml"), arguments)
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn kill_and_start(&mut self) {
        self.server.kill().unwrap();
        self.server = Server::start(program(), &self.folder(), &self.url).unwrap().0;
    }
}

fn error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What was told so far: id and name of each event, once, in the order in which they first came.
#[derive(Default)]
struct Told(Vec<(String, String)>);

impl Told {
    fn note(&mut self, event: &Value) {
        let seen = (event["id"].as_str().unwrap().to_owned(), name(event).to_owned());
        if !self.0.contains(&seen) {
            self.0.push(seen);
        }
    }

    /// Takes what comes until there are so many.
    async fn reach(&mut self, count: usize, receiver: &Receiver) {
        while self.0.len() < count {
            self.note(&next(receiver).await.1);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_between_an_event_and_its_answer_tells_it_again_under_the_same_id_and_loses_none() {
    let receiver = Receiver::start().await;
    let mut place = Place::start(&receiver).await;
    let mut flow = place.flow().await;
    let (mut told, mut wanted) = (Told::default(), Vec::new());
    for round in 0..4 {
        receiver.answer([Answer::Never]);
        for number in 0..3 {
            let name = format!("r{round}-n{number}.{DOMAIN}");
            flow.run(&name).await.unwrap();
            wanted.push(format!("dns:{name}"));
        }
        // The receiver has the event, and the server does not know that.
        let (held, event) = next(&receiver).await;
        assert_eq!(name(&event), wanted[round * 4]);
        told.note(&event);
        place.kill_and_start();
        loop {
            let (again, event) = next(&receiver).await;
            if again.id() == held.id() {
                assert_eq!(again.body, held.body, "told twice, under one id");
                break;
            }
            // An answer that had not been noted when the server was killed: that event is told again too.
            let before = told.0.len();
            told.note(&event);
            assert_eq!(told.0.len(), before, "an event was left out before: {event}");
        }
        told.reach(wanted.len(), &receiver).await;
        // Killed right after an answer, it may not have noted it.
        place.kill_and_start();
        flow.reconnect().await.unwrap();
        flow.run(&format!("r{round}-last.{DOMAIN}")).await.unwrap();
        wanted.push(format!("dns:r{round}-last.{DOMAIN}"));
        told.reach(wanted.len(), &receiver).await;
    }
    let names: Vec<&String> = told.0.iter().map(|(_, name)| name).collect();
    assert_eq!(names, wanted.iter().collect::<Vec<_>>(), "each under one id, in order, and none is missing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_lists_tries_pauses_replays_and_resumes_webhooks() {
    let receiver = Receiver::start().await;
    let place = Place::start(&receiver).await;
    let mut flow = place.flow().await;
    let tried = place.json(&["notifications", "test", "hook"]);
    assert_eq!((&tried["delivered"], &tried["answer"]), (&Value::Bool(true), &"204 No Content".into()));
    let (_, event) = next(&receiver).await;
    assert_eq!((&event["type"], &event["data"]["webhook"]), (&"rollcall.test.v1".into(), &"hook".into()));
    receiver.answer([Answer::Status(500)]);
    let said = error(&place.run(&["notifications", "test", "hook"]));
    assert!(said.contains("did not take it: it answers 500") && said.contains("hint: "), "{said}");
    receiver.next().await;

    flow.run(&format!("one.{DOMAIN}")).await.unwrap();
    let (first, event) = next(&receiver).await;
    let paused = place.json(&["notifications", "pause", "hook"]);
    assert_eq!((&paused["status"], &paused["problem"]), (&"paused".into(), &"by an operator".into()));
    assert!(error(&place.run(&["notifications", "pause", "hook"])).contains("paused already"));
    flow.run(&format!("two.{DOMAIN}")).await.unwrap();
    let listed = place.json(&["notifications", "list"]);
    assert!(listed[0]["behind"].as_u64().unwrap() >= 2, "{listed}");
    let shown = String::from_utf8(place.run(&["notifications", "list"]).stdout).unwrap();
    assert!(shown.contains("hook  paused") && !shown.contains("whsec_"), "{shown}");
    let doctor = String::from_utf8(place.run(&["doctor"]).stdout).unwrap();
    assert!(doctor.contains("warning notifications: webhook hook is paused"), "{doctor}");
    assert!(doctor.contains("ca-server notifications resume hook"), "{doctor}");

    let entry = event["sequence"].as_str().unwrap();
    place.json(&["notifications", "replay", "hook", "--from", entry]);
    place.json(&["notifications", "resume", "hook"]);
    assert_eq!(next(&receiver).await.0.id(), first.id());
    assert_eq!(name(&next(&receiver).await.1), format!("dns:two.{DOMAIN}"));
    for from in ["0", "99999"] {
        let said = error(&place.run(&["notifications", "replay", "hook", "--from", from]));
        assert!(said.contains("not the number of a journal entry"), "{said}");
    }
    let said = error(&place.run(&["notifications", "test", "nobody"]));
    assert!(said.contains("no webhook") && said.contains("ca-server notifications list"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_server_tells_what_the_old_one_had_not_told() {
    let receiver = Receiver::start().await;
    let place = Place::start(&receiver).await;
    let mut flow = place.flow().await;
    flow.run(&format!("told.{DOMAIN}")).await.unwrap();
    assert_eq!(name(&next(&receiver).await.1), format!("dns:told.{DOMAIN}"));
    place.json(&["notifications", "pause", "hook"]);
    flow.run(&format!("untold.{DOMAIN}")).await.unwrap();
    let file = place.temporary.path().join("one.backup");
    let pass = place.temporary.path().join("pass");
    std::fs::write(&pass, "correct horse battery staple\n").unwrap();
    std::fs::set_permissions(&pass, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (file, pass) = (file.to_str().unwrap(), pass.to_str().unwrap());
    place.json(&["backup", file, "--with-keys", "--passphrase-file", pass]);
    let Place { mut server, url, dns, temporary } = place;
    server.kill().unwrap();
    std::fs::rename(temporary.path().join("ca"), temporary.path().join("lost")).unwrap();
    let folder = temporary.path().join("ca");
    let dir = folder.to_str().unwrap();
    let restored = Command::new(program())
        .args(["restore", file, "--dir", dir, "--passphrase-file", pass])
        .env_remove("ROLLCALL_CONFIG")
        .output()
        .unwrap();
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let mode = std::fs::metadata(folder.join("hook.secret")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "the secret came along, sealed");
    let (server, _) = Server::start(program(), &folder, &url).unwrap();
    let place = Place { server, url, dns, temporary };
    assert_eq!(place.json(&["notifications", "list"])[0]["status"], "paused", "as it was");
    place.json(&["notifications", "resume", "hook"]);
    assert_eq!(name(&next(&receiver).await.1), format!("dns:untold.{DOMAIN}"));
}
