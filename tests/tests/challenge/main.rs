//! The resolver and the DNS proofs against a DNS server behind real sockets.

mod fake_dns;
mod resolver;
mod resolver_dnssec;
