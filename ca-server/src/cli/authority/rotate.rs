//! `ca-server authority rotate`: a new issuing key and certificate in one step, where the root key is at hand.

use std::path::PathBuf;

use super::super::key_store::{KeyStore, Unkept};
use super::super::{ConfigFile, Failure};
use super::{Found, install, root_key};
use crate::clock::{Clock as _, SystemClock};
use crate::ids::AuthorityName;

/// Replace the issuer of an authority by a new one, signed by the root key.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  ca-server authority rotate external --config ca/ca.toml \\
    --root-key /mnt/usb/external.root.key.pem --root-passphrase-file /mnt/safe/passphrase

A running server switches at once; nothing that is under way fails. Certificates of the old issuer stay valid, and it goes on signing their
revocation list. Where the root key is on a machine without network: `ca-server authority ceremony NAME` prints the steps.")]
pub struct Rotate {
    /// The authority.
    name: AuthorityName,
    /// The file.
    #[command(flatten)]
    file: ConfigFile,
    /// The encrypted root key. Default: offline/NAME.root.key.pem, where `init` put it.
    #[arg(long, value_name = "FILE")]
    root_key: Option<PathBuf>,
    /// File with its passphrase. Default: offline/passphrase.
    #[arg(long, value_name = "FILE")]
    root_passphrase_file: Option<PathBuf>,
    /// The new issuer's name. Default: the present one's with the next number.
    #[arg(long, value_name = "NAME", conflicts_with = "same_key")]
    common_name: Option<String>,
    /// Where to make the new key: `file`, or the `pkcs11:` URI of a token. Default: where the present one is.
    #[arg(long, value_name = "STORE", conflicts_with = "same_key")]
    key_store: Option<KeyStore>,
    /// Only a new certificate, for the present key and name: to be valid longer. The one before is offered as an alternate chain.
    #[arg(long)]
    same_key: bool,
    /// How long it is valid; never longer than the root.
    #[arg(long, default_value_t = 10)]
    years: u16,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

/// Makes it and puts it in place.
pub(super) fn run(command: &Rotate) -> Result<(), Failure> {
    let found = Found::read(&command.file, &command.name)?;
    let (key, passphrase) = root_key::offline(&found.config.folder, &found.name);
    let key = command.root_key.clone().unwrap_or(key);
    let passphrase = command.root_passphrase_file.clone().unwrap_or(passphrase);
    if !key.exists() {
        return Err(Failure::NoRootKey { path: key, authority: found.name });
    }
    let root_key = root_key::open(&key, &passphrase, &found.root)?;
    let now = SystemClock.now();
    let (fresh, name) = match command.same_key {
        true => {
            let present = found.authority.issuer();
            (install::present_key(&found)?, present.display_name().to_owned())
        }
        false => (
            install::new_key(&found, command.key_store.as_ref())?,
            command.common_name.clone().unwrap_or_else(|| found.next_name()),
        ),
    };
    let mut made = Unkept::none();
    if !command.same_key {
        made.add(&fresh);
    }
    let wanted = root_key::Wanted {
        common_name: name,
        organization: found.authority.issuer().organization(),
        key: fresh.public(),
        years: command.years,
        list: found.root_list_url(),
    };
    let certificate = root_key::sign(&wanted, &found.root, &root_key, now)?;
    install::fits(&found, (&certificate, &fresh), now)?;
    // From here on it may be in use, whatever fails.
    made.keep();
    let installed = install::install(&command.file, &found, (&certificate, &fresh), now)?;
    install::tell(&installed, command.json);
    Ok(())
}
