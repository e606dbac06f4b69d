//! `ca-server backup`: everything the running server holds, in one file that is verified while it is written.
//!
//! The rows come from the server, over its admin socket; configuration, policy and certificates are read here, and keys only if asked, sealed
//! with a passphrase. Nothing stands under the name asked for before it is whole and on disk.

use std::ops::ControlFlow;
use std::path::{Component, Path, PathBuf};

use certs::key::{EncryptionEntropy, Secret, seal};
use serde::Serialize;
use time::OffsetDateTime;

use super::draft::DraftFile;
use super::progress::Moving;
use super::{Asking, Failure, output, passphrase, serve};
use crate::admin::client::AdminClient;
use crate::backup::contents::Contents;
use crate::backup::decode::{Damage, Decoder, Fault, Piece};
use crate::backup::encode::Encoder;
use crate::backup::{File, Totals};
use crate::clock::{Clock as _, SystemClock};
use crate::config::files::{NamedFile, files, token_uri};
use crate::config::{Config, load};
use crate::ids::random_bytes;

/// Write everything the running server holds into one file.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example, once a day:
  ca-server backup /var/backups/rollcall/ --config ca/ca.toml

The file holds what was acknowledged before the backup began; the server goes on meanwhile. It is as secret as the store: it has the
secrets of external account binding keys. Root keys are never in it; keep DIR/offline apart. Verify it by restoring it:
  ca-server restore FILE --dir /tmp/restored")]
pub struct BackupCommand {
    /// The file to write, or a folder, in which a file named after the time is made.
    #[arg(value_name = "FILE|DIR")]
    pub to: PathBuf,
    /// Where to ask.
    #[command(flatten)]
    pub asking: Asking,
    /// Leave out configuration, policy and certificates.
    #[arg(long)]
    pub without_files: bool,
    /// Also the keys that the configuration names, sealed with the passphrase.
    #[arg(long, requires = "passphrase_file", conflicts_with = "without_files")]
    pub with_keys: bool,
    /// File with the passphrase that seals the keys.
    #[arg(long, value_name = "FILE", requires = "with_keys")]
    pub passphrase_file: Option<PathBuf>,
}

/// What was written.
#[derive(Debug, Serialize)]
pub(super) struct Written {
    /// The file.
    pub file: PathBuf,
    /// Its size.
    pub octets: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// Certificate records.
    pub certificates: u64,
    /// Files that went with them.
    pub files: Vec<String>,
    /// Keys among them, which are sealed.
    pub keys: usize,
    /// Issuing keys that are in tokens, and so in no backup: their URIs.
    pub keys_in_tokens: Vec<String>,
    /// The last journal entry, as `SEQ:HASH`: `log verify --expect` compares it.
    pub journal: Option<String>,
    /// SHA-256 of all but the last block, as it stands in the last block.
    pub sha256: String,
}

/// Writes it and says what is in it.
pub(super) fn run(command: &BackupCommand) -> Result<(), Failure> {
    let config = load::load(&command.asking.file.config)?;
    let secret = command.passphrase_file.as_deref().map(passphrase::read_passphrase).transpose()?;
    let files = match command.without_files {
        true => Vec::new(),
        false => gather(&config, &command.asking.file.config, secret.as_ref())?,
    };
    let target = target(&command.to, SystemClock.now());
    let mut copy = Copying::begin(&target, files)?;
    let runtime = serve::runtime()?;
    runtime.block_on(copy.take_all(&AdminClient::new(&config)))?;
    let written = Written { keys_in_tokens: in_tokens(&config), ..copy.keep(target)? };
    tell(command, &written);
    Ok(())
}

fn tell(command: &BackupCommand, written: &Written) {
    if command.asking.json {
        return output::json(written);
    }
    output::line(&format!("wrote {} ({} octets)", written.file.display(), written.octets));
    output::line(&format!(
        "  {} certificates, {} rows in all, {} files, {} of them sealed keys",
        written.certificates,
        written.rows,
        written.files.len(),
        written.keys
    ));
    output::line(&format!("  journal {}", written.journal.as_deref().unwrap_or("empty")));
    output::line(&format!("  sha256  {}", written.sha256));
    for uri in &written.keys_in_tokens {
        output::note(&format!(
            "not in it, since it never leaves its token: the issuing key {uri}; back the token up by its maker's means"
        ));
    }
    if !command.with_keys {
        output::note(
            "no keys are in it: keep copies of the keys that ca.toml names, or use --with-keys --passphrase-file FILE",
        );
    }
}

/// The keys of issuers, present and replaced, that are in tokens.
fn in_tokens(config: &Config) -> Vec<String> {
    let mut keys = std::collections::BTreeSet::new();
    for section in config.authority.values() {
        let folder = config.resolve(&section.replaced_folder());
        let replaced = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let all = replaced.chain([section.key.clone()]);
        keys.extend(all.filter_map(|place| token_uri(config, &place)).map(|uri| uri.to_string()));
    }
    keys.into_iter().collect()
}

/// A folder gets a file named after the time.
fn target(to: &Path, now: OffsetDateTime) -> PathBuf {
    if !to.is_dir() {
        return to.to_owned();
    }
    let (hour, minute, second) = now.to_hms();
    let day = now.date();
    to.join(format!("rollcall-{day}T{hour:02}{minute:02}{second:02}Z.backup"))
}

/// The files that go with the rows; secrets only if there is something to seal them with.
fn gather(config: &Config, config_file: &Path, secret: Option<&Secret>) -> Result<Vec<File>, Failure> {
    let mut gathered = vec![File { name: "ca.toml".to_owned(), sealed: false, content: read(config_file)? }];
    for NamedFile { path, secret: is_secret } in files(config) {
        let content = match (is_secret, secret) {
            (false, _) => read(&path)?,
            (true, Some(secret)) => sealed(&path, secret)?,
            (true, None) => continue,
        };
        gathered.push(File { name: name(config, &path), sealed: is_secret, content });
    }
    Ok(gathered)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|source| Failure::File { action: "read", path: path.to_owned(), source })
}

fn sealed(path: &Path, secret: &Secret) -> Result<Vec<u8>, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Making {
        what: format!("the sealed copy of {}", path.display()),
        reason: error.to_string(),
    };
    let octets = zeroize::Zeroizing::new(read(path)?);
    let entropy = EncryptionEntropy::new(random_bytes().map_err(|error| failed(&error))?);
    seal(&octets, secret, &entropy).map_err(|error| failed(&error))
}

/// The name of a file within the backup: its path below the configuration's folder, or whole below `outside`.
fn name(config: &Config, path: &Path) -> String {
    let plain = |path: &&Path| path.components().all(|part| matches!(part, Component::Normal(_)));
    if let Some(inside) = path.strip_prefix(&config.folder).ok().filter(plain) {
        return inside.display().to_string();
    }
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    format!("outside{}", whole.display())
}

/// What the server sends, on its way into the file.
struct Copying {
    draft: DraftFile,
    decoder: Decoder,
    contents: Contents,
    files: Vec<File>,
    encoder: Option<Encoder>,
    octets: u64,
    progress: Moving,
}

impl Copying {
    fn begin(target: &Path, files: Vec<File>) -> Result<Self, Failure> {
        Ok(Self {
            draft: DraftFile::open(target)?,
            decoder: Decoder::default(),
            contents: Contents::default(),
            files,
            encoder: None,
            octets: 0,
            progress: Moving::start("backing up"),
        })
    }

    async fn take_all(&mut self, client: &AdminClient) -> Result<(), Failure> {
        let mut failed = None;
        let taken = client.stream("/backup", |octets| match self.take(octets) {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                failed = Some(failure);
                ControlFlow::Break(())
            }
        });
        let ended = taken.await;
        failed.map_or(Ok(()), Err)?;
        Ok(ended?)
    }

    fn take(&mut self, octets: &[u8]) -> Result<(), Failure> {
        self.decoder.push(octets);
        while let Some(piece) = self.decoder.piece().map_err(damaged)? {
            match piece {
                Piece::Head(head) => {
                    let (mut encoder, octets) = Encoder::begin(&head)?;
                    self.write(&octets)?;
                    for file in std::mem::take(&mut self.files) {
                        let octets = encoder.file(&file)?;
                        self.write(&octets)?;
                        self.files.push(File { content: Vec::new(), ..file });
                    }
                    self.encoder = Some(encoder);
                }
                Piece::Rows(table, rows) => {
                    let place = self.decoder.place();
                    let right = self.contents.rows(table, &rows);
                    right.map_err(|fault| damaged(Damage { place, fault: Fault::Contents(fault) }))?;
                    if let Some(encoder) = &mut self.encoder {
                        let octets = encoder.rows(table, &rows)?;
                        self.write(&octets)?;
                    }
                    self.progress.tell(|| format!("{} MiB, {table:?}", self.octets >> 20));
                }
                // A server sends no files, and its end is not ours.
                Piece::File(_) | Piece::End(_) => {}
            }
        }
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), Failure> {
        self.octets += octets.len() as u64;
        self.draft.write(octets)
    }

    fn keep(mut self, target: PathBuf) -> Result<Written, Failure> {
        let totals: Totals = std::mem::take(&mut self.decoder).finish().map_err(damaged)?;
        let (octets, sha256) = match self.encoder.take() {
            Some(encoder) => encoder.end()?,
            None => (Vec::new(), String::new()),
        };
        self.write(&octets)?;
        let written = Written {
            file: target,
            octets: self.octets,
            rows: totals.all_rows(),
            certificates: self.contents.certificates(),
            keys: self.files.iter().filter(|file| file.sealed).count(),
            files: self.files.iter().map(|file| file.name.clone()).collect(),
            journal: self.contents.journal().noted().map(|head| head.to_string()),
            keys_in_tokens: Vec::new(),
            sha256,
        };
        self.draft.keep()?;
        Ok(written)
    }
}

fn damaged(damage: Damage) -> Failure {
    Failure::Damaged {
        what: "what the server holds".to_owned(),
        damage,
        hint: "nothing was written; see what is wrong with `ca-server doctor`, and keep the backup before this one",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_outside_of_the_folder_has_a_name_that_restores_within_it() {
        let text = "listen = \"127.0.0.1:0\"\nurl = \"https://ca.test\"\n[authority.external]\ncertificate = \"c\"\nkey = \"k\"\nroot = \"r\"\n";
        let config = load::parse(text, Path::new("/x/ca")).unwrap();
        assert_eq!(name(&config, Path::new("/x/ca/policy/rules/a.cedar")), "policy/rules/a.cedar");
        assert_eq!(name(&config, Path::new("/etc/../etc/passwd")), "outside/etc/passwd");
    }
}
