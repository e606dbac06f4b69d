//! `GET /`: says in a few lines what this server is and where its directories and roots are.
//!
//! An authority that clients do not reach over ACME is shown with its root alone, for relying parties.

use std::fmt::Write as _;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

use crate::app::App;

/// The page, in plain text.
pub async fn start_page(State(app): State<App>) -> Response {
    let mut page = String::from("Rollcall, a private certificate authority (ACME, RFC 8555).\n");
    for authority in app.config.authority.keys() {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "\nauthority {authority}");
        if app.config.is_reached(authority) {
            let _ = writeln!(page, "  ACME directory  {}", app.links.resource(authority, "directory"));
        }
        let _ =
            writeln!(page, "  root            {}", app.links.absolute(&format!("/roots/{authority}.pem")));
    }
    page.push_str("\nCheck a root's fingerprint with the operator before you trust it.\n");
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], page).into_response()
}
