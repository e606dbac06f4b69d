//! Why a command failed, and what the person can do about it.

use std::path::{Path, PathBuf};

use certs::authority::Unfit;
use tokens::TokenError;

use crate::admin::client::AdminError;
use crate::backup::decode::Damage;
use crate::backup::encode::EncodeError;
use crate::config::load::ConfigError;
use crate::ids::AuthorityName;
use crate::respond::problem::causes;
use crate::sign::AuthorityLoadError;
use crate::store::{OpenError, StoreError};

/// The reason a command ends with exit code 1.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration cannot be used.
    #[error("{}", config_text(.0))]
    Config(#[from] ConfigError),
    /// The configuration has problems that `check` found.
    #[error("{path}: {count} problem(s) found")]
    Problems {
        /// The file.
        path: PathBuf,
        /// How many.
        count: usize,
    },
    /// The running server could not be asked, or refused.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// `init` would overwrite something.
    #[error("{0} exists already and is not empty")]
    Exists(PathBuf),
    /// A file would be overwritten.
    #[error("{0} exists already")]
    FileExists(PathBuf),
    /// A backup, or what a running server gave for one, is not right.
    #[error("{what} is damaged: {damage}")]
    Damaged {
        /// What.
        what: String,
        /// Where, and what is wrong there.
        damage: Damage,
        /// What to do about it.
        hint: &'static str,
    },
    /// Something cannot stand in a backup.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A backup has sealed files and nothing to open them.
    #[error("the backup holds keys, which a passphrase opens")]
    Sealed,
    /// An issuer that is in use is not to be revoked.
    #[error("{id} is the issuer that authority {authority} issues under")]
    StillIssues {
        /// Its key identifier.
        id: String,
        /// The authority.
        authority: AuthorityName,
    },
    /// The authority never had such an issuer.
    #[error("authority {authority} replaced no issuer {id} that its root signed")]
    NoIssuer {
        /// What was asked for.
        id: String,
        /// The authority.
        authority: AuthorityName,
        /// Those there are.
        known: String,
    },
    /// There is no such authority.
    #[error("there is no authority {name} in the configuration")]
    NoAuthority {
        /// What was asked for.
        name: AuthorityName,
        /// Those there are.
        known: String,
    },
    /// An authority's files are not usable.
    #[error(transparent)]
    Authority(#[from] AuthorityLoadError),
    /// A key in a token cannot be made or used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The configuration itself names the key in a token.
    #[error(
        "the key of authority {authority} is named in the configuration itself, where a new one cannot take its place"
    )]
    KeyInConfiguration {
        /// Whose.
        authority: AuthorityName,
        /// Where its name could stand.
        place: PathBuf,
    },
    /// The root key is not here.
    #[error("the root key of authority {authority} is not at {path}")]
    NoRootKey {
        /// Where it was looked for.
        path: PathBuf,
        /// Whose.
        authority: AuthorityName,
    },
    /// The root key cannot be used.
    #[error("the root key {path} cannot be used: {reason}")]
    RootKey {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// No key waits for a certificate.
    #[error("authority {authority} has asked for no certificate: there is no {path}")]
    NoRequest {
        /// Where the key would wait.
        path: PathBuf,
        /// Whose.
        authority: AuthorityName,
    },
    /// A certificate may not issue.
    #[error("the certificate may not issue below {root}: {fault}")]
    Unfit {
        /// The root's name.
        root: String,
        /// What is wrong with it.
        fault: Unfit,
    },
    /// Another issuer has the name.
    #[error("the name {0:?} is taken by another issuer of this authority")]
    NameTaken(String),
    /// A certificate for the same key has another name.
    #[error("a certificate for the present key must have its name, {0:?}")]
    OtherName(String),
    /// A file is not what it should be.
    #[error("{path} cannot be used: {reason}")]
    Unusable {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A list that takes a revocation back.
    #[error("{}: {lost} of the list in place would not be revoked any more", .path.display())]
    Unrevoked {
        /// The new list.
        path: PathBuf,
        /// What it lacks.
        lost: String,
        /// The list in place.
        place: PathBuf,
    },
    /// The files were changed, but the running server did not take them.
    #[error("the new issuer is in place, but the running server did not take it: {reason}")]
    NotTaken {
        /// What it said.
        reason: String,
    },
    /// `doctor` found something.
    #[error("{0} thing(s) are wrong")]
    Unwell(usize),
    /// The store could not be read or written.
    #[error("{}", causes(.0))]
    Store(#[from] StoreError),
    /// The store does not open.
    #[error("{}", causes(.0))]
    Open(#[from] OpenError),
    /// A file could not be written or read.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// `write`, `read`, …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A key or certificate could not be made.
    #[error("cannot make {what}: {reason}")]
    Making {
        /// What.
        what: String,
        /// Why.
        reason: String,
    },
    /// A key waits for its certificate already, and not where the new one was wanted.
    #[error("a key of an earlier request waits in {}, and is not where --key-store wants it", file.display())]
    WaitsElsewhere {
        /// The file.
        file: PathBuf,
    },
    /// The server did not start.
    #[error("the server did not start: {reason}")]
    Start {
        /// Why, with its causes.
        reason: String,
        /// What to do about it.
        hint: String,
    },
    /// A value given is not usable.
    #[error("{value:?} is not {wanted}")]
    Value {
        /// What was given.
        value: String,
        /// What is wanted.
        wanted: &'static str,
    },
    /// The journal does not verify.
    #[error("the journal is broken at entry {entry}: {reason}")]
    Journal {
        /// The first entry that does not fit.
        entry: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Identity providers that cannot be used.
    #[error("{count} of {all} identity providers cannot be used")]
    IdentityProviders {
        /// How many.
        count: usize,
        /// Of how many.
        all: usize,
    },
    /// A domain was looked at and is not shown to be the organisation's.
    #[error("{domain} is not verified: {reason}")]
    Domain {
        /// The domain.
        domain: String,
        /// What was found.
        reason: String,
        /// Which record to place.
        hint: String,
    },
    /// A webhook did not take what was sent to it for trial.
    #[error("webhook {name} did not take it: {answer}")]
    Webhook {
        /// Its name.
        name: String,
        /// What it answered, or why there was no answer.
        answer: String,
    },
    /// Cases of a policy test did not come out as expected.
    #[error("{failed} of {all} cases failed")]
    Cases {
        /// How many failed.
        failed: usize,
        /// Of how many.
        all: usize,
    },
}

fn config_text(error: &ConfigError) -> String {
    match error {
        ConfigError::Unreadable { .. } => error.to_string(),
        ConfigError::Invalid { path, problems } => {
            let first = problems.first().map(ToString::to_string).unwrap_or_default();
            match problems.len() {
                1 => format!("{}: {first}", path.display()),
                n => format!("{}: {first} (and {} more)", path.display(), n.saturating_sub(1)),
            }
        }
    }
}

const SEE_CHECK: &str =
    "see everything with `ca-server check --config FILE`; the server goes on with the issuer that it had";

fn key_in_configuration(place: &std::path::Path) -> String {
    format!(
        "write the URI into a file such as {}, mode 0600, and name that file by `key`: a rotation then replaces what is in it",
        place.display()
    )
}

fn waits_elsewhere(file: &Path) -> String {
    let file = file.display();
    format!(
        "leave --key-store away to use it; or remove {file}, if no certificate is to come for it any more"
    )
}

impl Failure {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Config(ConfigError::Unreadable { .. }) => {
                "name the file with --config, or make one with `ca-server init`".to_owned()
            }
            Self::Config(ConfigError::Invalid { path, .. }) => {
                format!("see everything with `ca-server check --config {}`", path.display())
            }
            Self::Problems { .. } => "mend each line above, then run the check again".to_owned(),
            Self::Admin(error) => error.hint(),
            Self::Exists(_) => "choose another folder; nothing is ever overwritten".to_owned(),
            Self::FileExists(_) => "name another file; nothing is ever overwritten".to_owned(),
            Self::Damaged { hint, .. } => (*hint).to_owned(),
            Self::Encode(_) => "leave the files out with --without-files".to_owned(),
            Self::Sealed => {
                "give the passphrase with --passphrase-file, or leave the keys out with --without-keys"
                    .to_owned()
            }
            Self::NoAuthority { known, .. } => format!("it has {known}"),
            Self::KeyInConfiguration { place, .. } => key_in_configuration(place),
            Self::Token(error) => error.hint().to_owned(),
            Self::Authority(error) => error.token_hint().unwrap_or(SEE_CHECK).to_owned(),
            Self::NotTaken { .. } => SEE_CHECK.to_owned(),
            Self::StillIssues { authority, .. } => format!("replace it first: ca-server authority rotate {authority}"),
            Self::NoIssuer { known, .. } if known.is_empty() => "none was replaced; see `ca-server authority list`".to_owned(),
            Self::NoIssuer { known, .. } => format!("those that were replaced: {known}"),
            Self::NoRootKey { authority, .. } => format!(
                "name it with --root-key; if it is on another machine, see `ca-server authority ceremony {authority}`"
            ),
            Self::RootKey { .. } => "give the encrypted key that `init` made, and the file with its passphrase".to_owned(),
            Self::NoRequest { authority, .. } => {
                format!("begin with `ca-server authority request {authority} --out FILE`")
            }
            Self::Unfit { .. } => {
                "have it signed anew with `ca-server authority sign`, from the request that was made last".to_owned()
            }
            Self::NameTaken(_) => {
                "choose another with --common-name: relying parties tell issuers apart by their names".to_owned()
            }
            Self::OtherName(_) => {
                "certificates that are out name their issuer: a new name needs a new key".to_owned()
            }
            Self::Unrevoked { place, .. } => format!("sign it with `ca-server authority sign-list --list {}`", place.display()),
            Self::Unusable { .. } => "look at the file, and where it came from".to_owned(),
            Self::Unwell(_) => "do what stands after each `hint:` above".to_owned(),
            Self::Store(_) => "look at the disk and at its free space".to_owned(),
            Self::Open(error) => error.hint().to_owned(),
            Self::File { .. } => "look at the path's owner and permissions".to_owned(),
            Self::WaitsElsewhere { file } => waits_elsewhere(file),
            Self::Making { .. } => "look at the values given; nothing was kept".to_owned(),
            Self::Start { hint, .. } | Self::Domain { hint, .. } => hint.clone(),
            Self::Value { wanted, .. } => format!("give {wanted}"),
            Self::Journal { .. } => {
                "stop the server, keep a copy of the store, and compare with your last backup".to_owned()
            }
            Self::IdentityProviders { .. } => "mend what stands after `problem:` above".to_owned(),
            Self::Webhook { .. } => {
                "look at `url`, `roots` and `secret_file` in its [[notifications.webhook]], and at the receiver's own log".to_owned()
            }
            Self::Cases { .. } => "mend the rules or the expectations".to_owned(),
        }
    }
}
