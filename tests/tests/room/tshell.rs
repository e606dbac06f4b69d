//! A client of TShell over SSH, in JSON, as `jsxapi` speaks it.

use std::sync::Arc;

use rollcall_tests::room::Emulator;
use russh::client::{Config, Handle, Handler, Msg, connect};
use russh::keys::PublicKeyOrCertificate;
use russh::{Channel, ChannelMsg};
use serde_json::{Value, json};

use crate::faces::{Parameters, Refused, dig};
use crate::setting::{Room, soon};

/// Takes the emulator's host key and no other.
pub(crate) struct Known(pub(crate) String);

impl Handler for Known {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else { return Ok(false) };
        Ok(key.to_openssh().is_ok_and(|shown| shown == self.0))
    }
}

pub(crate) struct TShell {
    pub(crate) session: Handle<Known>,
    channel: Channel<Msg>,
    buffer: String,
    last: u64,
}

/// An SSH connection, not signed in.
pub(crate) async fn reach(emulator: &Emulator) -> Result<Handle<Known>, russh::Error> {
    let at = emulator.addresses();
    connect(Arc::new(Config::default()), at.ssh, Known(at.host_key.clone())).await
}

impl TShell {
    /// A shell in JSON; `None` if the password is wrong.
    pub(crate) async fn open(room: &Room, user: &str, password: &str) -> Option<Self> {
        let mut shell = Self::begin(room, user, password).await?;
        shell.until("OK\n").await;
        shell.send("echo off\n").await;
        shell.until("OK\n").await;
        shell.send("xPreferences outputmode json\n").await;
        Some(shell)
    }

    /// A shell as it is at first.
    pub(crate) async fn begin(room: &Room, user: &str, password: &str) -> Option<Self> {
        let mut session = soon(reach(&room.emulator)).await.unwrap();
        if !session.authenticate_password(user, password).await.unwrap().success() {
            return None;
        }
        let channel = session.channel_open_session().await.unwrap();
        channel.request_shell(true).await.unwrap();
        Some(Self { session, channel, buffer: String::new(), last: 0 })
    }

    pub(crate) async fn send(&self, text: &str) {
        self.channel.data_bytes(text.as_bytes().to_vec()).await.unwrap();
    }

    /// More of what the shell says; whether there is more.
    async fn more(&mut self) -> bool {
        loop {
            match soon(self.channel.wait()).await {
                Some(ChannelMsg::Data { data }) => {
                    self.buffer.push_str(std::str::from_utf8(&data).unwrap());
                    return true;
                }
                Some(ChannelMsg::Close | ChannelMsg::Eof) | None => return false,
                Some(_) => {}
            }
        }
    }

    /// What comes up to and with `end`.
    pub(crate) async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.buffer.find(end) {
                let rest = self.buffer.split_off(at + end.len());
                return std::mem::replace(&mut self.buffer, rest);
            }
            assert!(self.more().await, "{end:?} never came: {:?}", self.buffer);
        }
    }

    /// Everything up to the end of the connection.
    pub(crate) async fn rest(&mut self) -> String {
        while self.more().await {}
        std::mem::take(&mut self.buffer)
    }

    /// The next JSON document; `None` if the connection ended.
    pub(crate) async fn json(&mut self) -> Option<Value> {
        loop {
            let mut documents = serde_json::Deserializer::from_str(&self.buffer).into_iter::<Value>();
            let next = documents.next();
            let read = documents.byte_offset();
            match next {
                Some(Ok(value)) => {
                    self.buffer.drain(..read);
                    return Some(value);
                }
                Some(Err(error)) if !error.is_eof() => panic!("{error}: {}", self.buffer),
                _ => {}
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// The answer to a line, which is sent with a number; with a body, whose length goes before.
    pub(crate) async fn ask(&mut self, line: &str, body: Option<&str>) -> Option<Value> {
        self.last += 1;
        let id = self.last.to_string();
        let mut text = format!("{line} | resultId=\"{id}\"\n");
        if let Some(body) = body {
            text.push_str(body);
            text.push('\n');
            text = format!("{{{}}} \n{text}", text.len());
        }
        self.send(&text).await;
        loop {
            let value = self.json().await?;
            if value["ResultId"] == id.as_str() {
                return Some(value);
            }
        }
    }

    pub(crate) async fn command(
        &mut self,
        words: &str,
        parameters: Parameters<'_>,
        body: Option<&str>,
    ) -> Result<Value, Refused> {
        let given: String =
            parameters.iter().map(|(name, value)| format!(" {name}: {}", json!(value))).collect();
        let Some(answer) = self.ask(&format!("xCommand {words}{given}"), body).await else {
            return Err(Refused { code: "cut-off".to_owned(), reason: String::new(), rpc: None });
        };
        let response = answer["CommandResponse"].as_object().unwrap();
        let (_, result) = response.iter().next().unwrap();
        let result = collapsed(result);
        if result["status"] == "OK" {
            return Ok(result);
        }
        let said = |name: &str| result[name].as_str().unwrap_or_default().to_owned();
        Err(Refused { code: said("Code"), reason: said("Reason"), rpc: None })
    }

    pub(crate) async fn get(&mut self, path: &str) -> Option<Value> {
        let words = path.replace(['/', '['], " ").replace(']', "");
        let answer = collapsed(&self.ask(&format!("x{words}"), None).await.unwrap());
        dig(&answer, path)
    }

    pub(crate) async fn set(&mut self, path: &str, value: &str) -> Result<(), String> {
        let words = path.replace('/', " ");
        let answer = self.ask(&format!("x{words}: {}", json!(value)), None).await.unwrap();
        if answer.as_object().unwrap().len() == 1 { Ok(()) } else { Err(answer.to_string()) }
    }
}

/// Without the members `Value`.
fn collapsed(value: &Value) -> Value {
    match value {
        Value::Object(members) => match members.get("Value") {
            Some(Value::String(text)) => Value::from(text.as_str()),
            _ => members.iter().map(|(name, value)| (name.clone(), collapsed(value))).collect(),
        },
        Value::Array(values) => values.iter().map(collapsed).collect(),
        other => other.clone(),
    }
}

impl TShell {
    /// Sends what may be too much: the other side may end the connection while it comes.
    pub(crate) async fn try_send(&mut self, octets: Vec<u8>) {
        let _ = self.channel.data_bytes(octets).await;
    }
}
