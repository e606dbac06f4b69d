//! `POST /acme/<authority>/authz/<id>`: an authorization as it stands, or given up (RFC 8555 §7.5, §7.5.2).

use axum::extract::State;
use serde::Deserialize;
use time::OffsetDateTime;

use super::path::{self, Segments};
use crate::app::App;
use crate::order::answer::{AnswerError, deactivate};
use crate::order::model::{Authorization, AuthorizationStatus, ChallengeStatus};
use crate::order::read::authorization_of;
use crate::respond::Answer;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::respond::views::authorization::AuthorizationView;
use crate::verify::{ReadOr, Verified};

/// Seconds after which a client should look again while a validation runs.
const AGAIN: u64 = 1;

/// A change of an authorization; only giving it up is possible.
#[derive(Clone, Debug, Deserialize)]
pub struct Change {
    status: Option<String>,
}

/// Shows or deactivates an authorization.
///
/// # Errors
/// `NotFound`, `unauthorized`, or `malformed` for any other change.
pub async fn authorization(
    State(app): State<App>,
    Segments((_, id)): Segments<(String, String)>,
    request: Verified<ReadOr<Change>>,
) -> Result<Answer<AuthorizationView>, Problem> {
    let now = app.clock.now();
    let id = path::id("authorization", &id)?;
    let seen = authorization_of(&app.store, &request.authority, &request.account.value, id).await?;
    let authorization = match &request.payload {
        ReadOr::Read => seen.value,
        ReadOr::Change(Change { status: Some(status) }) if status == "deactivated" => {
            deactivate(&app.store, seen, now).await?
        }
        ReadOr::Change(_) => {
            let detail = "an authorization can only be read, or given up with {\"status\": \"deactivated\"}";
            return Err(Problem::new(Kind::Malformed, detail));
        }
    };
    let view = AuthorizationView::new(&authorization, &app.beside(&authorization).await?, now);
    let answer = Answer::ok(view);
    Ok(if is_at_work(&authorization, now) { answer.retry_after(AGAIN) } else { answer })
}

fn is_at_work(authorization: &Authorization, now: OffsetDateTime) -> bool {
    authorization.status_at(now) == AuthorizationStatus::Pending
        && authorization.challenges.iter().any(|one| one.status == ChallengeStatus::Processing)
}

impl From<AnswerError> for Problem {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::NoSuchChallenge => Self::new(Kind::NotFound, error.to_string()),
            AnswerError::Ended(_) => Self::new(Kind::Malformed, error.to_string()),
            AnswerError::Illegal(_) | AnswerError::Store(_) => Self::internal(error),
        }
    }
}
