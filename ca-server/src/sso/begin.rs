//! Answering an `sso-01` challenge: it becomes `processing` at once, and its link is good until the sign-in's end.
//!
//! Challenge, sign-in and the queued validation are one batch. The validation is due when the link ends: it then fails what nobody
//! completed; a completed sign-in is queued anew, for now. Answering again changes nothing.

use std::net::IpAddr;
use std::time::Duration;

use time::OffsetDateTime;
use url::Url;

use super::binding::sign_in_of;
use super::code;
use super::redirect::{self, RedirectFault};
use super::sign_in::{Completion, SignIn, Stage};
use crate::clock;
use crate::config::{CompletionMethod, SsoConfig};
use crate::ids::{ChallengeId, NoEntropy};
use crate::order::answer::{AnswerError, Answered, find};
use crate::order::model::{Authorization, AuthorizationStatus, ChallengeStatus};
use crate::order::state::ChallengeEvent;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::store::tables::validations::{self, Due};
use crate::store::tables::{authorizations, sign_ins};
use crate::store::{Batch, Store, StoreError, Versioned};

/// The longest time that a link can be good.
pub const LONGEST_LINK: Duration = Duration::from_secs(600);

/// How often an answer is decided anew because somebody else changed the authorization.
const TRIES: usize = 5;

/// The members of an answer that mean something, as they were sent.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// `redirect_uri` of draft-biggs-acme-sso-01.
    pub redirect_uri: Option<String>,
    /// `redirect_url` of draft-biggs-acme-sso-00.
    pub redirect_url: Option<String>,
}

/// Why a challenge was not answered; nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// Both spellings, and they differ.
    #[error("redirect_uri and redirect_url are two spellings of one member, but they differ")]
    TwoRedirects,
    /// The redirect address is not acceptable.
    #[error("redirect_uri is not acceptable: {0}")]
    Redirect(#[from] RedirectFault),
    /// The operator turned this way of completing off.
    #[error("this server completes sign-ins by {} only; {hint}", offered.join(" or "))]
    Method {
        /// What is offered.
        offered: Vec<&'static str>,
        /// What the client can do.
        hint: &'static str,
    },
    /// The authorization does not allow it.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// No code can be drawn.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

impl From<BeginError> for Problem {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::TwoRedirects | BeginError::Redirect(_) | BeginError::Method { .. } => {
                Self::new(Kind::Malformed, error.to_string())
            }
            BeginError::Answer(error) => error.into(),
            BeginError::Entropy(error) => error.into(),
        }
    }
}

/// Who answers, and when.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// From where.
    pub client: IpAddr,
    /// The present.
    pub now: OffsetDateTime,
}

/// Takes the client's answer to `challenge`.
///
/// # Errors
/// [`BeginError`]
pub async fn begin(
    store: &Store,
    config: &SsoConfig,
    mut seen: Versioned<Authorization>,
    challenge: ChallengeId,
    wish: &Wish,
    asker: Asker,
) -> Result<Answered, BeginError> {
    let completion = completion(wish, config)?;
    for _ in 0..TRIES {
        let found = find(&seen.value, challenge).ok_or(AnswerError::NoSuchChallenge)?;
        match (seen.value.status_at(asker.now), found.status) {
            (AuthorizationStatus::Pending, ChallengeStatus::Pending) => {}
            (_, ChallengeStatus::Processing | ChallengeStatus::Valid)
            | (AuthorizationStatus::Valid, ChallengeStatus::Pending | ChallengeStatus::Invalid) => {
                return Ok(Answered { authorization: seen.value, queued: None });
            }
            (status, ChallengeStatus::Pending | ChallengeStatus::Invalid) => {
                return Err(AnswerError::Ended(status).into());
            }
        }
        let (batch, answered) = batch(config, &seen, challenge, completion.clone(), asker)?;
        match store.commit(batch).await {
            Ok(()) => return Ok(answered),
            Err(StoreError::Stale(_)) => {
                let again = store.load(&seen.value.id).await.map_err(AnswerError::from)?;
                seen = again.ok_or(AnswerError::Ended(AuthorizationStatus::Expired))?;
            }
            Err(error) => return Err(AnswerError::from(error).into()),
        }
    }
    Err(AnswerError::from(StoreError::Stale(crate::store::Table::Authorizations)).into())
}

fn batch(
    config: &SsoConfig,
    seen: &Versioned<Authorization>,
    challenge: ChallengeId,
    completion: Completion,
    asker: Asker,
) -> Result<(Batch, Answered), BeginError> {
    let mut next = seen.value.clone();
    let found = next.challenges.iter_mut().find(|one| one.id == challenge);
    let found = found.ok_or(AnswerError::NoSuchChallenge)?;
    found.status = found.status.step(ChallengeEvent::Answer).map_err(AnswerError::from)?;
    let (Some(id), Some(provider)) = (found.token.as_deref().and_then(sign_in_of), found.provider.clone())
    else {
        return Err(AnswerError::NoSuchChallenge.into());
    };
    let sign_in = SignIn {
        id,
        account: next.account,
        authorization: next.id,
        challenge,
        provider,
        client: asker.client.to_canonical(),
        completion,
        created: asker.now,
        expires: clock::after(asker.now, config.link_lifetime.min(LONGEST_LINK)).min(next.expires),
        stage: Stage::Offered,
    };
    let mut batch = Batch::new();
    authorizations::replace(&mut batch, seen, &next).map_err(AnswerError::from)?;
    sign_ins::insert(&mut batch, &sign_in).map_err(AnswerError::from)?;
    let due = last_due(&sign_in);
    validations::enqueue(&mut batch, &due);
    Ok((batch, Answered { authorization: next, queued: Some(due) }))
}

/// The validation that fails a sign-in which nobody completed.
#[must_use]
pub fn last_due(sign_in: &SignIn) -> Due {
    let SignIn { authorization, challenge, expires, .. } = *sign_in;
    Due { at: expires, authorization, challenge, attempts: 0 }
}

/// How the client will complete it.
fn completion(wish: &Wish, config: &SsoConfig) -> Result<Completion, BeginError> {
    let text = match (&wish.redirect_uri, &wish.redirect_url) {
        (Some(uri), Some(url)) if uri != url => return Err(BeginError::TwoRedirects),
        (Some(text), _) | (None, Some(text)) => Some(text),
        (None, None) => None,
    };
    let offers = |method| config.completion.contains(&method);
    let redirect = text.map(|text| redirect::accept(text, &config.redirects)).transpose()?;
    match redirect {
        Some(uri) if offers(CompletionMethod::Redirect) => Ok(Completion::Redirect { uri: Url::into(uri) }),
        Some(_) => Err(refused(config, "answer with an empty object, and show the person sso_code")),
        None if offers(CompletionMethod::Code) => Ok(Completion::Code { code: code::fresh()? }),
        None => Err(refused(config, "answer with a redirect_uri on a loopback address")),
    }
}

fn refused(config: &SsoConfig, hint: &'static str) -> BeginError {
    let word = |method: &CompletionMethod| match method {
        CompletionMethod::Redirect => "redirect",
        CompletionMethod::Code => "code",
    };
    BeginError::Method { offered: config.completion.iter().map(word).collect(), hint }
}

/// The sign-ins of an authorization's challenges that are processing, for its views.
///
/// # Errors
/// If the store fails.
pub async fn of(store: &Store, authorization: &Authorization) -> Result<Vec<SignIn>, StoreError> {
    let mut found = Vec::new();
    for challenge in &authorization.challenges {
        let id = challenge.token.as_deref().filter(|_| challenge.provider.is_some()).and_then(sign_in_of);
        if let (Some(id), ChallengeStatus::Processing) = (id, challenge.status) {
            found.extend(store.load::<SignIn>(&id).await?.map(|seen| seen.value));
        }
    }
    Ok(found)
}
