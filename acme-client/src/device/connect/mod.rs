//! A connection to a device, whatever the transport: three behind one trait.
//!
//! A device is believed to be itself only by its certificate or host key: issued under given roots, or pinned by fingerprint. The password is sent after that, never
//! before. Every wait has an end, every answer a greatest size. A device that says "too many requests" is asked again, a few times, as slowly as it wants.

mod error;
mod https;
mod known_hosts;
mod numbered;
mod objects;
mod ssh;
mod tls;
mod websocket;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use certs::key::Secret as Password;
use rustls_pki_types::CertificateDer;
use serde_json::Value;

pub use error::XapiError;
use numbered::Numbered;

use super::place::{Over, Pin, Place};
use super::xapi::Call;

/// Largest answer of a device.
const LARGEST: usize = 4 * 1024 * 1024;

/// A session with a device.
#[async_trait]
pub trait Xapi: Send {
    /// Gives a command, and returns its result once the device has done it.
    async fn command(&mut self, call: &Call) -> Result<Value, XapiError>;
    /// What stands at a path below `Status`; `null` if nothing does.
    async fn status(&mut self, path: &[&str]) -> Result<Value, XapiError>;
    /// What stands at a path below `Configuration`; `null` if nothing does.
    async fn configuration(&mut self, path: &[&str]) -> Result<Value, XapiError>;
    /// Sets a configuration.
    async fn configure(&mut self, path: &[&str], value: &str) -> Result<(), XapiError>;
    /// Ends the session. There is nobody to tell if that fails.
    async fn close(self: Box<Self>);
}

/// By what a device is recognised.
#[derive(Clone, Debug)]
pub enum Trust {
    /// What this machine trusts: its roots, and `~/.ssh/known_hosts`.
    System,
    /// Certificates under these roots.
    Roots(Vec<CertificateDer<'static>>),
    /// Host keys in this file.
    KnownHosts(PathBuf),
    /// One of these fingerprints and no other.
    Pinned(Vec<Pin>),
}

/// How long a device is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To be reached, TLS or SSH included.
    pub connect: Duration,
    /// For one answer.
    pub answer: Duration,
    /// How often a device that has too much to do is asked again.
    pub retries: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), answer: Duration::from_secs(60), retries: 6 }
    }
}

/// A device to connect to.
#[derive(Clone)]
pub struct Target {
    /// Where.
    pub place: Place,
    /// How.
    pub over: Over,
    /// As whom.
    pub user: String,
    /// The password of that account.
    pub password: Password,
    /// By what it is recognised.
    pub trust: Trust,
    /// How long it is waited for.
    pub limits: Limits,
}

/// Connects and signs in.
///
/// # Errors
/// If the device cannot be reached, is not who it should be, or does not take the password.
pub async fn connect(target: &Target) -> Result<Box<dyn Xapi>, XapiError> {
    Ok(match target.over {
        Over::Https => Box::new(https::Https::open(target).await?),
        Over::Wss => Box::new(Numbered::new(websocket::WebSocket::open(target).await?)),
        Over::Ssh => Box::new(Numbered::new(ssh::Shell::open(target).await?)),
    })
}

/// Looks what a device shows to whoever comes: its certificate or host key. Trusts nobody, and sends nothing.
///
/// # Errors
/// If it shows nothing.
pub async fn look(place: &Place, over: Over, limits: Limits) -> Result<Pin, XapiError> {
    match over {
        Over::Https | Over::Wss => tls::look(place, over, limits).await,
        Over::Ssh => ssh::look(place, limits).await,
    }
}

/// HTTP Basic (RFC 7617 §2).
fn basic(user: &str, password: &Password) -> Option<http::HeaderValue> {
    let joined = zeroize::Zeroizing::new(format!("{user}:{}", password.expose()));
    let encoded = zeroize::Zeroizing::new(data_encoding::BASE64.encode(joined.as_bytes()));
    let mut value = http::HeaderValue::try_from(format!("Basic {}", encoded.as_str())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Waits before a device that has too much to do is asked again: as long as it says, else one second, two, four.
async fn pause(attempt: u32, said: Option<u64>) {
    let seconds = said.unwrap_or(1 << attempt.min(4)).clamp(1, 30);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}
