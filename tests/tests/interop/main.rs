//! Foreign clients and tools against the real program, over TLS. Each skips, and says so, where its program is missing.
//!
//! certbot, lego and our own RFC 2136 provider use BIND as the DNS, on port 53; the others make do with the harness's.

mod certbot;
mod instant_acme;
mod lego;
mod local;
mod openssl;
mod rfc2136;
mod setting;
