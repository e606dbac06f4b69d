//! Organisations and machine accounts as the admin socket shows them; `--json` prints exactly this. Field names are a contract: add, never rename.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::internal::HolderKind;
use crate::internal::machine::{MachineAccount, MachineStatus};
use crate::internal::organisation::{Domain, DomainStatus, Organisation};

/// An organisation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrganisationView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The domain that its devices carry.
    pub preferred_domain: Option<String>,
    /// The token issuers that speak for its people.
    pub token_issuers: Vec<String>,
    /// Its domains.
    pub domains: Vec<DomainView>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
}

/// A domain of an organisation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DomainView {
    /// The domain.
    pub name: String,
    /// `pending`, `verified` or `lost`, as it is now.
    pub status: DomainStatus,
    /// Where the TXT record is to stand.
    pub record_name: String,
    /// What it is to hold.
    pub record: String,
    /// When it was last looked for.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none", default)]
    pub checked: Option<OffsetDateTime>,
    /// Until when the domain is held if the record is not seen again.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none", default)]
    pub held_until: Option<OffsetDateTime>,
    /// Why the last look did not find it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fault: Option<String>,
}

impl OrganisationView {
    /// The view of an organisation at `now`.
    #[must_use]
    pub fn new(organisation: &Organisation, grace: Duration, now: OffsetDateTime) -> Self {
        let domain = |domain: &Domain| DomainView {
            name: domain.name.as_str().to_owned(),
            status: domain.status_at(grace, now),
            record_name: domain.record_name(),
            record: domain.record(),
            checked: domain.checked,
            held_until: domain.holds_until(grace),
            fault: domain.fault.clone(),
        };
        Self {
            id: organisation.id.to_string(),
            name: organisation.name.clone(),
            preferred_domain: organisation.preferred.as_ref().map(|name| name.as_str().to_owned()),
            token_issuers: organisation.token_issuers.clone(),
            domains: organisation.domains.iter().map(domain).collect(),
            created: organisation.created,
        }
    }
}

/// What `org create` asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOrganisation {
    /// Its name.
    pub name: String,
    /// The token issuers that speak for its people.
    pub token_issuers: Vec<String>,
}

/// What `org domain` asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainName {
    /// The domain.
    pub domain: String,
}

/// What `org prefer` asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preferred {
    /// The domain; absent for none.
    pub domain: Option<String>,
}

/// What `org token-issuers` asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenIssuerNames {
    /// All of them; they replace those there were.
    pub token_issuers: Vec<String>,
}

/// What `org release` asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The account id; absent for those of all its people.
    pub id: Option<String>,
    /// The organisation that is to have the id, by name or id.
    pub to: Option<String>,
    /// Of all its people: those after this id.
    pub after: Option<String>,
}

/// An account id that was let go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReleasedView {
    /// The id, as it stands in certificates.
    pub id: String,
    /// Whose it is: `user` or `device`.
    pub kind: HolderKind,
    /// The id of the organisation that had it.
    pub from: String,
    /// The id of the organisation that has it now; absent: the first for which it is certified.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to: Option<String>,
    /// Certificates that name it and are in force, up to a hundred.
    pub certificates_in_force: usize,
}

/// A machine account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceView {
    /// The id, in certificates as `urn:uuid:…`.
    pub id: String,
    /// The organisation's id.
    pub organisation: String,
    /// What people call it.
    pub name: String,
    /// `waiting` (for its code to be typed), `active` or `deactivated`.
    pub status: MachineStatus,
    /// SHA-256 of the key it is bound to, base64url.
    pub key: Option<String>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// When a device last took it.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none", default)]
    pub activated: Option<OffsetDateTime>,
    /// The activation code; shown once.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// When the code ends.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none", default)]
    pub code_expires: Option<OffsetDateTime>,
}

impl DeviceView {
    /// The view of an account.
    #[must_use]
    pub fn new(account: &MachineAccount) -> Self {
        Self {
            id: account.id.to_string(),
            organisation: account.organisation.to_string(),
            name: account.name.clone(),
            status: account.status,
            key: account.key_thumbprint(),
            created: account.created,
            activated: account.activated,
            code: None,
            code_expires: None,
        }
    }
}

/// What `device activate-code` asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCode {
    /// The organisation, by name or id; absent with `device`.
    pub organisation: Option<String>,
    /// What people call the device.
    pub name: Option<String>,
    /// An account there is already.
    pub device: Option<String>,
    /// Seconds until the code ends.
    pub lifetime: Option<u64>,
}
