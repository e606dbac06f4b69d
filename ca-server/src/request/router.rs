//! The whole API in one list.
//!
//! Every route, known or not, passes [`frame()`]: request id, time limit, panics, nonce, links, access log, metrics.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use http::{Method, Uri};
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
use crate::status::{crl, issuer};

/// The routes of the main listener.
pub fn router(app: App) -> Router {
    let signed = Router::new()
        .route("/acme/{authority}/new-account", post(new_account::new_account))
        .route("/acme/{authority}/account/{account}", post(account::account))
        .route("/acme/{authority}/key-change", post(key_change::key_change))
        .route("/acme/{authority}/account/{account}/orders", post(orders::orders))
        .route("/acme/{authority}/new-order", post(new_order::new_order))
        .route("/acme/{authority}/order/{order}", post(order::order))
        .route("/acme/{authority}/order/{order}/finalize", post(finalize::finalize))
        .route("/acme/{authority}/new-authz", post(new_authz::new_authz))
        .route("/acme/{authority}/authz/{authorization}", post(authorization::authorization))
        .route("/acme/{authority}/challenge/{authorization}/{challenge}", post(challenge::challenge))
        .route("/acme/{authority}/certificate/{serial}", post(certificate::certificate))
        .route("/acme/{authority}/certificate/{serial}/{chain}", post(certificate::alternate))
        .route("/acme/{authority}/revoke-cert", post(revoke_cert::revoke_cert));

    let read_only = Router::new()
        .route("/acme/{authority}/directory", get(directory::directory).post(directory::directory_signed))
        .route("/acme/{authority}/new-nonce", get(new_nonce::new_nonce).post(new_nonce::new_nonce_signed))
        .route("/acme/{authority}/renewal-info/{certificate}", get(renewal_info::renewal_info))
        .route("/roots/{file}", get(roots::root))
        .route("/issuer/{file}", get(issuer::issuer))
        .route("/crl/{file}", get(crl::crl))
        .layer(cors());

    let operations = Router::new()
        .route("/", get(start_page::start_page))
        .route("/health", get(health::health))
        .route("/metrics", get(metrics::metrics));

    let people = Router::new()
        .route("/sso/start/{secret}", get(start::look).post(start::go))
        .route("/sso/saml/{provider}/acs", get(sso::unsolicited).post(saml::consume))
        .route("/sso/saml/{provider}/metadata", get(sso_metadata::metadata))
        .route("/sso/oidc/{provider}/callback", get(oidc::callback))
        .route("/sso/confirm/{handle}", get(confirm::look).post(confirm::send))
        .route("/sso/done", get(sso::done));

    let internal = Router::new()
        .route("/internal/certificates", post(certificates::certificates))
        .route("/internal/devices/activate", post(devices::activate))
        .route("/internal/devices/token", post(devices::refresh))
        .route("/internal/guests", post(guests::guests));

    // A label may stand before `/.well-known` too: where clients put the path of the address that they are given.
    let mut est = Router::new();
    for at in ["/.well-known/est", "/.well-known/est/{label}", "/{label}/.well-known/est"] {
        est = est
            .route(&format!("{at}/cacerts"), get(cacerts))
            .route(&format!("{at}/csrattrs"), get(csrattrs))
            .route(&format!("{at}/simpleenroll"), post(simpleenroll))
            .route(&format!("{at}/simplereenroll"), post(simplereenroll));
    }

    framed(app, signed.merge(read_only).merge(people).merge(internal).merge(est).merge(operations))
}

/// The routes of `metrics_listen`.
pub fn operations(app: App) -> Router {
    let routes =
        Router::new().route("/health", get(health::health)).route("/metrics", get(metrics::metrics_anyone));
    framed(app, routes)
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
