//! What the admin socket answers when it does not do as told: a status and one sentence.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::ids::NoEntropy;
use crate::log::journal::JournalError;
use crate::order::state::Illegal;
use crate::policy::PolicyError;
use crate::respond::problem::Problem;
use crate::store::StoreError;

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing.
    #[error("there is no {0} with this id")]
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
    /// Its state forbids it.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// The certificate was not issued, so it cannot be revoked.
    #[error("the certificate was never issued")]
    NotIssued,
    /// A question must say which authority it means.
    #[error("there are several authorities; say which one")]
    WhichAuthority,
    /// The same refusal as a client would get.
    #[error("{}", .0.detail)]
    Problem(Problem),
    /// The policy files are not usable; the rules in force stay.
    #[error(transparent)]
    Policy(PolicyError),
    /// The store failed.
    #[error("storage failed: {0}")]
    Store(#[from] StoreError),
    /// The journal cannot be read.
    #[error("the journal cannot be read: {0}")]
    Journal(#[from] JournalError),
    /// No random octets.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Absent(_) => StatusCode::NOT_FOUND,
            Self::Value { .. } | Self::WhichAuthority | Self::OneId | Self::DeviceStays => {
                StatusCode::BAD_REQUEST
            }
            Self::Already(_) | Self::Illegal(_) | Self::NotIssued | Self::Policy(_) => StatusCode::CONFLICT,
            Self::Problem(problem) => problem.kind.status(),
            Self::Store(StoreError::Stale(_)) => StatusCode::CONFLICT,
            Self::Store(_) | Self::Journal(_) | Self::Entropy(_) => StatusCode::INTERNAL_SERVER_ERROR,
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
        (self.status(), Json(serde_json::json!({ "detail": self.to_string() }))).into_response()
    }
}
