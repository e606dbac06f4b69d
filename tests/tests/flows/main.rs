//! The whole of the ACME server through its front door: real TLS, real resolver, real worker; a still clock and a DNS of our own.
//!
//! `acme-client`'s core walks where it can, the raw device where more is to be seen or something must be wrong.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first wrong value")]

mod accounts;
mod authorizations;
mod binding;
mod caa;
mod certificates;
mod client;
mod first_attempt;
mod front;
mod issue;
mod metadata;
mod orders;
mod people;
mod races;
mod renewal;
mod resolvers;
mod restart;
mod revocation;
mod store_failures;
mod support;
mod time_travel;
