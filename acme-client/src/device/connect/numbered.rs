//! Requests that carry a number, one at a time, and answers that are known by it: what JSON-RPC and the text shell have in common.
//!
//! A number is never used twice on one connection, so an answer that comes too late is nobody's.

use async_trait::async_trait;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{Xapi, XapiError};
use crate::device::xapi::Call;

/// A connection whose requests carry a number, and how they are written there.
#[async_trait]
pub(super) trait Wire: Send {
    /// A command.
    fn command(call: &Call, id: u64) -> Zeroizing<String>;
    /// The question what stands at a path, `Status` or `Configuration` first.
    fn get(path: &[&str], id: u64) -> String;
    /// A configuration and its value.
    fn set(path: &[&str], value: &str, id: u64) -> String;
    /// What stands at the path, out of the answer to [`Self::get`].
    fn at(answer: Value, path: &[&str]) -> Value;
    /// Sends one request, and waits for its answer.
    async fn exchange(&mut self, id: u64, request: &str) -> Result<Value, XapiError>;
    /// Ends the connection.
    async fn end(self);
}

/// A session over such a connection.
pub(super) struct Numbered<W> {
    wire: W,
    last: u64,
}

impl<W: Wire> Numbered<W> {
    pub(super) const fn new(wire: W) -> Self {
        Self { wire, last: 0 }
    }

    const fn id(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    async fn at(&mut self, root: &str, path: &[&str]) -> Result<Value, XapiError> {
        let (id, path) = (self.id(), below(root, path));
        match self.wire.exchange(id, &W::get(&path, id)).await {
            Ok(answer) => Ok(W::at(answer, &path)),
            Err(XapiError::Refused(refusal)) if refusal.is_unknown() => Ok(Value::Null),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl<W: Wire> Xapi for Numbered<W> {
    async fn command(&mut self, call: &Call) -> Result<Value, XapiError> {
        let id = self.id();
        self.wire.exchange(id, &W::command(call, id)).await
    }

    async fn status(&mut self, path: &[&str]) -> Result<Value, XapiError> {
        self.at("Status", path).await
    }

    async fn configuration(&mut self, path: &[&str]) -> Result<Value, XapiError> {
        self.at("Configuration", path).await
    }

    async fn configure(&mut self, path: &[&str], value: &str) -> Result<(), XapiError> {
        let id = self.id();
        self.wire.exchange(id, &W::set(&below("Configuration", path), value, id)).await.map(drop)
    }

    async fn close(self: Box<Self>) {
        self.wire.end().await;
    }
}

fn below<'a>(root: &'a str, path: &[&'a str]) -> Vec<&'a str> {
    std::iter::once(root).chain(path.iter().copied()).collect()
}
