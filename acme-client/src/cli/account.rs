//! `account show|rollover|deactivate`: the account at one server.
//!
//! A rollover stores the new key before it asks; a run that was cut off is settled by the next command that uses the account.

use serde::Serialize;
use time::OffsetDateTime;
use url::Url;

use super::{AccountCommand, AccountTarget, CliError, Ending, Session};
use crate::{
    acme::AccountStatus,
    enroll::{EnrollError, directory_url, known_account, rollover},
    state::{AccountDir, AccountRecord, ServerLabel},
};

#[derive(Debug, Serialize)]
struct AccountView {
    url: Url,
    directory: Url,
    status: AccountStatus,
    contacts: Vec<String>,
    key_thumbprint: String,
    eab_kid: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    created: OffsetDateTime,
    key_changed: bool,
}

/// Does what was asked with the account.
pub(super) async fn account(session: &Session, command: &AccountCommand) -> Result<Ending, CliError> {
    let (AccountCommand::Show(target)
    | AccountCommand::Rollover(target)
    | AccountCommand::Deactivate(target)) = command;
    let _lock = session.lock()?;
    let (folder, record) = chosen(session, target)?;
    let progress = session.progress(false);
    let agent = session.agent(progress.as_ref(), None);
    let client = session.connector.connect(&session.state, &record.directory).await?;
    let mut account = known_account(agent, &client).await?;
    let document = match command {
        AccountCommand::Show(_) => account.document().await,
        AccountCommand::Rollover(_) => {
            account = rollover(agent, &account).await?;
            account.document().await
        }
        AccountCommand::Deactivate(_) => {
            progress.step(&format!("deactivating {}", account.url()));
            account.deactivate().await
        }
    };
    let document = document.map_err(EnrollError::from)?;
    if document.status == AccountStatus::Deactivated {
        folder.store_record(&AccountRecord { deactivated: true, ..record.clone() })?;
    }
    drop(progress);
    let view = AccountView {
        url: account.url().url().clone(),
        directory: record.directory,
        status: document.status,
        contacts: document.contact,
        key_thumbprint: account.key().thumbprint().as_str().to_owned(),
        eab_kid: record.eab_kid,
        created: record.created,
        key_changed: matches!(command, AccountCommand::Rollover(_)),
    };
    session.output.result(&view, || text(&view))?;
    Ok(Ending::Done)
}

fn chosen(session: &Session, target: &AccountTarget) -> Result<(AccountDir, AccountRecord), CliError> {
    let none = || CliError::NoAccount(session.state.path().to_path_buf());
    if let Some(ca) = &target.ca {
        let directory = directory_url(ca)?;
        let folder = session.state.account(&ServerLabel::of(&directory));
        let record = folder.record()?.ok_or_else(|| EnrollError::NoAccount(directory.to_string()))?;
        return Ok((folder, record));
    }
    let mut found = Vec::new();
    for folder in session.state.accounts()? {
        if let Some(record) = folder.record()? {
            found.push((folder, record));
        }
    }
    if found.len() > 1 {
        return Err(CliError::SeveralAccounts(
            found.iter().map(|(_, record)| record.directory.to_string()).collect(),
        ));
    }
    found.pop().ok_or_else(none)
}

fn text(view: &AccountView) -> String {
    let status = match view.status {
        AccountStatus::Valid => "valid",
        AccountStatus::Deactivated => "deactivated",
        AccountStatus::Revoked => "revoked",
    };
    let contacts = if view.contacts.is_empty() { "none".to_owned() } else { view.contacts.join(", ") };
    let changed = if view.key_changed { " (new)" } else { "" };
    format!(
        "account    {}\ndirectory  {}\nstatus     {status}\ncontacts   {contacts}\nkey        {}{changed}\n",
        view.url, view.directory, view.key_thumbprint
    )
}
