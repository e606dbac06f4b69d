//! A signed request of which every part can be changed before it goes out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Map, Value, json};

use super::{AccountKey, Http, Reply};

type Edit = Box<dyn FnOnce(&mut Map<String, Value>) + Send>;

/// The request; the header's members stand in the order of a proper one.
pub struct Draft<'a> {
    http: &'a Http,
    key: &'a AccountKey,
    method: Method,
    target: String,
    headers: HeaderMap,
    protected: Map<String, Value>,
    protected_text: Option<String>,
    payload: Vec<u8>,
    edits: Vec<Edit>,
    body: Option<Vec<u8>>,
    wants_nonce: bool,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        http: &'a Http,
        key: &'a AccountKey,
        account: Option<&str>,
        url: &str,
        payload: Vec<u8>,
    ) -> Self {
        let mut protected = Map::new();
        protected.insert("alg".to_owned(), key.alg().into());
        match account {
            Some(account) => protected.insert("kid".to_owned(), account.into()),
            None => protected.insert("jwk".to_owned(), key.jwk()),
        };
        protected.insert("url".to_owned(), url.into());
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jose+json"));
        Self {
            http,
            key,
            method: Method::POST,
            target: url.to_owned(),
            headers,
            protected,
            protected_text: None,
            payload,
            edits: Vec::new(),
            body: None,
            wants_nonce: true,
        }
    }

    /// Sets a member of the protected header; `nonce` included.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.wants_nonce &= name != "nonce";
        self.protected.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a member of the protected header out; `nonce` included.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.wants_nonce &= name != "nonce";
        self.protected.remove(name);
        self
    }

    /// Signs this text as protected header instead.
    #[must_use]
    pub fn protected_text(mut self, text: &str) -> Self {
        self.protected_text = Some(text.to_owned());
        self
    }

    /// Names the bare key instead of the account.
    #[must_use]
    pub fn with_jwk(self) -> Self {
        let jwk = self.key.jwk();
        self.without("kid").header("jwk", jwk)
    }

    /// Signs with this key, and says so in `alg`.
    #[must_use]
    pub fn signed_by(mut self, key: &'a AccountKey) -> Self {
        self.key = key;
        self.header("alg", key.alg())
    }

    /// Signs these octets as payload.
    #[must_use]
    pub fn payload(mut self, octets: impl Into<Vec<u8>>) -> Self {
        self.payload = octets.into();
        self
    }

    /// Changes the JWS after it was signed.
    #[must_use]
    pub fn edit(mut self, edit: impl FnOnce(&mut Map<String, Value>) + Send + 'static) -> Self {
        self.edits.push(Box::new(edit));
        self
    }

    /// Sends these octets instead of any JWS.
    #[must_use]
    pub fn body(mut self, octets: impl Into<Vec<u8>>) -> Self {
        self.body = Some(octets.into());
        self
    }

    /// Sends it to another URL than the header says.
    #[must_use]
    pub fn to(mut self, url: &str) -> Self {
        url.clone_into(&mut self.target);
        self
    }

    /// Sends it with another method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Sends it with another media type, or none.
    #[must_use]
    pub fn content_type(mut self, media_type: Option<&'static str>) -> Self {
        self.headers.remove(CONTENT_TYPE);
        if let Some(media_type) = media_type {
            self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        self
    }

    /// Says which media types are accepted.
    #[must_use]
    pub fn accept(mut self, media_types: &'static str) -> Self {
        self.headers.insert(ACCEPT, HeaderValue::from_static(media_types));
        self
    }

    /// The URL it goes to.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Signs and sends it.
    pub async fn send(mut self) -> Reply {
        if self.wants_nonce && self.body.is_none() {
            let nonce = self.http.nonce(&new_nonce(&self.target)).await;
            self.protected.insert("nonce".to_owned(), nonce.into());
        }
        if let Some(nonce) = self.protected.get("nonce").and_then(Value::as_str) {
            self.http.forget_nonce(nonce);
        }
        let body = match self.body.take() {
            Some(octets) => octets,
            None => self.jws(),
        };
        self.http.send(self.method, &self.target, self.headers, body).await
    }

    /// The request's body, signed as it stands.
    fn jws(&mut self) -> Vec<u8> {
        let protected = self
            .protected_text
            .take()
            .unwrap_or_else(|| Value::Object(std::mem::take(&mut self.protected)).to_string());
        let mut jws = self.key.flattened(&protected, &self.payload);
        for edit in std::mem::take(&mut self.edits) {
            edit(&mut jws);
        }
        Value::Object(jws).to_string().into_bytes()
    }
}

impl AccountKey {
    /// A flattened JWS (RFC 7515 §7.2.2).
    #[must_use]
    pub fn flattened(&self, protected: &str, payload: &[u8]) -> Map<String, Value> {
        let (protected, payload) = (URL_SAFE_NO_PAD.encode(protected), URL_SAFE_NO_PAD.encode(payload));
        let signature = self.sign(format!("{protected}.{payload}").as_bytes());
        let jws = json!({
            "protected": protected,
            "payload": payload,
            "signature": URL_SAFE_NO_PAD.encode(signature),
        });
        match jws {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }
}

/// Where the authority of a URL gives nonces; any authority's will do where it has none.
fn new_nonce(url: &str) -> String {
    let mut parts = url.splitn(6, '/');
    let mut next = || parts.next().unwrap_or_default();
    let (scheme, _, host, acme, authority) = (next(), next(), next(), next(), next());
    let authority = if acme == "acme" && authority != "nobody" { authority } else { "external" };
    format!("{scheme}//{host}/acme/{authority}/new-nonce")
}
