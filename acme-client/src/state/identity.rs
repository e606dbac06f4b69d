//! One identity at rest: its settings, and the small records beside them.
//!
//! Trusts that the caller holds the state directory's lock when it writes.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{
    DeployRecord, IdentityName, IdentitySettings, RenewalRecord, StateError,
    account::{from_json, to_json},
    durable,
};

/// What a renewal writes at most: two keys, a request, a chain twice.
const ROOM: usize = 64 * 1024;

/// The folder of one identity.
#[derive(Clone, Debug)]
pub struct IdentityDir {
    pub(super) folder: PathBuf,
    name: IdentityName,
}

impl IdentityDir {
    pub(super) fn at(folder: PathBuf, name: IdentityName) -> Self {
        Self { folder, name }
    }

    /// The identity's name.
    pub fn name(&self) -> &IdentityName {
        &self.name
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Whether settings are stored here.
    pub fn exists(&self) -> bool {
        self.settings_path().is_file()
    }

    /// The stored settings.
    pub fn settings(&self) -> Result<IdentitySettings, StateError> {
        let path = self.settings_path();
        let bytes = durable::read(&path)?.ok_or_else(|| StateError::NoIdentity {
            name: self.name.to_string(),
            path: self.folder.clone(),
        })?;
        let malformed = |problem: String| StateError::Malformed { path: path.clone(), problem };
        let text = String::from_utf8(bytes).map_err(|problem| malformed(problem.to_string()))?;
        toml::from_str(&text).map_err(|problem| malformed(problem.to_string()))
    }

    /// Stores the settings.
    pub fn store_settings(&self, settings: &IdentitySettings) -> Result<(), StateError> {
        durable::create_dir(&self.folder)?;
        let path = self.settings_path();
        let text = toml::to_string_pretty(settings)
            .map_err(|problem| StateError::Malformed { path: path.clone(), problem: problem.to_string() })?;
        let heading =
            "# What `acme-client renew` does for this identity. Written by `enroll`; edit with care.\n";
        durable::replace(&path, format!("{heading}{text}").as_bytes())
    }

    /// What is known of the next renewal; empty when nothing is, or when what there is cannot be read.
    pub fn renewal(&self) -> Result<RenewalRecord, StateError> {
        Ok(self.record("renewal.json")?.unwrap_or_default())
    }

    /// Stores what is known of the next renewal.
    pub fn store_renewal(&self, record: &RenewalRecord) -> Result<(), StateError> {
        let path = self.folder.join("renewal.json");
        durable::replace(&path, &to_json(&path, record)?)
    }

    /// What became of the last deploy hook; `None` when none ever ran, or when what there is cannot be read.
    pub fn deploy(&self) -> Result<Option<DeployRecord>, StateError> {
        self.record("deploy.json")
    }

    /// One of the records that steer but prove nothing: a damaged one counts as lost, and the next one takes its place.
    fn record<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Result<Option<T>, StateError> {
        let path = self.folder.join(name);
        let Some(bytes) = durable::read(&path)? else { return Ok(None) };
        match from_json(&path, &bytes) {
            Ok(record) => Ok(Some(record)),
            Err(damage) => {
                tracing::warn!(identity = %self.name, %damage, "a record is damaged and begun anew");
                Ok(None)
            }
        }
    }

    /// Stores what became of a deploy hook.
    pub fn store_deploy(&self, record: &DeployRecord) -> Result<(), StateError> {
        let path = self.folder.join("deploy.json");
        durable::replace(&path, &to_json(&path, record)?)
    }

    /// Finds out whether the disk takes what a renewal writes, before anything is ordered that could not be kept.
    pub fn check_room(&self) -> Result<(), StateError> {
        let path = self.folder.join(format!("{}room", durable::TEMPORARY));
        durable::remove_if_present(&path)?;
        let written = durable::write_new(&path, &[0; ROOM]);
        durable::remove_if_present(&path)?;
        written
    }

    /// Removes the identity with its settings, certificates and keys.
    pub fn remove(&self) -> Result<(), StateError> {
        durable::remove_tree(&self.folder)
    }

    fn settings_path(&self) -> PathBuf {
        self.folder.join("identity.toml")
    }
}
