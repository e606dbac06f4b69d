//! A room device like those of RoomOS, as an emulator: one device behind three faces (HTTPS, WebSocket, SSH) that a real client can provision with an identity.
//!
//! Whether an identity is believed is the product's own verdict. What a real device does where nothing public says so, is this emulator's decision;
//! `docs/room-emulator.md` names those places. For tests and for trying things out: nothing it keeps outlives it, except the certificate of its own.

mod bounds;
mod builder;
pub mod device;
mod https;
mod internal;
mod program;
pub mod security;
mod ssh;
mod websocket;
pub mod xapi;

use std::net::SocketAddr;
use std::sync::Arc;

use certs::key::Secret;
use tokio_util::sync::DropGuard;

pub use builder::Builder;
pub use device::{Console, Device, Spoil, When};
pub use https::putxml;
pub use internal::{Enrolment, OwnError};
pub use program::main;
pub use ssh::line;
pub use websocket::rpc;

/// Why an emulator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened at.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Certificate or key cannot serve.
    #[error("the TLS certificate cannot be used: {detail}")]
    Tls {
        /// Why.
        detail: String,
    },
    /// No SSH host key.
    #[error("no SSH host key can be made: {detail}")]
    HostKey {
        /// Why.
        detail: String,
    },
    /// The roots.
    #[error(transparent)]
    Trust(#[from] certs::chain::TrustError),
    /// The device's own certificate.
    #[error(transparent)]
    Own(#[from] OwnError),
    /// No random octets.
    #[error("the operating system gave no random octets")]
    Entropy,
}

/// Where an emulator is, and how it is recognised.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// HTTPS and WebSocket.
    pub https: SocketAddr,
    /// Plain HTTP.
    pub http: SocketAddr,
    /// SSH.
    pub ssh: SocketAddr,
    /// The certificate chain shown in TLS, PEM.
    pub certificate: String,
    /// The SSH host key, `ssh-ed25519 AAAA…`.
    pub host_key: String,
}

impl Addresses {
    /// SHA-256 of the TLS certificate, hexadecimal: what a client pins.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let chain = certs::pem::parse_certificates(&self.certificate).unwrap_or_default();
        chain.first().map(|leaf| security::sha256_hex(leaf)).unwrap_or_default()
    }
}

/// A running emulator; it stops when this is dropped.
pub struct Emulator {
    device: Device,
    addresses: Addresses,
    admin_password: Secret,
    own: Option<Arc<internal::OwnIdentity>>,
    _stop: DropGuard,
}

impl Emulator {
    /// One with other settings.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it is.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The password of `admin`.
    #[must_use]
    pub fn admin_password(&self) -> &Secret {
        &self.admin_password
    }

    /// The device behind the faces.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Looks at the clock: what ended is told, and the device's own certificate is renewed if it is time.
    ///
    /// # Errors
    /// [`OwnError`] if the folder of the device's own certificate cannot be read. A renewal that fails is no error: the console says so, and it is tried again.
    pub async fn tick(&self) -> Result<(), OwnError> {
        self.device.look().await;
        match &self.own {
            Some(own) => own.look().await,
            None => Ok(()),
        }
    }
}
