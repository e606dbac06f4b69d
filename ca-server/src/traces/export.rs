//! Sends spans to a collector: OTLP over HTTP in protobuf, in batches, over the server's own client.
//!
//! A collector that is slow or gone costs spans and nothing else: what does not fit the queue is dropped. Must never hold up a request, and never show
//! the headers for the endpoint.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use opentelemetry::KeyValue;
use opentelemetry::trace::{
    SpanContext, SpanId, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState, TracerProvider as _,
};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Tracer};
use tokio::runtime::Handle;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;
use url::Url;

use super::{Settings, TARGET};
use crate::respond::problem::causes;
use crate::sso::fetch::{Fetch, FetchError};

/// The name of a request's span.
const REQUEST: &str = "request";

/// Whether anything is traced, so that otherwise nothing is made up for it.
static TRACING: AtomicBool = AtomicBool::new(false);

/// The client that the exporter uses, from a thread of its own.
#[derive(Debug)]
struct Client {
    fetch: Fetch,
    endpoint: Url,
    headers: HeaderMap,
    runtime: Handle,
    /// Whether the last message was not taken.
    failing: AtomicBool,
}

impl Client {
    /// Says it once when the collector stops taking spans, and once when it takes them again: its host and its status, nothing that it wrote.
    fn tell(&self, answer: Result<StatusCode, &FetchError>) {
        let is_taken = answer.is_ok_and(|status| status.is_success());
        if self.failing.swap(!is_taken, Ordering::Relaxed) != is_taken {
            return;
        }
        let host = self.endpoint.host_str().unwrap_or_default();
        match answer {
            Ok(status) if is_taken => tracing::info!(host, %status, "spans are taken again"),
            Ok(status) => tracing::warn!(host, %status, "spans are not taken and are lost"),
            Err(error) => tracing::warn!(host, error = %causes(error), "spans do not arrive and are lost"),
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (fetch, endpoint) = (self.fetch.clone(), self.endpoint.clone());
        let (parts, body) = request.into_parts();
        let mut headers = parts.headers;
        headers.extend(self.headers.clone());
        let posted = self.runtime.spawn(async move { fetch.post_message(&endpoint, headers, body).await });
        let posted = posted.await?;
        self.tell(posted.as_ref().map(|answer| answer.status));
        let answer = posted?;
        Ok(Response::builder().status(answer.status).body(Bytes::new())?)
    }
}

/// Makes what collects and sends spans; the provider has to be shut down in the end, off the runtime's threads.
///
/// # Errors
/// If the exporter refuses its settings.
pub fn tracer(
    settings: Settings,
    runtime: Handle,
) -> Result<(SdkTracerProvider, Tracer), ExporterBuildError> {
    let Settings { endpoint, ratio, headers, fetch } = settings;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(endpoint.as_str())
        .with_http_client(Client { fetch, endpoint, headers, runtime, failing: AtomicBool::new(false) })
        .build()?;
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio)));
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder_empty().with_service_name("rollcall").with_attribute(version).build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(sampler)
        .with_resource(resource)
        .build();
    let tracer = provider.tracer("ca-server");
    TRACING.store(true, Ordering::Relaxed);
    Ok((provider, tracer))
}

/// Takes the spans of requests and stages, and nothing else: what is logged stays here.
pub fn layer<S>(tracer: Tracer) -> impl Layer<S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup> + Send + Sync,
{
    let traced = filter_fn(|seen| {
        seen.is_span()
            && (seen.target() == TARGET || seen.name() == REQUEST && seen.target().starts_with("ca_server::"))
    });
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(traced)
}

pub(super) fn begin(span: &Span, method: &Method, route: Option<&str>, proxy: Option<&HeaderMap>) {
    if !TRACING.load(Ordering::Relaxed) {
        return;
    }
    let text = proxy.and_then(|headers| headers.get("traceparent")).and_then(|value| value.to_str().ok());
    if let Some(begun) = text.and_then(remote) {
        // It fails for a span that is not traced, which is no harm.
        let _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(begun));
    }
    span.set_attribute("http.request.method", method.to_string());
    span.set_attribute("http.route", route.unwrap_or("unmatched").to_owned());
}

pub(super) fn end(span: &Span, status: StatusCode) {
    if !TRACING.load(Ordering::Relaxed) {
        return;
    }
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.set_status(Status::error(""));
    }
}

/// `traceparent` (W3C Trace Context §3.2); `None` if it is none.
pub(super) fn remote(text: &str) -> Option<SpanContext> {
    let mut parts = text.trim().split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|octet| matches!(octet, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_whole = version != "00" || parts.next().is_none();
    if !is_whole || version == "ff" || !hex(version, 2) || !hex(trace, 32) || !hex(span, 16) || !hex(flags, 2)
    {
        return None;
    }
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let sampled = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let context = SpanContext::new(trace, span, sampled, true, TraceState::default());
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_taken_as_the_standard_writes_it() {
        let fine = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = remote(fine).unwrap();
        assert_eq!(context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert!(context.is_sampled() && context.is_remote());
        assert!(!remote(&fine.replace("-01", "-00")).unwrap().is_sampled());
        assert!(remote(&format!("{}-later", fine.replacen("00", "01", 1))).is_some(), "a later version");
        for bad in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        ] {
            assert!(remote(bad).is_none(), "{bad}");
        }
    }
}
