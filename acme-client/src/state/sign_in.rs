//! A sign-in that was begun for the pending order: which challenge, and how its end comes back to this machine.
//!
//! Stored before the server is told, so that a run that was cut off can listen at the same place again. Belongs to the pending order
//! and leaves with it. The path is as secret as the folder it lies in.

use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    IdentityDir, StateError,
    account::{from_json, to_json},
    durable,
};

/// A sign-in that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BegunSignIn {
    /// The challenge it answers.
    pub challenge: Url,
    /// How its end comes back.
    pub way: SignInWay,
}

/// How the end of a sign-in comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignInWay {
    /// The browser on this machine is sent to a port of ours.
    Redirect {
        /// The port, on 127.0.0.1.
        port: u16,
        /// The path, which nobody else knows.
        path: String,
    },
    /// The person types a code into the server's page, in a browser anywhere.
    Code,
}

impl IdentityDir {
    /// Stores how a sign-in for the pending order comes back. Durable on return.
    pub fn store_sign_in(&self, begun: &BegunSignIn) -> Result<(), StateError> {
        let path = self.folder.join("pending").join("sign-in.json");
        durable::replace(&path, &to_json(&path, begun)?)
    }

    /// The sign-in that was begun for the pending order.
    pub fn sign_in(&self) -> Result<Option<BegunSignIn>, StateError> {
        let path = self.folder.join("pending").join("sign-in.json");
        durable::read(&path)?.map(|bytes| from_json(&path, &bytes)).transpose()
    }
}
