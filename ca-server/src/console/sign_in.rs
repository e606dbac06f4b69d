//! Signing in at an identity provider: the browser is sent there with a fresh commitment, and the answer is taken once, in the same browser, for
//! an address that the provider may speak for, if the rules permit its owner to operate.
//!
//! The same checks as for `sso-01` (`sso/vouch.rs`), but no certificate comes of it: the commitment names the console, and the provider knows
//! the console under an address of its own, so an answer for one is worth nothing to the other.

use std::collections::HashMap;

use certs::identifier::Identifier;
use parking_lot::Mutex;
use policies::rules::Task;
use time::{Duration, OffsetDateTime};
use url::Url;

use super::fault::Fault;
use super::operator::Operator;
use super::secret::{Hash, Secret};
use super::sessions::Browser;
use crate::app::App;
use crate::ids::random_bytes;
use crate::log::act::Act;
use crate::sso::binding::Commitment;
use crate::sso::oidc::PkceVerifier;
use crate::sso::providers::{Asked, ProviderAnswer, Question};
use crate::sso::reason::Reason;
use crate::store::tables::used_assertions;
use crate::store::{Batch, StoreError, Table};

/// How long a person may take at the provider.
const WITHIN: Duration = Duration::minutes(10);

/// Browsers at providers at the same time; then nobody else is sent there until one is back or late.
const MOST: usize = 4096;

/// What the commitment names instead of an account's key.
const WHAT_FOR: &str = "operators' console";

/// Browsers that are at a provider, by the hash of what comes back with the answer.
#[derive(Default)]
pub struct UnderWay(Mutex<HashMap<Hash, Begun>>);

struct Begun {
    provider: String,
    browser: Hash,
    nonce: Secret,
    verifier: PkceVerifier,
    since: OffsetDateTime,
}

/// Where the browser goes, and the cookie's value by which it is known again.
pub struct Sent {
    /// The provider's address with the question.
    pub to: Url,
    /// The cookie's value.
    pub browser: Secret,
}

fn commitment(nonce: &Secret) -> Commitment {
    Commitment::new(WHAT_FOR, nonce.expose())
}

/// Sends a browser to the provider of this name.
///
/// # Errors
/// Why not.
pub async fn begin(app: &App, provider: &str) -> Result<Sent, Fault> {
    let now = app.clock.now();
    let found = app.console.providers.named(provider).ok_or(Fault::NoProvider)?;
    let (nonce, relay, browser) = (Secret::fresh()?, Secret::fresh()?, Secret::fresh()?);
    let verifier = PkceVerifier::from_entropy(&random_bytes()?);
    let question =
        Question { relay_state: relay.expose(), commitment: commitment(&nonce), verifier: &verifier, now };
    let to = found.ask(&question).await.map_err(|refusal| {
        tracing::warn!(provider, reason = %refusal.reason.word(), detail = %refusal.detail,
            "an identity provider cannot be asked");
        Fault::ProviderUnreachable
    })?;
    let begun = Begun { provider: provider.to_owned(), browser: browser.hash(), nonce, verifier, since: now };
    let mut under_way = app.console.under_way.0.lock();
    under_way.retain(|_, begun| now < begun.since + WITHIN);
    if under_way.len() >= MOST {
        return Err(Fault::TooMany { wait: 60 });
    }
    under_way.insert(relay.hash(), begun);
    Ok(Sent { to, browser })
}

/// Takes the answer, and begins a session for the person. Gives the session's cookie.
///
/// # Errors
/// Why nobody is signed in.
pub async fn finish(
    app: &App,
    (provider, relay): (&str, &str),
    cookie: Option<&str>,
    answer: ProviderAnswer,
    browser: Browser,
) -> Result<Secret, Fault> {
    let now = app.clock.now();
    let begun = take(&app.console.under_way, (provider, relay), cookie, now)?;
    let found = app.console.providers.named(provider).ok_or(Fault::NoProvider)?;
    let asked =
        Asked { commitment: commitment(&begun.nonce), verifier: &begun.verifier, since: begun.since, now };
    let person = found.hear(answer, &asked).await.map_err(|refusal| {
        tracing::warn!(provider, reason = %refusal.reason.word(), detail = %refusal.detail,
            "the answer of an identity provider was refused");
        Fault::NotVouched(refusal.reason)
    })?;
    let (address, evidence, single_use) = person.into_parts();
    if !found.may_vouch_for(&Identifier::from(address.clone())) {
        return Err(Fault::ForeignDomain { operator: address.to_string() });
    }
    let operator = Operator::person(address, evidence);
    let (name, means) = (operator.name(), operator.means());
    operator.may(Task::Look, browser.address, app).map_err(Fault::NotPermitted)?;
    let mut batch = Batch::new();
    used_assertions::claim(&mut batch, &single_use)?;
    let change = format!("signed in by {means}");
    batch.record(now, Act::Console { operator: name, change, client: browser.address.to_string() });
    match app.store.commit(batch).await {
        Ok(()) => Ok(app.console.sessions.begin(operator, browser, now)?),
        Err(StoreError::Stale(Table::UsedAssertions)) => Err(Fault::NotVouched(Reason::Replayed)),
        Err(error) => Err(error.into()),
    }
}

/// What was begun in this browser; taken once, unless another browser or provider brought the answer.
fn take(
    under_way: &UnderWay,
    (provider, relay): (&str, &str),
    cookie: Option<&str>,
    now: OffsetDateTime,
) -> Result<Begun, Fault> {
    let key = Secret::shown(relay).hash();
    let mut under_way = under_way.0.lock();
    let begun = under_way.get(&key).filter(|begun| now < begun.since + WITHIN && begun.provider == provider);
    let begun = begun.ok_or(Fault::Unsolicited)?;
    if !cookie.is_some_and(|cookie| begun.browser.is_of(&Secret::shown(cookie))) {
        return Err(Fault::OtherBrowser);
    }
    under_way.remove(&key).ok_or(Fault::Unsolicited)
}
