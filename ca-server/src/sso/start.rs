//! Using the link: once, by one browser, which is then sent to the provider (`docs/acme-sso.md`, *Start*).
//!
//! Looking at the page consumes nothing, because mail filters and chat programs look at links too; only the button does. From then on the
//! sign-in belongs to the browser that has the cookie.

use url::Url;

use super::begin;
use super::binding::{handle, hashed, secret, sign_in_of};
use super::fault::Fault;
use super::oidc::PkceVerifier;
use super::providers::Question;
use super::sign_in::{Asked, SignInEvent, Stage};
use super::standing::Standing;
use crate::app::App;
use crate::ids::random_bytes;
use crate::order::answer::find;
use crate::store::tables::sign_ins;
use crate::store::{Batch, StoreError};

/// Where the browser goes, and the cookie that makes the sign-in its own.
pub struct Sent {
    /// The provider's address with the question.
    pub to: Url,
    /// The cookie's value.
    pub browser: String,
}

/// The sign-in that a link leads to, if its link can still be used.
///
/// # Errors
/// Why it cannot.
pub async fn look(app: &App, link_secret: &str) -> Result<Standing, Fault> {
    let id = sign_in_of(link_secret).ok_or(Fault::Unknown)?;
    let standing = Standing::load(&app.store, &app.providers, id, app.clock.now()).await?;
    match standing.sign_in.value.stage {
        Stage::Offered => Ok(standing),
        Stage::Asked(_) | Stage::Vouched(_) | Stage::Completed { .. } | Stage::Failed { .. } => {
            Err(Fault::LinkUsed)
        }
    }
}

/// Uses the link for the browser that has this cookie, or a new one.
///
/// # Errors
/// Why not; the link is as it was.
pub async fn start(app: &App, link_secret: &str, cookie: Option<String>) -> Result<Sent, Fault> {
    let (standing, now) = (look(app, link_secret).await?, app.clock.now());
    let browser = match cookie {
        Some(cookie) => cookie,
        None => secret()?,
    };
    let (nonce, verifier) = (secret()?, PkceVerifier::from_entropy(&random_bytes()?));
    let relay_state = handle(standing.sign_in.value.id)?;
    let commitment = standing.commitment(&nonce);
    let question = Question { relay_state: &relay_state, commitment, verifier: &verifier, now };
    let to = standing.provider.ask(&question).await.map_err(|refusal| {
        tracing::warn!(provider = standing.provider.name(), reason = %refusal.reason.word(), detail = %refusal.detail,
            "an identity provider cannot be asked");
        Fault::ProviderUnreachable
    })?;
    let asked = Asked {
        browser: hashed(&browser),
        relay: hashed(&relay_state),
        commitment: commitment.nonce(),
        nonce,
        verifier,
        since: now,
    };
    let next = standing.sign_in.value.after(SignInEvent::Ask(asked)).map_err(|_| Fault::LinkUsed)?;
    let mut batch = Batch::new();
    standing.demand(&mut batch);
    sign_ins::replace(&mut batch, &standing.sign_in, &next)?;
    match app.store.commit(batch).await {
        Ok(()) => Ok(Sent { to, browser }),
        // Of two presses at the same time one wins; the other finds the link used.
        Err(StoreError::Stale(_)) => Err(look(app, link_secret).await.err().unwrap_or(Fault::Busy)),
        Err(error) => Err(error.into()),
    }
}

/// The other providers at which the same address can be proven now: what people read, and the secret of the link.
///
/// # Errors
/// If the store fails.
pub async fn elsewhere(app: &App, standing: &Standing) -> Result<Vec<(String, String)>, Fault> {
    let authorization = &standing.authorization.value;
    let sign_ins = begin::of(&app.store, authorization).await?;
    let mut found = Vec::new();
    for sign_in in
        sign_ins.iter().filter(|one| one.id != standing.sign_in.value.id && one.stage == Stage::Offered)
    {
        let token = find(authorization, sign_in.challenge).and_then(|challenge| challenge.token.clone());
        if let (Some(token), Some(provider)) = (token, app.providers.named(&sign_in.provider)) {
            found.push((provider.label().to_owned(), token));
        }
    }
    Ok(found)
}
