//! What the claims of an access token must say (RFC 9068 §4): one function per check, in the order they run.
//!
//! A claim of another type than the specification says is refused, never converted. Which organisation the token speaks for is the caller's question.

use aws_lc_rs::digest::{SHA256, digest};
use certs::name::EmailAddress;
use time::{Duration, OffsetDateTime};

use super::issuer::{Settings, UserIds};
use crate::internal::error::TokenError;
use crate::internal::holder::UserId;
use crate::sso::oidc::id_token::Claims;
use crate::sso::person::SingleUse;

/// Longest `sub` and `jti`.
pub(super) const MAX_ID: usize = 255;

/// What a token says, after every check.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) subject: String,
    pub(super) user_id: UserId,
    pub(super) email: Option<EmailAddress>,
    pub(super) display_name: Option<String>,
    pub(super) organisation: Option<String>,
    pub(super) single_use: Option<SingleUse>,
}

/// All checks.
pub(super) fn all(claims: &Claims, settings: &Settings, now: OffsetDateTime) -> Result<Said, TokenError> {
    issuer(claims, settings)?;
    not_an_id_token(claims)?;
    audience(claims, settings)?;
    let expires = expiry(claims, settings, now)?;
    begun(claims, settings, now)?;
    scope(claims, settings)?;
    let subject = id(claims, "sub")?;
    Ok(Said {
        user_id: user_id(claims, settings, &subject)?,
        email: email(claims, settings)?,
        // A name is for people to read; one that is not readable is left out.
        display_name: claims.fact_named(&settings.name_claim),
        organisation: settings.organisation_claim.as_ref().and_then(|claim| claims.fact_named(claim)),
        single_use: single_use(claims, settings, expires)?,
        subject,
    })
}

/// `iss` is exactly the configured issuer.
fn issuer(claims: &Claims, settings: &Settings) -> Result<(), TokenError> {
    let named = claims.text("iss")?.ok_or(TokenError::Claim("iss"))?;
    if named == settings.issuer { Ok(()) } else { Err(TokenError::Claim("iss")) }
}

/// An ID token is for the client that signed the person in; whoever gets hold of one must not have a certificate for it.
fn not_an_id_token(claims: &Claims) -> Result<(), TokenError> {
    let marks = ["nonce", "at_hash", "c_hash", "s_hash"];
    if marks.iter().any(|mark| claims.has(mark)) { Err(TokenError::IdToken) } else { Ok(()) }
}

/// `aud` holds one of ours.
fn audience(claims: &Claims, settings: &Settings) -> Result<(), TokenError> {
    if !claims.has("aud") {
        return Err(TokenError::Claim("aud"));
    }
    let audience = claims.list("aud", "aud")?;
    let ours = audience.iter().any(|one| settings.audience.contains(one));
    if ours { Ok(()) } else { Err(TokenError::Audience) }
}

/// `exp` is ahead, give or take the skew.
fn expiry(claims: &Claims, settings: &Settings, now: OffsetDateTime) -> Result<OffsetDateTime, TokenError> {
    let expires = claims.time("exp")?.ok_or(TokenError::Claim("exp"))?;
    if now < later(expires, settings.skew) { Ok(expires) } else { Err(TokenError::Expired(expires)) }
}

/// `nbf` and `iat` are past; at least one of them is there.
fn begun(claims: &Claims, settings: &Settings, now: OffsetDateTime) -> Result<(), TokenError> {
    let (from, issued) = (claims.time("nbf")?, claims.time("iat")?);
    let begins = from.max(issued).ok_or(TokenError::Claim("nbf"))?;
    if begins > later(now, settings.skew) { Err(TokenError::NotYetValid(begins)) } else { Ok(()) }
}

/// Every scope demanded stands in `scope` (RFC 8693 §4.2) or `scp`.
fn scope(claims: &Claims, settings: &Settings) -> Result<(), TokenError> {
    if settings.scopes.is_empty() {
        return Ok(());
    }
    let mut given = claims.list("scp", "scp")?;
    given.extend(claims.text("scope")?.unwrap_or_default().split(' ').map(str::to_owned));
    match settings.scopes.iter().find(|wanted| !given.contains(wanted)) {
        Some(missing) => Err(TokenError::Scope(missing.clone())),
        None => Ok(()),
    }
}

fn id(claims: &Claims, name: &'static str) -> Result<String, TokenError> {
    claims.fact(name)?.filter(|id| id.len() <= MAX_ID).ok_or(TokenError::Claim(name))
}

/// The account id: the claim itself where its issuer writes UUIDs and is trusted to, else one made from issuer and subject.
fn user_id(claims: &Claims, settings: &Settings, subject: &str) -> Result<UserId, TokenError> {
    match &settings.user_ids {
        UserIds::Claim(name) => {
            let text = claims.fact_named(name).filter(|text| text.len() == 36);
            text.and_then(|text| text.parse().ok()).ok_or(TokenError::Claim("user id"))
        }
        UserIds::Derived => Ok(derived(&settings.issuer, subject)),
    }
}

/// A UUID of version 8 (RFC 9562 §5.8) from the SHA-256 over issuer and subject: always the same, and never that of another issuer's person.
fn derived(issuer: &str, subject: &str) -> UserId {
    let length = u64::try_from(issuer.len()).unwrap_or(u64::MAX).to_be_bytes();
    let text = [b"rollcall user id\n".as_slice(), &length, issuer.as_bytes(), subject.as_bytes()].concat();
    let digest = digest(&SHA256, &text);
    let octets = digest.as_ref().first_chunk::<16>().copied().unwrap_or_default();
    UserId::of(uuid::Builder::from_custom_bytes(octets).into_uuid())
}

/// The address, if there is one that the issuer says it has verified, or that it is trusted to have. `email_verified` speaks of the claim `email` alone.
fn email(claims: &Claims, settings: &Settings) -> Result<Option<EmailAddress>, TokenError> {
    let Some(value) = claims.value(&settings.email_claim) else { return Ok(None) };
    let address = value.as_str().and_then(|text| EmailAddress::parse(text).ok());
    let address = address.ok_or(TokenError::Claim("email"))?;
    let counts = match claims.value("email_verified") {
        Some(said) if settings.email_claim == "email" => *said == serde_json::Value::Bool(true),
        Some(_) | None => settings.email_trusted,
    };
    Ok(counts.then_some(address))
}

/// What must not have been seen before: `jti` of this issuer.
fn single_use(
    claims: &Claims,
    settings: &Settings,
    expires: OffsetDateTime,
) -> Result<Option<SingleUse>, TokenError> {
    if !settings.single_use {
        return Ok(None);
    }
    let jti = id(claims, "jti")?;
    let key = format!("token:{}\n{jti}", settings.name);
    Ok(Some(SingleUse { key, until: later(expires, settings.skew) }))
}

/// `time + skew`, or the end of time.
fn later(time: OffsetDateTime, skew: Duration) -> OffsetDateTime {
    time.checked_add(skew).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_id_is_of_issuer_and_subject_together() {
        let id = derived("https://idp.test", "alice");
        assert_eq!(id, derived("https://idp.test", "alice"));
        assert_ne!(id, derived("https://idp.tes", "talice"));
        assert_ne!(id, derived("https://idp.test", "bob"));
        assert_eq!(uuid::Uuid::parse_str(&id.to_string()).unwrap().get_version_num(), 8);
    }
}
