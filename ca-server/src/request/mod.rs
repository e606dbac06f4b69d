//! The way in: routes, body and time limits, rate limits, request ids, links.
//!
//! Nothing here decides about identity; it only bounds what the later stages are given. `router` shows the whole API.

pub mod acme;
mod bad_body;
mod bounded;
pub mod client_address;
pub mod est;
pub mod frame;
pub mod health;
pub mod internal;
pub mod limits;
pub mod links;
pub mod metrics;
mod plain;
pub mod request_id;
pub mod roots;
pub mod router;
pub mod sso;
pub mod start_page;
mod to_its_end;
mod unread;
