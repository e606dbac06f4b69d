//! A server process and a DNS in this process: the setting of those tests that need no BIND.

use std::path::Path;

use rollcall_tests::dns::FakeDns;
use rollcall_tests::load::process::Server;
use serde_json::Value;

use crate::setting::ask;

/// The zone of these tests.
pub(crate) const ZONE: &str = "corp.test";

/// Both.
pub(crate) struct Local {
    pub(crate) server: Server,
    pub(crate) dns: std::sync::Arc<FakeDns>,
    pub(crate) folder: tempfile::TempDir,
}

impl Local {
    /// Starts both, the server as `init` made it.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with these changes of `ca.toml`.
    pub(crate) async fn start_with(changes: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dns = FakeDns::start().await;
        dns.add_zone(ZONE);
        let program = Path::new(env!("CARGO_BIN_EXE_harness-ca-server"));
        let home = folder.path().join("ca");
        let url = Server::init(program, &home, ZONE, dns.address()).unwrap();
        let config = home.join("ca.toml");
        let mut text = std::fs::read_to_string(&config).unwrap();
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replacen(from, to, 1);
        }
        std::fs::write(&config, text).unwrap();
        let (server, _) = Server::start(program, &home, &url).unwrap();
        Self { server, dns: std::sync::Arc::new(dns), folder }
    }

    /// The directory URL of the external authority.
    pub(crate) fn directory(&self) -> String {
        format!("{}/acme/external/directory", self.server.url)
    }

    /// What the server knows of certificates for a name, newest first.
    pub(crate) fn certificates(&self, name: &str) -> Vec<Value> {
        ask(&self.server, &["certificates", "list", "--identifier", name])["items"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// Fetches a URL of the server, as anybody who trusts its root can.
    pub(crate) async fn fetch(&self, url: &str) -> Vec<u8> {
        let root = std::fs::read(self.server.root("external")).unwrap();
        let root = reqwest::Certificate::from_pem(&root).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([root]).no_proxy().build().unwrap();
        let answer = client.get(url).send().await.unwrap();
        assert!(answer.status().is_success(), "{url}: {}", answer.status());
        answer.bytes().await.unwrap().to_vec()
    }
}
