//! `POST /acme/<authority>/challenge/<authorization>/<id>`: a challenge as it stands, or answered (RFC 8555 §7.5.1).
//!
//! The answer's members matter to `sso-01` alone (draft-biggs-acme-sso §5, `docs/acme-sso.md`): where to send the browser at the end, or
//! the one-time code that came there. Answering again is no error.

use std::net::SocketAddr;

use axum::Extension;
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;

use super::path::{self, Segments};
use crate::app::App;
use crate::challenge::Attempt;
use crate::ids::ChallengeId;
use crate::order::answer::{AnswerError, answer, find, wanted};
use crate::order::model::{Account, Authorization, AuthorizationStatus, Challenge, ChallengeStatus};
use crate::order::read::authorization_of;
use crate::respond::Answer;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::respond::views::challenge::ChallengeView;
use crate::sso::audit;
use crate::sso::begin::{self, Asker, BeginError, Wish};
use crate::sso::binding::sign_in_of;
use crate::sso::fault::Fault;
use crate::sso::finish;
use crate::store::Versioned;
use crate::verify::{ReadOr, Verified};

/// Seconds after which a client should look again.
const AGAIN: u64 = 1;

/// An answer. Only `sso-01` looks at its members; what they are is judged there.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Ready {
    redirect_uri: Option<Value>,
    redirect_url: Option<Value>,
    completion_code: Option<Value>,
}

/// Shows or answers a challenge.
///
/// # Errors
/// `NotFound`, `unauthorized`, or `malformed` if the authorization has ended.
pub async fn challenge(
    State(app): State<App>,
    Segments((_, authorization, id)): Segments<(String, String, String)>,
    Extension(client): Extension<SocketAddr>,
    request: Verified<ReadOr<Ready>>,
) -> Result<Answer<ChallengeView>, Problem> {
    let account = &request.account.value;
    let authorization = path::id("authorization", &authorization)?;
    let id = path::id("challenge", &id)?;
    let seen = authorization_of(&app.store, &request.authority, account, authorization).await?;
    let authorization = match request.payload {
        ReadOr::Read => seen.value,
        ReadOr::Change(ready) => match find(&seen.value, id).cloned() {
            Some(challenge) if challenge.provider.is_some() => {
                sign_in(&app, account, seen, &challenge, (&ready, client)).await?
            }
            Some(_) | None => validate(&app, account, seen, id).await?,
        },
    };
    let challenge = find(&authorization, id).ok_or(AnswerError::NoSuchChallenge)?;
    let up = app.links.authorization(&request.authority, authorization.id);
    let view = ChallengeView::new(&authorization, challenge, &app.beside(&authorization).await?);
    let answer = Answer::ok(view).link("up", &up);
    // One whose authorization ended otherwise stays as it is: there is nothing to wait for.
    let is_waiting = challenge.status == ChallengeStatus::Processing
        && authorization.status_at(app.clock.now()) == AuthorizationStatus::Pending;
    Ok(if is_waiting { answer.retry_after(AGAIN) } else { answer })
}

/// A challenge that the server can validate by itself: at once. What takes longer than a moment goes on without the client.
async fn validate(
    app: &App,
    account: &Account,
    seen: Versioned<Authorization>,
    id: ChallengeId,
) -> Result<Authorization, Problem> {
    let now = app.clock.now();
    let (Some(due), Some(challenge)) = (wanted(&seen.value, id, now)?, find(&seen.value, id)) else {
        return Ok(seen.value);
    };
    let attempt = Attempt::new(account, &seen.value, challenge, &app.links);
    // Half of a request's time is its body's; some is left for the answer.
    let wait = app.config.challenge.first_attempt.min(app.config.limits.request_timeout / 4);
    let seen = if wait.is_zero() {
        seen
    } else {
        app.validations.attempt(due, attempt.clone(), wait).await;
        // Nothing is acknowledged yet: if the process dies here, the client answers again.
        let seen = authorization_of(&app.store, &seen.value.authority, account, seen.value.id).await?;
        if find(&seen.value, id).is_some_and(|challenge| challenge.status != ChallengeStatus::Pending) {
            return Ok(seen.value);
        }
        seen
    };
    let answered = answer(&app.store, seen, due, app.clock.now()).await;
    let answered = answered.inspect_err(|error| look_for_row(app, error))?;
    if let Some(due) = answered.queued {
        // Only a hint: the row is durable, and the worker finds it there if the process dies here.
        app.validations.push(due, attempt);
    }
    Ok(answered.authorization)
}

/// Has the worker look for a row that was written although that failed.
fn look_for_row(app: &App, error: &AnswerError) {
    if let AnswerError::Store(error) = error
        && error.may_have_written()
    {
        app.validations.wake();
    }
}

/// A challenge for which a person signs in: answered, or completed.
async fn sign_in(
    app: &App,
    account: &Account,
    seen: Versioned<Authorization>,
    challenge: &Challenge,
    (ready, client): (&Ready, SocketAddr),
) -> Result<Authorization, Problem> {
    if let Some(code) = text("completion_code", ready.completion_code.as_ref())? {
        if challenge.status == ChallengeStatus::Processing {
            let token = challenge.token.as_deref().unwrap_or_default();
            match finish::complete_by_client(app, token, &code, client.ip()).await {
                Ok(()) | Err(Fault::AlreadyDone) => {}
                Err(fault) => {
                    audit::refused(app, sign_in_of(token), &fault).await;
                    return Err(refused(fault));
                }
            }
        }
        return Ok(seen.value);
    }
    let wish = Wish {
        redirect_uri: text("redirect_uri", ready.redirect_uri.as_ref())?,
        redirect_url: text("redirect_url", ready.redirect_url.as_ref())?,
    };
    let asker = Asker { client: client.ip(), now: app.clock.now() };
    let begun = begin::begin(&app.store, &app.config.sso, seen, challenge.id, &wish, asker).await;
    let begun = begun.inspect_err(|error| {
        if let BeginError::Answer(error) = error {
            look_for_row(app, error);
        }
    })?;
    if let (Some(due), Some(challenge)) = (begun.queued, find(&begun.authorization, challenge.id)) {
        // It fails the challenge when the link ends, unless the sign-in was completed and queued anew before.
        app.validations.push(due, Attempt::new(account, &begun.authorization, challenge, &app.links));
    }
    Ok(begun.authorization)
}

fn text(member: &str, value: Option<&Value>) -> Result<Option<String>, Problem> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Problem::new(Kind::Malformed, format!("{member} must be a string"))),
    }
}

/// What the client is told when its one-time code is not taken.
fn refused(fault: Fault) -> Problem {
    match fault {
        Fault::Failed(reason) => Problem::new(reason.kind(), reason.to_string()),
        Fault::WrongCode { .. } => {
            let detail =
                "completion_code is not the code that was sent to the redirect address of this sign-in";
            Problem::new(Kind::IncorrectResponse, detail)
        }
        Fault::Busy => {
            let detail = "the sign-in was changed by another request meanwhile; try again";
            Problem { retry_after: Some(1), ..Problem::new(Kind::ServiceUnavailable, detail) }
        }
        Fault::Store(error) => error.into(),
        Fault::Entropy(error) => error.into(),
        Fault::Unknown
        | Fault::Expired
        | Fault::LinkUsed
        | Fault::AlreadyDone
        | Fault::Over
        | Fault::AccountGone
        | Fault::ProviderGone
        | Fault::CrossSite
        | Fault::OtherBrowser
        | Fault::Unsolicited
        | Fault::Malformed(_)
        | Fault::ProviderUnreachable => Problem::new(Kind::Malformed, fault.to_string()),
    }
}
