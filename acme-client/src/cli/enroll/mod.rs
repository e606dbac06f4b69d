//! `enroll device`, `enroll user` and `enroll internal`: the first certificate of an identity, and the settings its renewals will use.
//!
//! Safe to repeat: an order that was cut off is finished, and an identity that is in order is left alone.

mod device;
mod internal;
mod user;

use std::{fs, path::Path};

use serde::Serialize;
use time::OffsetDateTime;
use url::Url;
use zeroize::Zeroizing;

use super::{
    CliError, CommonArguments, Ending, Session,
    output::{distance, moment},
    renew::DeploymentView,
};
use crate::{
    acme::{Client, ExternalAccountKey, Roots},
    clock::{Clock, SystemClock},
    deploy::deploy,
    enroll::{
        AccountOptions, Agent, EnrollError, Leaf, abandon, check_store, directory_url, obtain_and_register,
        open_account, sweep,
    },
    progress::Progress,
    renew::{Due, decide},
    state::{CurrentPair, DeploySettings, IdentityDir, IdentityName, IdentitySettings, ServerLabel, Subject},
};

pub(super) use device::device;
pub(super) use internal::internal;
pub(super) use user::user;

/// What `enroll --json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Enrolled {
    identity: IdentityName,
    names: Vec<String>,
    directory: Url,
    account: Url,
    profile: Option<String>,
    generation: u64,
    serial: String,
    #[serde(with = "time::serde::rfc3339")]
    not_before: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
    certificate: String,
    chain: String,
    fullchain: String,
    key: String,
    issued: bool,
    resumed: bool,
    deployment: DeploymentView,
}

/// Enrols; everything but who it is.
async fn enroll(
    session: &Session,
    agent: Agent<'_>,
    common: &CommonArguments,
    settings: &IdentitySettings,
    name: &IdentityName,
) -> Result<Enrolled, CliError> {
    let options = account_options(common)?;
    check_store(settings).await.map_err(EnrollError::from)?;
    let client = connect(session, common.root.as_deref(), &settings.directory).await?;
    let mut account = open_account(agent, &client, &options).await?;
    let identity = session.state.identity(name);
    let previous = identity.exists().then(|| identity.settings()).transpose()?;
    identity.store_settings(settings)?;
    let (issued, resumed) = if !common.force && is_current(&identity, previous.as_ref(), settings)? {
        (false, false)
    } else {
        if common.force && settings.person().is_some() {
            abandon(&account, &identity).await?;
        }
        let replaces = current_leaf(&identity).and_then(|leaf| leaf.id);
        match obtain_and_register(agent, &mut account, &options, &identity, settings, replaces).await {
            Ok(obtained) => (true, obtained.resumed),
            Err(error) => return Err(undo(&identity, previous.as_ref(), error).await),
        }
    };
    finish(agent, &identity, settings, account.url().url().clone(), (issued, resumed)).await
}

/// Prints how it went.
fn tell(session: &Session, progress: Box<dyn Progress>, view: &Enrolled) -> Result<Ending, CliError> {
    drop(progress);
    session.output.result(view, || text(view))?;
    Ok(if view.deployment.failed() { Ending::PartlyFailed } else { Ending::Done })
}

async fn finish(
    agent: Agent<'_>,
    identity: &IdentityDir,
    settings: &IdentitySettings,
    account: Url,
    (issued, resumed): (bool, bool),
) -> Result<Enrolled, CliError> {
    let deployment = DeploymentView::new(&deploy(identity, settings.deploy.as_ref(), agent.clock).await?);
    let current = identity.current()?.ok_or_else(|| EnrollError::NoCertificate(identity.name().clone()))?;
    let leaf = Leaf::from_pem(&current.certificate).map_err(EnrollError::from)?;
    let file = |file: &str| identity.path().join("current").join(file).display().to_string();
    Ok(Enrolled {
        identity: identity.name().clone(),
        names: leaf.names(),
        directory: settings.directory.clone(),
        account,
        profile: settings.profile.clone(),
        generation: current.generation.number(),
        serial: leaf.serial,
        not_before: leaf.not_before,
        not_after: leaf.not_after,
        certificate: file("cert.pem"),
        chain: file("chain.pem"),
        fullchain: file("fullchain.pem"),
        key: current.token_key().map_or_else(|| file("key.pem"), str::to_owned),
        issued,
        resumed,
        deployment,
    })
}

/// Takes back settings that led to nothing, unless an order waits to be finished with them.
async fn undo(identity: &IdentityDir, previous: Option<&IdentitySettings>, error: EnrollError) -> CliError {
    sweep(identity).await;
    let waiting = identity.pending().ok().flatten().is_some();
    let undone = match (waiting, previous) {
        (true, _) => Ok(()),
        (false, Some(previous)) => identity.store_settings(previous),
        // What could not be destroyed in a token is known here alone.
        (false, None) if identity.token_keys().is_ok_and(|keys| keys.is_empty()) => identity.remove(),
        (false, None) => Ok(()),
    };
    if let Err(error) = undone {
        tracing::warn!(%error, "the settings could not be taken back");
    }
    error.into()
}

/// The settings that are common to devices and people.
fn settings(common: &CommonArguments, subject: Subject) -> Result<IdentitySettings, CliError> {
    Ok(IdentitySettings {
        subject,
        directory: directory_url(&common.ca)?,
        profile: common.profile.clone(),
        key_type: common.key_type,
        key_store: common.key_store.clone(),
        keep: common.keep,
        deploy: common.deploy_hook.clone().map(DeploySettings::new),
    })
}

fn account_options(arguments: &CommonArguments) -> Result<AccountOptions, CliError> {
    let contact = |address: &String| {
        if address.contains(':') { address.clone() } else { format!("mailto:{address}") }
    };
    let external_account = match (&arguments.eab_kid, &arguments.eab_key_file) {
        (Some(kid), Some(path)) => {
            let text =
                fs::read_to_string(path).map_err(|source| CliError::File { path: path.clone(), source })?;
            let text = Zeroizing::new(text);
            let key = ExternalAccountKey::from_base64url(kid.clone(), text.trim());
            Some(key.map_err(|source| CliError::ExternalAccountKey { path: path.clone(), source })?)
        }
        (Some(_), None) | (None, _) => None,
    };
    Ok(AccountOptions {
        contacts: arguments.contacts.iter().map(contact).collect(),
        external_account,
        agree_to_terms: arguments.agree_tos,
    })
}

/// Reaches the server. Roots that were given replace the stored ones only once they have proven right: renewals depend on those.
async fn connect(session: &Session, root: Option<&Path>, directory: &Url) -> Result<Client, CliError> {
    let Some(path) = root else {
        return Ok(session.connector.connect(&session.state, directory).await?);
    };
    let pem = fs::read(path).map_err(|source| CliError::File { path: path.to_path_buf(), source })?;
    Roots::from_pem(&pem).map_err(|source| CliError::Roots { path: path.to_path_buf(), source })?;
    let client = session.connector.connect_trusting(directory, Some(&pem)).await?;
    session.state.account(&ServerLabel::of(directory)).store_roots(&pem)?;
    Ok(client)
}

/// Whether the present certificate was ordered where these settings say, and as what. How names are proven does not matter.
fn is_from(current: &CurrentPair, previous: Option<&IdentitySettings>, settings: &IdentitySettings) -> bool {
    match (&current.origin, previous) {
        (Some(origin), _) => (&origin.directory, &origin.profile) == (&settings.directory, &settings.profile),
        // A generation of a time when its origin was not kept: it came of the settings beside it.
        (None, Some(previous)) => {
            (&previous.directory, &previous.profile) == (&settings.directory, &settings.profile)
        }
        (None, None) => false,
    }
}

fn current_leaf(identity: &IdentityDir) -> Option<Leaf> {
    let current = identity.current().ok().flatten()?;
    Leaf::from_pem(&current.certificate).ok()
}

/// Whether the present certificate is the right one and not due.
fn is_current(
    identity: &IdentityDir,
    previous: Option<&IdentitySettings>,
    settings: &IdentitySettings,
) -> Result<bool, CliError> {
    if identity.pending()?.is_some() {
        return Ok(false);
    }
    let Some(current) = identity.current()? else { return Ok(false) };
    let Ok(leaf) = Leaf::from_pem(&current.certificate) else { return Ok(false) };
    let now = SystemClock.now();
    let matches = is_from(&current, previous, settings)
        && previous.is_none_or(|previous| previous.key_type == settings.key_type)
        && previous.is_none_or(|previous| previous.key_store == settings.key_store)
        && leaf.check(&settings.identifiers(), &current.key, now).is_ok();
    Ok(matches && matches!(decide(now, Some(&leaf), &identity.renewal()?, 0), Due::At(..)))
}

fn text(view: &Enrolled) -> String {
    let done = if view.issued { "enrolled" } else { "already enrolled" };
    let mut text = format!(
        "{done} {} until {} ({})\n  certificate  {}\n  full chain   {}\n  private key  {}\n",
        if view.names.is_empty() { view.identity.to_string() } else { view.names.join(", ") },
        moment(view.not_after),
        distance(SystemClock.now(), view.not_after),
        view.certificate,
        view.fullchain,
        view.key,
    );
    if let Some(problem) = &view.deployment.message {
        text.push_str(&format!(
            "  deploy hook failed, it will run again with `acme-client renew`: {problem}\n"
        ));
    }
    text
}

#[cfg(test)]
mod tests;
