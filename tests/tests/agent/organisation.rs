//! An organisation for the tests about people: a server, the identity provider it relies on, and sign-ins in progress.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};

use rollcall_tests::browser::Browser;
use rollcall_tests::identity_provider::{Client, IdentityProvider, User};
use serde_json::Value;

use crate::setting::{Device, Ended, Setting, ZONE};

/// Who signs in.
pub(crate) const BOB: &str = "bob@corp.test";

/// A server and the identity provider that it relies on.
pub(crate) struct Organisation {
    pub(crate) setting: Setting,
    _providers: Vec<IdentityProvider>,
}

impl Organisation {
    /// With one provider.
    pub(crate) async fn start() -> Self {
        Self::start_with(&["corp"], &[]).await
    }

    /// With these providers and these keys of `[sso]`, with what they stand at in a new `ca.toml` and what they are to be.
    pub(crate) async fn start_with(names: &[&str], keys: &[(&str, &str)]) -> Self {
        let (mut providers, mut sections) = (Vec::new(), String::new());
        for name in names {
            let people = IdentityProvider::builder()
                .user(User::new(BOB, "Bob Baker"))
                .user(User::new("alice@corp.test", "Alice Archer"));
            let provider = people.start().await.unwrap();
            sections.push_str(&format!(
                "\n[[identity_provider]]\nname = \"{name}\"\ndomains = [\"{ZONE}\"]\nsso_provider = \"{name}.{ZONE}\"\n\
                 [identity_provider.oidc]\nissuer = \"{}\"\nclient_id = \"rollcall\"\n",
                provider.issuer()
            ));
            providers.push(provider);
        }
        let change = |config: String| {
            keys.iter().fold(config + &sections, |config, (before, after)| {
                assert!(config.contains(before), "no {before} in {config}");
                config.replace(before, after)
            })
        };
        let setting = Setting::start_with(change).await;
        for (name, provider) in names.iter().zip(&providers) {
            let redirect_uri = format!("{}/sso/oidc/{name}/callback", setting.server.url);
            provider.add_client(Client { id: "rollcall".to_owned(), secret: None, redirect_uri });
        }
        Self { setting, _providers: providers }
    }

    /// A browser that trusts the server.
    pub(crate) fn browser(&self) -> Browser {
        Browser::builder().trusting(&self.setting.root_pem()).start()
    }
}

/// A run of the program that waits for somebody to sign in.
pub(crate) struct Waiting {
    child: Child,
    stderr: BufReader<ChildStderr>,
    /// What it tells the person.
    pub(crate) invitation: Value,
}

/// A run of `enroll user` for an address, with or without a browser on this machine.
pub(crate) fn enroll_user(device: &Device<'_>, email: &str, browser: bool, more: &[&str]) -> Command {
    let root = device.setting.server.root("external").display().to_string();
    let base = ["enroll", "user", "--ca", &device.setting.server.url, "--root", &root, "--email", email];
    of_person(device, &[base.as_slice(), more].concat(), browser)
}

/// Any run, with or without a browser on this machine.
pub(crate) fn of_person(device: &Device<'_>, arguments: &[&str], browser: bool) -> Command {
    let mut command = device.command(arguments);
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("BROWSER");
    if browser {
        // Opens nothing: the test goes there itself.
        command.env("BROWSER", "true");
    }
    command
}

impl Waiting {
    /// Starts the run and reads on until it asks for a sign-in.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "it asked nobody to sign in: {seen}");
            match serde_json::from_str::<Value>(&line) {
                Ok(object) if object["sign_in"].is_object() => {
                    return Self { child, stderr, invitation: object["sign_in"].clone() };
                }
                Ok(_) | Err(_) => seen.push_str(&line),
            }
        }
    }

    /// The link.
    pub(crate) fn link(&self) -> &str {
        self.invitation["url"].as_str().unwrap()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    pub(crate) fn end(self) -> Ended {
        let Self { child, stderr, .. } = self;
        drop(stderr);
        Ended::of(&child.wait_with_output().unwrap())
    }

    /// Kills it, as a power failure does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Opens the link, signs in at the provider and follows where that leads.
pub(crate) async fn sign_in(browser: &mut Browser, link: &str, login: &str) {
    browser.open(link).await;
    browser.submit(&[]).await;
    browser.submit(&[("login", login), ("password", "demo")]).await;
}
