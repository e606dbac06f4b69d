//! The resolver and the DNS proofs against a DNS server behind real sockets.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test program")]

mod fake_dns;
mod resolver;
mod resolver_dnssec;
