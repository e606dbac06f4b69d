//! What can go wrong with one request, whether it may pass, and what a person can do about it.

use std::time::Duration;

use super::{
    FailureKind, JwsError, Method, Problem, ProblemKind, ResourceUrl, ResourceUrlError, StatusCode,
    TransportError,
};

/// A request that was given up.
#[derive(Debug, thiserror::Error)]
#[error("{method} {url} failed{}: {cause}", tries_text(*.tries))]
pub struct RequestError {
    /// What was asked.
    pub method: Method,
    /// Where.
    pub url: ResourceUrl,
    /// How many tries failed.
    pub tries: u32,
    /// The last failure.
    #[source]
    pub cause: Box<RequestFailure>,
}

fn tries_text(tries: u32) -> String {
    if tries > 1 { format!(" after {tries} tries") } else { String::new() }
}

impl RequestError {
    /// The problem document, if the server sent one.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        self.cause.problem()
    }

    /// Whether the server answered with this kind of problem.
    #[must_use]
    pub fn is_problem(&self, kind: &ProblemKind) -> bool {
        self.problem().is_some_and(|problem| &problem.kind == kind)
    }

    /// How long the server asked to wait, if it did.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.cause.kind() {
            FailureKind::Passing(asked) => asked,
            FailureKind::BadNonce | FailureKind::Final => None,
        }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self.cause.kind() {
            FailureKind::Passing(_) | FailureKind::BadNonce => true,
            FailureKind::Final => false,
        }
    }

    /// What to do about it, where that is plain.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.cause.hint()
    }
}

/// Why one try failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestFailure {
    /// There was no answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The server said no, and why.
    #[error("{problem} (status {})", .status.as_u16())]
    Problem {
        /// The HTTP status.
        status: StatusCode,
        /// The problem document.
        problem: Box<Problem>,
        /// The wait the server asked for.
        retry_after: Option<Duration>,
        /// The `Location` header: who holds a key that is in use, for one.
        location: Option<String>,
    },
    /// The server said no, in a form that is not ACME's.
    #[error("status {} without a problem document ({})", .status.as_u16(), .content_type.as_deref().unwrap_or("no content type"))]
    NotAProblem {
        /// The HTTP status.
        status: StatusCode,
        /// What it sent instead.
        content_type: Option<String>,
        /// The wait it asked for.
        retry_after: Option<Duration>,
    },
    /// The server pointed elsewhere, which a signed request cannot follow.
    #[error("status {} points to {}", .status.as_u16(), .location.as_deref().unwrap_or("nowhere"))]
    Redirected {
        /// The HTTP status.
        status: StatusCode,
        /// Where to.
        location: Option<String>,
    },
    /// A fresh nonce could not be had.
    #[error("no nonce from {url}: {cause}")]
    NewNonce {
        /// The `newNonce` URL.
        url: ResourceUrl,
        /// Why.
        cause: Box<RequestFailure>,
    },
    /// The answer to `newNonce` carries no usable nonce.
    #[error("the answer has no usable Replay-Nonce header")]
    NoNonce,
    /// The answer is of the wrong kind.
    #[error("the answer is {}, not {expected}", .found.as_deref().unwrap_or("without content type"))]
    ContentType {
        /// What was asked for.
        expected: &'static str,
        /// What came.
        found: Option<String>,
    },
    /// The answer is JSON of the wrong shape, or cut off.
    #[error("the answer is no {what}: {source}")]
    Document {
        /// What it should have been.
        what: &'static str,
        /// Where it fails.
        source: serde_json::Error,
    },
    /// The answer names no `Location`.
    #[error("the answer has no Location header")]
    NoLocation,
    /// The `Location` is unusable.
    #[error("the Location header is unusable: {0}")]
    Location(#[source] ResourceUrlError),
    /// The request could not be made.
    #[error(transparent)]
    Jws(#[from] JwsError),
}

impl RequestFailure {
    /// Whether another try may help.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Transport(error) if error.is_passing() => FailureKind::Passing(None),
            Self::Problem { problem, .. } if problem.kind == ProblemKind::BadNonce => FailureKind::BadNonce,
            Self::Problem { problem, retry_after, .. } if problem.kind == ProblemKind::RateLimited => {
                FailureKind::Passing(*retry_after)
            }
            Self::Problem { status, retry_after, .. } | Self::NotAProblem { status, retry_after, .. }
                if may_pass(*status) =>
            {
                FailureKind::Passing(*retry_after)
            }
            Self::NewNonce { cause, .. } => cause.kind(),
            Self::Transport(_)
            | Self::Problem { .. }
            | Self::NotAProblem { .. }
            | Self::Redirected { .. }
            | Self::NoNonce
            | Self::ContentType { .. }
            | Self::Document { .. }
            | Self::NoLocation
            | Self::Location(_)
            | Self::Jws(_) => FailureKind::Final,
        }
    }

    /// The problem document, if the server sent one.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem { problem, .. } => Some(problem),
            Self::NewNonce { cause, .. } => cause.problem(),
            Self::Transport(_)
            | Self::NotAProblem { .. }
            | Self::Redirected { .. }
            | Self::NoNonce
            | Self::ContentType { .. }
            | Self::Document { .. }
            | Self::NoLocation
            | Self::Location(_)
            | Self::Jws(_) => None,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Transport(error) => error.hint().map(str::to_owned),
            Self::Problem { problem, retry_after, .. } => problem_hint(problem, *retry_after),
            Self::NewNonce { cause, .. } => cause.hint(),
            Self::NotAProblem { status, .. } if status.is_server_error() => {
                Some("a proxy in front of the server may be failing; look at its log".to_owned())
            }
            Self::NotAProblem { .. } | Self::ContentType { .. } | Self::Document { .. } | Self::NoNonce => {
                Some("check that the URL is an ACME directory, such as https://ca.example/acme/external/directory".to_owned())
            }
            Self::Redirected { location: Some(location), .. } => Some(format!("use {location} if you trust it")),
            Self::Redirected { location: None, .. } | Self::NoLocation | Self::Location(_) | Self::Jws(_) => None,
        }
    }
}

/// 429, and server errors except those that name a missing feature.
fn may_pass(status: StatusCode) -> bool {
    let lasting = [StatusCode::NOT_IMPLEMENTED, StatusCode::HTTP_VERSION_NOT_SUPPORTED];
    status == StatusCode::TOO_MANY_REQUESTS || (status.is_server_error() && !lasting.contains(&status))
}

fn problem_hint(problem: &Problem, retry_after: Option<Duration>) -> Option<String> {
    let hint = match &problem.kind {
        ProblemKind::AccountDoesNotExist => "the server does not know this account; register again",
        ProblemKind::AlreadyReplaced => "order again without `replaces`",
        ProblemKind::ExternalAccountRequired => {
            "ask the authority's operator for a key (`ca-server eab create`), then pass `--eab-kid` and `--eab-key-file`"
        }
        ProblemKind::InvalidProfile => "choose a profile that the directory lists, with `--profile`",
        ProblemKind::RateLimited => {
            return Some(match retry_after {
                Some(wait) => format!(
                    "try again in {}",
                    humantime::format_duration(Duration::from_secs(wait.as_secs()))
                ),
                None => "try again later".to_owned(),
            });
        }
        ProblemKind::UserActionRequired => {
            return problem.instance.as_ref().map(|page| format!("visit {page}, then run the command again"));
        }
        ProblemKind::InvalidContact | ProblemKind::UnsupportedContact => {
            "give contacts as `mailto:` addresses"
        }
        ProblemKind::Caa => "add or change the CAA records of the name so that they allow this authority",
        ProblemKind::BadNonce => {
            "the server refuses every nonce; if there are several servers, they must share nonce keys"
        }
        ProblemKind::AlreadyRevoked
        | ProblemKind::BadAttestationStatement
        | ProblemKind::BadCsr
        | ProblemKind::BadPublicKey
        | ProblemKind::BadRevocationReason
        | ProblemKind::BadSignatureAlgorithm
        | ProblemKind::Compound
        | ProblemKind::Connection
        | ProblemKind::Dns
        | ProblemKind::IncorrectResponse
        | ProblemKind::Malformed
        | ProblemKind::OrderNotReady
        | ProblemKind::RejectedIdentifier
        | ProblemKind::ServerInternal
        | ProblemKind::Tls
        | ProblemKind::Unauthorized
        | ProblemKind::UnsupportedIdentifier
        | ProblemKind::Other(_) => return None,
    };
    Some(hint.to_owned())
}
