//! Every URL the server gives out, made in one place from the configured base.
//!
//! The `url` header of a JWS is compared with these, so they must be built from configuration, never from a Host header.

use certs::serial::Serial;
use url::Url;

use crate::config::Config;
use crate::ids::{AccountId, AuthorityName, AuthorizationId, ChallengeId, OrderId};
use crate::sso::person::Protocol;

/// Makes the URLs of one server.
#[derive(Clone, Debug)]
pub struct Links {
    base: String,
    /// Where relying parties go.
    published: String,
}

impl Links {
    /// Links under `base` (scheme, host, port and perhaps a path).
    #[must_use]
    pub fn new(base: &Url) -> Self {
        let base = base.as_str().trim_end_matches('/').to_owned();
        Self { published: base.clone(), base }
    }

    /// The links of a configuration: those for relying parties are where `[revocation]` says.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let published = config.revocation_url().as_str().trim_end_matches('/').to_owned();
        Self { published, ..Self::new(&config.url) }
    }

    /// The base, without a slash at the end.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The absolute URL of a path (with query) that a request came for.
    #[must_use]
    pub fn absolute(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// `directory`, `new-nonce`, `new-account`, `new-order`, `new-authz`, `revoke-cert`, `key-change`, `renewal-info`.
    #[must_use]
    pub fn resource(&self, authority: &AuthorityName, resource: &str) -> String {
        format!("{}/acme/{authority}/{resource}", self.base)
    }

    /// An account; also its `kid` and its `accounturi` in CAA and dns-persist-01 records.
    #[must_use]
    pub fn account(&self, authority: &AuthorityName, id: AccountId) -> String {
        format!("{}/acme/{authority}/account/{id}", self.base)
    }

    /// An account's list of orders.
    #[must_use]
    pub fn orders(&self, authority: &AuthorityName, id: AccountId) -> String {
        format!("{}/acme/{authority}/account/{id}/orders", self.base)
    }

    /// An order.
    #[must_use]
    pub fn order(&self, authority: &AuthorityName, id: OrderId) -> String {
        format!("{}/acme/{authority}/order/{id}", self.base)
    }

    /// An order's finalize resource.
    #[must_use]
    pub fn finalize(&self, authority: &AuthorityName, id: OrderId) -> String {
        format!("{}/acme/{authority}/order/{id}/finalize", self.base)
    }

    /// An authorization.
    #[must_use]
    pub fn authorization(&self, authority: &AuthorityName, id: AuthorizationId) -> String {
        format!("{}/acme/{authority}/authz/{id}", self.base)
    }

    /// A challenge.
    #[must_use]
    pub fn challenge(
        &self,
        authority: &AuthorityName,
        authorization: AuthorizationId,
        id: ChallengeId,
    ) -> String {
        format!("{}/acme/{authority}/challenge/{authorization}/{id}", self.base)
    }

    /// A certificate; `chain` 0 is the default chain, others are alternates.
    #[must_use]
    pub fn certificate(&self, authority: &AuthorityName, serial: Serial, chain: usize) -> String {
        match chain {
            0 => format!("{}/acme/{authority}/certificate/{serial}", self.base),
            n => format!("{}/acme/{authority}/certificate/{serial}/{n}", self.base),
        }
    }

    /// A resource of the internal authority, such as `certificates`.
    #[must_use]
    pub fn internal(&self, resource: &str) -> String {
        format!("{}/internal/{resource}", self.base)
    }

    /// Where a person begins to sign in; `secret` is the token of the challenge.
    #[must_use]
    pub fn sso_start(&self, secret: &str) -> String {
        format!("{}/sso/start/{secret}", self.base)
    }

    /// Where a person types the short code.
    #[must_use]
    pub fn sso_confirm(&self, secret: &str) -> String {
        format!("{}/sso/confirm/{secret}", self.base)
    }

    /// Where a person is told that all is done.
    #[must_use]
    pub fn sso_done(&self) -> String {
        format!("{}/sso/done", self.base)
    }

    /// Where an identity provider sends the browser back to.
    #[must_use]
    pub fn sso_answer(&self, protocol: Protocol, provider: &str) -> String {
        match protocol {
            Protocol::Saml => format!("{}/sso/saml/{provider}/acs", self.base),
            Protocol::Oidc => format!("{}/sso/oidc/{provider}/callback", self.base),
        }
    }

    /// Our metadata for a SAML identity provider, and by default our entity id there.
    #[must_use]
    pub fn saml_metadata(&self, provider: &str) -> String {
        format!("{}/sso/saml/{provider}/metadata", self.base)
    }

    /// The revocation list of the issuer with this key identifier, as certificates name it.
    #[must_use]
    pub fn crl(&self, issuer: &str) -> String {
        format!("{}/crl/{issuer}.crl", self.published)
    }

    /// Where an authority's OCSP responder answers, as certificates name it.
    #[must_use]
    pub fn ocsp(&self, authority: &AuthorityName) -> String {
        format!("{}/ocsp/{authority}", self.published)
    }

    /// The certificate of the issuer with this key identifier, as certificates name it.
    #[must_use]
    pub fn issuer(&self, issuer: &str) -> String {
        format!("{}/issuer/{issuer}.crt", self.published)
    }
}
