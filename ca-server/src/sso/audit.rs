//! What is remembered of a step that was refused: the journal for sign-ins that exist, as far as the log of refusals lets it; a counter and
//! the log for all.

use certs::identifier::Identifier;

use super::fault::Fault;
use super::sign_in::SignIn;
use crate::app::App;
use crate::ids::{AccountId, SignInId};
use crate::order::model::Authorization;
use crate::policy::Refused;
use crate::respond::problem::causes;
use crate::store::StoreError;

/// Remembers that a step of the sign-in `id`, if one was named, was refused. A sign-in that failed was journalled when it did.
pub async fn refused(app: &App, id: Option<SignInId>, fault: &Fault) {
    if matches!(fault, Fault::Failed(_)) {
        return;
    }
    if let Fault::Store(_) | Fault::Entropy(_) = fault {
        tracing::error!(error = %causes(fault), "a step of a sign-in failed inside the server");
    }
    let found = match id {
        Some(id) => app.store.load::<SignIn>(&id).await.ok().flatten().map(|seen| seen.value),
        None => None,
    };
    let word = fault.word();
    count(found.as_ref().map_or("", |sign_in| sign_in.provider.as_str()), &word);
    let Some(sign_in) = found else {
        tracing::info!(reason = %word, "a step of an unknown sign-in was refused");
        return;
    };
    tracing::warn!(provider = %sign_in.provider, challenge.id = %sign_in.challenge, account.id = %sign_in.account,
        reason = %word, "a step of a sign-in was refused");
    if let Err(error) = journal(app, &sign_in, &word).await {
        tracing::error!(%error, "a refusal could not be journalled");
    }
}

async fn journal(app: &App, sign_in: &SignIn, word: &str) -> Result<(), StoreError> {
    let authorization = app.store.load::<Authorization>(&sign_in.authorization).await?;
    let identifiers = authorization.map(|seen| seen.value.identifier).into_iter().collect();
    let refused = refusal(sign_in.account, identifiers, word);
    app.refusals.record_step(&app.store, sign_in.id, refused, app.clock.now()).await
}

/// The refusal as the journal is to know it.
pub(super) fn refusal(account: AccountId, identifiers: Vec<Identifier>, word: &str) -> Refused {
    let rule = format!("sso:{word}");
    Refused { action: "sign-in", account: Some(account), order: None, identifiers, rule }
}

/// Counts an outcome.
pub(super) fn count(provider: &str, outcome: &str) {
    let labels = [("provider", provider.to_owned()), ("outcome", outcome.to_owned())];
    metrics::counter!("rollcall_sign_ins_total", &labels).increment(1);
}
