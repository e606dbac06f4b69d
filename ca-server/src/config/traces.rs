//! The section `[traces]`. Every field says its meaning, its default, and what is risked by changing it.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

/// `[traces]`: where spans of requests are sent (OpenTelemetry), if this program was built with the feature `otel`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TracesConfig {
    /// Where spans are posted, OTLP over HTTP in protobuf: https, or http on this machine, such as `http://127.0.0.1:4318/v1/traces`. Default: none, nothing is traced.
    pub endpoint: Option<Url>,
    /// Which share of the requests is traced, 0 to 1; what a trusted proxy traces (`traceparent`) is always. Default: 1.
    pub ratio: f64,
    /// File with headers for the endpoint, such as `authorization: Bearer …`, one on a line, mode 0600. Default: none.
    pub headers_file: Option<PathBuf>,
    /// Root certificates for the endpoint's TLS, PEM. Default: those that this machine trusts.
    pub trace_roots: Option<PathBuf>,
    /// Whether spans say which names are certified. Whoever reads the traces then reads who has a certificate. Default: false.
    pub identifiers: bool,
}

impl Default for TracesConfig {
    fn default() -> Self {
        Self { endpoint: None, ratio: 1.0, headers_file: None, trace_roots: None, identifiers: false }
    }
}
