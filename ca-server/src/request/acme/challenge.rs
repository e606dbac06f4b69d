//! `POST /acme/<authority>/challenge/<authorization>/<id>`: a challenge as it stands, or answered (RFC 8555 §7.5.1).
//!
//! The answer's members are not looked at: none of the challenges offered here has any. Answering again is no error.

use axum::extract::State;
use serde::Deserialize;

use super::path::{self, Segments};
use crate::app::App;
use crate::challenge::Attempt;
use crate::order::answer::{AnswerError, answer, find};
use crate::order::model::ChallengeStatus;
use crate::order::read::authorization_of;
use crate::respond::Answer;
use crate::respond::problem::Problem;
use crate::respond::views::challenge::ChallengeView;
use crate::verify::{ReadOr, Verified};

/// Seconds after which a client should look again.
const AGAIN: u64 = 1;

/// An object whose members do not matter.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Ready {}

/// Shows or answers a challenge.
///
/// # Errors
/// `NotFound`, `unauthorized`, or `malformed` if the authorization has ended.
pub async fn challenge(
    State(app): State<App>,
    Segments((_, authorization, id)): Segments<(String, String, String)>,
    request: Verified<ReadOr<Ready>>,
) -> Result<Answer<ChallengeView>, Problem> {
    let (account, now) = (&request.account.value, app.clock.now());
    let authorization = path::id("authorization", &authorization)?;
    let id = path::id("challenge", &id)?;
    let seen = authorization_of(&app.store, &request.authority, account, authorization).await?;
    let authorization = match request.payload {
        ReadOr::Read => seen.value,
        ReadOr::Change(Ready {}) => {
            let answered = answer(&app.store, seen, id, now).await?;
            if let (Some(due), Some(challenge)) = (answered.queued, find(&answered.authorization, id)) {
                // Only a hint: the row is durable, and the worker finds it there if the process dies here.
                let attempt = Attempt::new(account, &answered.authorization, challenge, &app.links);
                app.validations.push(due, attempt);
            }
            answered.authorization
        }
    };
    let challenge = find(&authorization, id).ok_or(AnswerError::NoSuchChallenge)?;
    let up = app.links.authorization(&request.authority, authorization.id);
    let view = ChallengeView::new(&authorization, challenge, &app.links, &app.issuer_domains);
    let answer = Answer::ok(view).link("up", &up);
    Ok(match challenge.status {
        ChallengeStatus::Processing => answer.retry_after(AGAIN),
        ChallengeStatus::Pending | ChallengeStatus::Valid | ChallengeStatus::Invalid => answer,
    })
}
