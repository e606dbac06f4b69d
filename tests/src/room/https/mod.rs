//! The face over HTTPS: `putxml`, `getxml`, sessions, and the upgrade to a WebSocket; and the plain port, which does nothing but send people here.
//!
//! Decides who somebody is and whether it is not too much; what is then done, the device decides.

mod getxml;
mod guard;
pub mod putxml;
mod serve;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Query, State};
use axum::http::header::{CONTENT_TYPE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use axum::routing::{any, get, post};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::bounds::{Bounds, LONGEST};
use super::device::limits::Limiter;
use super::device::{Device, Outcome};
use super::websocket;
use super::xapi::text::xml;
use super::xapi::{Node, Path};
use guard::Means;

pub(super) use serve::{Peer, acceptor, run};

/// The cookie of a session.
const COOKIE: &str = "SecureSessionId";

/// What the handlers share.
#[derive(Clone)]
pub(super) struct Front {
    pub(super) device: Device,
    pub(super) bounds: Bounds,
    pub(super) basic: Arc<Limiter>,
    pub(super) session: Arc<Limiter>,
    pub(super) stop: CancellationToken,
}

/// Everything behind TLS.
pub(super) fn router(front: Front) -> Router {
    Router::new()
        .route("/putxml", post(put_xml))
        .route("/getxml", get(get_xml))
        .route("/status.xml", get(status_xml))
        .route("/configuration.xml", get(configuration_xml))
        .route("/xmlapi/session/begin", post(begin))
        .route("/xmlapi/session/end", post(end))
        .route("/ws", get(websocket::upgrade))
        .with_state(front)
}

/// The plain port: a WebSocket is told 401 as devices do, everything else is sent to HTTPS.
pub(super) fn plain_router(https: std::net::SocketAddr) -> Router {
    Router::new()
        .route("/ws", any(async || text(StatusCode::UNAUTHORIZED, "use wss")))
        .fallback(async move |headers: HeaderMap, uri: Uri| redirect(&headers, &uri, https))
}

fn redirect(headers: &HeaderMap, uri: &Uri, https: std::net::SocketAddr) -> Response<Body> {
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut answer = text(StatusCode::MOVED_PERMANENTLY, "");
    if let Ok(to) = HeaderValue::from_str(&format!("https://{name}:{}{path}", https.port())) {
        answer.headers_mut().insert(LOCATION, to);
    }
    answer
}

async fn put_xml(
    State(front): State<Front>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    request: Request<Body>,
) -> Response<Body> {
    let who = match guard::admit(&front, peer, &headers) {
        Ok((who, _)) => who,
        Err(turned_away) => return turned_away.answer(),
    };
    let reading = axum::body::to_bytes(request.into_body(), LONGEST);
    let body = match tokio::time::timeout(front.bounds.patience, reading).await {
        Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the body did not come"),
        Ok(Err(_)) => return text(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long"),
        Ok(Ok(body)) => body,
    };
    let document =
        match std::str::from_utf8(&body).map_err(|_| putxml::NotPutXml::Xml).and_then(putxml::parse) {
            Ok(document) => document,
            Err(error) => return text(StatusCode::BAD_REQUEST, &error.to_string()),
        };
    match document {
        putxml::Document::Commands(calls) => {
            let mut results = Node::empty();
            for call in calls {
                match front.device.execute(&who.name, who.role, call).await {
                    Outcome::Done { name, result } => results.push(&name, result),
                    Outcome::Refused { name, refusal } => results.push(&name, refusal.node()),
                    Outcome::CutOff => return guard::cut_off(),
                }
            }
            answer(&Node::branch([("Command", results)]))
        }
        putxml::Document::Settings(settings) => {
            let said = match front.device.set_all(&who.name, who.role, &settings).await {
                Ok(()) => Node::branch([("Success", Node::leaf(""))]),
                Err(refusal) => refusal.node(),
            };
            answer(&Node::branch([("Configuration", said)]))
        }
    }
}

#[derive(Deserialize)]
struct Location {
    location: String,
}

async fn get_xml(
    State(front): State<Front>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Query(wanted): Query<Location>,
) -> Response<Body> {
    if let Err(turned_away) = guard::admit(&front, peer, &headers) {
        return turned_away.answer();
    }
    let found = Path::parse(&wanted.location).filter(|path| !path.is_empty());
    answer(&getxml::at(&front.device, found).await)
}

async fn whole(front: &Front, peer: Peer, headers: &HeaderMap, root: &str) -> Response<Body> {
    match guard::admit(front, peer, headers) {
        Ok(_) => answer(&getxml::at(&front.device, Path::parse(root)).await),
        Err(turned_away) => turned_away.answer(),
    }
}

async fn status_xml(
    State(front): State<Front>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response<Body> {
    whole(&front, peer, &headers, "Status").await
}

async fn configuration_xml(
    State(front): State<Front>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response<Body> {
    whole(&front, peer, &headers, "Configuration").await
}

async fn begin(
    State(front): State<Front>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response<Body> {
    let who = match guard::admit(&front, peer, &headers) {
        Ok((who, _)) => who,
        Err(turned_away) => return turned_away.answer(),
    };
    let Some(token) = front.device.accounts().begin_session(&who) else {
        return text(StatusCode::INTERNAL_SERVER_ERROR, "no session can be made");
    };
    let mut answer = text(StatusCode::NO_CONTENT, "");
    if let Ok(mut cookie) = HeaderValue::from_str(&format!("{COOKIE}={token}; Path=/; Secure; HttpOnly")) {
        cookie.set_sensitive(true);
        answer.headers_mut().insert(SET_COOKIE, cookie);
    }
    answer
}

async fn end(
    State(front): State<Front>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response<Body> {
    match guard::admit(&front, peer, &headers) {
        Ok((_, Means::Session(token))) => {
            front.device.accounts().end_session(&token);
            text(StatusCode::NO_CONTENT, "")
        }
        Ok((_, Means::Password)) => text(StatusCode::NO_CONTENT, ""),
        Err(turned_away) => turned_away.answer(),
    }
}

fn answer(node: &Node) -> Response<Body> {
    let body = format!("<?xml version=\"1.0\"?>\n{}\n", xml(node));
    let mut answer = Response::new(Body::from(body));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    answer
}

fn text(status: StatusCode, words: &str) -> Response<Body> {
    let mut answer = Response::new(Body::from(words.to_owned()));
    *answer.status_mut() = status;
    answer
}
