//! What the admin socket answers when it does not do as told: a status, one sentence, and what to do about it.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::ids::NoEntropy;
use crate::log::journal::JournalError;
use crate::order::state::Illegal;
use crate::policy::PolicyError;
use crate::respond::problem::{Problem, causes};
use crate::sign::AuthorityReloadError;
use crate::store::StoreError;

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing.
    #[error("there is no {0} with this name or id")]
    Absent(&'static str),
    /// A value of the question is not usable.
    #[error("{name}: {value:?} is not {wanted}")]
    Value {
        /// Which.
        name: &'static str,
        /// What was sent.
        value: String,
        /// What is wanted.
        wanted: &'static str,
    },
    /// It is so already.
    #[error("the {0} already")]
    Already(&'static str),
    /// All ids of an organisation cannot be given to one.
    #[error("only one account id at a time can be given to another organisation; name it")]
    OneId,
    /// A machine account is never nobody's.
    #[error(
        "a device cannot be without an organisation; name the one it goes to with --to, or end it with `ca-server device deactivate`"
    )]
    DeviceStays,
    /// A token issuer that cannot say for which organisation it speaks has one already.
    #[error("the token issuer {issuer} speaks for organisation {organisation} already")]
    IssuerTaken {
        /// The issuer.
        issuer: String,
        /// The organisation.
        organisation: String,
    },
    /// Its state forbids it.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// The certificate was not issued, so it cannot be revoked.
    #[error("the certificate was never issued")]
    NotIssued,
    /// Nobody means all certificates there are.
    #[error("say which certificates: by identifier, account, organisation, profile, authority or issuer")]
    Everything,
    /// There is no console.
    #[error("the operators' console is off")]
    ConsoleOff,
    /// A question must say which authority it means.
    #[error("there are several authorities; say which one")]
    WhichAuthority,
    /// The same refusal as a client would get.
    #[error("{}", .0.detail)]
    Problem(Problem),
    /// The policy files are not usable; the rules in force stay.
    #[error(transparent)]
    Policy(PolicyError),
    /// The files of the authorities are not usable; the issuers in use stay.
    #[error("{}", causes(.0))]
    Authority(AuthorityReloadError),
    /// The store failed.
    #[error("{}", causes(.0))]
    Store(#[from] StoreError),
    /// The journal cannot be read.
    #[error("the journal cannot be read: {0}")]
    Journal(#[from] JournalError),
    /// No random octets.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

impl Refusal {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Absent(_) => StatusCode::NOT_FOUND,
            Self::Value { .. }
            | Self::WhichAuthority
            | Self::Everything
            | Self::OneId
            | Self::DeviceStays => StatusCode::BAD_REQUEST,
            Self::Already(_)
            | Self::ConsoleOff
            | Self::IssuerTaken { .. }
            | Self::Illegal(_)
            | Self::NotIssued
            | Self::Policy(_)
            | Self::Authority(_) => StatusCode::CONFLICT,
            Self::Problem(problem) => problem.kind.status(),
            Self::Store(StoreError::Stale(_)) => StatusCode::CONFLICT,
            Self::Store(_) | Self::Journal(_) | Self::Entropy(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl Refusal {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Absent(what) => {
                let command = match *what {
                    "organisation" => "org list",
                    "domain of this organisation" => "org show NAME",
                    "machine account" => "device list",
                    "account id of this organisation" => "certificates list",
                    "request for approval" => "approvals list",
                    "authority" => "authority list",
                    "certificate" => "certificates list",
                    "account" => "accounts list",
                    "webhook" => "notifications list",
                    "external account binding key" => "eab list",
                    _ => "--help",
                };
                format!("see what there is with `ca-server {command}`")
            }
            Self::Value { wanted: "a verified domain of this organisation", .. } => {
                "claim it with `ca-server org domain add`, then `ca-server org domain verify`".to_owned()
            }
            Self::Value { name: "token-issuer", .. } => {
                "add a [[token_issuer]] section of this name to ca.toml and restart the server".to_owned()
            }
            Self::Value { wanted, .. } => format!("give {wanted}"),
            Self::Already("name is taken") => "choose another name, or see `ca-server org list`".to_owned(),
            Self::Already("domain is held by another organisation") => {
                "have the other one give it up with `ca-server org domain remove`".to_owned()
            }
            Self::Already("account is deactivated") => {
                "make another account with `ca-server device activate-code --organisation NAME`".to_owned()
            }
            Self::Already(_) | Self::Illegal(_) | Self::NotIssued => "nothing was changed".to_owned(),
            Self::IssuerTaken { issuer, organisation } => format!(
                "set `organisation_claim` in the [[token_issuer]] {issuer}, or take it from the other first with \
                 `ca-server org token-issuers {organisation}`"
            ),
            Self::ConsoleOff => "set console.listen in ca.toml and restart the server".to_owned(),
            Self::OneId => "say which one: `ca-server org release NAME ID --to OTHER`".to_owned(),
            Self::DeviceStays => "give --to, or deactivate the device".to_owned(),
            Self::Everything => {
                "name one of them; to take back all of an authority, say `--authority NAME`".to_owned()
            }
            Self::WhichAuthority => "name it with --authority".to_owned(),
            Self::Authority(_) => {
                "see `ca-server authority list` and `ca-server check`; nothing was changed".to_owned()
            }
            Self::Problem(_) => "see the server's log".to_owned(),
            Self::Policy(_) => "mend the files; see `ca-server check`".to_owned(),
            Self::Store(StoreError::Stale(_)) => "it was changed in this moment; do it again".to_owned(),
            Self::Store(_) | Self::Journal(_) | Self::Entropy(_) => "look at the server's log".to_owned(),
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        // Whoever may ask here may know the cause.
        (self.status(), Json(serde_json::json!({ "detail": self.to_string(), "hint": self.hint() })))
            .into_response()
    }
}
