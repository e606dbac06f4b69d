//! `GET /`: says in a few lines what this server is and where its directories and roots are.

use std::fmt::Write as _;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

use crate::app::App;

/// The page, in plain text.
pub async fn start_page(State(app): State<App>) -> Response {
    let mut page = String::from("Rollcall, a private certificate authority (ACME, RFC 8555).\n");
    for authority in app.config.authority.keys() {
        let directory = app.links.resource(authority, "directory");
        let root = app.links.absolute(&format!("/roots/{authority}.pem"));
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\nauthority {authority}\n  ACME directory  {directory}\n  root            {root}\n"
        );
    }
    page.push_str("\nCheck a root's fingerprint with the operator before you trust it.\n");
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], page).into_response()
}
