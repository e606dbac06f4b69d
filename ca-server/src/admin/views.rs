//! What the admin socket answers, as JSON; `--json` prints exactly this. Field names are a contract: add, never rename.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::internal::holder::HolderEvidence;
use crate::log::chain::Entry;
use crate::order::model::{Account, Certificate, CertificateStatus};
use crate::sso::person::Evidence;

/// A page of a list, with the cursor of the next one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Give this as `--after` for more; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
}

/// A certificate, without its bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CertificateView {
    /// The serial, hexadecimal.
    pub serial: String,
    /// The authority.
    pub authority: String,
    /// Key identifier of the issuer that signed it, hexadecimal.
    #[serde(default)]
    pub issuer: String,
    /// The profile.
    pub profile: String,
    /// The identifiers, as `dns:room-1.example.com`.
    pub identifiers: Vec<String>,
    /// How they were proven.
    pub proofs: Vec<String>,
    /// `intended`, `issued`, `abandoned` or `revoked`.
    pub status: CertificateStatus,
    /// The account, if one ordered it.
    pub account: Option<String>,
    /// The order, if one led here.
    pub order: Option<String>,
    /// notBefore.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// notAfter.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// When it was issued.
    #[serde(with = "time::serde::rfc3339")]
    pub issued: OffsetDateTime,
    /// When it was revoked.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none", default)]
    pub revoked: Option<OffsetDateTime>,
    /// RFC 5280 reason code of the revocation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revocation_reason: Option<u8>,
    /// The ARI certificate id of what it replaced.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replaces: Option<String>,
    /// What identity providers said of the people certified.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub evidence: Vec<Evidence>,
    /// For whom the internal authority issued it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub holder: Option<HolderEvidence>,
    /// The chain, PEM, leaf first; only where one certificate is shown or exported.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pem: Option<String>,
    /// What the operator must know of what was just done.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub warning: Option<String>,
    /// Serials that were revoked with it: the other certificates of a device's binding.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub also_revoked: Vec<String>,
    /// The machine account that is bound to nothing any more, and has to be activated anew.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unbound_device: Option<String>,
    /// Serials that the device still holds, of another binding or because this one was only superseded.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub still_in_force: Vec<String>,
}

impl CertificateView {
    /// The view of a record, without its bytes.
    #[must_use]
    pub fn new(record: &Certificate) -> Self {
        Self {
            serial: record.serial.to_string(),
            authority: record.authority.to_string(),
            issuer: record.issuer.clone(),
            profile: record.profile.clone(),
            identifiers: record.identifiers.iter().map(ToString::to_string).collect(),
            proofs: record.proofs.iter().map(ToString::to_string).collect(),
            status: record.status,
            account: record.account.map(|id| id.to_string()),
            order: record.order.map(|id| id.to_string()),
            not_before: record.not_before,
            not_after: record.not_after,
            issued: record.created,
            revoked: record.revoked,
            revocation_reason: record.revocation_reason,
            replaces: record.replaces.clone(),
            evidence: record.evidence.clone(),
            holder: record.holder.clone(),
            pem: None,
            warning: None,
            also_revoked: Vec::new(),
            unbound_device: None,
            still_in_force: Vec::new(),
        }
    }
}

/// An account, without its key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountView {
    /// The id.
    pub id: String,
    /// Its URL.
    pub url: String,
    /// The authority.
    pub authority: String,
    /// `valid`, `deactivated` or `revoked`.
    pub status: crate::order::model::AccountStatus,
    /// Contact URLs.
    pub contact: Vec<String>,
    /// Thumbprint of its key (RFC 7638).
    pub thumbprint: String,
    /// The external binding key it was made with.
    pub external_key: Option<String>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
}

impl AccountView {
    /// The view of an account.
    #[must_use]
    pub fn new(account: &Account, url: String) -> Self {
        Self {
            id: account.id.to_string(),
            url,
            authority: account.authority.to_string(),
            status: account.status,
            contact: account.contact.clone(),
            thumbprint: account.key.thumbprint(),
            external_key: account.external_key.clone(),
            created: account.created,
        }
    }
}

/// An external account binding key; the secret only in the answer that made it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExternalKeyView {
    /// The key id.
    pub kid: String,
    /// The authority it binds at.
    pub authority: String,
    /// Domains that accounts bound with it may order names in; empty: whatever policy allows.
    pub domains: Vec<String>,
    /// `usable`, `used`, `expired` or `revoked`.
    pub state: String,
    /// Whether it may bind more than one account.
    pub reusable: bool,
    /// The accounts bound with it, the first thousand.
    pub accounts: Vec<String>,
    /// Whether it bound more accounts than are shown.
    #[serde(default)]
    pub more_accounts: bool,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// When it stops binding new accounts.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none", default)]
    pub expires: Option<OffsetDateTime>,
    /// The MAC key, base64url; shown once.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub secret: Option<String>,
}

/// What `eab create` asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewExternalKey {
    /// The authority; absent: the only one that clients reach over ACME.
    pub authority: Option<String>,
    /// Domains to tie it to.
    pub domains: Vec<String>,
    /// Seconds until it stops binding new accounts.
    pub lifetime: Option<u64>,
    /// Whether it may bind more than one account.
    pub reusable: bool,
}

/// What `certificates revoke` asks for.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// RFC 5280 reason code.
    pub reason: u8,
}

/// An authority with its issuers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthorityView {
    /// Its name.
    pub name: String,
    /// Its root's name.
    pub root: String,
    /// When its root ends.
    #[serde(with = "time::serde::rfc3339")]
    pub root_not_after: OffsetDateTime,
    /// The present issuer first, then those that it replaced.
    pub issuers: Vec<IssuerView>,
}

/// One issuer of an authority.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IssuerView {
    /// Its key identifier, hexadecimal.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it issues.
    pub state: IssuerState,
    /// notBefore of its certificate.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// notAfter of its certificate.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// When the last of its certificates ends; absent if none is valid any more.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none", default)]
    pub last_certificate_ends: Option<OffsetDateTime>,
    /// Since when it has retired.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none", default)]
    pub retired: Option<OffsetDateTime>,
}

/// Whether an issuer issues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssuerState {
    /// It does.
    Present,
    /// It did, and signs its revocation list and OCSP answers.
    Replaced,
    /// Its last certificate has ended: nothing is signed under it any more.
    Retired,
}

/// What reading the files of the authorities changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReloadView {
    /// Authorities that issue under another certificate now.
    pub replaced: Vec<ReplacedView>,
}

/// An authority that issues under another certificate now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReplacedView {
    /// The authority.
    pub authority: String,
    /// Key identifier of the issuer before, hexadecimal.
    pub before: String,
    /// Key identifier of the present one.
    pub now: String,
    /// Whether the one before can still sign its revocation list.
    pub kept: bool,
}

/// What a mass revocation asks for: all that match every part that is named.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RevokeMany {
    /// For this name, address or account id.
    pub identifier: Option<String>,
    /// Of this ACME account.
    pub account: Option<String>,
    /// For holders of this organisation, by name or id.
    pub organisation: Option<String>,
    /// Of this profile.
    pub profile: Option<String>,
    /// Of this authority.
    pub authority: Option<String>,
    /// Signed by the issuer with this key identifier.
    pub issuer: Option<String>,
    /// RFC 5280 reason code.
    pub reason: u8,
    /// Only count.
    pub dry_run: bool,
    /// Where the page before ended.
    pub after: Option<String>,
}

/// One page of a mass revocation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RevokedPage {
    /// How many matched.
    pub matched: usize,
    /// How many were revoked by this question; somebody else may have been faster.
    pub revoked: usize,
    /// Those that matched, as they were before.
    pub items: Vec<CertificateView>,
    /// Devices whose accounts are bound to nothing any more.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unbound_devices: Vec<String>,
    /// What the operator must know of what was just done.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub warning: Option<String>,
    /// Where to go on; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
}

/// How the server is doing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StatusView {
    /// The program's version.
    pub version: String,
    /// `ok`, or what is wrong.
    pub health: String,
    /// The base URL.
    pub url: String,
    /// Since when it runs.
    #[serde(with = "time::serde::rfc3339")]
    pub started: OffsetDateTime,
    /// Each authority.
    pub authorities: Vec<AuthorityStatus>,
    /// Entries in the journal.
    pub journal_entries: u64,
    /// Validations that wait or run.
    pub validations_waiting: usize,
}

/// How one authority is doing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthorityStatus {
    /// Its name.
    pub name: String,
    /// Its directory URL, if clients reach it over ACME.
    pub directory: Option<String>,
    /// Subject of the issuing certificate.
    pub issuer: String,
    /// When the issuing certificate ends.
    #[serde(with = "time::serde::rfc3339")]
    pub issuer_not_after: OffsetDateTime,
}

/// What `log verify` found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VerificationView {
    /// Entries that were verified.
    pub entries: u64,
    /// Hash of the last one, hexadecimal.
    pub head: String,
    /// Number and hash of the last one, as `SEQ:HASH`: keep it elsewhere and give it to `--expect` to notice a rewritten or cut journal.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub noted: Option<String>,
    /// The first broken entry and what is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub broken: Option<(u64, String)>,
}

/// An entry of the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EntryView {
    /// Its number.
    pub seq: u64,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The act, as it was recorded.
    pub act: serde_json::Value,
    /// Its hash, hexadecimal.
    pub hash: String,
}

impl EntryView {
    /// The view of an entry.
    #[must_use]
    pub fn new(entry: &Entry) -> Self {
        Self {
            seq: entry.seq,
            at: entry.at,
            act: serde_json::from_str(&entry.act).unwrap_or_default(),
            hash: data_encoding::HEXLOWER.encode(&entry.hash),
        }
    }
}
