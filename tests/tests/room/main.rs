//! The emulator of a room device, through its three sockets: provisioning, what it refuses, what it shows, who may come in, and what hostile peers can do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may"
)]

mod access;
mod by_hand;
mod desk;
mod faces;
mod faults;
mod feedback;
mod hostile;
mod identity;
mod jsxapi;
mod material;
mod mended;
mod own;
mod peers;
mod program;
mod provision;
mod push;
mod refusals;
mod secrets;
mod setting;
mod shell;
mod tshell;
mod turns;
mod web;
mod websocket;

/// A path as JSON-RPC wants it: names, and numbers for items.
fn faces_path(path: &str) -> Vec<serde_json::Value> {
    let words = path.replace('[', "/").replace(']', "");
    let value = |word: &str| word.parse::<u64>().map_or_else(|_| word.into(), serde_json::Value::from);
    words.split('/').filter(|word| !word.is_empty()).map(value).collect()
}
