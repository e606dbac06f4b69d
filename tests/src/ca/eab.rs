//! An external account binding key (RFC 8555 §7.3.4) and the JWS that a client makes with it.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_server::ids::AuthorityName;
use ca_server::order::model::ExternalKey;
use ca_server::store::tables::external_keys;
use ca_server::store::{Batch, Store};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// A key as its holder has it.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The key id.
    pub kid: String,
    /// The MAC key.
    pub secret: Vec<u8>,
}

impl Binding {
    pub(super) async fn create(
        store: &Store,
        kid: &str,
        authority: AuthorityName,
        domains: &[&str],
        now: OffsetDateTime,
    ) -> Self {
        let secret = vec![7; 32];
        let key = ExternalKey {
            kid: kid.to_owned(),
            authority,
            secret: URL_SAFE_NO_PAD.encode(&secret),
            domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
            created: now,
            expires: None,
            reusable: false,
            accounts: Vec::new(),
            revoked: false,
        };
        let mut batch = Batch::new();
        external_keys::insert(&mut batch, &key).expect("the key has a stored form");
        store.commit(batch).await.expect("the key can be stored");
        Self { kid: kid.to_owned(), secret }
    }

    /// `externalAccountBinding` for the account key `jwk` at `new_account`.
    #[must_use]
    pub fn bind(&self, jwk: &Value, new_account: &str) -> Value {
        let header = json!({"alg": "HS256", "kid": self.kid, "url": new_account}).to_string();
        let (protected, payload) = (URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(jwk.to_string()));
        let mac = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, &self.secret),
            format!("{protected}.{payload}").as_bytes(),
        );
        json!({"protected": protected, "payload": payload, "signature": URL_SAFE_NO_PAD.encode(mac.as_ref())})
    }
}
