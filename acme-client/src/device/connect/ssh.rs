//! The text shell over SSH (RFC 4252, RFC 4254): signed in to by password, in its JSON mode.
//!
//! The host key is pinned or known and not revoked, never merely accepted. No agent, no keys of this machine, no forwarding: a password and one channel. RSA host keys are not taken:
//! the only implementation that the library has leaks timing (RUSTSEC-2023-0071).

use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use russh::client::{self, AuthResult, Handle, Handler};
use russh::keys::{HashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg, Disconnect};
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};
use zeroize::Zeroizing;

use super::known_hosts::{self, Known, Shown};
use super::numbered::Wire;
use super::objects::Objects;
use super::tls::{late, tcp};
use super::{LARGEST, Limits, Target, Trust, XapiError};
use crate::device::place::{Over, Pin, Place};
use crate::device::xapi::{Call, tshell};

pub(super) struct Shell {
    handle: Handle<Watch>,
    channel: Channel<client::Msg>,
    /// What came and was not read yet.
    waiting: Objects,
    place: Place,
    limits: Limits,
}

impl Shell {
    pub(super) async fn open(target: &Target) -> Result<Self, XapiError> {
        let (place, limits) = (target.place.clone(), target.limits);
        let opening = async {
            let handle = sign_in(target).await?;
            let channel = handle.channel_open_session().await.map_err(|error| failed(&place, error))?;
            channel.request_shell(true).await.map_err(|error| failed(&place, error))?;
            let waiting = Objects::default();
            let mut shell = Self { handle, channel, waiting, place: place.clone(), limits };
            shell.until_ok().await?;
            shell.send("echo off\n").await?;
            shell.until_ok().await?;
            // From here on answers are JSON and nothing else; whether this one is told of differs.
            shell.send("xpreferences outputmode json\n").await?;
            Ok(shell)
        };
        // Its banner can take a while.
        timeout(limits.connect + limits.answer, opening)
            .await
            .unwrap_or_else(|_| Err(late(&place, limits.answer)))
    }

    async fn send(&mut self, text: &str) -> Result<(), XapiError> {
        self.channel.data(text.as_bytes()).await.map_err(|error| failed(&self.place, error))
    }

    /// More of what the device says.
    async fn more(&mut self, until: Instant) -> Result<(), XapiError> {
        loop {
            let Ok(message) = timeout_at(until, self.channel.wait()).await else {
                return Err(late(&self.place, self.limits.answer));
            };
            match message {
                Some(ChannelMsg::Data { data }) => {
                    if self.waiting.len() + data.len() > LARGEST {
                        return Err(XapiError::TooLarge { place: self.place.clone(), limit: LARGEST });
                    }
                    self.waiting.push(&data);
                    return Ok(());
                }
                None | Some(ChannelMsg::Close | ChannelMsg::Eof | ChannelMsg::Failure) => {
                    return Err(XapiError::Closed { place: self.place.clone() });
                }
                Some(_) => {}
            }
        }
    }

    /// Passes over everything up to a line that says `OK`.
    async fn until_ok(&mut self) -> Result<(), XapiError> {
        let until = Instant::now() + self.limits.answer;
        loop {
            while let Some(line) = self.waiting.line() {
                if line.trim_ascii() == b"OK" {
                    return Ok(());
                }
            }
            self.more(until).await?;
        }
    }

    /// The answer to request `id`; others are passed over.
    async fn answer(&mut self, id: u64, until: Instant) -> Result<Value, XapiError> {
        loop {
            while let Some(object) = self.waiting.object()? {
                if let Some(result) = tshell::result(object, id)? {
                    return Ok(result?);
                }
            }
            self.more(until).await?;
        }
    }
}

#[async_trait]
impl Wire for Shell {
    fn command(call: &Call, id: u64) -> Zeroizing<String> {
        tshell::command(call, id)
    }

    fn get(path: &[&str], id: u64) -> String {
        tshell::get(path, id)
    }

    fn set(path: &[&str], value: &str, id: u64) -> String {
        tshell::set(path, value, id)
    }

    fn at(answer: Value, path: &[&str]) -> Value {
        tshell::at(answer, path)
    }

    /// A device that gives no window takes nothing either: sending has to end as well.
    async fn exchange(&mut self, id: u64, request: &str) -> Result<Value, XapiError> {
        let until = Instant::now() + self.limits.answer;
        match timeout_at(until, self.send(request)).await {
            Ok(sent) => sent?,
            Err(_) => return Err(late(&self.place, self.limits.answer)),
        }
        self.answer(id, until).await
    }

    async fn end(self) {
        let leaving = self.handle.disconnect(Disconnect::ByApplication, "", "");
        let _ = timeout(self.limits.connect, leaving).await;
    }
}

/// Looks what host key a device shows.
pub(super) async fn look(place: &Place, limits: Limits) -> Result<Pin, XapiError> {
    let watch = Watch { place: place.clone(), trust: Trust::Pinned(Vec::new()), verdict: Verdict::default() };
    match handshake(watch, limits).await {
        Err(XapiError::OtherPin { found, .. }) => Ok(found),
        Err(error) => Err(error),
        Ok(_) => Err(XapiError::Closed { place: place.clone() }),
    }
}

async fn sign_in(target: &Target) -> Result<Handle<Watch>, XapiError> {
    let place = &target.place;
    let watch = Watch { place: place.clone(), trust: target.trust.clone(), verdict: Verdict::default() };
    let mut handle = handshake(watch, target.limits).await?;
    let asked = handle.authenticate_password(target.user.as_str(), target.password.expose()).await;
    match asked.map_err(|error| failed(place, error))? {
        AuthResult::Success => Ok(handle),
        AuthResult::Failure { .. } => {
            Err(XapiError::Password { place: place.clone(), user: target.user.clone() })
        }
    }
}

async fn handshake(watch: Watch, limits: Limits) -> Result<Handle<Watch>, XapiError> {
    let (place, verdict) = (watch.place.clone(), watch.verdict.clone());
    let stream = tcp(&place, Over::Ssh, limits.connect).await?;
    let config = client::Config {
        inactivity_timeout: Some(limits.connect + limits.answer),
        nodelay: true,
        ..client::Config::default()
    };
    let connecting = client::connect_stream(Arc::new(config), stream, watch);
    let connected = timeout(limits.connect, connecting).await.map_err(|_| late(&place, limits.connect))?;
    connected.map_err(|error| {
        let refused = verdict.0.lock().ok().and_then(|mut verdict| verdict.take());
        refused.unwrap_or_else(|| failed(&place, error))
    })
}

fn failed(place: &Place, error: russh::Error) -> XapiError {
    match error {
        russh::Error::Disconnect | russh::Error::HUP | russh::Error::SendError => {
            XapiError::Closed { place: place.clone() }
        }
        other => XapiError::Ssh { place: place.clone(), reason: Box::new(other) },
    }
}

/// Why a host key was not taken, for the error.
#[derive(Clone, Default)]
struct Verdict(Arc<Mutex<Option<XapiError>>>);

/// Looks at the host key.
struct Watch {
    place: Place,
    trust: Trust,
    verdict: Verdict,
}

impl Watch {
    fn judge(&self, key: &russh::keys::PublicKey) -> Result<(), XapiError> {
        let found = Pin::HostKey(key.fingerprint(HashAlg::Sha256).to_string());
        let place = self.place.clone();
        let list = match &self.trust {
            Trust::Pinned(pins) if pins.contains(&found) => return Ok(()),
            Trust::Pinned(_) => return Err(XapiError::OtherPin { place, found }),
            Trust::KnownHosts(path) => read(path)?,
            Trust::System | Trust::Roots(_) => own_list()?,
        };
        // A key that cannot be written is in no list.
        let Ok(octets) = key.to_bytes() else { return Err(XapiError::UnknownHostKey { place, found }) };
        let algorithm = key.algorithm();
        let (host, port) = (place.host(), place.port(Over::Ssh));
        match known_hosts::judge(&list, Shown { host, port, kind: algorithm.as_str(), key: &octets }) {
            Known::Yes => Ok(()),
            Known::No => Err(XapiError::UnknownHostKey { place, found }),
            Known::Other { line } => Err(XapiError::ChangedHostKey { place, found, line }),
            Known::Revoked { line } => Err(XapiError::RevokedHostKey { place, line }),
        }
    }
}

/// `~/.ssh/known_hosts`; who has none knows nobody.
fn own_list() -> Result<String, XapiError> {
    let Some(home) = std::env::home_dir() else { return Ok(String::new()) };
    match read(&home.join(".ssh").join("known_hosts")) {
        Err(XapiError::KnownHosts { source, .. }) if source.kind() == ErrorKind::NotFound => {
            Ok(String::new())
        }
        read => read,
    }
}

fn read(path: &Path) -> Result<String, XapiError> {
    match std::fs::read(path) {
        // Comments can be in any encoding.
        Ok(octets) => Ok(String::from_utf8_lossy(&octets).into_owned()),
        Err(source) => Err(XapiError::KnownHosts { path: path.to_path_buf(), source }),
    }
}

impl Handler for Watch {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let judged = self.judge(&shown.public_key());
        let taken = judged.is_ok();
        if let (Err(error), Ok(mut verdict)) = (judged, self.verdict.0.lock()) {
            *verdict = Some(error);
        }
        Ok(taken)
    }
}
