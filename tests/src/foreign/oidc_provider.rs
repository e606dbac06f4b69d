//! The npm package `oidc-provider` as an OpenID Connect provider: one confidential client, PKCE, sign-in pages of its own that take any password.
//!
//! The program around it is ours (`tests/foreign/oidc-provider`, installed there by `npm ci`). Ends when dropped.

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::Account;

const HOME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/foreign/oidc-provider");

/// What it calls us.
pub const CLIENT_ID: &str = "rollcall";

/// A running provider.
#[derive(Debug)]
pub struct OidcProvider {
    child: Child,
    folder: tempfile::TempDir,
    /// Its issuer.
    pub issuer: String,
}

impl OidcProvider {
    /// Starts it with these people, for a client that takes answers at `redirect_uri`; `None`, with a word, where it is not installed.
    ///
    /// # Errors
    /// If its files cannot be written or it does not start.
    pub fn start(people: &[Account<'_>], redirect_uri: &str, secret: &str) -> io::Result<Option<Self>> {
        Self::start_for(people, redirect_uri, secret, None)
    }

    /// The same; it gives JWT access tokens (RFC 9068) for `audience`: to people who sign in and ask for it as a resource (RFC 8707), with their address in
    /// them, and to the client itself by the grant `client_credentials`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_for(
        people: &[Account<'_>],
        redirect_uri: &str,
        secret: &str,
        audience: Option<&str>,
    ) -> io::Result<Option<Self>> {
        let Some(node) = super::program("node") else { return Ok(None) };
        if !Path::new(HOME).join("node_modules/oidc-provider/package.json").is_file() {
            super::skip("oidc-provider (`npm ci` in tests/foreign/oidc-provider)");
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        let people: serde_json::Map<_, _> = people
            .iter()
            .map(|person| {
                let claims = json!({
                    "email": person.email, "email_verified": person.email_verified, "name": person.name, "groups": person.groups,
                });
                (person.login.to_owned(), claims)
            })
            .collect();
        let settings = json!({
            "client_id": CLIENT_ID, "client_secret": secret, "redirect_uri": redirect_uri, "people": people,
            "audience": audience,
        });
        let path = folder.path().join("settings.json");
        fs::write(&path, settings.to_string())?;
        let mut child = Command::new(node)
            .arg(Path::new(HOME).join("server.mjs"))
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.path().join("log"))?)
            .spawn()?;
        let mut issuer = String::new();
        if let Some(stdout) = child.stdout.as_mut() {
            BufReader::new(stdout).read_line(&mut issuer)?;
        }
        let provider = Self { child, folder, issuer: issuer.trim().to_owned() };
        if provider.issuer.is_empty() {
            return Err(io::Error::other(format!("oidc-provider does not start:\n{}", provider.log())));
        }
        Ok(Some(provider))
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for OidcProvider {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
