//! The face over SSH: a TShell for whoever has an account, by password or keyboard-interactive; `russh` on aws-lc-rs.
//!
//! A connection that does not get through its handshake and sign-in in time is cut, and so is one that sends more than is taken in, or takes in nothing. Its
//! place is free only when its task has ended.

mod converse;
mod cut;
pub mod line;
mod shell;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use russh::keys::{Algorithm, PrivateKey, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Response, Session, run_stream};
use russh::{Channel, ChannelId, ChannelOpenFailure, MethodKind, MethodSet, Pty};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::StartError;
use super::bounds::{Bounds, LONGEST, accept};
use super::device::Device;
use super::device::accounts::Who;
use super::device::limits::{Limiter, asker};
use converse::{Peer, converse, once};
use cut::Cuttable;
use shell::Shell;

/// Octets that may wait for a shell that is busy.
const MOST_WAITING: usize = 4 * LONGEST;
/// Channels of one connection, and shells and single commands that run.
const MOST_SHELLS: usize = 8;

/// A fresh host key.
pub(super) fn host_key() -> Result<PrivateKey, StartError> {
    PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519)
        .map_err(|error| StartError::HostKey { detail: error.to_string() })
}

/// `ssh-ed25519 AAAA…`
pub(super) fn shown(key: &PublicKey) -> String {
    key.to_openssh().unwrap_or_default()
}

/// Serves until it is stopped.
pub(super) async fn run(
    listener: TcpListener,
    key: PrivateKey,
    device: Device,
    limiter: Arc<Limiter>,
    bounds: Bounds,
    stop: CancellationToken,
) {
    let config = Arc::new(Config {
        methods: MethodSet::from([MethodKind::Password, MethodKind::KeyboardInteractive].as_slice()),
        // Guessing is slowed down by the limiter.
        auth_rejection_time: Duration::from_millis(50),
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key],
        max_auth_attempts: 6,
        inactivity_timeout: Some(bounds.idle * 2),
        keepalive_interval: Some(bounds.idle),
        maximum_packet_size: 16 * 1024,
        window_size: 256 * 1024,
        nodelay: true,
        ..Config::default()
    });
    while let Some((stream, peer)) = accept(&listener, &stop).await {
        let Some(place) = bounds.place() else { continue };
        let front = Front::new(device.clone(), Arc::clone(&limiter), peer.ip(), bounds.patience);
        let (config, bounds, stop) = (Arc::clone(&config), bounds.clone(), stop.clone());
        tokio::spawn(async move {
            connection(config, stream, front, &bounds, &stop).await;
            drop(place);
        });
    }
}

/// One connection, until nothing of it is left.
async fn connection(
    config: Arc<Config>,
    stream: TcpStream,
    front: Front,
    bounds: &Bounds,
    stop: &CancellationToken,
) {
    let (signed_in, cut) = (Arc::clone(&front.signed_in), front.cut.clone());
    let beginning =
        tokio::time::timeout(bounds.patience, run_stream(config, Cuttable::new(stream, cut.clone()), front));
    let begun = tokio::select! {
        () = stop.cancelled() => return,
        begun = beginning => begun,
    };
    let Ok(Ok(mut session)) = begun else { return };
    let ended = tokio::select! {
        _ = &mut session => true,
        () = stop.cancelled() => false,
        entered = tokio::time::timeout(bounds.patience, signed_in.notified()) => entered.is_ok() && tokio::select! {
            _ = &mut session => true,
            () = stop.cancelled() => false,
        },
    };
    if !ended {
        cut.cancel();
        // However it ends.
        let _ = session.await;
    }
}

/// One connection.
struct Front {
    device: Device,
    limiter: Arc<Limiter>,
    peer: IpAddr,
    patience: Duration,
    /// Ends the connection.
    cut: CancellationToken,
    signed_in: Arc<Notify>,
    who: Option<Who>,
    channels: HashMap<ChannelId, Slot>,
    shells: Arc<Semaphore>,
}

/// One channel.
#[derive(Default)]
struct Slot {
    terminal: bool,
    /// A channel is for one shell or one command (RFC 4254 §6.5).
    begun: bool,
    input: Option<Input>,
}

/// The way into a shell.
struct Input {
    sender: mpsc::UnboundedSender<Zeroizing<Vec<u8>>>,
    waiting: Arc<AtomicUsize>,
}

impl Front {
    fn new(device: Device, limiter: Arc<Limiter>, peer: IpAddr, patience: Duration) -> Self {
        Self {
            device,
            limiter,
            peer,
            patience,
            cut: CancellationToken::new(),
            signed_in: Arc::default(),
            who: None,
            channels: HashMap::new(),
            shells: Arc::new(Semaphore::new(MOST_SHELLS)),
        }
    }

    fn sign_in(&mut self, user: &str, password: &str) -> Auth {
        let accounts = self.device.accounts();
        if !self.limiter.admits(&asker(self.peer, accounts.known(user))) {
            return Auth::reject();
        }
        match accounts.sign_in(user, password) {
            Some(who) => {
                self.who = Some(who);
                self.signed_in.notify_one();
                Auth::Accept
            }
            None => Auth::reject(),
        }
    }

    /// Starts a shell on a channel; with `command`, for that alone.
    fn open(&mut self, channel: ChannelId, session: &mut Session, command: Option<&[u8]>) -> bool {
        let (Some(who), Some(slot)) = (self.who.clone(), self.channels.get_mut(&channel)) else {
            return false;
        };
        let Ok(place) = Arc::clone(&self.shells).try_acquire_owned() else { return false };
        slot.begun = true;
        let shell = Shell::new(self.device.clone(), who, slot.terminal);
        let waiting = Arc::new(AtomicUsize::new(0));
        let peer = Peer {
            channel,
            handle: session.handle(),
            waiting: Arc::clone(&waiting),
            patience: self.patience,
            cut: self.cut.clone(),
            _place: place,
        };
        if let Some(command) = command {
            let mut line = Zeroizing::new(Vec::with_capacity(command.len() + 1));
            line.extend_from_slice(command);
            line.push(b'\n');
            tokio::spawn(once(shell, line, peer));
        } else {
            let (sender, receiver) = mpsc::unbounded_channel();
            slot.input = Some(Input { sender, waiting });
            tokio::spawn(converse(self.device.clone(), shell, receiver, peer));
        }
        true
    }

    fn begun(&self, channel: ChannelId) -> bool {
        self.channels.get(&channel).is_none_or(|slot| slot.begun)
    }
}

impl Handler for Front {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        Ok(self.sign_in(user, password))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        let Some(mut response) = response else {
            return Ok(Auth::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: vec![("Password: ".into(), false)].into(),
            });
        };
        let given = response.next().unwrap_or_default();
        Ok(match std::str::from_utf8(&given) {
            Ok(password) => self.sign_in(user, password),
            Err(_) => Auth::reject(),
        })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.channels.len() >= MOST_SHELLS {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
        } else {
            self.channels.insert(channel.id(), Slot::default());
            reply.accept().await;
        }
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if let Some(slot) = self.channels.get_mut(&channel) {
            slot.terminal = true;
        }
        session.channel_success(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        if self.begun(channel) {
            return session.channel_failure(channel);
        }
        // The answer goes out before the banner, which the shell writes by itself.
        session.channel_success(channel)?;
        if self.open(channel, session, None) { Ok(()) } else { session.close(channel) }
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if command.len() > LONGEST || self.begun(channel) {
            return session.channel_failure(channel);
        }
        session.channel_success(channel)?;
        if self.open(channel, session, Some(command)) { Ok(()) } else { session.close(channel) }
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        let input = self.channels.get(&channel).and_then(|slot| slot.input.as_ref());
        let Some(input) = input else { return Ok(()) };
        let before = input.waiting.fetch_add(data.len(), Ordering::SeqCst);
        if before + data.len() > MOST_WAITING || input.sender.send(Zeroizing::new(data.to_vec())).is_err() {
            return Err(russh::Error::Disconnect);
        }
        Ok(())
    }

    async fn channel_eof(&mut self, channel: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        if let Some(slot) = self.channels.get_mut(&channel) {
            slot.input = None;
        }
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        self.channels.remove(&channel);
        Ok(())
    }
}
