//! The devices' API without a socket: commands, answers, refusals, and how they are written over HTTP (`xml`), WebSocket (`rpc`) and SSH (`tshell`).
//!
//! Whatever the transport, an answer takes the form that JSON-RPC gives it: texts, objects, and lists of objects with an `id`. What a device says is
//! hostile until read: sizes are bounded by the transports, words are made tame before a person sees them.

mod answer;
mod call;
pub mod rpc;
pub mod tshell;
pub mod xml;

#[cfg(test)]
mod tests;

pub use answer::{Refusal, descend, tame, text};
pub use call::Call;

/// What a device sent is not an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the device's answer is not {expected}")]
pub struct NotAnswer {
    /// What was expected.
    pub expected: &'static str,
}
