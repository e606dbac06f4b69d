//! SAML 2.0: the metadata. Requests come by HTTP-Redirect (`request`), answers leave by HTTP-POST (`response`).

pub(super) mod draft;
pub(super) mod request;
pub(super) mod response;
mod sign;

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

use super::pages::escape;
use super::state::State;

/// The entity descriptor.
pub(super) fn metadata(state: &State) -> String {
    let key = |certificate: String| {
        format!(
            "<md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">\
             <ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        )
    };
    let keys: String = state.published().iter().map(|keys| key(keys.assertion_certificate())).collect();
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{entity}\">\
         <md:IDPSSODescriptor WantAuthnRequestsSigned=\"false\" \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}\
         <md:NameIDFormat>{format}</md:NameIDFormat>\
         <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"{base}/saml/sso\"/>\
         </md:IDPSSODescriptor></md:EntityDescriptor>",
        entity = escape(&state.entity_id()),
        format = draft::EMAIL_FORMAT,
        base = escape(&state.base),
    )
}

/// `GET /saml/metadata`.
pub(super) async fn show_metadata(Shared(state): Shared<Arc<State>>) -> Response {
    ([(CONTENT_TYPE, "application/samlmetadata+xml")], metadata(&state)).into_response()
}
