//! The ends of a sign-in: the client's code is right and the validation is queued for now, or it has failed and the challenge will be told.
//!
//! The short code is typed by the person on the confirm page; the one-time code comes back from the client itself, signed by the account.
//! Each end is one batch with its journal entry and the queued validation.

use std::net::IpAddr;

use time::Duration;

use super::audit;
use super::begin::last_due;
use super::binding::{matches, sign_in_of, sign_in_of_handle};
use super::code;
use super::fault::Fault;
use super::reason::Reason;
use super::sign_in::{Completion, MOST_TRIES, SignIn, SignInEvent, Stage, Vouched};
use super::standing::Standing;
use crate::app::App;
use crate::challenge::Attempt;
use crate::log::act::Act;
use crate::order::answer::find;
use crate::policy::Refused;
use crate::store::tables::sign_ins;
use crate::store::tables::validations::{self, Due};
use crate::store::{Batch, StoreError};

/// How often a step is decided anew because something it depends on changed.
const TRIES: usize = 4;

/// How long after the provider vouched a listening client can take to post the code that it was sent.
const LONGEST_TO_POST: Duration = Duration::seconds(60);

/// The sign-in that waits on the confirm page with this handle, in the browser with this cookie.
///
/// # Errors
/// Why there is none.
pub async fn confirming(app: &App, handle: &str, cookie: Option<&str>) -> Result<(Standing, Vouched), Fault> {
    let id = sign_in_of_handle(handle).ok_or(Fault::Unknown)?;
    let standing = Standing::load(&app.store, &app.providers, id, app.clock.now()).await?;
    let vouched = match &standing.sign_in.value.stage {
        Stage::Vouched(vouched) if matches(handle, &vouched.secret) => vouched.clone(),
        Stage::Vouched(_)
        | Stage::Offered
        | Stage::Asked(_)
        | Stage::Completed { .. }
        | Stage::Failed { .. } => return Err(Fault::Unknown),
    };
    if !cookie.is_some_and(|cookie| matches(cookie, &vouched.browser)) {
        return Err(Fault::OtherBrowser);
    }
    Ok((standing, vouched))
}

/// Takes what the person typed on the confirm page.
///
/// # Errors
/// [`Fault::WrongCode`] while there are tries left; where it is [`Fault::Failed`], the sign-in has ended.
pub async fn confirm(app: &App, (standing, vouched): (Standing, Vouched), typed: &str) -> Result<(), Fault> {
    let code = match &standing.sign_in.value.completion {
        Completion::Code { code } => code.clone(),
        Completion::Redirect { .. } => return Err(Fault::Unknown),
    };
    let (standing, tries) = count_try(app, standing).await?;
    if code::is_right(typed, &code) {
        return complete(app, standing, &vouched).await;
    }
    match MOST_TRIES.saturating_sub(tries) {
        0 => fail(app, &standing, Reason::WrongCodes).await,
        left => Err(Fault::WrongCode { left }),
    }
}

/// Counts a try before anybody knows what it is worth: many at the same time are no more than as many in turn.
async fn count_try(app: &App, mut standing: Standing) -> Result<(Standing, u32), Fault> {
    for _ in 0..TRIES {
        let next = standing.sign_in.value.after(SignInEvent::Try).map_err(|_| Fault::Busy)?;
        let tries = match &next.stage {
            Stage::Vouched(vouched) => vouched.tries,
            Stage::Failed { reason } => return fail(app, &standing, reason.clone()).await,
            Stage::Offered | Stage::Asked(_) | Stage::Completed { .. } => return Err(Fault::Busy),
        };
        let mut batch = Batch::new();
        sign_ins::replace(&mut batch, &standing.sign_in, &next)?;
        match app.store.commit(batch).await {
            Ok(()) => return Ok((again(app, &standing).await?, tries)),
            Err(StoreError::Stale(_)) => standing = again(app, &standing).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(Fault::Busy)
}

/// Takes the one-time code that the client at this address posted to its challenge.
///
/// # Errors
/// Why it is not taken.
pub async fn complete_by_client(app: &App, token: &str, posted: &str, client: IpAddr) -> Result<(), Fault> {
    let id = sign_in_of(token).ok_or(Fault::Unknown)?;
    let standing = Standing::load(&app.store, &app.providers, id, app.clock.now()).await?;
    let vouched = match (&standing.sign_in.value.stage, &standing.sign_in.value.completion) {
        (Stage::Vouched(vouched), Completion::Redirect { .. }) if matches(posted, &vouched.secret) => {
            vouched.clone()
        }
        (Stage::Vouched(_) | Stage::Offered | Stage::Asked(_), _) => {
            return Err(Fault::WrongCode { left: 0 });
        }
        (Stage::Completed { .. } | Stage::Failed { .. }, _) => return Err(Fault::Busy),
    };
    // Whoever talked a person out of the code of a browser that found no listener needs longer, and sits elsewhere.
    if app.clock.now() > vouched.vouched_at + LONGEST_TO_POST {
        return fail(app, &standing, Reason::LateCode).await;
    }
    if app.config.sso.same_address && !are_one_machine(client.to_canonical(), vouched.from) {
        return fail(app, &standing, Reason::CodeFromElsewhere).await;
    }
    complete(app, standing, &vouched).await
}

/// Both loopback addresses are this machine, whichever of them `localhost` was read as.
fn are_one_machine(client: IpAddr, browser: IpAddr) -> bool {
    client == browser || (client.is_loopback() && browser.is_loopback())
}

async fn complete(app: &App, mut standing: Standing, vouched: &Vouched) -> Result<(), Fault> {
    for _ in 0..TRIES {
        if standing.commitment(&vouched.nonce).nonce() != vouched.commitment {
            return fail(app, &standing, Reason::KeyChanged).await;
        }
        let now = app.clock.now();
        let next = standing.sign_in.value.after(SignInEvent::Complete).map_err(|_| Fault::Busy)?;
        let act = Act::SignedIn {
            account: next.account,
            authorization: next.authorization,
            identifier: standing.identifier().clone(),
            evidence: vouched.evidence.clone(),
        };
        let mut batch = Batch::new();
        batch.record(now, act);
        match end(app, &standing, &next, batch).await {
            Err(Fault::Store(StoreError::Stale(_))) => standing = again(app, &standing).await?,
            Ok(()) => {
                audit::count(standing.provider.name(), "completed");
                tracing::info!(provider = standing.provider.name(), challenge.id = %next.challenge, account.id = %next.account,
                    "a person signed in");
                return Ok(());
            }
            Err(fault) => return Err(fault),
        }
    }
    Err(Fault::Busy)
}

/// Ends a sign-in that cannot succeed any more; always an error, [`Fault::Failed`] where it was recorded.
///
/// Where somebody else moved the sign-in on meanwhile, that stands; why this step was refused is journalled all the same.
pub async fn fail<T>(app: &App, standing: &Standing, reason: Reason) -> Result<T, Fault> {
    let (now, id) = (app.clock.now(), standing.sign_in.value.id);
    let admitted = app.refusals.admit(refusal(standing, &reason.word()), Some(id), now);
    let (mut fault, mut fresh) = (Fault::Busy, None);
    for _ in 0..TRIES {
        let standing = fresh.as_ref().unwrap_or(standing);
        let Ok(next) = standing.sign_in.value.after(SignInEvent::Fail(reason.clone())) else { break };
        let mut batch = Batch::new();
        if let Some(admitted) = &admitted {
            batch.record(now, admitted.act());
        }
        match end(app, standing, &next, batch).await {
            Ok(()) => {
                audit::count(standing.provider.name(), &reason.word());
                tracing::info!(provider = standing.provider.name(), challenge.id = %next.challenge, account.id = %next.account,
                    reason = %reason.word(), "a sign-in failed");
                return Err(Fault::Failed(reason));
            }
            Err(Fault::Store(StoreError::Stale(_))) => match again(app, standing).await {
                // Only the account or the authorization was touched: the answer is as bad as before.
                Ok(seen) if seen.sign_in.version == standing.sign_in.version => fresh = Some(seen),
                Ok(_) => break,
                Err(over) => {
                    fault = over;
                    break;
                }
            },
            Err(other) => {
                fault = other;
                break;
            }
        }
    }
    if let Err(error) = app.refusals.write(&app.store, admitted, now).await {
        tracing::error!(%error, "a refusal could not be journalled");
    }
    Err(fault)
}

/// Writes an ended sign-in together with its validation, due now, and hands that over.
async fn end(app: &App, standing: &Standing, next: &SignIn, mut batch: Batch) -> Result<(), Fault> {
    let due = Due { at: app.clock.now(), ..last_due(next) };
    standing.demand(&mut batch);
    sign_ins::replace(&mut batch, &standing.sign_in, next)?;
    validations::dequeue(&mut batch, &last_due(next));
    validations::enqueue(&mut batch, &due);
    app.store.commit(batch).await.inspect_err(|error| {
        if error.may_have_written() {
            app.validations.wake();
        }
    })?;
    // Only a hint: the row is durable, and the worker finds it there if the process dies here.
    if let Some(challenge) = find(&standing.authorization.value, next.challenge) {
        let (account, authorization) = (&standing.account.value, &standing.authorization.value);
        app.validations.push(due, Attempt::new(account, authorization, challenge, &app.links));
    }
    Ok(())
}

async fn again(app: &App, standing: &Standing) -> Result<Standing, Fault> {
    Standing::load(&app.store, &app.providers, standing.sign_in.value.id, app.clock.now()).await
}

/// What the journal is to know of a sign-in that failed.
fn refusal(standing: &Standing, word: &str) -> Refused {
    let identifiers = vec![standing.identifier().clone()];
    audit::refusal(standing.account.value.id, identifiers, word)
}
