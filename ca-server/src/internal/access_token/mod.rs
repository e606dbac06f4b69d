//! JWT access tokens of organisations' identity providers (RFC 9068, RFC 7519, RFC 8725).
//!
//! The header's `alg` must be on our list and fit a key that the issuer publishes; keys named in the token are ignored. `iss` only chooses the issuer whose
//! keys are tried. Nothing of the payload is believed before the signature verified. Must never log a token.

mod checks;
mod issuer;
mod load;

use std::fmt;
use std::sync::Arc;

use time::OffsetDateTime;

use self::checks::Said;
use self::issuer::TokenIssuer;
use super::error::TokenError;
use super::holder::{TokenFacts, User};
use super::organisation::Organisation;
use crate::app::App;
use crate::policy::Subject;
use crate::sso::oidc::id_token::IdToken;
use crate::sso::oidc::settings::shown;

pub use load::{IssuerFault, IssuerLoadError, load, problems};

/// Longest access token that is looked at.
const MAX_TOKEN: usize = 16 * 1024;

/// The issuers of `[[token_issuer]]`.
#[derive(Clone, Default)]
pub struct TokenIssuers(Arc<Vec<TokenIssuer>>);

impl fmt::Debug for TokenIssuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

impl TokenIssuers {
    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|issuer| issuer.settings.name.as_str())
    }

    /// Whether the tokens of this one say for which of several organisations they speak.
    #[must_use]
    pub fn names_organisations(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|issuer| issuer.settings.name == name && issuer.settings.organisation_claim.is_some())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Asks every issuer that publishes its keys at an address for them, so that the first token finds them. What cannot be had is logged.
    pub async fn warm(&self, now: OffsetDateTime) {
        for issuer in self.0.iter() {
            if let Err(error) = issuer.keys(now).await {
                tracing::warn!(
                    issuer = issuer.settings.name,
                    reason = error.reason(),
                    "the keys of a token issuer cannot be read"
                );
            }
        }
    }

    /// The person that a token speaks for. `subject` is who it says, once its signature verified.
    pub(super) async fn verify(
        &self,
        app: &App,
        token: &str,
        (subject, now): (&mut Subject, OffsetDateTime),
    ) -> Result<User, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::Malformed("it is too long"));
        }
        let jws = IdToken::parse_any(token)?;
        let named = jws.claimed_issuer()?.ok_or(TokenError::Claim("iss"))?;
        let issuer = self.0.iter().find(|issuer| issuer.settings.issuer == named);
        let issuer = issuer.ok_or_else(|| TokenError::Issuer(shown(&named)))?;
        let claims = issuer.verified(&jws, now).await?;
        if let Some(sub) = claims.fact_named("sub").filter(|sub| sub.len() <= checks::MAX_ID) {
            let credential = format!("access-token {} {sub}", issuer.settings.name);
            *subject = Subject::Known { id: credential.clone(), credential, identifier: None };
        }
        let said = checks::all(&claims, &issuer.settings, now)?;
        let organisation = organisation(app, issuer, &said).await?;
        let Said { subject, user_id, email, display_name, single_use, .. } = said;
        Ok(User {
            organisation: organisation.id,
            id: user_id,
            email,
            display_name,
            token: TokenFacts {
                issuer: issuer.settings.name.clone(),
                subject,
                sha256: jws.fingerprint(),
                single_use,
            },
        })
    }
}

/// The one organisation that the token's issuer speaks for; where it speaks for several, the one that the token names.
async fn organisation(app: &App, issuer: &TokenIssuer, said: &Said) -> Result<Organisation, TokenError> {
    let name = &issuer.settings.name;
    let found = match (&issuer.settings.organisation_claim, &said.organisation) {
        (Some(_), Some(named)) => app.store.organisation_named(named).await?,
        (Some(_), None) => None,
        // Without a claim that says which one, an issuer of several organisations speaks for none of them.
        (None, _) => app.store.organisation_of_issuer(name).await?,
    };
    let found = found.map(|found| found.value).filter(|found| found.token_issuers.contains(name));
    found.ok_or(TokenError::OtherOrganisation)
}
