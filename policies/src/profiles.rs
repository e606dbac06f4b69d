//! Profiles: one TOML file each, named after it. A profile says what a certificate looks like and how long it lives
//! (draft-ietf-acme-profiles); who may have one is for the rules. Every wrong key of every file is reported, with its line.
//! A file that has any problem yields no profile: there is no half-read profile.

mod admit;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use certs::leaf::{LeafProfile, ProfileError, ProfileName};
use humantime_serde::Serde;

use crate::fields::{Fields, Placed};
use crate::problem::{Place, Problem};

pub use admit::{Misfit, admit};

/// The profiles that every installation starts with: file name and text.
pub const SHIPPED: &[(&str, &str)] = &[
    ("device.toml", include_str!("../shipped/profiles/device.toml")),
    ("guest.toml", include_str!("../shipped/profiles/guest.toml")),
    ("internal-device.toml", include_str!("../shipped/profiles/internal-device.toml")),
    ("internal-user.toml", include_str!("../shipped/profiles/internal-user.toml")),
    ("server.toml", include_str!("../shipped/profiles/server.toml")),
    ("user.toml", include_str!("../shipped/profiles/user.toml")),
];

const A_TIME: &str = "a time such as \"12h\", \"7days\" or \"90s\"";
const USAGES: &str = "a list of \"client-auth\", \"server-auth\", \"email-protection\"";
const KINDS: &str = "a list of \"dns\", \"email\", \"uri\"";
const PROOFS: &str =
    "a list of \"dns-01\", \"dns-account-01\", \"dns-persist-01\", \"sso-01\", \"token\", \"anonymous\"";

/// The profiles of a server, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profiles(BTreeMap<ProfileName, LeafProfile>);

impl Profiles {
    /// Reads profile files: pairs of file name and text.
    ///
    /// # Errors
    /// Every problem of every file.
    pub fn parse<N: AsRef<str>, T: AsRef<str>>(files: &[(N, T)]) -> Result<Self, Vec<Problem>> {
        let (mut profiles, mut problems) = (BTreeMap::new(), Vec::new());
        for (file, text) in files {
            match read(file.as_ref(), text.as_ref()) {
                Ok(profile) => {
                    if let Some(twin) = profiles.insert(profile.name.clone(), profile) {
                        problems.push(Problem {
                            file: file.as_ref().to_owned(),
                            place: None,
                            key: Some("name".to_owned()),
                            message: format!("there are two profiles `{}`", twin.name),
                            hint: "keep one file of that name".to_owned(),
                        });
                    }
                }
                Err(mut found) => problems.append(&mut found),
            }
        }
        if problems.is_empty() { Ok(Self(profiles)) } else { Err(problems) }
    }

    /// The profile of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&LeafProfile> {
        self.0.iter().find(|(known, _)| known.as_str() == name).map(|(_, profile)| profile)
    }

    /// Every profile, by name.
    pub fn iter(&self) -> impl Iterator<Item = &LeafProfile> {
        self.0.values()
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(ProfileName::as_str)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn read(file: &str, text: &str) -> Result<LeafProfile, Vec<Problem>> {
    let mut fields = Fields::parse(file, text)?;
    let mut places = BTreeMap::new();
    let profile = keys(&mut fields, &mut places);
    if let Some(profile) = &profile {
        let stem = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".toml");
        if profile.name.as_str() != stem {
            let message = format!("the name is `{}` but the file is named `{stem}`", profile.name);
            let hint = format!("write name = \"{stem}\" or rename the file to {}.toml", profile.name);
            fields.problem(places.get("name").copied(), "name", message, hint);
        }
        for fault in profile.check() {
            let (key, hint) = advice(&fault);
            let place = places.get(key).copied().unwrap_or_else(|| fields.place());
            fields.problem(Some(place), key, fault.to_string(), hint.to_owned());
        }
    }
    let problems = fields.finish();
    match profile {
        Some(profile) if problems.is_empty() => Ok(profile),
        Some(_) | None => Err(problems),
    }
}

/// Reads every key. `None` if a required one is missing or wrong, which `fields` has then noted.
fn keys(fields: &mut Fields<'_>, places: &mut BTreeMap<&'static str, Place>) -> Option<LeafProfile> {
    let mut note = |key, place| {
        places.insert(key, place);
    };
    let name = keep(fields.required("name", "the name of this file without \".toml\""), "name", &mut note);
    let description = keep(fields.required("description", "one sentence"), "description", &mut note);
    let lifetime = keep(fields.required::<Serde<Duration>>("lifetime", A_TIME), "lifetime", &mut note);
    let max_lifetime =
        keep(fields.required::<Serde<Duration>>("max-lifetime", A_TIME), "max-lifetime", &mut note);
    let backdate = keep(fields.optional::<Serde<Duration>>("backdate", A_TIME), "backdate", &mut note);
    let usages = keep(fields.required("extended-key-usages", USAGES), "extended-key-usages", &mut note);
    let subject = fields.optional("subject", "\"first-name-if-fits\", \"none\" or \"preferred-domain\"");
    let identifiers = keep(fields.required("identifiers", KINDS), "identifiers", &mut note);
    let required = keep(fields.optional("required-identifiers", KINDS), "required-identifiers", &mut note);
    let max =
        keep(fields.optional("max-identifiers", "a number from 1 to 100"), "max-identifiers", &mut note);
    let wildcards = fields.optional("wildcards", "true or false");
    let proofs = keep(fields.required("proofs", PROOFS), "proofs", &mut note);
    let policy = fields.optional("policy", "\"proof\" or \"none\"");
    let approval = keep(fields.optional("needs-approval", "true or false"), "needs-approval", &mut note);
    let reuse = keep(
        fields.optional::<Serde<Duration>>("authorization-lifetime", A_TIME),
        "authorization-lifetime",
        &mut note,
    );
    Some(LeafProfile {
        name: name?,
        description: description?,
        lifetime: lifetime?.into_inner(),
        max_lifetime: max_lifetime?.into_inner(),
        backdate: backdate.map_or(Duration::from_secs(60), Serde::into_inner),
        extended_key_usages: usages?,
        subject: subject.map(|placed| placed.value).unwrap_or_default(),
        identifiers: identifiers?,
        required_identifiers: required.unwrap_or_else(BTreeSet::new),
        max_identifiers: max.unwrap_or(10),
        wildcards: wildcards.is_some_and(|placed| placed.value),
        proofs: proofs?,
        policy: policy.map(|placed| placed.value).unwrap_or_default(),
        needs_approval: approval.unwrap_or(false),
        authorization_lifetime: reuse.map_or(Duration::from_secs(8 * 3600), Serde::into_inner),
    })
}

fn keep<T>(
    read: Option<Placed<T>>,
    key: &'static str,
    note: &mut impl FnMut(&'static str, Place),
) -> Option<T> {
    read.map(|placed| {
        note(key, placed.place);
        placed.value
    })
}

/// The key that a fault is about, and what to write there.
fn advice(fault: &ProfileError) -> (&'static str, &'static str) {
    match fault {
        ProfileError::Name { .. } => ("name", "use lower-case letters, digits and hyphens"),
        ProfileError::LifetimeTooShort => {
            ("lifetime", "write \"1min\" or more; \"7days\" is usual for devices")
        }
        ProfileError::LifetimeAboveMax => ("lifetime", "shorten lifetime or raise max-lifetime"),
        ProfileError::AuthorizationLifetimeTooLong => {
            ("authorization-lifetime", "write \"30days\" or less, or leave it out for 8 hours")
        }
        ProfileError::BackdateTooLong => ("backdate", "write \"5min\" or less"),
        ProfileError::NoExtendedKeyUsage => {
            ("extended-key-usages", "name at least one, such as \"client-auth\"")
        }
        ProfileError::NoIdentifierKind => ("identifiers", "name at least one, such as \"dns\""),
        ProfileError::RequiredNotAllowed { .. } => ("required-identifiers", "add it to identifiers too"),
        ProfileError::NoProof => ("proofs", "name at least one, such as \"dns-01\""),
        ProfileError::ProofWithoutKind { .. } => {
            ("proofs", "remove the proof or add the kind to identifiers")
        }
        ProfileError::ApprovalUnasked { .. } => {
            ("needs-approval", "leave it out; approval is for the proofs \"token\" and \"anonymous\"")
        }
        ProfileError::AnonymousUnsaid => ("policy", "write \"proof\", or leave it out"),
        ProfileError::IdentifierLimit { .. } => ("max-identifiers", "write a number from 1 to 100"),
        ProfileError::MaxLifetimeTooLong => ("max-lifetime", "write \"3650days\" or less"),
    }
}

#[cfg(test)]
mod tests;
