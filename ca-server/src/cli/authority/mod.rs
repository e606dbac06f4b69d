//! `ca-server authority`: issuers listed and replaced, with the root key at hand or on a machine of its own.
//!
//! What changes on disk is in an order that a crash may break off anywhere: the server can always be started. A running server takes a new
//! issuer at once and lets what it began under the old one end. Root keys are read, never written anywhere but encrypted.

mod export_root;
mod import;
mod install;
mod list;
mod request;
mod root_key;
mod root_list;
mod rotate;
mod sign;

use std::collections::BTreeSet;
use std::path::PathBuf;

use certs::issuer::Issuer;
use clap::Subcommand;
use tokens::TokenUri;
use url::Url;

use super::{Asking, ConfigFile, Failure};
use crate::config::{AuthorityConfig, Config, load};
use crate::ids::AuthorityName;
use crate::request::links::Links;
use crate::sign::Authority;

/// What to do with authorities.
#[derive(Debug, Subcommand)]
pub enum Authorities {
    /// List authorities with their issuers, present and replaced
    List(Asking),
    /// Replace the issuer of an authority by a new one, signed by the root key
    Rotate(rotate::Rotate),
    /// Make a new issuing key and the request that is carried to the root key
    Request(request::Request),
    /// Sign such a request, on the machine that has the root key
    Sign(sign::Sign),
    /// Check the certificate that came back, and issue under it from now on
    Import(import::Import),
    /// Move the encrypted root key to another place
    ExportRoot(export_root::ExportRoot),
    /// Sign the root's revocation list anew, with issuers on it that are revoked
    RootList(root_list::RootList),
    /// Sign the root's revocation list on the machine that has the root key
    SignList(root_list::SignList),
    /// Check a root's revocation list that came back, and serve it from now on
    ImportList(root_list::ImportList),
    /// Print the steps of a rotation whose root key is on another machine
    Ceremony {
        /// The authority.
        name: AuthorityName,
        /// The file.
        #[command(flatten)]
        file: ConfigFile,
    },
}

/// Does it.
pub(super) fn run(command: &Authorities) -> Result<(), Failure> {
    match command {
        Authorities::List(asking) => list::run(asking),
        Authorities::Rotate(command) => rotate::run(command),
        Authorities::Request(command) => request::run(command),
        Authorities::Sign(command) => sign::run(command),
        Authorities::Import(command) => import::run(command),
        Authorities::ExportRoot(command) => export_root::run(command),
        Authorities::RootList(command) => root_list::run(command),
        Authorities::SignList(command) => root_list::run_sign(command),
        Authorities::ImportList(command) => root_list::run_import(command),
        Authorities::Ceremony { name, file } => request::ceremony(name, file),
    }
}

/// An authority of a configuration, with its files as they are.
struct Found {
    config: Config,
    name: AuthorityName,
    section: AuthorityConfig,
    authority: Authority,
    root: Issuer,
}

impl Found {
    /// Reads the authority of this name.
    fn read(file: &ConfigFile, name: &AuthorityName) -> Result<Self, Failure> {
        let config = load::load(&file.config)?;
        let section = config.authority.get(name).cloned().ok_or_else(|| Failure::NoAuthority {
            name: name.clone(),
            known: config.authority.keys().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        })?;
        let authority = Authority::load(&config, name, &section, &Links::new(&config.url))?;
        let root = Issuer::from_chain(vec![authority.root().clone()]).map_err(|source| Failure::Making {
            what: format!("anything below the root of authority {name}"),
            reason: source.to_string(),
        })?;
        Ok(Self { config, name: name.clone(), section, authority, root })
    }

    /// Where the root's revocation list is served, once one was put in place.
    fn root_list_url(&self) -> Option<Url> {
        let list = self.authority.root_list()?;
        Url::parse(&Links::of(&self.config).crl(&list.root)).ok()
    }

    /// The file whose content is the key, or the name of one in a token: what a new one can take the place of.
    fn key_file(&self) -> Result<PathBuf, Failure> {
        let place = self.config.resolve(&self.section.key);
        if TokenUri::is_meant(&place.to_string_lossy()) {
            let place = self.config.resolve(&self.section.certificate).with_extension("key.uri");
            return Err(Failure::KeyInConfiguration { authority: self.name.clone(), place });
        }
        Ok(place)
    }

    /// The names of all issuers there are or were: no two may share one, or relying parties would take one's list for the other's.
    fn names(&self) -> BTreeSet<&str> {
        let replaced = self.authority.replaced().iter().map(|replaced| replaced.issuer().display_name());
        replaced.chain([self.authority.issuer().display_name(), self.root.display_name()]).collect()
    }

    /// A name for the next issuer: the present one's with the next number.
    fn next_name(&self) -> String {
        let present = self.authority.issuer().display_name();
        let (stem, number) = match present.rsplit_once(' ') {
            Some((stem, last)) => last.parse::<u32>().map_or((present, 1), |number| (stem, number)),
            None => (present, 1),
        };
        let taken = self.names();
        let mut candidates = (number.saturating_add(1)..).map(|number| {
            let end = format!(" {number}");
            let room = 64_usize.saturating_sub(end.len());
            stem.chars().take(room).collect::<String>() + &end
        });
        candidates.find(|name| !taken.contains(name.as_str())).unwrap_or_default()
    }
}
