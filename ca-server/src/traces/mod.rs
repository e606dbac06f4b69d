//! Spans of requests: what the stages did and how long each took, for whoever collects traces.
//!
//! The stages open spans with [`TARGET`] below that of the request; where nothing is traced they cost a look at a flag. With the feature `otel` and an
//! endpoint in `[traces]` they are sent there by `export`. Names of people and devices stand in no span unless the configuration says so; keys and
//! tokens never do.

#[cfg(feature = "otel")]
pub mod export;
mod load;

use http::{HeaderMap, Method, StatusCode};
pub use load::{Fault, Settings, problems, settings};
use tracing::Span;

/// The target of the stages' spans.
pub const TARGET: &str = "rollcall::traces";

/// Says what a request's span is about, and makes it a part of the trace that a trusted proxy began (W3C Trace Context), if there is one that did.
pub fn begin(span: &Span, method: &Method, route: Option<&str>, proxy: Option<&HeaderMap>) {
    #[cfg(feature = "otel")]
    export::begin(span, method, route, proxy);
    #[cfg(not(feature = "otel"))]
    let _ = (span, method, route, proxy);
}

/// Says how a request ended.
pub fn end(span: &Span, status: StatusCode) {
    #[cfg(feature = "otel")]
    export::end(span, status);
    #[cfg(not(feature = "otel"))]
    let _ = (span, status);
}
