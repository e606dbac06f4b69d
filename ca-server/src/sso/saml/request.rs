//! The question to the provider: an `AuthnRequest` over HTTP-Redirect (SAML core §3.4.1, bindings §3.4).
//!
//! The request's ID comes from the caller, who commits in it to the ACME key; the provider signs it back as `InResponseTo`. The person has
//! to authenticate anew (`ForceAuthn`). `RelayState` is an opaque handle that the server looks up; it is never an address.

use std::io::Write as _;

use base64::Engine as _;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use time::OffsetDateTime;
use url::Url;

use super::SamlIdentityProvider;
use super::instant;
use super::service_provider::{EMAIL_FORMAT, POST, ServiceProvider};
use super::xml::{ASSERTION, PROTOCOL, escape};

/// Longest `RelayState` (SAML bindings §3.4.3).
pub const MAX_RELAY_STATE: usize = 80;

/// An opaque handle that goes to the provider and comes back (check 17).
#[derive(Clone, PartialEq, Eq)]
pub struct RelayState(String);

impl RelayState {
    /// Takes a handle of 1 to 80 letters, digits, `-` and `_`. Nothing of that sort is an address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'));
        (plain && (1..=MAX_RELAY_STATE).contains(&text.len())).then(|| Self(text.to_owned()))
    }

    /// The handle, to look up.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for RelayState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RelayState(redacted)")
    }
}

/// What one request says.
#[derive(Clone, Copy, Debug)]
pub struct AuthenticationRequest<'a> {
    /// Its ID, an XML name: `_` and hexadecimal digits of at least 128 bits.
    pub id: &'a str,
    /// When it is made.
    pub issued: OffsetDateTime,
    /// Ways of authenticating that suffice; empty: any.
    pub contexts: &'a [String],
}

impl AuthenticationRequest<'_> {
    /// The document.
    #[must_use]
    pub fn to_xml(&self, idp: &SamlIdentityProvider, sp: &ServiceProvider) -> String {
        let contexts: String = self.contexts.iter().map(|context| context_element(context)).collect();
        let wanted = if contexts.is_empty() {
            String::new()
        } else {
            format!(
                r#"<samlp:RequestedAuthnContext Comparison="exact">{contexts}</samlp:RequestedAuthnContext>"#
            )
        };
        let policy = if idp.attributes.email.is_some() {
            String::new() // the address comes in an attribute; any name will do
        } else {
            format!(r#"<samlp:NameIDPolicy Format="{EMAIL_FORMAT}" AllowCreate="true"/>"#)
        };
        format!(
            concat!(
                r#"<samlp:AuthnRequest xmlns:samlp="{}" ID="{}" Version="2.0" IssueInstant="{}" Destination="{}""#,
                r#" ForceAuthn="true" ProtocolBinding="{}" AssertionConsumerServiceURL="{}">"#,
                r#"<saml:Issuer xmlns:saml="{}">{}</saml:Issuer>{}{}</samlp:AuthnRequest>"#
            ),
            PROTOCOL,
            escape(self.id),
            instant::write(self.issued),
            escape(idp.metadata.single_sign_on().as_str()),
            POST,
            escape(sp.assertion_consumer().as_str()),
            ASSERTION,
            escape(sp.entity_id()),
            policy,
            wanted,
        )
    }

    /// Where the browser is sent.
    #[must_use]
    pub fn redirect(
        &self,
        idp: &SamlIdentityProvider,
        sp: &ServiceProvider,
        relay_state: &RelayState,
    ) -> Url {
        let deflated = deflate(self.to_xml(idp, sp).as_bytes());
        let mut url = idp.metadata.single_sign_on().clone();
        url.query_pairs_mut()
            .append_pair("SAMLRequest", &base64::engine::general_purpose::STANDARD.encode(deflated))
            .append_pair("RelayState", relay_state.as_str());
        url
    }
}

fn context_element(context: &str) -> String {
    format!(
        r#"<saml:AuthnContextClassRef xmlns:saml="{ASSERTION}">{}</saml:AuthnContextClassRef>"#,
        escape(context)
    )
}

#[expect(clippy::expect_used, reason = "a Vec takes every write")]
fn deflate(octets: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(octets).expect("a Vec takes every write");
    encoder.finish().expect("a Vec takes every write")
}
