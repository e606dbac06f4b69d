//! The answer to a SAML request: an assertion in a response, signed, and the page that posts it.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::{Duration, OffsetDateTime};

use super::draft::{AssertionDraft, EMAIL_FORMAT, SUCCESS};
use super::request::AuthnRequest;
use super::sign;
use crate::identity_provider::pages;
use crate::identity_provider::people::User;
use crate::identity_provider::state::{State, random};

/// How long an assertion is valid.
const LIFETIME: Duration = Duration::minutes(5);

/// What the browser posts to the service provider.
#[derive(Clone, Debug)]
pub struct SamlAnswer {
    /// Where to.
    pub assertion_consumer: String,
    /// The form value `SAMLResponse`.
    pub response: String,
    /// The form value `RelayState`.
    pub relay_state: Option<String>,
}

/// The page that posts it.
pub(in crate::identity_provider) fn page(answer: SamlAnswer) -> Response {
    let mut fields = vec![("SAMLResponse", answer.response.as_str())];
    fields.extend(answer.relay_state.as_deref().map(|value| ("RelayState", value)));
    pages::post_on(&answer.assertion_consumer, &fields)
}

/// The answer for somebody who signed in.
pub(in crate::identity_provider) fn respond(
    state: &State,
    request: &AuthnRequest,
    user: &User,
    authenticated: OffsetDateTime,
) -> SamlAnswer {
    let mut draft = draft(state, request);
    draft.name_id = user.email.clone();
    draft.authenticated = Some(authenticated);
    draft.context = user.context.clone();
    draft.attributes = vec![("displayName".to_owned(), vec![user.name.clone()])];
    if !user.groups.is_empty() {
        draft.attributes.push(("groups".to_owned(), user.groups.clone()));
    }
    let faults = state.faults();
    if let Some(change) = faults.assertion {
        change(&mut draft);
    }
    let keys = state.keys();
    let assertion = if faults.assertion_unsigned {
        draft.assertion("")
    } else {
        sign::enveloped(&keys, &draft.assertion_id, |signature| draft.assertion(signature))
    };
    let mut xml = if faults.sign_response {
        sign::enveloped(&keys, &draft.response_id, |signature| draft.response(signature, &assertion))
    } else {
        draft.response("", &assertion)
    };
    if let Some(change) = faults.response {
        change(&mut xml);
    }
    answer(request, &xml)
}

/// The answer for somebody who did not.
pub(in crate::identity_provider) fn refuse(state: &State, request: &AuthnRequest) -> SamlAnswer {
    let mut draft = draft(state, request);
    draft.status =
        ["Responder", "AuthnFailed"].map(|code| format!("urn:oasis:names:tc:SAML:2.0:status:{code}")).into();
    answer(request, &draft.response("", ""))
}

fn answer(request: &AuthnRequest, xml: &str) -> SamlAnswer {
    SamlAnswer {
        assertion_consumer: request.assertion_consumer.clone(),
        response: STANDARD.encode(xml),
        relay_state: request.relay_state.clone(),
    }
}

fn draft(state: &State, request: &AuthnRequest) -> AssertionDraft {
    let now = state.now();
    AssertionDraft {
        response_id: format!("_r{}", random()),
        assertion_id: format!("_a{}", random()),
        response_issuer: Some(state.entity_id()),
        issuer: state.entity_id(),
        destination: Some(request.assertion_consumer.clone()),
        status: vec![SUCCESS.to_owned()],
        response_in_response_to: Some(request.id.clone()),
        issued: now,
        name_id: String::new(),
        name_id_format: Some(EMAIL_FORMAT.to_owned()),
        recipient: Some(request.assertion_consumer.clone()),
        in_response_to: Some(request.id.clone()),
        confirmed_until: Some(now + LIFETIME),
        not_before: Some(now),
        not_on_or_after: Some(now + LIFETIME),
        audience: vec![request.issuer.clone()],
        authenticated: None,
        context: String::new(),
        attributes: Vec::new(),
    }
}
