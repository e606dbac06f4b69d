//! A server under a path: with `url = "https://host/ca"` requests come as `/ca/acme/…` directly, or as `/acme/…` from a proxy
//! that takes the path off. Both mean the same resource; the `url` header of a JWS always has the whole.

use axum::Router;
use axum::extract::Request;
use http::Uri;
use http::uri::PathAndQuery;
use tower::Layer as _;
use tower::util::MapRequestLayer;

/// The routes, also reachable below `base`.
pub(super) fn under(routes: Router, base: &str) -> Router {
    let base = base.trim_end_matches('/').to_owned();
    if base.is_empty() {
        return routes;
    }
    let layer = MapRequestLayer::new(move |request: Request| without(&base, request));
    Router::new().fallback_service(layer.layer(routes))
}

fn without(base: &str, mut request: Request) -> Request {
    if let Some(uri) = shortened(base, request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

/// The URI without `base` in front of its path; `None` if it is not there.
fn shortened(base: &str, uri: &Uri) -> Option<Uri> {
    let rest = uri.path_and_query()?.as_str().strip_prefix(base)?;
    if !rest.starts_with('/') {
        return None;
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(rest).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_taken_off_whole_segments_only() {
        let short = |uri: &str| shortened("/ca", &uri.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(short("/ca/acme/x?y=1").as_deref(), Some("/acme/x?y=1"));
        assert_eq!(short("https://host/ca/acme").as_deref(), Some("https://host/acme"));
        assert_eq!(short("/cabbage"), None);
        assert_eq!(short("/acme/x"), None);
    }
}
