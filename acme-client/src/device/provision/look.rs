//! What a device has: its certificates, and what it says of its external identity.
//!
//! Reads both the names of 2021 (`Valid`, `CertInfo`) and today's (`Status`, `CertificateChain`). What a device does not say is unknown, never assumed to be well.
//! Its texts are made tame where they are read: they reach terminals and files.

use std::collections::BTreeSet;

use device_jwe::Fingerprint;
use serde_json::Value;

use crate::device::connect::{Xapi, XapiError};
use crate::device::place::Pin;
use crate::device::xapi::{Call, NotAnswer, descend, tame, text};

/// What an identity's certificate is used for.
pub(super) const WEBEX_IDENTITY: &str = "WebexIdentity";

const SHOW: &[&str] = &["Security", "Certificates", "Services", "Show"];
const EXTERNAL: &[&str] = &["Conference", "EndToEndEncryption", "ExternalIdentity"];
const DOMAIN: &[&str] = &["Conference", "EndToEndEncryption", "Identity", "PreferredDomain"];

/// A certificate of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Which.
    pub fingerprint: Fingerprint,
    /// What it is used for.
    pub used_for: BTreeSet<String>,
}

impl Installed {
    /// Whether it is the device's external identity.
    pub fn is_identity(&self) -> bool {
        self.used_for.contains(WEBEX_IDENTITY)
    }
}

/// What a device says of its external identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalIdentity {
    /// `Status`, or `Valid`.
    pub status: String,
    /// Whether that means that it is valid.
    pub valid: bool,
    /// Whom it names.
    pub identity: Option<String>,
    /// What is wrong with its first certificate, where the device says so.
    pub validity: Option<String>,
    /// Fingerprint of its certificate, SHA-1 or SHA-256.
    fingerprint: Option<String>,
}

impl ExternalIdentity {
    /// Whether this is about that certificate; `None` if the device does not say.
    pub fn is_of(&self, leaf: &[u8]) -> Option<bool> {
        let said = self.fingerprint.as_deref()?.replace(':', "").to_ascii_lowercase();
        let long = Pin::of_certificate(leaf).to_string();
        Some(said == Fingerprint::of(leaf).as_str() || long.ends_with(&said) && said.len() == 64)
    }

    /// In a few words.
    pub fn says(&self) -> String {
        let validity = self.validity.as_ref().filter(|validity| !validity.eq_ignore_ascii_case(&self.status));
        match (self.status.as_str(), validity) {
            ("", None) => "nothing".to_owned(),
            (status, None) => format!("`{status}`"),
            (status, Some(validity)) => format!("`{status}`, its certificate `{validity}`"),
        }
    }
}

/// `Security Certificates Services Show`.
pub(super) async fn certificates(xapi: &mut dyn Xapi) -> Result<Vec<Installed>, XapiError> {
    let answer = xapi.command(&Call::new(SHOW)).await?;
    let details = match descend(answer, &["Details"]) {
        Value::Array(details) => details,
        Value::Null => Vec::new(),
        Value::String(_) | Value::Object(_) | Value::Bool(_) | Value::Number(_) => {
            return Err(NotAnswer { expected: "a list of certificates" }.into());
        }
    };
    // One whose fingerprint is of another kind cannot be ours, and is none of our business.
    Ok(details.iter().filter_map(installed).collect())
}

fn installed(details: &Value) -> Option<Installed> {
    let fingerprint = text(details, "Fingerprint")?.parse().ok()?;
    let purposes = text(details, "UsedFor").unwrap_or_default().split(',').map(str::trim);
    let purposes = purposes.filter(|purpose| !purpose.is_empty() && !purpose.eq_ignore_ascii_case("None"));
    let same = |purpose: &str| purpose.replace(' ', "").eq_ignore_ascii_case(WEBEX_IDENTITY);
    let used_for = purposes
        .map(|purpose| if same(purpose) { WEBEX_IDENTITY.to_owned() } else { tame(purpose) })
        .collect();
    Some(Installed { fingerprint, used_for })
}

/// `Status Conference EndToEndEncryption ExternalIdentity`.
pub(super) async fn external_identity(xapi: &mut dyn Xapi) -> Result<ExternalIdentity, XapiError> {
    Ok(read_identity(&xapi.status(EXTERNAL).await?))
}

pub(super) fn read_identity(said: &Value) -> ExternalIdentity {
    let words = |of: &Value, name: &str| text(of, name).map(tame);
    let (today, before) = (words(said, "Status"), words(said, "Valid"));
    let valid = match (&today, &before) {
        (Some(status), _) => status.eq_ignore_ascii_case("valid"),
        (None, Some(valid)) => valid.eq_ignore_ascii_case("true"),
        (None, None) => false,
    };
    let first = [&["CertificateChain", "Certificate"][..], &["CertInfo", "Certificate"], &["CertInfo"]]
        .into_iter()
        .map(|path| match descend(said.clone(), path) {
            Value::Array(mut items) if !items.is_empty() => items.remove(0),
            other => other,
        })
        .find(|found| text(found, "Fingerprint").is_some())
        .unwrap_or_default();
    ExternalIdentity {
        status: today.or(before).unwrap_or_default(),
        valid,
        identity: words(said, "Identity").filter(|name| !name.is_empty()),
        validity: words(&first, "Validity"),
        fingerprint: words(&first, "Fingerprint"),
    }
}

/// `Configuration Conference EndToEndEncryption Identity PreferredDomain`.
pub(super) async fn preferred_domain(xapi: &mut dyn Xapi) -> Result<String, XapiError> {
    let value = xapi.configuration(DOMAIN).await?;
    // At most 255 characters where it is set: nothing that is wanted is cut.
    Ok(tame(value.as_str().unwrap_or_default()))
}

pub(super) async fn set_preferred_domain(xapi: &mut dyn Xapi, domain: &str) -> Result<(), XapiError> {
    xapi.configure(DOMAIN, domain).await
}
