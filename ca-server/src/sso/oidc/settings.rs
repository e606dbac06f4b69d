//! What `ca.toml` says about one OpenID provider, checked before anything is asked.
//!
//! The client secret has no `Display`, shows nothing in `Debug`, and is wiped when dropped.

use std::fmt;

use time::Duration;
use url::Url;
use zeroize::Zeroizing;

use super::refusal::OidcRefusal;
use crate::sso::fetch;

/// One provider and how it knows us.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The provider's name in `ca.toml`.
    pub name: String,
    /// The issuer, exactly as the provider writes it.
    pub issuer: String,
    /// What the provider calls us.
    pub client_id: String,
    /// What we show to the token endpoint; `None` for a public client (PKCE alone).
    pub client_secret: Option<ClientSecret>,
    /// Where the provider sends the person back to.
    pub redirect_uri: Url,
    /// Scopes beside `openid` and `email`. Default: `profile`.
    pub scopes: Vec<String>,
    /// The claim that names the person's groups. Default: `groups`.
    pub groups_claim: String,
    /// Ways of signing in (`acr`) that are allowed; empty for any.
    pub contexts: Vec<String>,
    /// Methods (`amr`) of which at least one is demanded; empty for none.
    pub methods: Vec<String>,
    /// How far the provider's clock may be off. Default: 60 s.
    pub skew: Duration,
}

impl Settings {
    /// A provider with the defaults and no secret.
    #[must_use]
    pub fn new(name: &str, issuer: &str, client_id: &str, redirect_uri: Url) -> Self {
        Self {
            name: name.to_owned(),
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            client_secret: None,
            redirect_uri,
            scopes: vec!["profile".to_owned()],
            groups_claim: "groups".to_owned(),
            contexts: Vec::new(),
            methods: Vec::new(),
            skew: Duration::minutes(1),
        }
    }

    /// The address of the discovery document (OpenID Connect Discovery §4).
    ///
    /// # Errors
    /// [`SettingsError`] if a setting cannot be used.
    pub(super) fn check(&self) -> Result<Url, SettingsError> {
        let text = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let issuer = Url::parse(&self.issuer)
            .map_err(|source| SettingsError::Issuer { issuer: self.issuer.clone(), source })?;
        if !fetch::may_be_reached(&issuer) || issuer.query().is_some() {
            return Err(SettingsError::IssuerAddress { issuer: self.issuer.clone() });
        }
        if self.client_id.is_empty() {
            return Err(SettingsError::ClientId);
        }
        let words = self.scopes.iter().chain(&self.contexts);
        // RFC 6749 §3.3; `acr_values` is a list separated by spaces too.
        let no_word = |word: &&String| word.is_empty() || !word.bytes().all(|b| b.is_ascii_graphic());
        if let Some(word) = words.into_iter().find(no_word) {
            return Err(SettingsError::Word { word: word.clone() });
        }
        if self.skew.is_negative() || self.skew > Duration::minutes(5) {
            return Err(SettingsError::Skew);
        }
        Url::parse(&text).map_err(|source| SettingsError::Issuer { issuer: self.issuer.clone(), source })
    }
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The issuer is no URL.
    #[error("the issuer {issuer} is not a URL")]
    Issuer {
        /// The setting.
        issuer: String,
        /// Why.
        #[source]
        source: url::ParseError,
    },
    /// The issuer is not https, or has a query, a fragment or a user name.
    #[error(
        "the issuer {issuer} must be https (http only on this machine), without query, fragment or user name"
    )]
    IssuerAddress {
        /// The setting.
        issuer: String,
    },
    /// There is no client id.
    #[error("the client id is empty")]
    ClientId,
    /// A scope or a context that cannot stand in a request.
    #[error("`{word}` is empty or has spaces or other characters that a request cannot carry")]
    Word {
        /// The setting.
        word: String,
    },
    /// The skew is negative or more than five minutes.
    #[error("the skew must be between 0 s and 5 min")]
    Skew,
}

/// What we show to the token endpoint.
#[derive(Clone)]
pub struct ClientSecret(Zeroizing<String>);

impl ClientSecret {
    /// The secret as a file has it; a line end after it is not part of it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

/// The one-time code from the provider.
pub(super) struct Code(pub(super) Zeroizing<String>);

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

/// Text from outside as it may stand in a message: escaped, and cut short.
pub(crate) fn shown(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut cut: String = text.chars().take(SHOWN).flat_map(char::escape_default).collect();
    if text.chars().nth(SHOWN).is_some() {
        cut.push('…');
    }
    cut
}

/// Whether an address of the provider may be used: https, or http where the issuer itself is http on this machine.
pub(crate) fn endpoint(issuer: &str, what: &'static str, text: &str) -> Result<Url, OidcRefusal> {
    let url = Url::parse(text).map_err(|_| OidcRefusal::DiscoveryMalformed(what))?;
    let plain = url.scheme() == "http" && !issuer.starts_with("http://");
    if plain || !fetch::may_be_reached(&url) { Err(OidcRefusal::DiscoveryEndpoint(what)) } else { Ok(url) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(issuer: &str) -> Settings {
        Settings::new(
            "corp",
            issuer,
            "rollcall",
            Url::parse("https://ca.test/sso/oidc/corp/callback").unwrap(),
        )
    }

    #[test]
    fn the_discovery_document_stands_below_the_issuer() {
        for (issuer, address) in [
            ("https://idp.test", "https://idp.test/.well-known/openid-configuration"),
            ("https://idp.test/", "https://idp.test/.well-known/openid-configuration"),
            ("https://idp.test/realms/a", "https://idp.test/realms/a/.well-known/openid-configuration"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/.well-known/openid-configuration"),
        ] {
            assert_eq!(settings(issuer).check().unwrap().as_str(), address);
        }
    }

    #[test]
    fn an_issuer_that_could_be_forged_or_misread_is_refused() {
        for issuer in [
            "http://idp.test",
            "https://idp.test?tenant=1",
            "https://a@idp.test",
            "https://idp.test#x",
            "ftp://127.0.0.1",
        ] {
            let error = settings(issuer).check().unwrap_err();
            assert!(matches!(error, SettingsError::IssuerAddress { .. }), "{issuer}: {error}");
        }
        assert!(matches!(settings("idp.test").check().unwrap_err(), SettingsError::Issuer { .. }));
    }

    #[test]
    fn scopes_that_would_smuggle_others_and_long_skews_are_refused() {
        let mut with_scope = settings("https://idp.test");
        with_scope.scopes = vec!["profile offline_access".to_owned()];
        assert!(matches!(with_scope.check().unwrap_err(), SettingsError::Word { .. }));
        let mut lax = settings("https://idp.test");
        lax.skew = Duration::minutes(6);
        assert!(matches!(lax.check().unwrap_err(), SettingsError::Skew));
    }

    #[test]
    fn secrets_show_nothing() {
        let mut with_secret = settings("https://idp.test");
        with_secret.client_secret = Some(ClientSecret::new("hunter2\n"));
        assert!(!format!("{with_secret:?}").contains("hunter2"));
        assert_eq!(with_secret.client_secret.unwrap().expose(), "hunter2");
        assert_eq!(format!("{:?}", Code(Zeroizing::new("hunter2".to_owned()))), "Code(…)");
    }

    #[test]
    fn text_from_outside_is_escaped_and_cut() {
        assert_eq!(shown("a\u{1b}[31m\n"), "a\\u{1b}[31m\\n");
        assert_eq!(shown(&"x".repeat(500)).chars().count(), 81);
    }
}
