//! A server process with one foreign identity provider, the DNS that it asks, and a browser that trusts it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rollcall_tests::dns::FakeDns;
use rollcall_tests::foreign::Account;
use rollcall_tests::foreign::chromium::Chromium;
use rollcall_tests::foreign::oidc_provider::{CLIENT_ID, OidcProvider};
use rollcall_tests::foreign::simplesaml::SimpleSaml;
use rollcall_tests::load::process::Server;
use serde_json::Value;

/// The mail domain of these tests.
pub(crate) const DOMAIN: &str = "corp.test";

/// The one person.
pub(crate) const BOB: Account<'_> = Account {
    login: "bob",
    password: "correct horse",
    email: "bob@corp.test",
    email_verified: true,
    name: "Bob Example",
    groups: &["engineering", "staff"],
};

/// Somebody who wrote another's address into her profile; the provider has not verified it.
pub(crate) const EVE: Account<'_> = Account {
    login: "eve",
    password: "wrong pony",
    email: "boss@corp.test",
    email_verified: false,
    name: "Eve Example",
    groups: &[],
};

/// What the provider and the server know of each other.
pub(crate) const SECRET: &str = "a secret that only the two of them know";

/// For whom access tokens are that this server takes.
pub(crate) const AUDIENCE: &str = "https://ca.corp.test/internal";

/// What the provider is called in `ca.toml`.
pub(crate) const PROVIDER: &str = "corp";

/// A server that is set up but does not run.
pub(crate) struct Prepared {
    pub(crate) dns: FakeDns,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) url: String,
}

/// A server, and all that it needs.
pub(crate) struct Setting {
    pub(crate) server: Server,
    pub(crate) folder: tempfile::TempDir,
    dns: FakeDns,
}

impl Prepared {
    /// Sets one up.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dns = FakeDns::start().await;
        dns.add_zone(DOMAIN);
        let url = Server::init(server_program(), &folder.path().join("ca"), DOMAIN, dns.address()).unwrap();
        Self { dns, folder, url }
    }

    /// Starts it, with a provider of these settings.
    pub(crate) fn start(self, section: &str) -> Setting {
        self.start_with(&format!(
            "[[identity_provider]]\nname = \"{PROVIDER}\"\nlabel = \"Corp staff\"\ndomains = [\"{DOMAIN}\"]\n\
             sso_provider = \"sso.{DOMAIN}\"\n{section}"
        ))
    }

    /// Starts it, with these sections at the end of its configuration.
    pub(crate) fn start_with(self, sections: &str) -> Setting {
        let home = self.folder.path().join("ca");
        let config = home.join("ca.toml");
        let text = fs::read_to_string(&config).unwrap();
        fs::write(&config, format!("{text}\n{sections}")).unwrap();
        let (server, _) = Server::start(server_program(), &home, &self.url).unwrap();
        Setting { server, folder: self.folder, dns: self.dns }
    }

    /// A file beside the server's, that only its owner may read.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }
}

impl Setting {
    /// With SimpleSAMLphp; `None` where that cannot run here.
    pub(crate) async fn with_simplesamlphp() -> Option<(Self, SimpleSaml)> {
        let provider = SimpleSaml::start(&[BOB]).unwrap()?;
        let metadata = provider.metadata().unwrap();
        let section = format!("[identity_provider.saml]\nmetadata = {:?}\n", metadata.display().to_string());
        let setting = Prepared::new().await.start(&section);
        provider.trust(&setting.service_provider().await).unwrap();
        Some((setting, provider))
    }

    /// With `oidc-provider`; `None` where that cannot run here.
    pub(crate) async fn with_oidc_provider() -> Option<(Self, OidcProvider)> {
        let prepared = Prepared::new().await;
        let redirect = format!("{}/sso/oidc/{PROVIDER}/callback", prepared.url);
        let provider = OidcProvider::start(&[BOB], &redirect, SECRET).unwrap()?;
        let file = prepared.file("client-secret", SECRET);
        let section = format!(
            "[identity_provider.oidc]\nissuer = {:?}\nclient_id = {CLIENT_ID:?}\nclient_secret_file = {:?}\n",
            provider.issuer,
            file.display().to_string(),
        );
        Some((prepared.start(&section), provider))
    }

    /// With `oidc-provider` as the issuer of access tokens, which a client of its own takes at `redirect`, and the organisation whose people they are;
    /// `None` where that cannot run here.
    pub(crate) async fn with_access_tokens(redirect: &str) -> Option<(Self, OidcProvider)> {
        let prepared = Prepared::new().await;
        let provider = OidcProvider::start_for(&[BOB, EVE], redirect, SECRET, Some(AUDIENCE)).unwrap()?;
        let setting = prepared.start_with(&format!(
            "[[token_issuer]]\nname = \"{PROVIDER}\"\nissuer = {:?}\naudience = [\"{AUDIENCE}\"]\nscopes = [\"certificates\"]\n",
            provider.issuer
        ));
        setting.ask(&["org", "create", "Corp", "--token-issuer", PROVIDER]);
        let claimed = setting.ask(&["org", "domain", "add", "Corp", DOMAIN]);
        let text = |key: &str| claimed["domains"][0][key].as_str().unwrap().to_owned();
        setting.dns.set_txt(&text("record_name"), &[&text("record")]);
        let verified = setting.ask(&["org", "domain", "verify", "Corp", DOMAIN]);
        assert_eq!(verified["domains"][0]["status"], "verified", "{verified:#}");
        Some((setting, provider))
    }

    /// A client that trusts the server's root and no other.
    pub(crate) fn http(&self) -> reqwest::Client {
        let root = reqwest::Certificate::from_pem(&fs::read(self.root()).unwrap()).unwrap();
        reqwest::Client::builder().tls_certs_only([root]).no_proxy().build().unwrap()
    }

    /// The server's SAML metadata.
    pub(crate) async fn service_provider(&self) -> String {
        let url = format!("{}/sso/saml/{PROVIDER}/metadata", self.server.url);
        let answer = self.http().get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    }

    /// A browser that trusts the server's root and no other; `None` where there is none.
    pub(crate) fn browser(&self) -> Option<Chromium> {
        Chromium::start(&[&self.root()]).unwrap()
    }

    /// The root certificate.
    pub(crate) fn root(&self) -> PathBuf {
        self.server.root("external")
    }

    /// `ca-server` asked over its socket, with `--json`.
    #[track_caller]
    pub(crate) fn ask(&self, arguments: &[&str]) -> Value {
        let output = Command::new(server_program())
            .args(arguments)
            .args(["--json", "--config"])
            .arg(self.server.folder.join("ca.toml"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What the server kept about the sign-in behind Bob's certificate.
    #[track_caller]
    pub(crate) fn evidence(&self, serial: &str) -> Value {
        let shown = self.ask(&["certificates", "show", serial]);
        let evidence = shown["evidence"].as_array().unwrap_or_else(|| panic!("{shown:#}"));
        assert_eq!(evidence.len(), 1, "{shown:#}");
        evidence[0].clone()
    }

    /// What the server logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.server.folder.join("server.log")).unwrap_or_default()
    }
}

fn server_program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_harness-ca-server"))
}
