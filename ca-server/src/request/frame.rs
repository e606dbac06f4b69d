//! What happens around every request: its id, its time limit, panics, and the headers that every answer must have.
//!
//! A client that hangs up does not stop the work halfway, and a panic is one answer, not the end of a connection. Never logs a body, a token or a key.

use std::any::Any;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt as _;
use http::header::{CACHE_CONTROL, LINK};
use http::{HeaderName, HeaderValue, Method};
use tracing::Instrument as _;

use super::client_address;
use super::est::elsewhere::told;
use super::request_id::RequestId;
use super::to_its_end::ToItsEnd;
use super::unread::Unread;
use crate::app::App;
use crate::ids::AuthorityName;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::traces;
use crate::verify::extract::authority_of;

/// RFC 8555 §6.5.1.
pub const REPLAY_NONCE: HeaderName = HeaderName::from_static("replay-nonce");

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// On an answer: it is no answer of the API, so it has no nonce and does not count among the latencies that are shown.
#[derive(Clone, Copy, Debug)]
pub struct Apart;

/// What is kept of a request while the handler has it.
struct Asked {
    id: RequestId,
    method: Method,
    route: Option<MatchedPath>,
    authority: Option<AuthorityName>,
    is_directory: bool,
    client: Option<SocketAddr>,
    begun: Instant,
}

/// Runs the handler within its bounds and completes the answer.
pub async fn frame(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<SocketAddr>().copied();
    if let Some(peer) = peer {
        let client = client_address::client(&app.config, peer, request.headers());
        request.extensions_mut().insert(client);
    }
    let path = request.uri().path();
    let asked = Asked {
        id: app.request_ids.next(),
        method: request.method().clone(),
        route: request.extensions().get::<MatchedPath>().cloned(),
        authority: authority_of(&app, path),
        is_directory: path.ends_with("/directory"),
        client: request.extensions().get::<SocketAddr>().copied(),
        begun: Instant::now(),
    };
    let span = tracing::info_span!("request", id = %asked.id);
    let is_proxy = peer.is_some_and(|peer| client_address::is_trusted(&app.config, peer.ip()));
    let route = asked.route.as_ref().map(MatchedPath::as_str);
    traces::begin(&span, &asked.method, route, is_proxy.then(|| request.headers()));
    let mut response = run(&app, request, next).instrument(span.clone()).await;
    traces::end(&span, response.status());
    complete(&app, &asked, &mut response);
    observe(&app, &asked, &response);
    response
}

async fn run(app: &App, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let (request, unread) = Unread::of(request);
    let work = AssertUnwindSafe(next.run(request).instrument(tracing::Span::current())).catch_unwind();
    let work = ToItsEnd::new(app.tasks.track_future(work));
    let ended = tokio::time::timeout(app.config.limits.request_timeout, work).await;
    // One that took too long still reads.
    if let (Ok(_), Some(unread)) = (&ended, unread) {
        unread.drain(&app.tasks);
    }
    match ended {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            tracing::error!(error = words(panic.as_ref()), "the handler of a request panicked");
            let detail = "the server could not complete the request; try again later";
            told(&path, Problem::new(Kind::ServerInternal, detail))
        }
        Err(_) => {
            tracing::warn!(
                "a request took longer than limits.request_timeout and goes on without its client"
            );
            let detail = "the request takes longer than it should; ask again for its outcome";
            let problem = Problem::new(Kind::ServiceUnavailable, detail);
            told(&path, Problem { retry_after: Some(5), ..problem })
        }
    }
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words")
}

/// RFC 8555 §6.5 (every answer to a POST, errors too, has a nonce), §7.1 (`index`), §6.3 (nothing is cached).
fn complete(app: &App, asked: &Asked, response: &mut Response) {
    let apart = response.extensions().get::<Apart>().is_some();
    let headers = response.headers_mut();
    if asked.method == Method::POST
        && !apart
        && !headers.contains_key(REPLAY_NONCE)
        && let Ok(nonce) = HeaderValue::try_from(app.nonces.issue())
    {
        headers.insert(REPLAY_NONCE, nonce);
    }
    if let Some(authority) = &asked.authority
        && !asked.is_directory
    {
        let link = format!("<{}>;rel=\"index\"", app.links.resource(authority, "directory"));
        if let Ok(link) = HeaderValue::try_from(link) {
            headers.append(LINK, link);
        }
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::try_from(asked.id.to_string()) {
        headers.insert(X_REQUEST_ID, id);
    }
}

fn observe(app: &App, asked: &Asked, response: &Response) {
    let route = asked.route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let status = response.status();
    let took = asked.begun.elapsed();
    if response.extensions().get::<Apart>().is_none() {
        app.console.latencies.record(took, app.clock.now());
    }
    let labels = [("route", route.to_owned()), ("status", status.as_u16().to_string())];
    metrics::counter!("rollcall_http_requests_total", &labels).increment(1);
    metrics::histogram!("rollcall_http_request_seconds", "route" => route.to_owned()).record(took);
    tracing::info!(
        request.id = %asked.id,
        method = %asked.method,
        route,
        status = status.as_u16(),
        duration_ms = took.as_secs_f64() * 1000.0,
        client = asked.client.map(|client| tracing::field::display(client.ip())),
        "request answered",
    );
}
