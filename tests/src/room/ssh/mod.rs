//! The face over SSH: a TShell for whoever has an account, by password or keyboard-interactive; `russh` on aws-lc-rs.
//!
//! A connection that does not get through its handshake and sign-in in time is ended, and so is one that sends more than is taken in.

pub mod line;
mod shell;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use russh::keys::{Algorithm, PrivateKey, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handle, Handler, Msg, Response, Session, run_stream};
use russh::{Channel, ChannelId, Disconnect, MethodKind, MethodSet, Pty};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::StartError;
use super::bounds::{Bounds, LONGEST};
use super::device::Device;
use super::device::accounts::Who;
use super::device::limits::Limiter;
use shell::{Next, Shell};

/// Octets that may wait for a shell that is busy.
const MOST_WAITING: usize = 4 * LONGEST;
/// Shells of one connection.
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
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => continue,
            },
        };
        let Some(place) = bounds.place() else { continue };
        let front = Front::new(device.clone(), Arc::clone(&limiter), stop.clone());
        let (config, bounds) = (Arc::clone(&config), bounds.clone());
        tokio::spawn(async move {
            connection(config, stream, front, &bounds).await;
            drop(place);
        });
    }
}

async fn connection(config: Arc<Config>, stream: TcpStream, front: Front, bounds: &Bounds) {
    let (signed_in, stop) = (Arc::clone(&front.signed_in), front.stop.clone());
    let begun = tokio::time::timeout(bounds.patience, run_stream(config, stream, front)).await;
    let Ok(Ok(mut session)) = begun else { return };
    let handle = session.handle();
    tokio::select! {
        _ = &mut session => return,
        () = stop.cancelled() => {}
        entered = tokio::time::timeout(bounds.patience, signed_in.notified()) => if entered.is_ok() {
            tokio::select! {
                _ = &mut session => return,
                () = stop.cancelled() => {}
            }
        },
    }
    // It may have ended by itself.
    let _ = handle.disconnect(Disconnect::ByApplication, String::new(), String::new()).await;
}

/// One connection.
struct Front {
    device: Device,
    limiter: Arc<Limiter>,
    stop: CancellationToken,
    signed_in: Arc<Notify>,
    who: Option<Who>,
    terminals: Vec<ChannelId>,
    shells: HashMap<ChannelId, Input>,
}

/// The way into a shell.
struct Input {
    sender: mpsc::UnboundedSender<Zeroizing<Vec<u8>>>,
    waiting: Arc<AtomicUsize>,
}

impl Front {
    fn new(device: Device, limiter: Arc<Limiter>, stop: CancellationToken) -> Self {
        Self {
            device,
            limiter,
            stop,
            signed_in: Arc::default(),
            who: None,
            terminals: Vec::new(),
            shells: HashMap::new(),
        }
    }

    fn sign_in(&mut self, user: &str, password: &str) -> Auth {
        if !self.limiter.admits("ssh") {
            return Auth::reject();
        }
        match self.device.accounts().sign_in(user, password) {
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
        let Some(who) = self.who.clone().filter(|_| self.shells.len() < MOST_SHELLS) else { return false };
        let shell = Shell::new(self.device.clone(), who, self.terminals.contains(&channel));
        let (sender, receiver) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let mut once = None;
        if let Some(command) = command {
            let mut line = Zeroizing::new(Vec::with_capacity(command.len() + 1));
            line.extend_from_slice(command);
            line.push(b'\n');
            once = Some(line);
        } else {
            self.shells.insert(channel, Input { sender, waiting: Arc::clone(&waiting) });
        }
        let peer = Peer { channel, handle: session.handle(), waiting };
        tokio::spawn(converse(self.device.clone(), shell, receiver, peer, once));
        true
    }
}

/// The other end of a shell.
struct Peer {
    channel: ChannelId,
    handle: Handle,
    waiting: Arc<AtomicUsize>,
}

impl Peer {
    async fn say(&self, text: String) -> bool {
        text.is_empty() || self.handle.data(self.channel, Bytes::from(text)).await.is_ok()
    }

    async fn leave(&self, status: u32) {
        // The peer may be gone.
        let _ = self.handle.exit_status_request(self.channel, status).await;
        let _ = self.handle.eof(self.channel).await;
        let _ = self.handle.close(self.channel).await;
    }
}

async fn converse(
    device: Device,
    shell: Shell,
    mut input: mpsc::UnboundedReceiver<Zeroizing<Vec<u8>>>,
    peer: Peer,
    once: Option<Zeroizing<Vec<u8>>>,
) {
    let mut events = device.listen();
    let mut shell = shell;
    if let Some(line) = once {
        shell = shell.silent();
        let mut out = String::new();
        let ended = shell.take(&line, &mut out).await;
        peer.say(out).await;
        return peer.leave(u32::from(ended.is_err())).await;
    }
    if !peer.say(shell.banner()).await {
        return;
    }
    loop {
        tokio::select! {
            octets = input.recv() => {
                let Some(octets) = octets else { return peer.leave(0).await };
                let mut out = String::new();
                let ended = shell.take(&octets, &mut out).await;
                peer.waiting.fetch_sub(octets.len(), Ordering::SeqCst);
                if !peer.say(out).await {
                    return;
                }
                match ended {
                    Ok(Next::Stay) => {}
                    Ok(Next::Leave) => return peer.leave(0).await,
                    Err(_) => return peer.leave(1).await,
                }
            }
            change = events.recv() => match change {
                Ok(change) => if !peer.say(shell.told(&change)).await { return },
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
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
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
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
        if self.terminals.len() < MOST_SHELLS {
            self.terminals.push(channel);
        }
        session.channel_success(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        if self.shells.contains_key(&channel) {
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
        if command.len() > LONGEST {
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
        let Some(input) = self.shells.get(&channel) else { return Ok(()) };
        let before = input.waiting.fetch_add(data.len(), Ordering::SeqCst);
        if before + data.len() > MOST_WAITING || input.sender.send(Zeroizing::new(data.to_vec())).is_err() {
            return Err(russh::Error::Disconnect);
        }
        Ok(())
    }

    async fn channel_eof(&mut self, channel: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        self.shells.remove(&channel);
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        self.shells.remove(&channel);
        self.terminals.retain(|known| *known != channel);
        Ok(())
    }
}
