//! Account key rollover (RFC 8555 §7.3.5): the new key is stored, then asked for, then made the account's own.
//!
//! A run cut off in between leaves both keys; the next use of the account asks the server which one it knows.

use super::{Agent, EnrollError, account::key_pem};
use crate::{
    acme::{Account, JwsKey},
    state::ServerLabel,
};

/// Gives the account a new key.
pub async fn rollover(agent: Agent<'_>, account: &Account) -> Result<Account, EnrollError> {
    agent.progress.step("changing the account key");
    let folder = agent.state.account(&ServerLabel::of(account.client().directory_url().url()));
    let change = account.prepare_key_change(JwsKey::generate()?)?;
    folder.store_next_key(&key_pem(change.new_key())?)?;
    let changed = change.send().await?;
    folder.promote_next_key()?;
    Ok(changed)
}
