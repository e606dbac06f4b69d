//! `ca-server authority export-root`: the encrypted root key moved to a medium, and nothing of it left here.
//!
//! The copy is read back and compared before the original is removed. A key that is not encrypted is never moved.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::draft::DraftFile;
use super::super::{ConfigFile, Failure, output};
use super::{Found, install, root_key};
use crate::ids::AuthorityName;

/// Move the encrypted root key to another place.
#[derive(Debug, clap::Args)]
pub struct ExportRoot {
    /// The authority.
    name: AuthorityName,
    /// The file.
    #[command(flatten)]
    file: ConfigFile,
    /// The folder to move it to, such as a mounted medium.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// The encrypted root key. Default: offline/NAME.root.key.pem, where `init` put it.
    #[arg(long, value_name = "FILE")]
    root_key: Option<PathBuf>,
    /// File with its passphrase, to make sure that it opens the key before it is moved. Default: offline/passphrase, if it is there.
    #[arg(long, value_name = "FILE")]
    root_passphrase_file: Option<PathBuf>,
    /// Print what was moved as JSON.
    #[arg(long)]
    json: bool,
}

/// What was moved.
#[derive(Debug, Serialize)]
struct Moved {
    /// Where the key is now.
    key: PathBuf,
    /// The root certificate beside it.
    certificate: PathBuf,
    /// Whether the passphrase was tried.
    opened: bool,
    /// A passphrase that still lies on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    passphrase_left: Option<PathBuf>,
}

/// Moves it and says what to do.
pub(super) fn run(command: &ExportRoot) -> Result<(), Failure> {
    let found = Found::read(&command.file, &command.name)?;
    let (key, passphrase) = root_key::offline(&found.config.folder, &found.name);
    let key = command.root_key.clone().unwrap_or(key);
    if !key.exists() {
        return Err(Failure::NoRootKey { path: key, authority: found.name });
    }
    let text = std::fs::read(&key).map_err(|source| install::failed("read", &key, source))?;
    let is_encrypted = String::from_utf8_lossy(&text).contains("BEGIN ENCRYPTED PRIVATE KEY");
    if !is_encrypted {
        let reason = "it is not encrypted".to_owned();
        return Err(Failure::RootKey { path: key, reason });
    }
    let tried = command
        .root_passphrase_file
        .clone()
        .or_else(|| Some(passphrase.clone()).filter(|file| file.exists()));
    if let Some(file) = &tried {
        root_key::open(&key, file, &found.root)?;
    }
    let moved = Moved {
        certificate: command.to.join(format!("{}.pem", found.name)),
        key: command.to.join(format!("{}.root.key.pem", found.name)),
        opened: tried.is_some(),
        passphrase_left: Some(passphrase).filter(|file| file.exists()),
    };
    let root = found.config.resolve(&found.section.root);
    let certificate = std::fs::read(&root).map_err(|source| install::failed("read", &root, source))?;
    if !moved.certificate.exists() {
        copy(&moved.certificate, &certificate)?;
    }
    copy(&moved.key, &text)?;
    std::fs::remove_file(&key).map_err(|source| install::failed("remove", &key, source))?;
    if command.json {
        output::json(&moved);
        return Ok(());
    }
    output::line(&format!("moved {} to {}", key.display(), moved.key.display()));
    if !moved.opened {
        output::note("the passphrase was not tried: make sure that you have it (--root-passphrase-file)");
    }
    output::note(
        "next: unmount the medium and lock it away; make a second copy and keep it in another building",
    );
    if let Some(left) = &moved.passphrase_left {
        output::note(&format!(
            "the passphrase still lies in {}: keep it apart from the key, not here",
            left.display()
        ));
    }
    output::note("from now on the issuer is replaced as `ca-server authority ceremony` prints it");
    Ok(())
}

/// Writes a copy and compares it with what was to be written.
fn copy(to: &Path, content: &[u8]) -> Result<(), Failure> {
    let mut draft = DraftFile::open(to)?;
    draft.write(content)?;
    draft.keep()?;
    let back = std::fs::read(to).map_err(|source| install::failed("read", to, source))?;
    if back == content {
        Ok(())
    } else {
        Err(Failure::Unusable { path: to.to_owned(), reason: "the copy differs".to_owned() })
    }
}
