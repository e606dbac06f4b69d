//! SimpleSAMLphp as a SAML identity provider, in PHP's own web server on loopback: one person, signed assertions, HTTP-Redirect in, HTTP-POST out.
//!
//! Debian's package is the program; its settings are ours (`tests/foreign/simplesamlphp`), copied into a folder of its own. Ends when dropped.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::Account;

/// Where the package puts what a web server shows.
const PAGES: &str = "/usr/share/simplesamlphp/www";

const SETTINGS: [(&str, &str); 3] = [
    ("config.php", include_str!("../../foreign/simplesamlphp/config.php")),
    ("authsources.php", include_str!("../../foreign/simplesamlphp/authsources.php")),
    ("saml20-idp-hosted.php", include_str!("../../foreign/simplesamlphp/saml20-idp-hosted.php")),
];

/// A running provider.
#[derive(Debug)]
pub struct SimpleSaml {
    child: Child,
    folder: tempfile::TempDir,
    address: String,
}

impl SimpleSaml {
    /// Starts it with these people; `None`, with a word, where a program is missing.
    ///
    /// # Errors
    /// If its files cannot be written or it does not answer.
    pub fn start(people: &[Account<'_>]) -> io::Result<Option<Self>> {
        let (Some(php), Some(openssl)) = (super::program("php"), super::program("openssl")) else {
            return Ok(None);
        };
        if !Path::new(PAGES).join("module.php").is_file() {
            super::skip("simplesamlphp");
            return Ok(None);
        }
        let address = format!("127.0.0.1:{}", crate::load::process::free_port()?);
        let folder = tempfile::tempdir()?;
        write_settings(folder.path(), &address, people)?;
        make_key(&openssl, folder.path())?;
        let log = fs::File::create(folder.path().join("log/php.log"))?;
        let child = Command::new(php)
            .args(["-d", &format!("sys_temp_dir={}", folder.path().join("temporary").display())])
            .args(["-S", &address, "-t", PAGES])
            .env("SIMPLESAMLPHP_CONFIG_DIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let provider = Self { child, folder, address };
        provider.wait()?;
        Ok(Some(provider))
    }

    /// Its metadata, in a file.
    ///
    /// # Errors
    /// If it does not answer with metadata.
    pub fn metadata(&self) -> io::Result<PathBuf> {
        let text = ask(&self.address, "/saml2/idp/metadata.php")?;
        let start = text.find("<?xml").ok_or_else(|| io::Error::other(format!("no metadata:\n{text}")))?;
        let path = self.folder.path().join("metadata.xml");
        fs::write(&path, text.get(start..).unwrap_or_default())?;
        Ok(path)
    }

    /// Tells it whom it may answer, by that service provider's metadata.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn trust(&self, service_provider: &str) -> io::Result<()> {
        fs::write(self.folder.path().join("service-provider.xml"), service_provider)
    }

    /// The host and port of its pages.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it and PHP logged.
    #[must_use]
    pub fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.folder.path().join("log").join(name));
        ["simplesamlphp.log", "php.log"].map(|name| read(name).unwrap_or_default()).concat()
    }

    fn wait(&self) -> io::Result<()> {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(30) {
            if self.metadata().is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(io::Error::other(format!("SimpleSAMLphp does not answer:\n{}", self.log())))
    }
}

impl Drop for SimpleSaml {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_settings(folder: &Path, address: &str, people: &[Account<'_>]) -> io::Result<()> {
    for name in ["log", "data", "temporary", "sessions"] {
        fs::create_dir(folder.join(name))?;
    }
    for (name, text) in SETTINGS {
        fs::write(folder.join(name), text)?;
    }
    fs::write(folder.join("saml20-sp-remote.php"), "<?php\n")?;
    let mut salt = [0; 16];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| io::Error::other("no entropy"))?;
    let people: serde_json::Map<_, _> = people
        .iter()
        .map(|person| {
            let attributes =
                json!({ "mail": [person.email], "displayName": [person.name], "groups": person.groups });
            (format!("{}:{}", person.login, person.password), attributes)
        })
        .collect();
    let salt: String = salt.iter().map(|octet| format!("{octet:02x}")).collect();
    let settings = json!({ "url": format!("http://{address}/"), "salt": salt, "people": people });
    fs::write(folder.join("settings.json"), settings.to_string())
}

/// The key that it signs with.
fn make_key(openssl: &Path, folder: &Path) -> io::Result<()> {
    let said = super::run(
        Command::new(openssl)
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=provider"])
            .arg("-keyout")
            .arg(folder.join("provider.key"))
            .arg("-out")
            .arg(folder.join("provider.pem")),
    )?;
    if said.success { Ok(()) } else { Err(io::Error::other(said.text)) }
}

fn ask(address: &str, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    // In one piece: PHP's own server takes the first one that it reads for the whole.
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}
