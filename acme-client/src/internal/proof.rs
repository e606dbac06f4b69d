//! The proof that we hold the key a device's token is bound to: a compact JWS (RFC 7515 §7.1, ES256) over the token's digest, the address and the time.
//!
//! It holds no secret, and is of no use with another token, at another address or later.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64URL_NOPAD;
use serde_json::json;
use time::OffsetDateTime;

use super::Token;
use crate::acme::{JwsKey, KeyError};

/// `typ` of the header; the authority takes no other.
const TYPE: &str = "rollcall-key-proof+jwt";

pub(super) fn proof(
    key: &JwsKey,
    token: &Token,
    address: &str,
    now: OffsetDateTime,
) -> Result<String, KeyError> {
    let header = json!({ "alg": "ES256", "typ": TYPE });
    let claims = json!({
        "aud": address,
        "iat": now.unix_timestamp(),
        "token_sha256": BASE64URL_NOPAD.encode(digest(&SHA256, token.expose().as_bytes()).as_ref()),
    });
    let part = |value: &serde_json::Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = BASE64URL_NOPAD.encode(&key.sign(signed.as_bytes())?);
    Ok(format!("{signed}.{signature}"))
}
