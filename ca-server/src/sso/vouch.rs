//! The provider's answer: found by its relay state, demanded of the same browser, held against the account's present key, checked, and
//! taken once (`docs/acme-sso.md`, *Answer*).
//!
//! What is not an answer to this sign-in in this browser changes nothing. What is, but does not pass, fails the sign-in for good.

use std::net::IpAddr;

use certs::identifier::Identifier;
use time::OffsetDateTime;
use url::Url;

use super::binding::{handle, hashed, matches, secret, sign_in_of_handle};
use super::fault::Fault;
use super::finish;
use super::person::{Evidence, Person, SingleUse};
use super::providers::{self, ProviderAnswer};
use super::reason::Reason;
use super::redirect::with_code;
use super::sign_in::{Asked, Completion, SignInEvent, Stage};
use super::standing::Standing;
use crate::app::App;
use crate::store::tables::{sign_ins, used_assertions};
use crate::store::{Batch, StoreError, Table};

/// How often a step is decided anew because something it depends on changed.
const TRIES: usize = 4;

/// Most octets of evidence that are kept of one person: it stands in several rows, and a row is bounded.
const MOST_EVIDENCE: usize = 16 * 1024;

/// Where the browser goes after a provider vouched.
pub enum Next {
    /// To the client's listener, with the one-time code.
    Client(Url),
    /// To the confirm page with this handle.
    Confirm(String),
}

/// The sign-in that waits for an answer of `provider` with this relay state, in the browser with this cookie.
///
/// # Errors
/// Why there is none.
pub async fn find(
    app: &App,
    provider: &str,
    relay_state: &str,
    cookie: Option<&str>,
) -> Result<(Standing, Asked), Fault> {
    let id = sign_in_of_handle(relay_state).ok_or(Fault::Unsolicited)?;
    let standing = match Standing::load(&app.store, &app.providers, id, app.clock.now()).await {
        Err(Fault::Unknown | Fault::AlreadyDone) => return Err(Fault::Unsolicited),
        loaded => loaded?,
    };
    let asked = match &standing.sign_in.value.stage {
        Stage::Asked(asked) if matches(relay_state, &asked.relay) => asked.clone(),
        Stage::Asked(_)
        | Stage::Offered
        | Stage::Vouched(_)
        | Stage::Completed { .. }
        | Stage::Failed { .. } => return Err(Fault::Unsolicited),
    };
    if standing.sign_in.value.provider != provider {
        return Err(Fault::Unsolicited);
    }
    if !cookie.is_some_and(|cookie| matches(cookie, &asked.browser)) {
        return Err(Fault::OtherBrowser);
    }
    Ok((standing, asked))
}

/// Takes the answer to a sign-in that [`find`] found, which a browser at this address brought.
///
/// # Errors
/// Why not; where it is [`Fault::Failed`], the sign-in has ended.
pub async fn vouch(
    app: &App,
    (standing, asked): (Standing, Asked),
    answer: ProviderAnswer,
    browser: IpAddr,
) -> Result<Next, Fault> {
    let now = app.clock.now();
    let commitment = standing.commitment(&asked.nonce);
    if commitment.nonce() != asked.commitment {
        return finish::fail(app, &standing, Reason::KeyChanged).await;
    }
    let expected = providers::Asked { commitment, verifier: &asked.verifier, since: asked.since, now };
    let person = match standing.provider.hear(answer, &expected).await {
        Ok(person) => person,
        Err(refusal) => {
            tracing::warn!(provider = standing.provider.name(), reason = %refusal.reason.word(), detail = %refusal.detail,
                "the answer of an identity provider was refused");
            return finish::fail(app, &standing, refusal.reason).await;
        }
    };
    match fits(&standing, person) {
        Ok((evidence, single_use)) => {
            take(app, standing, (evidence, browser.to_canonical()), &single_use, now).await
        }
        Err(reason) => finish::fail(app, &standing, reason).await,
    }
}

/// The person must have the address that is to be proven, exactly; and the provider must own its domain.
fn fits(standing: &Standing, person: Person) -> Result<(Evidence, SingleUse), Reason> {
    let (address, evidence, single_use) = person.into_parts();
    let octets = serde_json::to_vec(&evidence).map_or(usize::MAX, |text| text.len());
    if octets > MOST_EVIDENCE {
        return Err(Reason::Refused { protocol: evidence.protocol, word: "too-many-facts".to_owned() });
    }
    // What it said is judged first: a provider that speaks for a domain of others is told of as such, whoever was expected.
    let vouched_for = Identifier::from(address);
    if !standing.provider.may_vouch_for(&vouched_for) {
        return Err(Reason::ForeignDomain);
    }
    if *standing.identifier() != vouched_for {
        return Err(Reason::OtherAddress);
    }
    Ok((evidence, single_use))
}

/// Records that the provider vouched; the same assertion cannot be taken again.
async fn take(
    app: &App,
    mut standing: Standing,
    (evidence, from): (Evidence, IpAddr),
    single_use: &SingleUse,
    now: OffsetDateTime,
) -> Result<Next, Fault> {
    let (next, secret) = next_of(&standing)?;
    for _ in 0..TRIES {
        let event = SignInEvent::Vouch { secret: hashed(&secret), evidence: evidence.clone(), at: now, from };
        let vouched = standing.sign_in.value.after(event).map_err(|_| Fault::Unsolicited)?;
        let mut batch = Batch::new();
        standing.demand(&mut batch);
        sign_ins::replace(&mut batch, &standing.sign_in, &vouched)?;
        used_assertions::claim(&mut batch, single_use)?;
        match app.store.commit(batch).await {
            Ok(()) => return Ok(next),
            Err(StoreError::Stale(Table::UsedAssertions)) => {
                return finish::fail(app, &standing, Reason::Replayed).await;
            }
            Err(StoreError::Stale(_)) => {
                let id = standing.sign_in.value.id;
                let key = standing.thumbprint();
                standing = Standing::load(&app.store, &app.providers, id, now).await?;
                if standing.thumbprint() != key {
                    return finish::fail(app, &standing, Reason::KeyChanged).await;
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Fault::Busy)
}

/// Where the browser goes next, and the secret that leads on from there.
fn next_of(standing: &Standing) -> Result<(Next, String), Fault> {
    match &standing.sign_in.value.completion {
        Completion::Redirect { uri } => {
            let code = secret()?;
            // It was a URL when the challenge was answered.
            let uri: Url = uri.parse().map_err(|_| Fault::Malformed("the client's address"))?;
            Ok((Next::Client(with_code(uri, &code)), code))
        }
        Completion::Code { .. } => {
            let page = handle(standing.sign_in.value.id)?;
            Ok((Next::Confirm(page.clone()), page))
        }
    }
}
