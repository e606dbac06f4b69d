//! The whole API in one table: each route, and whether it issues certificates.
//!
//! Every route, known or not, passes [`frame()`]: request id, time limit, panics, nonce, links, access log, metrics.

use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use tower_http::cors::{Any, CorsLayer};

use super::acme::{
    account, authorization, certificate, challenge, directory, finalize, key_change, new_account, new_authz,
    new_nonce, new_order, order, orders, renewal_info, revoke_cert,
};
use super::est::cacerts::cacerts;
use super::est::csrattrs::csrattrs;
use super::est::elsewhere::{is_est, told};
use super::est::reenroll::simplereenroll;
use super::est::simpleenroll::simpleenroll;
use super::frame::{self, frame};
use super::internal::{certificates, devices, guests};
use super::sso::{self, confirm, metadata as sso_metadata, oidc, saml, start};
use super::{health, metrics, roots, start_page};
use crate::app::App;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::status::{crl, issuer, ocsp};

/// How long a browser need not ask again whether it may ask.
const PREFLIGHT: Duration = Duration::from_secs(3600);

/// Whether a route leads to a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signs {
    /// Nothing is signed with an authority's key for whoever calls it.
    Never,
    /// It may issue. What it issues passed policy and intent: nothing else makes a [`Permit`](crate::log::intent::Permit).
    Certificates,
}

/// A resource of the main listener.
#[derive(Debug)]
pub struct Route {
    /// Its path, with what varies in braces.
    pub path: String,
    /// Whether it issues.
    pub signs: Signs,
    methods: MethodRouter<App>,
}

fn plain(path: &str, methods: MethodRouter<App>) -> Route {
    Route { path: path.to_owned(), signs: Signs::Never, methods }
}

fn issuing(path: &str, methods: MethodRouter<App>) -> Route {
    Route { path: path.to_owned(), signs: Signs::Certificates, methods }
}

/// Every route of the main listener.
#[must_use]
pub fn routes() -> Vec<Route> {
    [signed(), read_only(), people(), internal(), est(), health()].into_iter().flatten().collect()
}

/// The main listener.
pub fn router(app: App) -> Router {
    let internal = match cross_origin(&app) {
        // A preflight is a method of its own, or it would never reach the layer.
        Some(cors) => {
            let asked = |route: Route| Route { methods: route.methods.options(preflight), ..route };
            built(internal().into_iter().map(asked).collect()).layer(cors)
        }
        None => built(internal()),
    };
    let all = [signed(), people(), est(), health()].into_iter().flatten().collect();
    framed(app, built(all).merge(internal).merge(built(read_only()).layer(cors())))
}

fn built(routes: Vec<Route>) -> Router<App> {
    routes.into_iter().fold(Router::new(), |router, route| router.route(&route.path, route.methods))
}

fn signed() -> Vec<Route> {
    vec![
        plain("/acme/{authority}/new-account", post(new_account::new_account)),
        plain("/acme/{authority}/account/{account}", post(account::account)),
        plain("/acme/{authority}/key-change", post(key_change::key_change)),
        plain("/acme/{authority}/account/{account}/orders", post(orders::orders)),
        plain("/acme/{authority}/new-order", post(new_order::new_order)),
        plain("/acme/{authority}/order/{order}", post(order::order)),
        issuing("/acme/{authority}/order/{order}/finalize", post(finalize::finalize)),
        plain("/acme/{authority}/new-authz", post(new_authz::new_authz)),
        plain("/acme/{authority}/authz/{authorization}", post(authorization::authorization)),
        plain("/acme/{authority}/challenge/{authorization}/{challenge}", post(challenge::challenge)),
        plain("/acme/{authority}/certificate/{serial}", post(certificate::certificate)),
        plain("/acme/{authority}/certificate/{serial}/{chain}", post(certificate::alternate)),
        plain("/acme/{authority}/revoke-cert", post(revoke_cert::revoke_cert)),
    ]
}

fn read_only() -> Vec<Route> {
    let directory = get(directory::directory).post(directory::directory_signed);
    let nonce = get(new_nonce::new_nonce).post(new_nonce::new_nonce_signed);
    vec![
        plain("/acme/{authority}/directory", directory),
        plain("/acme/{authority}/new-nonce", nonce),
        plain("/acme/{authority}/renewal-info/{certificate}", get(renewal_info::renewal_info)),
    ]
    .into_iter()
    .chain(published())
    .collect()
}

/// What relying parties fetch, all of it signed by itself.
fn published() -> Vec<Route> {
    vec![
        plain("/roots/{file}", get(roots::root)),
        plain("/issuer/{file}", get(issuer::issuer)),
        plain("/crl/{file}", get(crl::whole)),
        plain("/crl/{issuer}/{file}", get(crl::shard)),
        plain("/ocsp/{authority}", post(ocsp::by_post)),
        plain("/ocsp/{authority}/", post(ocsp::by_post)),
        plain("/ocsp/{authority}/{*request}", get(ocsp::by_get)),
    ]
}

/// The routes of `[revocation] listen`.
pub fn published_alone(app: App) -> Router {
    built(published())
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(app.clone(), super::plain::plain))
        .with_state(app)
}

fn health() -> Vec<Route> {
    vec![
        plain("/", get(start_page::start_page)),
        plain("/health", get(health::health)),
        plain("/metrics", get(metrics::metrics)),
    ]
}

fn people() -> Vec<Route> {
    vec![
        plain("/sso/start/{secret}", get(start::look).post(start::go)),
        plain("/sso/saml/{provider}/acs", get(sso::unsolicited).post(saml::consume)),
        plain("/sso/saml/{provider}/metadata", get(sso_metadata::metadata)),
        plain("/sso/oidc/{provider}/callback", get(oidc::callback)),
        plain("/sso/confirm/{handle}", get(confirm::look).post(confirm::send)),
        plain("/sso/done", get(sso::done)),
    ]
}

fn internal() -> Vec<Route> {
    vec![
        issuing("/internal/certificates", post(certificates::certificates)),
        plain("/internal/devices/activate", post(devices::activate)),
        plain("/internal/devices/token", post(devices::refresh)),
        plain("/internal/guests", post(guests::guests)),
    ]
}

/// A label may stand before `/.well-known` too: where clients put the path of the address that they are given.
fn est() -> Vec<Route> {
    let forms = ["/.well-known/est", "/.well-known/est/{label}", "/{label}/.well-known/est"];
    let of = |at: &str| {
        [
            plain(&format!("{at}/cacerts"), get(cacerts)),
            plain(&format!("{at}/csrattrs"), get(csrattrs)),
            issuing(&format!("{at}/simpleenroll"), post(simpleenroll)),
            issuing(&format!("{at}/simplereenroll"), post(simplereenroll)),
        ]
    };
    forms.into_iter().flat_map(of).collect()
}

/// The routes of `metrics_listen`.
pub fn operations(app: App) -> Router {
    let routes =
        Router::new().route("/health", get(health::health)).route("/metrics", get(metrics::metrics_anyone));
    framed(app, routes)
}

/// Routes of another listener within the same frame.
pub(crate) fn framed_apart(app: App, routes: Router<App>) -> Router {
    routes.layer(from_fn_with_state(app.clone(), frame)).with_state(app)
}

fn framed(app: App, routes: Router<App>) -> Router {
    routes
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(app.clone(), frame))
        .with_state(app)
}

/// RFC 8555 §6.1: scripts of any web page may read what anyone may read. Nothing signed is answered to them.
fn cors() -> CorsLayer {
    CorsLayer::new().allow_origin(Any).allow_methods([Method::GET, Method::HEAD]).expose_headers([
        frame::REPLAY_NONCE,
        http::header::LINK,
        http::header::RETRY_AFTER,
    ])
}

/// Scripts of the pages that `internal.origins` names may get certificates on a token; those of no others.
fn cross_origin(app: &App) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> =
        app.config.internal.origins.iter().filter_map(|origin| HeaderValue::try_from(origin).ok()).collect();
    let headers = [AUTHORIZATION, CONTENT_TYPE, HeaderName::from_static("include-root-cert")];
    let layer = CorsLayer::new()
        .allow_methods([Method::POST])
        .allow_headers(headers)
        .expose_headers([RETRY_AFTER, WWW_AUTHENTICATE])
        .max_age(PREFLIGHT);
    (!origins.is_empty()).then(|| layer.allow_origin(origins))
}

async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}

async fn unknown(uri: Uri) -> Response {
    let detail = if is_est(uri.path()) {
        "there is no such operation; EST offers cacerts, csrattrs, simpleenroll and simplereenroll here"
    } else {
        "there is no such resource; the directory lists what there is"
    };
    told(uri.path(), Problem::new(Kind::NotFound, detail))
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let detail = if method == Method::GET && uri.path().starts_with("/acme/") {
        "this resource is read by POST-as-GET (RFC 8555 section 6.3), not by GET".to_owned()
    } else {
        format!("{method} is not allowed here; see Allow")
    };
    told(uri.path(), Problem::new(Kind::MethodNotAllowed, detail))
}
