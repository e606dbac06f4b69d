//! SoftHSM, a token in software, and OpenSC's tool for it: a folder with tokens of its own, which no other test sees.
//!
//! A module reads its configuration once in a process, so what is to use these tokens is a process with the variable of [`SoftHsm::environment`].

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tokens::TokenUri;

use super::{program, skip};

/// The PIN of every token at first.
pub const PIN: &str = "73519864";
const CONF: &str = "SOFTHSM2_CONF";
const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
];

/// A folder with tokens.
#[derive(Debug)]
pub struct SoftHsm {
    folder: PathBuf,
    module: &'static str,
    // Removed with the last use; a process that was started for another's folder has none.
    _owned: Option<TempDir>,
}

impl SoftHsm {
    /// New tokens of these names; `None` with a word on standard error if the programs are not here.
    ///
    /// # Errors
    /// If a file cannot be written, or a token not made.
    pub fn new(names: &[&str]) -> io::Result<Option<Self>> {
        let Some(module) = MODULES.into_iter().find(|path| Path::new(path).exists()) else {
            skip("SoftHSM");
            return Ok(None);
        };
        if program("pkcs11-tool").is_none() || program("softhsm2-util").is_none() {
            return Ok(None);
        }
        let owned = tempfile::tempdir()?;
        let made = Self { folder: owned.path().to_owned(), module, _owned: Some(owned) };
        std::fs::create_dir(made.path("tokens"))?;
        let tokens = made.path("tokens");
        let conf = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens.display()
        );
        std::fs::write(made.conf(), conf)?;
        for name in names {
            made.write_pin(name, PIN)?;
            made.init(name, &["--pin", PIN])?;
        }
        Ok(Some(made))
    }

    /// The folder that another process made.
    #[must_use]
    pub fn of(folder: impl Into<PathBuf>) -> Option<Self> {
        let module = MODULES.into_iter().find(|path| Path::new(path).exists())?;
        Some(Self::of_module(folder, module))
    }

    fn of_module(folder: impl Into<PathBuf>, module: &'static str) -> Self {
        Self { folder: folder.into(), module, _owned: None }
    }

    /// Makes one more token.
    fn init(&self, name: &str, pin: &[&str]) -> io::Result<()> {
        let mut init = Command::new("softhsm2-util");
        init.args(["--init-token", "--free", "--label", name, "--so-pin", "12345678"]).args(pin);
        let output = init.env(CONF, self.conf()).output()?;
        said(&output.stderr, output.status.success()).map(drop)
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn conf(&self) -> PathBuf {
        self.path("softhsm2.conf")
    }

    /// What a process needs to see these tokens and no others.
    #[must_use]
    pub fn environment(&self) -> (&'static str, OsString) {
        (CONF, self.conf().into_os_string())
    }

    /// The module.
    #[must_use]
    pub fn module(&self) -> &str {
        self.module
    }

    /// The file with a token's PIN.
    #[must_use]
    pub fn pin(&self, token: &str) -> PathBuf {
        self.path(&format!("{token}.pin"))
    }

    /// Writes another PIN into that file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_pin(&self, token: &str, pin: &str) -> io::Result<()> {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut file = std::fs::File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(self.pin(token))?;
        writeln!(file, "{pin}")
    }

    /// Module and PIN of a token, as a URI names them.
    #[must_use]
    pub fn query(&self, token: &str) -> String {
        format!("module-path={}&pin-source=file:{}", self.module, self.pin(token).display())
    }

    /// The URI of a token.
    #[must_use]
    pub fn store(&self, token: &str) -> String {
        format!("pkcs11:token={token}?{}", self.query(token))
    }

    /// The URI of a key.
    #[must_use]
    pub fn key(&self, token: &str, object: &str) -> String {
        format!("pkcs11:token={token};{object}?{}", self.query(token))
    }

    /// The same, read.
    ///
    /// # Errors
    /// If it is none.
    pub fn uri(&self, token: &str, object: &str) -> Result<TokenUri, tokens::UriError> {
        self.key(token, object).parse()
    }

    /// OpenSC's tool, logged in to a token: what it says.
    ///
    /// # Errors
    /// If it fails, with what it says.
    pub fn tool(&self, token: &str, arguments: &[&str]) -> io::Result<String> {
        let mut tool = Command::new("pkcs11-tool");
        tool.args(["--module", self.module, "--token-label", token, "--login", "--pin", PIN]).args(arguments);
        let output = tool.env(CONF, self.conf()).output()?;
        said(&output.stderr, output.status.success())?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The ids of the private keys in a token, hexadecimal.
    ///
    /// # Errors
    /// If the tool fails.
    pub fn private_keys(&self, token: &str) -> io::Result<Vec<String>> {
        let said = self.tool(token, &["--list-objects", "--type", "privkey"])?;
        Ok(said
            .lines()
            .filter_map(|line| line.trim().strip_prefix("ID:"))
            .map(|id| id.trim().to_owned())
            .collect())
    }

    fn folder_of(&self, token: &str) -> io::Result<PathBuf> {
        // The label as a token keeps it, padded to its 32 octets (PKCS#11 §3.2): beside it stand random octets, which hold any two there are.
        let wanted = format!("{token:<32}").into_bytes();
        for entry in std::fs::read_dir(self.path("tokens"))? {
            let path = entry?.path();
            let label = std::fs::read(path.join("token.object")).unwrap_or_default();
            if label.windows(wanted.len()).any(|seen| seen == wanted) {
                return Ok(path);
            }
        }
        Err(io::Error::new(io::ErrorKind::NotFound, token.to_owned()))
    }

    /// As when a token is pulled out.
    ///
    /// # Errors
    /// If it is not there.
    pub fn take_away(&self, token: &str) -> io::Result<()> {
        std::fs::rename(self.folder_of(token)?, self.path(&format!("away-{token}")))
    }

    /// As when it is put in again.
    ///
    /// # Errors
    /// If it was not taken away.
    pub fn bring_back(&self, token: &str) -> io::Result<()> {
        std::fs::rename(self.path(&format!("away-{token}")), self.path("tokens").join(token))
    }
}

fn said(stderr: &[u8], success: bool) -> io::Result<()> {
    if success { Ok(()) } else { Err(io::Error::other(String::from_utf8_lossy(stderr).into_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_whole_label_whatever_random_octets_say_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = SoftHsm::of_module(folder.path(), "");
        for number in 0..16 {
            let (label, random) = if number == 9 { ("a", "b  ") } else { ("b", "a  ") };
            let token = tokens.path("tokens").join(number.to_string());
            std::fs::create_dir_all(&token).unwrap();
            std::fs::write(token.join("token.object"), format!("{random}{label:<32}{random}")).unwrap();
        }
        tokens.take_away("a").unwrap();
        assert!(!tokens.path("tokens/9").exists());
        tokens.bring_back("a").unwrap();
        assert!(tokens.path("tokens/a/token.object").exists());
    }
}
