//! `GET` and `POST /sso/confirm/<handle>`: the page where the person types the short code.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;

use super::browser::{cookie, same_site};
use super::form::Form;
use super::{authority, refused, see_other};
use crate::app::App;
use crate::request::acme::path::Segments;
use crate::sso::binding::sign_in_of_handle;
use crate::sso::fault::Fault;
use crate::sso::reason::Reason;
use crate::sso::{audit, finish, pages};

/// Largest form: a code, or a refusal.
const MAX_FORM: usize = 4096;

/// Shows the page.
pub async fn look(
    State(app): State<App>,
    Segments(handle): Segments<String>,
    headers: HeaderMap,
) -> Response {
    match finish::confirming(&app, &handle, cookie(&headers).as_deref()).await {
        Ok((standing, _)) => pages::confirm(&standing, authority(&app), None).into_response(),
        Err(fault) => refused(&app, sign_in_of_handle(&handle), fault).await,
    }
}

/// Takes the code, or the word that nobody asked.
pub async fn send(
    State(app): State<App>,
    Segments(handle): Segments<String>,
    request: Request<Body>,
) -> Response {
    match take(&app, &handle, request).await {
        Ok(response) => response,
        Err(Fault::Failed(Reason::Declined)) => pages::declined().into_response(),
        Err(fault) => refused(&app, sign_in_of_handle(&handle), fault).await,
    }
}

async fn take(app: &App, handle: &str, request: Request<Body>) -> Result<Response, Fault> {
    let cookie = cookie(request.headers());
    same_site(app, request.headers())?;
    let mut form = Form::read(request, MAX_FORM, app.config.limits.request_timeout / 2).await?;
    let (standing, vouched) = finish::confirming(app, handle, cookie.as_deref()).await?;
    if form.take("decline")?.is_some() {
        return finish::fail(app, &standing, Reason::Declined).await;
    }
    let code = form.take("code")?.ok_or(Fault::Malformed("there is no code"))?;
    match finish::confirm(app, (standing, vouched), &code).await {
        Ok(()) => Ok(see_other(&app.links.sso_done())),
        Err(fault @ Fault::WrongCode { left }) => {
            audit::refused(app, sign_in_of_handle(handle), &fault).await;
            let (standing, _) = finish::confirming(app, handle, cookie.as_deref()).await?;
            Ok(pages::confirm(&standing, authority(app), Some(left)).into_response())
        }
        Err(fault) => Err(fault),
    }
}
