//! Who may be connected: so many clients together, and so many from one address, so that one client cannot keep all others out.
//!
//! A proxy's address stands for many clients: those that the operator trusts are not counted one by one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::{Config, TlsMode};
use crate::request::limits::network;

/// The seats of one listener.
pub(super) struct Seats {
    all: Arc<Semaphore>,
    /// `None`: no limit.
    each: Option<usize>,
    proxies: Vec<IpNet>,
    taken: Taken,
}

type Taken = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// A seat, free again when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    _one_of_all: OwnedSemaphorePermit,
    of: Option<(IpAddr, Taken)>,
}

impl Seats {
    /// As `[limits]` says.
    pub(super) fn new(config: &Config) -> Self {
        let limits = &config.limits;
        // Plain HTTP is for proxies. If none is named, whoever connects may be one.
        let unnamed_proxy = config.tls.mode == TlsMode::Off && config.trusted_proxies.is_empty();
        Self {
            all: Arc::new(Semaphore::new(limits.connections.clamp(1, Semaphore::MAX_PERMITS))),
            each: Some(limits.connections_per_address).filter(|most| *most > 0 && !unnamed_proxy),
            proxies: config.trusted_proxies.clone(),
            taken: Taken::default(),
        }
    }

    /// Waits until there is a seat for anybody.
    pub(super) async fn free(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.all).acquire_owned().await.ok()
    }

    /// Gives the seat to `peer`, unless it has as many as one address may have.
    pub(super) fn give(&self, seat: OwnedSemaphorePermit, peer: IpAddr) -> Option<Seat> {
        let address = peer.to_canonical();
        let is_proxy = self.proxies.iter().any(|network| network.contains(&address));
        let Some(most) = self.each.filter(|_| !is_proxy) else {
            return Some(Seat { _one_of_all: seat, of: None });
        };
        let client = network(address);
        let mut taken = self.taken.lock();
        let count = taken.entry(client).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Seat { _one_of_all: seat, of: Some((client, Arc::clone(&self.taken))) })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some((client, taken)) = &self.of else { return };
        let mut taken = taken.lock();
        if let Some(count) = taken.get_mut(client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.remove(client);
            }
        }
    }
}
