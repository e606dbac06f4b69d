//! The three faces behind one set of methods, so that what holds for one is asked of all.

use serde_json::Value;

use crate::setting::{ADMIN, Room};
use crate::tshell::TShell;
use crate::web::Web;
use crate::websocket::Socket;

/// What a device said no with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// `Code`.
    pub(crate) code: String,
    /// `Reason`.
    pub(crate) reason: String,
    /// The code of the JSON-RPC error, where there is one.
    pub(crate) rpc: Option<i64>,
}

/// Parameters of a command.
pub(crate) type Parameters<'a> = &'a [(&'a str, &'a str)];

/// A face that somebody is signed in at.
pub(crate) enum Face {
    Web(Web),
    Socket(Socket),
    Shell(TShell),
}

impl Face {
    pub(crate) fn web(room: &Room, user: &str, password: &str) -> Self {
        Self::Web(Web::new(room, user, password))
    }

    pub(crate) async fn socket(room: &Room) -> Self {
        Self::Socket(Socket::open(room, "admin", ADMIN).await.unwrap())
    }

    pub(crate) async fn shell(room: &Room) -> Self {
        Self::Shell(TShell::open(room, "admin", ADMIN).await.unwrap())
    }

    pub(crate) async fn command(
        &mut self,
        words: &str,
        parameters: Parameters<'_>,
        body: Option<&str>,
    ) -> Result<Value, Refused> {
        match self {
            Self::Web(web) => web.command(words, parameters, body).await,
            Self::Socket(socket) => socket.command(words, parameters, body).await,
            Self::Shell(shell) => shell.command(words, parameters, body).await,
        }
    }

    /// What is at a path such as `Status/Conference/EndToEndEncryption`.
    pub(crate) async fn get(&mut self, path: &str) -> Option<Value> {
        match self {
            Self::Web(web) => web.get(path).await,
            Self::Socket(socket) => socket.get(path).await.ok(),
            Self::Shell(shell) => shell.get(path).await,
        }
    }

    pub(crate) async fn set(&mut self, path: &str, value: &str) -> Result<(), String> {
        match self {
            Self::Web(web) => web.set(path, value).await,
            Self::Socket(socket) => socket.set(path, value).await,
            Self::Shell(shell) => shell.set(path, value).await,
        }
    }

    /// The text at a path of the external identity.
    pub(crate) async fn external(&mut self, field: &str) -> String {
        let path = format!("Status/Conference/EndToEndEncryption/ExternalIdentity/{field}");
        self.get(&path).await.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// The value below a value, by the words of a path; numbers choose the item of a list by its `id`.
pub(crate) fn dig(value: &Value, path: &str) -> Option<Value> {
    let words = path.replace('[', "/").replace(']', "");
    words.split('/').filter(|word| !word.is_empty()).try_fold(value.clone(), |at, word| match &at {
        Value::Array(items) => items.iter().find(|item| item["id"] == word).cloned(),
        Value::Object(members) => members.get(word).cloned(),
        _ => None,
    })
}
