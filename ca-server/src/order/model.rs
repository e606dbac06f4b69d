//! Accounts, orders, authorizations and challenges as the store keeps them (RFC 8555 §7.1).
//!
//! These are plain values. Whether a change of `status` is legal is decided in `order/state.rs` alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certs::identifier::Identifier;
use certs::leaf::Proof;
use certs::serial::Serial;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::ids::{AccountId, AuthorityName, AuthorizationId, ChallengeId, OrderId};
use crate::internal::holder::HolderEvidence;
use crate::respond::problem::StoredProblem;
use crate::sso::person::Evidence;
use crate::store::{Record, Table};
use crate::verify::jwk::Jwk;

/// Status of an account (RFC 8555 §7.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountStatus {
    /// May act.
    Valid,
    /// Given up by its holder.
    Deactivated,
    /// Withdrawn by the server.
    Revoked,
}

/// An account (RFC 8555 §7.1.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id, the last part of its URL.
    pub id: AccountId,
    /// The authority it was made at; it is unknown at every other.
    pub authority: AuthorityName,
    /// Its present public key.
    pub key: Jwk,
    /// Its status.
    pub status: AccountStatus,
    /// Contact URLs, all `mailto:`.
    pub contact: Vec<String>,
    /// Whether it agreed to the terms of service.
    pub terms_agreed: bool,
    /// The external account binding key it was made with.
    pub external_key: Option<String>,
    /// When it was made.
    #[serde(with = "time::serde::timestamp")]
    pub created: OffsetDateTime,
}

impl Record for Account {
    const TABLE: Table = Table::Accounts;
    type Key = AccountId;

    fn key(&self) -> AccountId {
        self.id
    }

    fn encode_key(key: &AccountId) -> Vec<u8> {
        key.as_bytes().to_vec()
    }
}

/// Status of an order (RFC 8555 §7.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderStatus {
    /// Authorizations are still to be proven.
    Pending,
    /// All are proven; finalize may be called.
    Ready,
    /// Finalize was called and the intent is recorded.
    Processing,
    /// The certificate is there.
    Valid,
    /// It ended without a certificate.
    Invalid,
}

/// An order (RFC 8555 §7.1.3).
///
/// `Pending` at rest covers `Ready`: which of the two it is follows from the authorizations when it is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Who opened it.
    pub account: AccountId,
    /// At which authority.
    pub authority: AuthorityName,
    /// Its status.
    pub status: OrderStatus,
    /// When it was opened.
    #[serde(with = "time::serde::timestamp")]
    pub created: OffsetDateTime,
    /// When it stops being usable.
    #[serde(with = "time::serde::timestamp")]
    pub expires: OffsetDateTime,
    /// What is to be certified, sorted and without repetition.
    pub identifiers: Vec<Identifier>,
    /// The profile, chosen by the client or by default.
    pub profile: String,
    /// The notBefore that the client asked for.
    #[serde(with = "time::serde::timestamp::option")]
    pub not_before: Option<OffsetDateTime>,
    /// The notAfter that the client asked for.
    #[serde(with = "time::serde::timestamp::option")]
    pub not_after: Option<OffsetDateTime>,
    /// The ARI certificate id that this order replaces (RFC 9773 §5).
    pub replaces: Option<String>,
    /// One for each identifier, in the same order.
    pub authorizations: Vec<AuthorizationId>,
    /// SHA-256 of the CSR that finalize took, hexadecimal.
    pub csr_sha256: Option<String>,
    /// The serial allocated with the intent.
    pub serial: Option<Serial>,
    /// Why it is invalid.
    pub error: Option<StoredProblem>,
}

impl Record for Order {
    const TABLE: Table = Table::Orders;
    type Key = OrderId;

    fn key(&self) -> OrderId {
        self.id
    }

    fn encode_key(key: &OrderId) -> Vec<u8> {
        key.as_bytes().to_vec()
    }
}

/// Status of an authorization (RFC 8555 §7.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthorizationStatus {
    /// Waits for a challenge to succeed.
    Pending,
    /// Control is proven.
    Valid,
    /// A challenge failed.
    Invalid,
    /// Given up by the account.
    Deactivated,
    /// Its time is over.
    Expired,
    /// Withdrawn by the server.
    Revoked,
}

/// An authorization (RFC 8555 §7.1.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// Its id.
    pub id: AuthorizationId,
    /// Whose it is.
    pub account: AccountId,
    /// At which authority.
    pub authority: AuthorityName,
    /// The identifier, without `*.`.
    pub identifier: Identifier,
    /// Whether it stands for `*.` in front of the identifier.
    pub wildcard: bool,
    /// Its status.
    pub status: AuthorizationStatus,
    /// When it stops being usable.
    #[serde(with = "time::serde::timestamp")]
    pub expires: OffsetDateTime,
    /// Until when further orders may use it, if its proof sets a limit of its own (a DNS record's lifetime).
    #[serde(with = "time::serde::timestamp::option", default)]
    pub reusable_until: Option<OffsetDateTime>,
    /// The ways to prove control.
    pub challenges: Vec<Challenge>,
}

impl Record for Authorization {
    const TABLE: Table = Table::Authorizations;
    type Key = AuthorizationId;

    fn key(&self) -> AuthorizationId {
        self.id
    }

    fn encode_key(key: &AuthorizationId) -> Vec<u8> {
        key.as_bytes().to_vec()
    }
}

/// Status of a challenge (RFC 8555 §7.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChallengeStatus {
    /// Not answered yet.
    Pending,
    /// Answered; validation is queued or running.
    Processing,
    /// Control is proven.
    Valid,
    /// Validation failed.
    Invalid,
}

/// A challenge (RFC 8555 §7.1.5), kept within its authorization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Its id.
    pub id: ChallengeId,
    /// The kind of proof: `dns-01`, `dns-account-01`, `dns-persist-01`, `sso-01`.
    pub kind: Proof,
    /// Its status.
    pub status: ChallengeStatus,
    /// The token, 256 bits in base64url; absent for `dns-persist-01`. With `sso-01` it is the secret of the link, and shown as nothing else.
    pub token: Option<String>,
    /// When control was proven.
    #[serde(with = "time::serde::timestamp::option")]
    pub validated: Option<OffsetDateTime>,
    /// Why it failed.
    pub error: Option<StoredProblem>,
    /// The identity provider by its name in the configuration; `sso-01` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// What the identity provider said of the person; `sso-01` only, once it is proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}

/// How far the certificate of an intent has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateStatus {
    /// The to-be-signed bytes are recorded; no outcome yet.
    Intended,
    /// Signed and stored.
    Issued,
    /// Will never be completed; on the CRL.
    Abandoned,
    /// Revoked.
    Revoked,
}

/// A certificate, from its intent on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Its serial.
    pub serial: Serial,
    /// The authority that signs it.
    pub authority: AuthorityName,
    /// Key identifier of the issuer certificate, hexadecimal: which intermediate signed.
    pub issuer: String,
    /// The order that led here.
    pub order: Option<OrderId>,
    /// The account that led here.
    pub account: Option<AccountId>,
    /// The profile.
    pub profile: String,
    /// The identifiers certified.
    pub identifiers: Vec<Identifier>,
    /// How each identifier was proven.
    pub proofs: Vec<Proof>,
    /// How far it has come.
    pub status: CertificateStatus,
    /// To-be-signed bytes while `Intended`, the whole certificate when issued; base64 of DER.
    pub der: String,
    /// notBefore.
    #[serde(with = "time::serde::timestamp")]
    pub not_before: OffsetDateTime,
    /// notAfter.
    #[serde(with = "time::serde::timestamp")]
    pub not_after: OffsetDateTime,
    /// When the intent was recorded.
    #[serde(with = "time::serde::timestamp")]
    pub created: OffsetDateTime,
    /// When it was revoked.
    #[serde(with = "time::serde::timestamp::option")]
    pub revoked: Option<OffsetDateTime>,
    /// RFC 5280 reason code of the revocation.
    pub revocation_reason: Option<u8>,
    /// The ARI certificate id that its order replaced.
    pub replaces: Option<String>,
    /// What identity providers said of the people certified, in the order of their identifiers. Never an assertion itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// For whom, if it is the internal authority's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<HolderEvidence>,
}

impl Certificate {
    /// The octets of `der`; `None` if they are damaged.
    #[must_use]
    pub fn der_octets(&self) -> Option<Vec<u8>> {
        STANDARD.decode(&self.der).ok()
    }
}

impl Record for Certificate {
    const TABLE: Table = Table::Certificates;
    type Key = Serial;

    fn key(&self) -> Serial {
        self.serial
    }

    fn encode_key(key: &Serial) -> Vec<u8> {
        key.as_bytes().to_vec()
    }
}

/// An external account binding key (RFC 8555 §7.3.4).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalKey {
    /// The key id.
    pub kid: String,
    /// The authority it binds at.
    pub authority: AuthorityName,
    /// The MAC key, base64url. Secret.
    pub secret: String,
    /// Domains whose names accounts bound with this key may order; empty: whatever policy allows.
    pub domains: Vec<String>,
    /// When it was made.
    #[serde(with = "time::serde::timestamp")]
    pub created: OffsetDateTime,
    /// When it stops binding new accounts.
    #[serde(with = "time::serde::timestamp::option")]
    pub expires: Option<OffsetDateTime>,
    /// Whether it may bind more than one account.
    pub reusable: bool,
    /// The account bound with it, if it is for one only. Of a reusable one: those bound before they had an index of their own.
    #[serde(default)]
    pub accounts: Vec<AccountId>,
    /// Whether an operator withdrew it.
    pub revoked: bool,
}

impl std::fmt::Debug for ExternalKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExternalKey")
            .field("kid", &self.kid)
            .field("secret", &"redacted")
            .finish_non_exhaustive()
    }
}

impl Record for ExternalKey {
    const TABLE: Table = Table::ExternalKeys;
    type Key = String;

    fn key(&self) -> String {
        self.kid.clone()
    }

    fn encode_key(key: &String) -> Vec<u8> {
        key.as_bytes().to_vec()
    }
}
