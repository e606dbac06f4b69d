//! What `device`, `secret` and `jwe` can fail with before a device is asked, and after.

use std::{io, path::PathBuf};

use device_jwe::{KeyError, Malformed, NotSecret, OpenError, SealError};

use crate::device::{
    connect::XapiError,
    fleet::JobError,
    list::ListError,
    material::MaterialError,
    place::{Pin, Place},
    provision::SecretError,
};

/// Why it failed.
#[derive(Debug, thiserror::Error)]
pub enum DeviceFailure {
    /// A device was not provisioned.
    #[error("{}", of(place, source))]
    Job {
        /// Which.
        place: Place,
        /// Why.
        source: JobError,
    },
    /// A device could not be spoken to.
    #[error(transparent)]
    Xapi(#[from] XapiError),
    /// A secret was not changed.
    #[error(transparent)]
    Change(#[from] SecretError),
    /// A list cannot be used.
    #[error("{}: {source}", path.display())]
    List {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ListError,
    },
    /// A certificate or key is not for a device.
    #[error(transparent)]
    Material(#[from] MaterialError),
    /// No certificate was named, or no key to it.
    #[error("no certificate and key are named")]
    NoMaterial,
    /// A device was named twice.
    #[error("{0} is named twice")]
    Twice(Place),
    /// The agent's hook, and a list without a device for it.
    #[error("{}: no device in it has the identity {identity}", list.display())]
    NobodysIdentity {
        /// Whose pair was obtained.
        identity: String,
        /// The list.
        list: PathBuf,
    },
    /// An argument that the action has no use for.
    #[error("`{argument}` is nothing to `--action {action}`")]
    Unused {
        /// Which.
        argument: &'static str,
        /// What for.
        action: &'static str,
    },
    /// Something that is no secret.
    #[error("{place}: {source}")]
    Secret {
        /// The file or variable.
        place: String,
        /// What is wrong with it.
        source: NotSecret,
    },
    /// Nobody gave it, and there is nobody to ask.
    #[error("no {what} is given, and it cannot be asked for here: {source}")]
    Unasked {
        /// What.
        what: &'static str,
        /// What the terminal said.
        source: io::Error,
    },
    /// A variable is not there.
    #[error("the variable {0} is not set")]
    Variable(String),
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A text is no blob.
    #[error(transparent)]
    Blob(#[from] Malformed),
    /// A blob does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Something could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// There are no random octets.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Populate what with.
    #[error("nothing says what the client secret shall be")]
    NoNewSecret,
    /// The device shows something else.
    #[error("{place} shows {found}, not {wanted}")]
    OtherPin {
        /// Which.
        place: Place,
        /// What it shows.
        found: Pin,
        /// What was to be accepted.
        wanted: Pin,
    },
    /// Whoever was asked said no, or nobody could be asked.
    #[error("{place} shows {found}; nothing was kept")]
    NotAccepted {
        /// Which.
        place: Place,
        /// What it shows.
        found: Pin,
    },
}

/// What went wrong with a device, with its name once.
fn of(place: &Place, source: &JobError) -> String {
    let (place, said) = (place.to_string(), source.to_string());
    if said.contains(&place) { said } else { format!("{place}: {said}") }
}

impl DeviceFailure {
    /// What to do about it, where that is plain.
    pub(in crate::cli) fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Job { source, .. } => return source.hint(),
            Self::Xapi(error) => return error.hint(),
            Self::Change(error) => return error.hint(),
            Self::Blob(error) => return error.hint(),
            Self::Material(error) => error.hint()?,
            Self::Twice(_) => "name each device once; with the usual port it is the same as without",
            Self::NobodysIdentity { .. } => {
                "name the identity in the list, `identity = \"…\"`, or take the hook off this one"
            }
            Self::Unused { .. } => "leave it out; `acme-client jwe seal --help` says what belongs to which",
            Self::NoMaterial => "name it with `--identity NAME`, or with `--chain FILE` and `--key FILE`",
            Self::List { .. } => "docs/room-devices.md shows the form of a list",
            Self::Secret { .. } => {
                "a client secret is base64url, such as `acme-client secret generate` makes"
            }
            Self::Unasked { what: "password", .. } => {
                "give it with `--password-file FILE` or `--password-env NAME`"
            }
            Self::Unasked { .. } => "give it with `--secret-file FILE` or `--secret-env NAME`",
            Self::Variable(name) if name.starts_with("ROLLCALL_") => {
                "`--hook` is for deploy hooks, which the agent runs with these variables"
            }
            Self::Variable(_) => "set it for this command only, not in a file that others read",
            Self::Write { source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
                "it is there already, and is not overwritten; choose another name"
            }
            Self::Open(OpenError::Action { .. }) => "say with `--action` what it is for",
            Self::Open(OpenError::Unauthentic) => "give the secret that the blob was made under",
            Self::NoNewSecret => "name it with `--new-secret-file FILE`, or take it away with `--reset`",
            Self::OtherPin { .. } => {
                "look at the device itself; if it was not reset, somebody may stand between"
            }
            Self::NotAccepted { .. } => {
                "if the device itself says the same, add `--accept` and that fingerprint"
            }
            Self::Write { .. } | Self::Open(_) | Self::Seal(_) | Self::Key(_) => return None,
        };
        Some(text.to_owned())
    }
}
