//! `GET …/csrattrs` (RFC 7030 §4.5, RFC 8951 §3.2): what a request must be made with: a P-256 key, and ECDSA with SHA-256.
//!
//! The same for everybody: names are not asked for, since they are taken from the account.

use axum::extract::State;
use axum::response::Response;

use super::label::Label;
use super::{Refusal, wire};
use crate::app::App;

/// `SEQUENCE { Attribute { id-ecPublicKey, { secp256r1 } }, ecdsa-with-SHA256 }`.
const ATTRIBUTES: [u8; 35] = [
    0x30, 0x21, 0x30, 0x15, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x31, 0x0a, 0x06, 0x08,
    0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03,
    0x02,
];

/// Gives them.
///
/// # Errors
/// If EST does not enrol at this authority.
pub async fn csrattrs(State(app): State<App>, label: Label) -> Result<Response, Refusal> {
    label.enrolling(&app)?;
    Ok(wire::answer("application/csrattrs", &ATTRIBUTES))
}
