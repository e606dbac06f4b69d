//! Proving an e-mail address by the organisation's single sign-on (`sso-01`, draft-biggs-acme-sso with Rollcall's completion codes).
//!
//! The server is told how the sign-in comes back, answers with a link, and the person signs in there with a browser. Either that
//! browser is on this machine and is sent back to a port of ours with a one-time code, which we post ourselves; or it is anywhere,
//! and the person types the code that we show. The link alone must never be enough: whoever only clicks it certifies nothing.

mod choose;
mod loopback;

#[cfg(test)]
mod tests;

use std::{io, time::Duration};

use async_trait::async_trait;
use serde_json::json;
use time::OffsetDateTime;

use super::{Agent, EnrollError};
use crate::{
    acme::{
        Account, Authorization, AuthorizationError, AuthorizationStatus, Challenge, ChallengeStatus, Order,
        PollPolicy, ProblemKind, ResourceUrl, text::printable,
    },
    progress::Progress,
    state::{BegunSignIn, IdentityDir, PersonSettings, SignInWay},
};
use choose::choose;
use loopback::{Arrival, Loopback};

/// Links live ten minutes, or as long as the server's operator says, at most an hour; then the server says that it is over.
const LONGEST_WAIT: Duration = Duration::from_secs(65 * 60);
/// A person looks at the terminal after signing in: not much longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The server knows better than the browser's word why a sign-in failed, and says so within this time.
const AFTER_FAILURE: Duration = Duration::from_secs(10);
const REMIND_EVERY: Duration = Duration::from_secs(60);

/// The person who is to sign in, as far as this program can reach them.
#[async_trait]
pub trait Person: Send + Sync {
    /// Whether a browser can be opened on this machine.
    fn has_browser(&self) -> bool;

    /// Asks which of several identity providers to sign in at; `None` if nobody can be asked.
    async fn choose(&self, email: &str, providers: &[String]) -> io::Result<Option<usize>>;

    /// Shows where to sign in, and opens a browser there if [`has_browser`](Self::has_browser).
    async fn invite(&self, invitation: &Invitation);
}

/// Where a person signs in, and what they compare.
pub struct Invitation {
    /// The address to be proven.
    pub email: String,
    /// The identity provider, if the server names one.
    pub provider: Option<String>,
    /// The page to open. Whoever holds it can begin the sign-in, once.
    pub link: ResourceUrl,
    /// The code to type there; `None` if the browser comes back by itself.
    pub code: Option<String>,
    /// The account key in words; the page must show the same.
    pub key_words: String,
    /// Whether an earlier run has shown this link: it works once, and may have been used.
    pub again: bool,
}

/// Why nobody signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The server wants a sign-in and this run has no person.
    #[error("a sign-in is needed for {email}")]
    Needed {
        /// The address.
        email: String,
    },
    /// The server does not offer single sign-on for this address.
    #[error("the server offers {offered} for {email}, not sso-01")]
    NotOffered {
        /// The address.
        email: String,
        /// What it offers.
        offered: String,
    },
    /// Several identity providers may speak for the address, and nobody can be asked.
    #[error("several identity providers may sign in {email}: {}", .providers.join(", "))]
    SeveralProviders {
        /// The address.
        email: String,
        /// Their names.
        providers: Vec<String>,
    },
    /// The identity provider asked for is not offered.
    #[error("identity provider {wanted:?} is not offered for {email}, only {}", .providers.join(", "))]
    NoProvider {
        /// The address.
        email: String,
        /// What was asked for.
        wanted: String,
        /// Those offered.
        providers: Vec<String>,
    },
    /// The server gave no link.
    #[error("the server gave no link to sign in at for {email}")]
    NoLink {
        /// The address.
        email: String,
    },
    /// The link is not safe to open.
    #[error("the link to sign in at, {link}, is not https")]
    Link {
        /// The link.
        link: ResourceUrl,
    },
    /// The server gave no code to type.
    #[error("the server gave no code for a sign-in of {email} from another device")]
    NoCode {
        /// The address.
        email: String,
    },
    /// An earlier sign-in for the same order can no longer come back to us.
    #[error("the sign-in of an earlier run cannot be gone on with")]
    Stale,
    /// The browser said that it failed, and the server did not say why.
    #[error("the sign-in of {email} did not succeed: {word}")]
    Failed {
        /// The address.
        email: String,
        /// The word that the browser brought.
        word: String,
    },
    /// Nobody signed in.
    #[error("nobody signed in as {email} within {}", humantime::format_duration(*.waited))]
    TimedOut {
        /// The address.
        email: String,
        /// How long was waited.
        waited: Duration,
    },
    /// No port on this machine could be listened at.
    #[error("cannot listen on 127.0.0.1: {0}")]
    Listen(#[source] io::Error),
    /// The terminal failed while the person was asked.
    #[error("cannot ask at the terminal: {0}")]
    Terminal(#[source] io::Error),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Entropy,
}

/// Proves what is not proven yet, with a sign-in if need be; gives how long that proof serves further orders, if the server says.
pub(super) async fn prove(
    agent: Agent<'_>,
    account: &Account,
    identity: &IdentityDir,
    order: &Order,
    settings: &PersonSettings,
) -> Result<Option<OffsetDateTime>, EnrollError> {
    let mut until = None;
    for url in &order.authorizations {
        let found = account.authorization(url).await?;
        let proven = match found.status {
            AuthorizationStatus::Valid => found,
            AuthorizationStatus::Pending => sign_in(agent, account, identity, &found, settings).await?,
            AuthorizationStatus::Invalid
            | AuthorizationStatus::Deactivated
            | AuthorizationStatus::Expired
            | AuthorizationStatus::Revoked => account.wait_for_authorization(url).await?,
        };
        // The server ends the authorization of a person when the next sign-in is needed.
        until = proven.expires;
    }
    Ok(until)
}

/// How long the proofs of an order that needed no more serve further orders. Good to know, so that not knowing is no error.
pub(super) async fn proven_until(account: &Account, order: &Order) -> Option<OffsetDateTime> {
    let found = account.authorization(order.authorizations.first()?).await.ok()?;
    found.expires.filter(|_| found.status == AuthorizationStatus::Valid)
}

async fn sign_in(
    agent: Agent<'_>,
    account: &Account,
    identity: &IdentityDir,
    authorization: &Authorization,
    settings: &PersonSettings,
) -> Result<Authorization, EnrollError> {
    let email = settings.email.to_string();
    let Some(person) = agent.person else { return Err(SignInError::Needed { email }.into()) };
    let challenge = choose(person, authorization, &email, settings.provider.as_deref()).await?;
    let (listener, answer) = begin(account, identity, challenge, person).await?;
    if answer.status == ChallengeStatus::Valid {
        // Completed in this moment, by the run before or in a browser elsewhere.
        return Ok(account.wait_for_authorization(&authorization.url).await?);
    }
    let mut invitation = invitation(account, challenge, &answer, email, listener.is_some())?;
    invitation.again = is_under_way(challenge) && answer.sso_url == challenge.sso_url;
    agent.progress.step(&waiting_for(&invitation));
    person.invite(&invitation).await;
    Ok(tokio::select! {
        ended = end(agent, account, authorization, challenge, listener, &invitation.email) => ended?,
        never = remind(agent.progress) => match never {},
    })
}

/// Tells the server how the sign-in comes back; gives the port that waits for that, if there is one, and the server's answer.
async fn begin(
    account: &Account,
    identity: &IdentityDir,
    challenge: &Challenge,
    person: &dyn Person,
) -> Result<(Option<Loopback>, Challenge), EnrollError> {
    let before = identity.sign_in()?.filter(|begun| begun.challenge.as_str() == challenge.url.as_str());
    let listener = listen(person, before.as_ref()).await?;
    let begun = BegunSignIn { challenge: challenge.url.url().clone(), way: way(listener.as_ref()) };
    let moved = before.as_ref() != Some(&begun);
    if moved {
        identity.store_sign_in(&begun)?;
    }
    let response = match &listener {
        Some(listener) => json!({ "redirect_uri": listener.redirect_uri() }),
        None => json!({}),
    };
    match account.respond_with(&challenge.url, &response).await {
        // The server still means the sign-in that would come back to where nobody listens any more.
        Ok(answer) if moved && is_under_way(challenge) && answer.sso_url == challenge.sso_url => {
            Err(SignInError::Stale.into())
        }
        Ok(answer) => Ok((listener, answer)),
        Err(error) if is_under_way(challenge) && error.problem().is_some() && !error.is_passing() => {
            Err(SignInError::Stale.into())
        }
        // The server's operator may want codes to be typed, browser here or not.
        Err(error) if listener.is_some() && error.is_problem(&ProblemKind::Malformed) => {
            identity.store_sign_in(&BegunSignIn { way: SignInWay::Code, ..begun })?;
            Ok((None, account.respond(challenge).await?))
        }
        Err(error) => Err(error.into()),
    }
}

fn is_under_way(challenge: &Challenge) -> bool {
    challenge.status == ChallengeStatus::Processing
}

/// A port of ours for a browser on this machine, the same as before a cut if it is free.
async fn listen(person: &dyn Person, before: Option<&BegunSignIn>) -> Result<Option<Loopback>, SignInError> {
    if !person.has_browser() {
        return Ok(None);
    }
    if let Some(BegunSignIn { way: SignInWay::Redirect { port, path }, .. }) = before {
        match Loopback::reopen(*port, path.clone()).await {
            Ok(listener) => return Ok(Some(listener)),
            Err(error) => tracing::info!(port, %error, "the port of the earlier run is taken"),
        }
    }
    Loopback::open().await.map(Some)
}

fn way(listener: Option<&Loopback>) -> SignInWay {
    match listener {
        Some(listener) => SignInWay::Redirect { port: listener.port(), path: listener.path().to_owned() },
        None => SignInWay::Code,
    }
}

fn invitation(
    account: &Account,
    offered: &Challenge,
    answer: &Challenge,
    email: String,
    comes_back: bool,
) -> Result<Invitation, SignInError> {
    let Some(link) = answer.sso_url.clone().or_else(|| offered.sso_url.clone()) else {
        return Err(SignInError::NoLink { email });
    };
    let local = matches!(link.url().host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    if link.url().scheme() != "https" && !local {
        return Err(SignInError::Link { link });
    }
    let code = match (comes_back, &answer.sso_code) {
        (true, _) => None,
        (false, Some(code)) => Some(printable(code, 64)),
        (false, None) => return Err(SignInError::NoCode { email }),
    };
    let provider = answer.sso_provider.as_ref().or(offered.sso_provider.as_ref());
    let provider = provider.map(|name| printable(name, 128));
    Ok(Invitation {
        email,
        provider,
        link,
        code,
        key_words: account.key().thumbprint().key_words(),
        again: false,
    })
}

fn waiting_for(invitation: &Invitation) -> String {
    let at = invitation.provider.as_ref().map(|provider| format!(" at {provider}")).unwrap_or_default();
    format!("waiting for {} to sign in{at}", invitation.email)
}

/// Waits until the server has judged, handing it the code that the browser brings.
async fn end(
    agent: Agent<'_>,
    account: &Account,
    authorization: &Authorization,
    challenge: &Challenge,
    listener: Option<Loopback>,
    email: &str,
) -> Result<Authorization, EnrollError> {
    let usual = account.client().poll_policy();
    let patience = |deadline: Duration| PollPolicy {
        deadline,
        first_pause: usual.first_pause,
        longest_pause: usual.longest_pause.min(LONGEST_PAUSE),
    };
    let url = &authorization.url;
    let judged = account.wait_for_authorization_within(url, patience(LONGEST_WAIT));
    let Some(listener) = listener else { return judged.await.map_err(|error| too_long(error, email)) };
    let arrival = tokio::select! {
        ended = judged => return ended.map_err(|error| too_long(error, email)),
        arrival = listener.arrival() => arrival?,
    };
    match arrival {
        Arrival::Completed(code) => {
            agent.progress.step("the browser is back; completing the sign-in");
            let completion = json!({ "completion_code": code.as_str() });
            if let Err(error) = account.respond_with(&challenge.url, &completion).await {
                // A code works once: one that arrived, and whose answer was lost, is refused the second time.
                let now = account.authorization(url).await?;
                return if now.status == AuthorizationStatus::Valid { Ok(now) } else { Err(error.into()) };
            }
            Ok(account.wait_for_authorization(url).await?)
        }
        // A server of the draft's, which has no completion codes: only it knows how the sign-in ended.
        Arrival::Bare => {
            let judged = account.wait_for_authorization_within(url, patience(LONGEST_WAIT)).await;
            judged.map_err(|error| too_long(error, email))
        }
        Arrival::Failed(word) => {
            let judged = account.wait_for_authorization_within(url, patience(AFTER_FAILURE)).await;
            judged.map_err(|error| match error {
                AuthorizationError::TimedOut { .. } => {
                    SignInError::Failed { email: email.to_owned(), word }.into()
                }
                other => other.into(),
            })
        }
    }
}

fn too_long(error: AuthorizationError, email: &str) -> EnrollError {
    match error {
        AuthorizationError::TimedOut { waited, .. } => {
            SignInError::TimedOut { email: email.to_owned(), waited: whole_seconds(waited) }.into()
        }
        other => other.into(),
    }
}

fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}

/// Says now and then that the wait goes on.
async fn remind(progress: &dyn Progress) -> std::convert::Infallible {
    let mut waited = Duration::ZERO;
    loop {
        tokio::time::sleep(REMIND_EVERY).await;
        waited += REMIND_EVERY;
        progress.note(&format!("still waiting for the sign-in, {}", humantime::format_duration(waited)));
    }
}
