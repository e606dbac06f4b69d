//! The text shell over SSH (RFC 4252, RFC 4254): signed in to by password, in its JSON mode.
//!
//! The host key is pinned or known, never merely accepted. No agent, no keys of this machine, no forwarding: a password and one channel. RSA host keys are not taken:
//! the only implementation that the library has leaks timing (RUSTSEC-2023-0071).

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use russh::client::{self, AuthResult, Handle, Handler};
use russh::keys::known_hosts::{check_known_hosts, check_known_hosts_path};
use russh::keys::{HashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg, Disconnect};
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};

use super::tls::{late, tcp};
use super::{LARGEST, Limits, Target, Trust, Xapi, XapiError};
use crate::device::place::{Over, Pin, Place};
use crate::device::xapi::{Call, NotAnswer, tshell};

pub(super) struct Shell {
    handle: Handle<Watch>,
    channel: Channel<client::Msg>,
    /// What came and was not read yet.
    waiting: Vec<u8>,
    next: u64,
    place: Place,
    limits: Limits,
}

impl Shell {
    pub(super) async fn open(target: &Target) -> Result<Self, XapiError> {
        let (place, limits) = (target.place.clone(), target.limits);
        let opening = async {
            let handle = sign_in(target).await?;
            let channel = handle.channel_open_session().await.map_err(|error| failed(&place, &error))?;
            channel.request_shell(true).await.map_err(|error| failed(&place, &error))?;
            let waiting = Vec::new();
            let mut shell = Self { handle, channel, waiting, next: 1, place: place.clone(), limits };
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
        self.channel.data(text.as_bytes()).await.map_err(|error| failed(&self.place, &error))
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
                    self.waiting.extend_from_slice(&data);
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
            while let Some(end) = self.waiting.iter().position(|octet| *octet == b'\n') {
                let line: Vec<u8> = self.waiting.drain(..=end).collect();
                if line.trim_ascii() == b"OK" {
                    return Ok(());
                }
            }
            self.more(until).await?;
        }
    }

    /// The answer to request `id`; others are passed over.
    async fn answer(&mut self, id: u64) -> Result<Value, XapiError> {
        let until = Instant::now() + self.limits.answer;
        loop {
            while let Some(object) = self.next_object()? {
                if let Some(result) = tshell::result(object, id)? {
                    return Ok(result?);
                }
            }
            self.more(until).await?;
        }
    }

    /// Takes one whole object from what came. Empty lines, `OK` and `** end` between objects say nothing.
    fn next_object(&mut self) -> Result<Option<Value>, XapiError> {
        let start = self.waiting.iter().position(|octet| *octet == b'{').unwrap_or(self.waiting.len());
        drop(self.waiting.drain(..start));
        // An object ends a line; looking for its end at each piece would read a long one again and again.
        if !self.waiting.trim_ascii_end().ends_with(b"}") {
            return Ok(None);
        }
        let mut objects = serde_json::Deserializer::from_slice(&self.waiting).into_iter::<Value>();
        match objects.next() {
            Some(Ok(object)) => {
                let read = objects.byte_offset();
                drop(self.waiting.drain(..read));
                Ok(Some(object))
            }
            Some(Err(error)) if !error.is_eof() => Err(NotAnswer { expected: "JSON" }.into()),
            Some(Err(_)) | None => Ok(None),
        }
    }

    async fn exchange(&mut self, id: u64, text: &str) -> Result<Value, XapiError> {
        self.send(text).await?;
        self.answer(id).await
    }

    fn id(&mut self) -> u64 {
        let id = self.next;
        self.next += 1;
        id
    }

    async fn at(&mut self, root: &str, path: &[&str]) -> Result<Value, XapiError> {
        let id = self.id();
        let whole: Vec<&str> = std::iter::once(root).chain(path.iter().copied()).collect();
        match self.exchange(id, &tshell::get(&whole, id)).await {
            Ok(answer) => Ok(tshell::at(answer, &whole)),
            Err(XapiError::Refused(refusal)) if refusal.is_unknown() => Ok(Value::Null),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Xapi for Shell {
    async fn command(&mut self, call: &Call) -> Result<Value, XapiError> {
        let id = self.id();
        let text = tshell::command(call, id);
        self.exchange(id, &text).await
    }

    async fn status(&mut self, path: &[&str]) -> Result<Value, XapiError> {
        self.at("Status", path).await
    }

    async fn configuration(&mut self, path: &[&str]) -> Result<Value, XapiError> {
        self.at("Configuration", path).await
    }

    async fn configure(&mut self, path: &[&str], value: &str) -> Result<(), XapiError> {
        let id = self.id();
        let whole: Vec<&str> = std::iter::once("Configuration").chain(path.iter().copied()).collect();
        self.exchange(id, &tshell::set(&whole, value, id)).await.map(drop)
    }

    async fn close(self: Box<Self>) {
        let _ = self.handle.disconnect(Disconnect::ByApplication, "", "").await;
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
    match asked.map_err(|error| failed(place, &error))? {
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
        refused.unwrap_or_else(|| failed(&place, &error))
    })
}

fn failed(place: &Place, error: &russh::Error) -> XapiError {
    match error {
        russh::Error::Disconnect | russh::Error::HUP | russh::Error::SendError => {
            XapiError::Closed { place: place.clone() }
        }
        other => XapiError::Ssh { place: place.clone(), reason: other.to_string() },
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
        let list: Option<&PathBuf> = match &self.trust {
            Trust::Pinned(pins) if pins.contains(&found) => return Ok(()),
            Trust::Pinned(_) => return Err(XapiError::OtherPin { place, found }),
            Trust::KnownHosts(path) => Some(path),
            Trust::System | Trust::Roots(_) => None,
        };
        let (host, port) = (place.host(), place.port(Over::Ssh));
        let known = match list {
            Some(path) => check_known_hosts_path(host, port, key, path),
            None => check_known_hosts(host, port, key),
        };
        match known {
            Ok(true) => Ok(()),
            Ok(false) => Err(XapiError::UnknownHostKey { place, found }),
            Err(russh::keys::Error::KeyChanged { line }) => {
                Err(XapiError::ChangedHostKey { place, found, line })
            }
            Err(error) => Err(XapiError::Ssh { place, reason: error.to_string() }),
        }
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
