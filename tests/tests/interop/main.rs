//! Foreign clients and tools against the real program, over TLS, with BIND as the DNS. Each skips, and says so, where its program is missing.

mod certbot;
mod lego;
mod setting;
