//! What the claims of an ID token must say (OpenID Connect Core §3.1.3.7): one function per check, in the order they run.
//!
//! Whether the provider may speak for the domain of the address is the caller's question.

use certs::name::EmailAddress;
use subtle::ConstantTimeEq as _;
use time::{Duration, OffsetDateTime};

use super::claims::Claims;
use crate::sso::oidc::refusal::OidcRefusal;
use crate::sso::oidc::settings::{Settings, shown};

/// Longest subject (OpenID Connect Core §2).
const MAX_SUBJECT: usize = 255;

/// What this sign-in must match.
#[derive(Clone, Copy)]
pub(in crate::sso::oidc) struct SignIn<'a> {
    pub(in crate::sso::oidc) settings: &'a Settings,
    pub(in crate::sso::oidc) nonce: &'a str,
    pub(in crate::sso::oidc) requested: OffsetDateTime,
    pub(in crate::sso::oidc) now: OffsetDateTime,
}

/// What the ID token itself establishes.
pub(in crate::sso::oidc) struct Established {
    pub(in crate::sso::oidc) subject: String,
    pub(in crate::sso::oidc) expires: OffsetDateTime,
    pub(in crate::sso::oidc) authenticated: OffsetDateTime,
    pub(in crate::sso::oidc) context: Option<String>,
    pub(in crate::sso::oidc) methods: Vec<String>,
}

/// All checks but that of the e-mail address.
pub(in crate::sso::oidc) fn all(claims: &Claims, sign_in: SignIn<'_>) -> Result<Established, OidcRefusal> {
    let SignIn { settings, nonce: expected, requested, now } = sign_in;
    issuer(claims, settings)?;
    audience(claims, settings)?;
    authorized_party(claims, settings)?;
    let expires = expiry(claims, now, settings.skew)?;
    not_before(claims, now, settings.skew)?;
    issue(claims, now, settings.skew)?;
    nonce(claims, expected)?;
    Ok(Established {
        subject: subject(claims)?,
        expires,
        authenticated: authentication(claims, requested, now, settings.skew)?,
        context: context(claims, settings)?,
        methods: methods(claims, settings)?,
    })
}

/// `iss` is exactly the configured issuer.
fn issuer(claims: &Claims, settings: &Settings) -> Result<(), OidcRefusal> {
    let issuer = claims.text("iss")?.ok_or(OidcRefusal::Claim("iss"))?;
    if issuer == settings.issuer { Ok(()) } else { Err(OidcRefusal::Issuer(shown(issuer))) }
}

/// `aud` holds our client id.
fn audience(claims: &Claims, settings: &Settings) -> Result<(), OidcRefusal> {
    let audience = claims.list("aud", "aud")?;
    if audience.contains(&settings.client_id) { Ok(()) } else { Err(OidcRefusal::Audience) }
}

/// `azp` is us; it may be absent only where `aud` names nobody else.
fn authorized_party(claims: &Claims, settings: &Settings) -> Result<(), OidcRefusal> {
    let alone = claims.list("aud", "aud")?.len() == 1;
    match claims.text("azp")? {
        Some(party) if party == settings.client_id => Ok(()),
        None if alone => Ok(()),
        Some(_) | None => Err(OidcRefusal::AuthorizedParty),
    }
}

/// `exp` is ahead, give or take the skew.
fn expiry(claims: &Claims, now: OffsetDateTime, skew: Duration) -> Result<OffsetDateTime, OidcRefusal> {
    let expires = claims.time("exp")?.ok_or(OidcRefusal::Claim("exp"))?;
    if now < later(expires, skew) { Ok(expires) } else { Err(OidcRefusal::Expired(expires)) }
}

/// `nbf`, if there, is past.
fn not_before(claims: &Claims, now: OffsetDateTime, skew: Duration) -> Result<(), OidcRefusal> {
    match claims.time("nbf")? {
        Some(from) if from > later(now, skew) => Err(OidcRefusal::NotYetValid(from)),
        Some(_) | None => Ok(()),
    }
}

/// `iat` is past.
fn issue(claims: &Claims, now: OffsetDateTime, skew: Duration) -> Result<(), OidcRefusal> {
    let issued = claims.time("iat")?.ok_or(OidcRefusal::Claim("iat"))?;
    if issued > later(now, skew) { Err(OidcRefusal::IssuedInFuture(issued)) } else { Ok(()) }
}

/// `nonce` is the one of this sign-in: it names the account key.
fn nonce(claims: &Claims, expected: &str) -> Result<(), OidcRefusal> {
    let nonce = claims.text("nonce")?.ok_or(OidcRefusal::Nonce)?;
    // Two empty values are equal; no sign-in has an empty one.
    let same = !expected.is_empty() && bool::from(nonce.as_bytes().ct_eq(expected.as_bytes()));
    if same { Ok(()) } else { Err(OidcRefusal::Nonce) }
}

fn subject(claims: &Claims) -> Result<String, OidcRefusal> {
    let subject = claims.fact("sub")?.filter(|subject| subject.len() <= MAX_SUBJECT);
    subject.ok_or(OidcRefusal::Claim("sub"))
}

/// `auth_time` is not before this sign-in began (we asked with `max_age=0`) and not ahead.
fn authentication(
    claims: &Claims,
    requested: OffsetDateTime,
    now: OffsetDateTime,
    skew: Duration,
) -> Result<OffsetDateTime, OidcRefusal> {
    let at = claims.time("auth_time")?.ok_or(OidcRefusal::AuthenticationTimeMissing)?;
    if later(at, skew) < requested {
        Err(OidcRefusal::AuthenticationStale(at))
    } else if at > later(now, skew) {
        Err(OidcRefusal::AuthenticationInFuture(at))
    } else {
        Ok(at)
    }
}

/// `acr` is one of those allowed.
fn context(claims: &Claims, settings: &Settings) -> Result<Option<String>, OidcRefusal> {
    let context = claims.fact("acr")?;
    if settings.contexts.is_empty() || context.as_ref().is_some_and(|one| settings.contexts.contains(one)) {
        Ok(context)
    } else {
        Err(OidcRefusal::Context(context.as_deref().map_or_else(|| "not said".to_owned(), shown)))
    }
}

/// `amr` holds one of those demanded.
fn methods(claims: &Claims, settings: &Settings) -> Result<Vec<String>, OidcRefusal> {
    let methods = claims.list("amr", "amr")?;
    let demanded = &settings.methods;
    if demanded.is_empty() || methods.iter().any(|method| demanded.contains(method)) {
        Ok(methods)
    } else {
        Err(OidcRefusal::Method)
    }
}

/// The e-mail address, which the provider must say it has verified: `email_verified` is the JSON value `true` and nothing like it.
pub(in crate::sso::oidc) fn email(claims: &Claims) -> Result<EmailAddress, OidcRefusal> {
    let text = claims.text("email")?.ok_or(OidcRefusal::EmailMissing)?;
    if claims.value("email_verified") != Some(&serde_json::Value::Bool(true)) {
        return Err(OidcRefusal::EmailUnverified);
    }
    EmailAddress::parse(text).map_err(OidcRefusal::EmailMalformed)
}

/// `time + skew`, or the end of time.
fn later(time: OffsetDateTime, skew: Duration) -> OffsetDateTime {
    time.checked_add(skew).unwrap_or(time)
}

#[cfg(test)]
mod tests;
