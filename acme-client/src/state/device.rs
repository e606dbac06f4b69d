//! What is known of one room device: its pins, what was put into it, and how far the last run came.
//!
//! The device itself is asked what it has; this only says which of that came from here, and so may be taken away again. No secret is in it. Each device has its own lock,
//! so that many are worked on at once, and a deploy hook can run while the agent holds the state directory's.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{
    StateDir, StateError, StateLock,
    account::{from_json, to_json},
    durable,
};
use crate::device::place::{Pin, Place};

/// How far the provisioning of a device came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceProgress {
    /// Nothing was begun.
    #[default]
    New,
    /// Something was begun and is not finished.
    Begun,
    /// The device said that its identity is valid, and nothing is left over.
    Done,
}

/// What is known of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRecord {
    /// How far the last run came.
    #[serde(default)]
    pub progress: DeviceProgress,
    /// The certificate of the last run, by SHA-1 fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Certificates that are to go once the new one is in use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<String>,
    /// By what the device is recognised.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<Pin>,
    /// When something was last done.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub at: Option<OffsetDateTime>,
    /// Why the last run failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The folder of one device.
#[derive(Clone, Debug)]
pub struct DeviceDir {
    folder: PathBuf,
}

impl StateDir {
    /// The folder of a device, whether or not it exists.
    pub fn device(&self, place: &Place) -> DeviceDir {
        DeviceDir { folder: self.path().join("devices").join(place.label()) }
    }
}

impl DeviceDir {
    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Takes the device's lock, creating its folder if need be. Every writer must hold it.
    ///
    /// # Errors
    /// [`StateError::Busy`] while another run works on this device.
    pub fn lock(&self) -> Result<StateLock, StateError> {
        durable::create_dir(&self.folder)?;
        StateLock::take(&self.folder)
    }

    /// What is known; nothing if nobody was here yet.
    ///
    /// # Errors
    /// If the file cannot be read. It is not begun anew by itself: the pins are in it.
    pub fn record(&self) -> Result<DeviceRecord, StateError> {
        let path = self.folder.join("device.json");
        durable::read(&path)?.map_or_else(|| Ok(DeviceRecord::default()), |bytes| from_json(&path, &bytes))
    }

    /// Stores it. Durable on return.
    ///
    /// # Errors
    /// If the filesystem refuses.
    pub fn store_record(&self, record: &DeviceRecord) -> Result<(), StateError> {
        let path = self.folder.join("device.json");
        durable::replace(&path, &to_json(&path, record)?)
    }
}
