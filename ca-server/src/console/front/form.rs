//! The forms of the console: sent by a page of the same origin, and, behind the sign-in, made for the session that sends them.

use axum::extract::Request;

use super::gate;
use crate::app::App;
use crate::console::fault::Fault;
use crate::console::sessions::SignedIn;
use crate::request::sso::browser::same_origin;
use crate::request::sso::form::Form;

/// Largest form.
const MAX_FORM: usize = 4096;

/// The name of the field with the session's token.
pub(in crate::console) const TOKEN: &str = "form-token";

/// Reads a form that anybody may send who has a page of ours.
///
/// # Errors
/// [`Fault::CrossSite`], [`Fault::Malformed`]
pub(super) async fn read(app: &App, request: Request) -> Result<Form, Fault> {
    let ours = gate::origin(app, request.uri(), request.headers());
    same_origin(&ours, request.headers())?;
    Ok(Form::read(request, MAX_FORM, app.config.limits.request_timeout / 2).await?)
}

/// Reads a form of this session.
///
/// # Errors
/// [`Fault::OtherSession`], and as [`read`]
pub(super) async fn read_of(app: &App, signed_in: &SignedIn, request: Request) -> Result<Form, Fault> {
    let mut form = read(app, request).await?;
    let token = form.take(TOKEN)?.unwrap_or_default();
    if signed_in.form_token.is(&token) { Ok(form) } else { Err(Fault::OtherSession) }
}
