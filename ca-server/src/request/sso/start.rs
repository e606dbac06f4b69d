//! `GET` and `POST /sso/start/<secret>`: the page behind the link, and its button.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::SET_COOKIE;

use super::browser::{cookie, same_site, set_cookie};
use super::{authority, refused, see_other};
use crate::app::App;
use crate::request::acme::path::Segments;
use crate::sso::binding::sign_in_of;
use crate::sso::fault::Fault;
use crate::sso::pages::{self, Elsewhere, Page};
use crate::sso::start;

/// Shows the page. Consumes nothing.
pub async fn look(State(app): State<App>, Segments(secret): Segments<String>) -> Response {
    match page(&app, &secret).await {
        Ok(page) => page.into_response(),
        Err(fault) => refused(&app, sign_in_of(&secret), fault).await,
    }
}

async fn page(app: &App, secret: &str) -> Result<Page, Fault> {
    let standing = start::look(app, secret).await?;
    let address = standing.provider.address(app.clock.now()).await;
    let mut origins = standing.provider.origins(address.as_ref());
    origins.extend(standing.sign_in.value.completion.origin());
    let others = start::elsewhere(app, &standing).await?;
    let elsewhere = |(label, token): (String, String)| Elsewhere { label, link: app.links.sso_start(&token) };
    let elsewhere: Vec<_> = others.into_iter().map(elsewhere).collect();
    Ok(pages::start(&standing, authority(app), origins, &elsewhere))
}

/// Uses the link and sends the browser to the provider.
pub async fn go(
    State(app): State<App>,
    Segments(secret): Segments<String>,
    request: Request<Body>,
) -> Response {
    let sent = match same_site(&app, request.headers()) {
        Ok(()) => start::start(&app, &secret, cookie(request.headers())).await,
        Err(fault) => Err(fault),
    };
    match sent {
        Ok(sent) => {
            let mut response = see_other(sent.to.as_str());
            if let Some(cookie) = set_cookie(&sent.browser) {
                response.headers_mut().insert(SET_COOKIE, cookie);
            }
            response
        }
        Err(fault) => refused(&app, sign_in_of(&secret), fault).await,
    }
}
