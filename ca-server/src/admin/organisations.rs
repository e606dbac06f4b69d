//! Organisations, as the operator makes them, with their domains and token issuers.
//!
//! A domain counts only after its TXT record was seen. Every change is in the journal, in the batch that makes it.

use axum::Json;
use axum::extract::{Path, State};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certs::name::DnsName;

use super::internal_views::{DomainName, NewOrganisation, OrganisationView, Preferred, TokenIssuerNames};
use super::refusal::Refusal;
use super::views::Page;
use crate::app::App;
use crate::ids::random_bytes;
use crate::internal::OrganisationId;
use crate::internal::domains::{self, DomainError, act};
use crate::internal::organisation::{Domain, DomainStatus, MOST_DOMAINS, Organisation};
use crate::store::tables::organisations;
use crate::store::{Batch, StoreError, Table, Versioned};

/// Longest name.
const LONGEST_NAME: usize = 64;

/// `GET /organisations`.
///
/// # Errors
/// [`Refusal`] on a failing store.
pub async fn list(State(app): State<App>) -> Result<Json<Page<OrganisationView>>, Refusal> {
    let rows = app.store.organisations().await?;
    Ok(Json(Page { items: rows.iter().map(|row| view(&app, &row.value)).collect(), next: None }))
}

/// `GET /organisations/{name}`.
///
/// # Errors
/// [`Refusal`] if there is none, or on a failing store.
pub async fn show(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Json<OrganisationView>, Refusal> {
    Ok(Json(view(&app, &find(&app, &name).await?.value)))
}

/// `POST /organisations`.
///
/// # Errors
/// [`Refusal`] on an unusable name, a taken one, a token issuer that is unknown or speaks for another, or a failing store.
pub async fn create(
    State(app): State<App>,
    Json(wanted): Json<NewOrganisation>,
) -> Result<Json<OrganisationView>, Refusal> {
    let name = wanted.name.trim();
    if !is_name(name) {
        let wanted = "a name of 1 to 64 characters that is no UUID";
        return Err(Refusal::Value { name: "name", value: name.to_owned(), wanted });
    }
    known_issuers(&app, &wanted.token_issuers)?;
    spoken_for(&app, &wanted.token_issuers, None).await?;
    let organisation = Organisation {
        id: OrganisationId::fresh()?,
        name: name.to_owned(),
        domains: Vec::new(),
        preferred: None,
        token_issuers: wanted.token_issuers,
        created: app.clock.now(),
    };
    while !insert(&app, &organisation).await? {}
    Ok(Json(view(&app, &organisation)))
}

/// Writes it; false if another was made since they were counted, which happens as often as there may be organisations at most.
async fn insert(app: &App, organisation: &Organisation) -> Result<bool, Refusal> {
    let count = app.store.organisation_count().await?;
    // One more would stand in no listing, and its tokens would speak for nobody.
    if count.is_full() {
        return Err(Refusal::Already("server has as many organisations as it may have"));
    }
    let mut batch = Batch::new();
    organisations::insert(&mut batch, organisation, count)?;
    batch.record(organisation.created, act(organisation, "created"));
    match app.store.commit(batch).await {
        Err(StoreError::Stale(Table::OrganisationNames)) => Err(Refusal::Already("name is taken")),
        Err(StoreError::Stale(Table::Meta)) => Ok(false),
        done => Ok(done.map(|()| true)?),
    }
}

/// `POST /organisations/{name}/token-issuers`.
///
/// # Errors
/// [`Refusal`] if there is none, an issuer is unknown or speaks for another organisation, or on a failing store.
pub async fn token_issuers(
    State(app): State<App>,
    Path(name): Path<String>,
    Json(wanted): Json<TokenIssuerNames>,
) -> Result<Json<OrganisationView>, Refusal> {
    known_issuers(&app, &wanted.token_issuers)?;
    spoken_for(&app, &wanted.token_issuers, Some(find(&app, &name).await?.value.id)).await?;
    let change = format!("token issuers: {}", wanted.token_issuers.join(" "));
    change_it(&app, &name, &change, |next| {
        next.token_issuers = wanted.token_issuers;
        Ok(None)
    })
    .await
}

/// `POST /organisations/{name}/domains`: claims a domain; the answer says which TXT record to place.
///
/// # Errors
/// [`Refusal`] if there is none, the domain is unusable or claimed already, or on a failing store.
pub async fn claim(
    State(app): State<App>,
    Path(name): Path<String>,
    Json(wanted): Json<DomainName>,
) -> Result<Json<OrganisationView>, Refusal> {
    let (domain, now) = (domain(&wanted.domain)?, app.clock.now());
    let token = URL_SAFE_NO_PAD.encode(random_bytes::<16>()?);
    change_it(&app, &name, &format!("domain {domain} claimed"), |next| {
        if next.domain(&domain).is_some() {
            return Err(Refusal::Already("domain is claimed"));
        }
        if next.domains.len() >= MOST_DOMAINS {
            return Err(Refusal::Already("organisation has as many domains as it may have"));
        }
        next.domains.push(Domain {
            name: domain,
            token,
            status: DomainStatus::Pending,
            claimed: now,
            checked: None,
            confirmed: None,
            fault: None,
        });
        Ok(None)
    })
    .await
}

/// `POST /organisations/{name}/domains/verify`: looks for the TXT record now.
///
/// # Errors
/// [`Refusal`] if the domain is not claimed, another organisation holds it, or on a failing store.
pub async fn verify(
    State(app): State<App>,
    Path(name): Path<String>,
    Json(wanted): Json<DomainName>,
) -> Result<Json<OrganisationView>, Refusal> {
    let (domain, found) = (domain(&wanted.domain)?, find(&app, &name).await?);
    match domains::check(&app, found.value.id, &domain).await {
        Ok(checked) => Ok(Json(view(&app, &checked.value))),
        Err(DomainError::NotClaimed) => Err(Refusal::Absent("domain of this organisation")),
        Err(DomainError::HeldByOther) => Err(Refusal::Already("domain is held by another organisation")),
        Err(DomainError::Store(error)) => Err(error.into()),
    }
}

/// `POST /organisations/{name}/domains/remove`: gives a domain up.
///
/// # Errors
/// [`Refusal`] if the domain is not claimed, or on a failing store.
pub async fn remove(
    State(app): State<App>,
    Path(name): Path<String>,
    Json(wanted): Json<DomainName>,
) -> Result<Json<OrganisationView>, Refusal> {
    let domain = domain(&wanted.domain)?;
    change_it(&app, &name, &format!("domain {domain} given up"), |next| {
        let held = match next.domain(&domain) {
            None => return Err(Refusal::Absent("domain of this organisation")),
            Some(claim) => claim.status == DomainStatus::Verified,
        };
        next.domains.retain(|claim| claim.name != domain);
        if next.preferred.as_ref() == Some(&domain) {
            next.preferred = None;
        }
        Ok(held.then_some(domain))
    })
    .await
}

/// `POST /organisations/{name}/preferred`: which domain its devices carry.
///
/// # Errors
/// [`Refusal`] if the domain is not held, or on a failing store.
pub async fn prefer(
    State(app): State<App>,
    Path(name): Path<String>,
    Json(wanted): Json<Preferred>,
) -> Result<Json<OrganisationView>, Refusal> {
    let wanted = wanted.domain.as_deref().map(domain).transpose()?;
    let (grace, now) = (app.config.internal.domain_grace, app.clock.now());
    let change = match &wanted {
        Some(domain) => format!("prefers {domain}"),
        None => "prefers no domain".to_owned(),
    };
    change_it(&app, &name, &change, |next| {
        if let Some(name) = &wanted
            && !next.domain(name).is_some_and(|domain| domain.holds(grace, now))
        {
            let wanted = "a verified domain of this organisation";
            return Err(Refusal::Value { name: "domain", value: name.as_str().to_owned(), wanted });
        }
        next.preferred = wanted;
        Ok(None)
    })
    .await
}

/// Changes an organisation, with the journal, and releases the domain that `change` gives.
async fn change_it(
    app: &App,
    name: &str,
    what: &str,
    change: impl FnOnce(&mut Organisation) -> Result<Option<DnsName>, Refusal>,
) -> Result<Json<OrganisationView>, Refusal> {
    let seen = find(app, name).await?;
    let mut next = seen.value.clone();
    let released = change(&mut next)?;
    let mut batch = Batch::new();
    organisations::replace(&mut batch, &seen, &next)?;
    if let Some(domain) = released {
        organisations::release(&mut batch, &domain);
    }
    batch.record(app.clock.now(), act(&next, what));
    app.store.commit(batch).await?;
    Ok(Json(view(app, &next)))
}

/// The organisation of this name or id.
pub(crate) async fn find(app: &App, name: &str) -> Result<Versioned<Organisation>, Refusal> {
    app.store.organisation_named(name).await?.ok_or(Refusal::Absent("organisation"))
}

fn view(app: &App, organisation: &Organisation) -> OrganisationView {
    OrganisationView::new(organisation, app.config.internal.domain_grace, app.clock.now())
}

/// A name that cannot be taken for an id.
pub(super) fn is_name(text: &str) -> bool {
    let count = text.chars().count();
    (1..=LONGEST_NAME).contains(&count)
        && !text.chars().any(char::is_control)
        && text.parse::<OrganisationId>().is_err()
}

fn domain(text: &str) -> Result<DnsName, Refusal> {
    let name = DnsName::parse(text).ok().filter(|name| !name.is_wildcard());
    let wanted = "a domain name, such as example.com";
    name.ok_or_else(|| Refusal::Value { name: "domain", value: text.to_owned(), wanted })
}

fn known_issuers(app: &App, names: &[String]) -> Result<(), Refusal> {
    let unknown = names.iter().find(|name| !app.token_issuers.names().any(|known| known == name.as_str()));
    match unknown {
        None => Ok(()),
        Some(name) => Err(Refusal::Value {
            name: "token-issuer",
            value: name.clone(),
            wanted: "the name of a [[token_issuer]] in ca.toml",
        }),
    }
}

/// An issuer whose tokens do not say for whom they speak would speak for nobody if two organisations named it.
async fn spoken_for(app: &App, names: &[String], own: Option<OrganisationId>) -> Result<(), Refusal> {
    let silent = |name: &&String| !app.token_issuers.names_organisations(name);
    for name in names.iter().filter(silent) {
        let others = app.store.organisations_of_issuer(name).await?;
        if let Some(other) = others.into_iter().find(|other| Some(*other) != own) {
            return Err(Refusal::IssuerTaken { issuer: name.clone(), organisation: other.to_string() });
        }
    }
    Ok(())
}
