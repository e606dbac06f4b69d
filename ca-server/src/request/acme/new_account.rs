//! `POST /acme/<authority>/new-account` (RFC 8555 §7.3): one account for each key, however many ask at once.

use std::net::SocketAddr;

use axum::Extension;
use axum::extract::State;
use serde::Deserialize;

use super::contact;
use crate::app::App;
use crate::config::{AuthorityConfig, ExternalBinding};
use crate::ids::{AccountId, AuthorityName};
use crate::log::act::Act;
use crate::order::model::{Account, AccountStatus};
use crate::respond::Answer;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::respond::views::account::AccountView;
use crate::store::{Batch, StoreError, tables};
use crate::verify::external_binding::{self, Binding};
use crate::verify::jwk::Jwk;
use crate::verify::jws::Flattened;
use crate::verify::{VerifiedKey, VerifyError};

/// How often a lost race is run again; each loss means that another request was stored.
const ATTEMPTS: usize = 8;

/// What a client asks for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewAccount {
    #[serde(default)]
    contact: Vec<String>,
    #[serde(default)]
    terms_of_service_agreed: bool,
    #[serde(default)]
    only_return_existing: bool,
    #[serde(default)]
    external_account_binding: Option<Flattened>,
}

/// Makes an account for the key that signed, or shows the one it has.
///
/// # Errors
/// Why neither was done.
pub async fn new_account(
    State(app): State<App>,
    Extension(client): Extension<SocketAddr>,
    request: VerifiedKey<NewAccount>,
) -> Result<Answer<AccountView>, Problem> {
    let mut counted = false;
    for _ in 0..ATTEMPTS {
        if let Some(account) = existing(&app, &request.authority, &request.key).await? {
            let location = app.links.account(&account.authority, account.id);
            return Ok(Answer::ok(AccountView::new(&account, &app.links)).at(location));
        }
        if request.payload.only_return_existing {
            return Err(VerifyError::NoAccountOfKey.into());
        }
        let binding = admissible(&app, &request).await?;
        if !counted {
            app.limits.new_account(client.ip(), app.clock.now())?;
            counted = true;
        }
        match open(&app, &request, AccountId::fresh(app.clock.now())?, binding).await {
            Ok(account) => {
                let location = app.links.account(&account.authority, account.id);
                return Ok(Answer::created(location, AccountView::new(&account, &app.links)));
            }
            Err(StoreError::Stale(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let detail = "too many requests for this key at once; try again";
    Err(Problem { retry_after: Some(1), ..Problem::new(Kind::ServiceUnavailable, detail) })
}

/// The account that the key has at this authority.
async fn existing(app: &App, authority: &AuthorityName, key: &Jwk) -> Result<Option<Account>, VerifyError> {
    let account = app.store.account_by_key(authority, &key.thumbprint()).await?;
    match account.map(|account| (account.value.status, account.value)) {
        None => Ok(None),
        Some((AccountStatus::Valid, account)) => Ok(Some(account)),
        Some((status @ (AccountStatus::Deactivated | AccountStatus::Revoked), _)) => {
            Err(VerifyError::AccountNotValid(status))
        }
    }
}

/// Contacts, terms and external binding: whether an account may be made at all.
async fn admissible(app: &App, request: &VerifiedKey<NewAccount>) -> Result<Option<Binding>, Problem> {
    let config = app.config.authority.get(&request.authority).ok_or(VerifyError::UnknownAuthority)?;
    terms(config, &request.payload)?;
    contact::check(&request.payload.contact)?;
    match (&request.payload.external_account_binding, config.external_account_binding) {
        (None, ExternalBinding::Off | ExternalBinding::Optional) => Ok(None),
        (None, ExternalBinding::Required) => {
            let detail = "this authority needs an external account binding; ask its operator for a key";
            Err(Problem::new(Kind::ExternalAccountRequired, detail))
        }
        (Some(_), ExternalBinding::Off) => {
            let detail = "this authority takes no externalAccountBinding; leave it out";
            Err(Problem::new(Kind::Malformed, detail))
        }
        (Some(binding), ExternalBinding::Optional | ExternalBinding::Required) => {
            let url = app.links.resource(&request.authority, "new-account");
            let bound = external_binding::check(app, &request.authority, binding, &request.key, &url).await?;
            Ok(Some(bound))
        }
    }
}

/// RFC 8555 §7.3.3.
fn terms(config: &AuthorityConfig, payload: &NewAccount) -> Result<(), Problem> {
    match &config.terms_of_service {
        Some(terms) if !payload.terms_of_service_agreed => {
            let detail = format!("read the terms at {terms} and send termsOfServiceAgreed: true");
            let problem = Problem::new(Kind::UserActionRequired, detail);
            Err(Problem { instance: Some(terms.as_str().into()), ..problem })
        }
        Some(_) | None => Ok(()),
    }
}

async fn open(
    app: &App,
    request: &VerifiedKey<NewAccount>,
    id: AccountId,
    binding: Option<Binding>,
) -> Result<Account, StoreError> {
    let now = app.clock.now();
    let account = Account {
        id,
        authority: request.authority.clone(),
        key: request.key.clone(),
        status: AccountStatus::Valid,
        contact: request.payload.contact.clone(),
        terms_agreed: request.payload.terms_of_service_agreed,
        external_key: binding.as_ref().map(|binding| binding.kid().to_owned()),
        created: now,
    };
    let mut batch = Batch::new();
    tables::accounts::insert(&mut batch, &account)?;
    if let Some(binding) = binding {
        binding.record(account.id, &mut batch)?;
    }
    let act = Act::AccountCreated {
        account: account.id,
        authority: account.authority.clone(),
        thumbprint: account.key.thumbprint(),
        external_key: account.external_key.clone(),
    };
    batch.record(now, act);
    app.store.commit(batch).await?;
    Ok(account)
}
