//! `POST …/simplereenroll` (RFC 7030 §4.2.2): a certificate in the place of the one with which the client authenticated its TLS connection, for the same
//! key or a new one.
//!
//! Subject and alternative names stay as they were: of the request, and of what the account would now have certified. Where they would change, the client
//! enrols anew with its token, and somebody has seen that it has another name.

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use certs::csr::{Changed, continues};
use certs::identifier::Identifier;

use super::label::Label;
use super::simpleenroll::answered;
use super::{ClientCertificate, Refusal, wire};
use crate::app::App;
use crate::internal::authenticate::{Credential, authenticate};
use crate::internal::standing::standing;
use crate::internal::{Front, Holder, issue};
use crate::policy::Refused;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;

/// Enrols again.
///
/// # Errors
/// [`Refusal`]; 403 whatever is wrong with the client's certificate.
pub async fn simplereenroll(
    State(app): State<App>,
    label: Label,
    certificate: Option<Extension<ClientCertificate>>,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let authority = label.enrolling(&app)?.clone();
    let Some(Extension(certificate)) = certificate else {
        let detail = "re-enrolment needs the certificate in use as TLS client certificate; without one, enrol at simpleenroll with a token";
        return Err(Problem::new(Kind::Unauthorized, detail).into());
    };
    let credential = Credential::Certificate(certificate.der());
    let holder = authenticate(&app, credential, app.clock.now()).await.map_err(Refusal::of_certificate)?;
    let csr = wire::certificate_request(&app, request).await?;
    match continues(&csr, certificate.der()) {
        Ok(held) => unchanged(&app, &holder, &held).await?,
        Err(Changed::Request(error)) => return Err(Problem::new(Kind::BadCsr, error.to_string()).into()),
        Err(changed) => {
            let rule = "est:changed-names";
            journal(&app, &holder, rule).await?;
            let detail =
                format!("{changed}; re-enrolment keeps the names (RFC 7030 section 4.2.2; rule `{rule}`)");
            return Err(Problem::new(Kind::BadCsr, detail).into());
        }
    }
    answered(issue(&app, &authority, &holder, &csr, Front::Est).await)
}

/// Whether the account still has the names of the certificate. One that may have nothing now is for `issue` to refuse, and to record.
async fn unchanged(app: &App, holder: &Holder, held: &[Identifier]) -> Result<(), Refusal> {
    let Ok(standing) = standing(app, holder, app.clock.now()).await else { return Ok(()) };
    let now = standing.identifiers;
    if now.len() == held.len() && now.iter().all(|name| held.contains(name)) {
        return Ok(());
    }
    let rule = "est:account-renamed";
    journal(app, holder, rule).await?;
    let names: Vec<String> = now.iter().map(ToString::to_string).collect();
    let detail = format!(
        "the account is now {}; enrol at simpleenroll with a token to get a certificate with these names (rule `{rule}`)",
        names.join(", ")
    );
    Err(Problem::new(Kind::Unauthorized, detail).into())
}

async fn journal(app: &App, holder: &Holder, rule: &str) -> Result<(), Problem> {
    let refused = Refused {
        action: "issue",
        account: None,
        order: None,
        identifiers: vec![Identifier::Uri(holder.urn())],
        rule: rule.to_owned(),
    };
    let (subject, now) = (holder.subject(), app.clock.now());
    app.refusals.record_of(&app.store, &subject, refused, now).await.map_err(Problem::from)
}
