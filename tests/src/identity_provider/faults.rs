//! The switches: what the provider does wrong until it is healed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::saml::draft::AssertionDraft;
use super::state::Endpoint;

/// Changes something on its way out.
pub type Change<T> = Arc<dyn Fn(&mut T) + Send + Sync>;

/// Everything it can do wrong. The default is nothing.
#[derive(Clone, Default)]
pub struct Faults {
    /// Changes the claims of ID tokens.
    pub claims: Option<Change<Map<String, Value>>>,
    /// Gives the claims about the person (e-mail address, name, groups) at userinfo only.
    pub claims_at_user_info: bool,
    /// Changes what userinfo says.
    pub user_info: Option<Change<Map<String, Value>>>,
    /// How ID tokens are signed.
    pub signing: Signing,
    /// Changes the discovery document.
    pub discovery: Option<Change<Value>>,
    /// Changes the answer of the token endpoint.
    pub token: Option<Change<Value>>,
    /// Changes the parameters with which the browser goes back to the client.
    pub callback: Option<Change<Vec<(String, String)>>>,
    /// Endpoints that fail altogether.
    pub endpoints: BTreeMap<Endpoint, Misbehaviour>,
    /// Changes an assertion and its response before they are signed.
    pub assertion: Option<Change<AssertionDraft>>,
    /// Signs the response as well as the assertion.
    pub sign_response: bool,
    /// Does not sign the assertion.
    pub assertion_unsigned: bool,
    /// Changes the response after it was signed.
    pub response: Option<Change<String>>,
}

impl Faults {
    /// Sets one claim of ID tokens; `Value::Null` leaves it out.
    pub fn claim(&mut self, name: &'static str, value: Value) {
        self.claims = Some(Arc::new(move |claims| {
            if value.is_null() {
                claims.remove(name);
            } else {
                claims.insert(name.to_owned(), value.clone());
            }
        }));
    }
}

/// How ID tokens are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signing {
    /// With the RSA key, RS256.
    #[default]
    Rs256,
    /// With the RSA key, PS384.
    Ps384,
    /// With the EC key, ES256.
    Es256,
    /// With `alg: none` and no signature.
    None,
    /// With a MAC whose key is the public key.
    MacWithPublicKey,
    /// With a key that is not published, under the id of one that is.
    OtherKey,
    /// With a key that is not published, under an id of its own.
    UnpublishedKey,
    /// With a published RSA key of 1024 bits.
    WeakKey,
    /// With the RSA key, but the claims are changed afterwards.
    Altered,
}

/// How an endpoint fails.
#[derive(Clone, Debug)]
pub enum Misbehaviour {
    /// It takes the request and never answers.
    Hangs,
    /// It sends without end.
    Endless,
    /// It announces and sends so many octets.
    Large(usize),
    /// It redirects there.
    Redirects(String),
    /// It answers with this status and nothing else.
    Status(u16),
    /// It answers 200 with this text.
    Says(String),
}
