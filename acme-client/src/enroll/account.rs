//! The account at one server: found in the state directory, or registered (RFC 8555 §7.3).
//!
//! The key is durable before the server hears of it, so a lost answer finds the same account again. A rollover that was cut
//! off is settled here, by asking the server which key it knows.

use zeroize::Zeroizing;

use super::{Agent, EnrollError, connect::resource_url};
use crate::{
    acme::{
        Account, Client, ExternalAccountKey, JwsKey, KeyChangeError, NewAccount, ProblemKind, Registration,
    },
    state::{AccountDir, AccountRecord, ServerLabel},
};

/// What a new account says about itself.
#[derive(Clone, Debug, Default)]
pub struct AccountOptions {
    /// Contact URLs; none means none for a new account and no change for an old one.
    pub contacts: Vec<String>,
    /// Proof of an account the server's operator knows.
    pub external_account: Option<ExternalAccountKey>,
    /// Whether the server's terms of service are agreed to.
    pub agree_to_terms: bool,
}

/// The stored account at this server, or a new one.
pub async fn open_account(
    agent: Agent<'_>,
    client: &Client,
    options: &AccountOptions,
) -> Result<Account, EnrollError> {
    let folder = folder(agent, client);
    match folder.record()? {
        Some(record) if record.url.is_some() && !record.deactivated => {
            let account = settled(&folder, client, &record).await?;
            if options.contacts.is_empty() || options.contacts == record.contacts {
                return Ok(account);
            }
            match account.update_contact(&options.contacts).await {
                Ok(_) => {
                    folder.store_record(&AccountRecord { contacts: options.contacts.clone(), ..record })?;
                    Ok(account)
                }
                Err(error) => registered_again(agent, client, options, error.into()).await,
            }
        }
        // A record without URL is a registration whose answer was lost: the same key finds the same account.
        Some(record) if !record.deactivated => register(agent, client, &folder, options, record).await,
        Some(_) | None => {
            let key = JwsKey::generate()?;
            folder.store_key(&key_pem(&key)?)?;
            let record = AccountRecord {
                directory: client.directory_url().url().clone(),
                url: None,
                contacts: options.contacts.clone(),
                eab_kid: None,
                terms: None,
                created: agent.clock.now(),
                deactivated: false,
            };
            folder.store_record(&record)?;
            register(agent, client, &folder, options, record).await
        }
    }
}

/// The stored account at this server; an error if there is none in use.
pub async fn known_account(agent: Agent<'_>, client: &Client) -> Result<Account, EnrollError> {
    let _one_at_a_time = agent.connector.accounts().await;
    let folder = folder(agent, client);
    match folder.record()? {
        Some(record) if record.deactivated => {
            Err(EnrollError::Deactivated(client.directory_url().to_string()))
        }
        Some(record) if record.url.is_some() => settled(&folder, client, &record).await,
        Some(_) | None => Err(EnrollError::NoAccount(client.directory_url().to_string())),
    }
}

/// The account anew, if `error` says that the server has forgotten it, as one does whose store was lost: the stored key is registered
/// again. Any other error is given back. Callers try once more with it, and no oftener.
pub(super) async fn registered_again(
    agent: Agent<'_>,
    client: &Client,
    options: &AccountOptions,
    error: EnrollError,
) -> Result<Account, EnrollError> {
    let folder = folder(agent, client);
    let forgotten = match &error {
        EnrollError::Acme(error) => {
            error.request().is_some_and(|request| request.is_problem(&ProblemKind::AccountDoesNotExist))
        }
        _ => false,
    };
    let (true, Some(record)) = (forgotten, folder.record()?) else { return Err(error) };
    let _one_at_a_time = agent.connector.accounts().await;
    agent.progress.note("the server does not know the account any more");
    let terms = client.directory().meta.terms_of_service.as_ref();
    let options = AccountOptions {
        contacts: if options.contacts.is_empty() {
            record.contacts.clone()
        } else {
            options.contacts.clone()
        },
        external_account: options.external_account.clone(),
        agree_to_terms: options.agree_to_terms || (terms.is_some() && terms == record.terms.as_ref()),
    };
    register(agent, client, &folder, &options, record).await
}

fn folder(agent: Agent<'_>, client: &Client) -> AccountDir {
    agent.state.account(&ServerLabel::of(client.directory_url().url()))
}

async fn register(
    agent: Agent<'_>,
    client: &Client,
    folder: &AccountDir,
    options: &AccountOptions,
    record: AccountRecord,
) -> Result<Account, EnrollError> {
    if let Some(terms) = client.directory().meta.terms_of_service.as_ref().filter(|_| !options.agree_to_terms)
    {
        return Err(EnrollError::Terms(terms.clone()));
    }
    let key = stored_key(folder, client)?;
    agent.progress.step("registering the account");
    let new = NewAccount {
        contact: options.contacts.clone(),
        terms_of_service_agreed: options.agree_to_terms,
        external_account: options.external_account.clone(),
    };
    let Registration { account, document, created } = client.register(key, &new).await?;
    // The key may have been registered before, with an answer that was lost; then this request changed nothing.
    if !created && !options.contacts.is_empty() && document.contact != options.contacts {
        account.update_contact(&options.contacts).await?;
    }
    folder.store_record(&AccountRecord {
        url: Some(account.url().url().clone()),
        contacts: options.contacts.clone(),
        eab_kid: options.external_account.as_ref().map(|external| external.key_id().to_owned()),
        terms: client.directory().meta.terms_of_service.clone(),
        ..record
    })?;
    Ok(account)
}

/// The stored account; if a rollover was cut off, with whichever key the server knows.
async fn settled(
    folder: &AccountDir,
    client: &Client,
    record: &AccountRecord,
) -> Result<Account, EnrollError> {
    let key = stored_key(folder, client)?;
    let Some(url) = &record.url else {
        return Err(EnrollError::NoAccount(client.directory_url().to_string()));
    };
    let url = resource_url(url.as_str())?;
    let Some(next) = folder.next_key()? else { return Ok(client.account(key, url)) };
    let next = JwsKey::from_pkcs8_pem(&next)?;
    let account = match client.settle_key_change(&url, key.clone(), next.clone()).await {
        // It has forgotten the account. The old key will be registered again; the next key waits until that is settled.
        Err(KeyChangeError::NeitherKey(_)) => return Ok(client.account(key, url)),
        settled => settled?,
    };
    if account.key().thumbprint() == next.thumbprint() {
        folder.promote_next_key()?;
    } else {
        folder.drop_next_key()?;
    }
    Ok(account)
}

fn stored_key(folder: &AccountDir, client: &Client) -> Result<JwsKey, EnrollError> {
    let pem = folder.key()?.ok_or_else(|| EnrollError::NoAccount(client.directory_url().to_string()))?;
    Ok(JwsKey::from_pkcs8_pem(&pem)?)
}

/// An account key as PKCS#8 PEM.
pub(crate) fn key_pem(key: &JwsKey) -> Result<Zeroizing<String>, EnrollError> {
    let der = key.to_pkcs8_der()?;
    let body = Zeroizing::new(data_encoding::BASE64.encode(&der));
    let mut pem = Zeroizing::new(String::with_capacity(body.len() + 80));
    pem.push_str("-----BEGIN PRIVATE KEY-----\n");
    for line in body.as_bytes().chunks(64) {
        pem.extend(line.iter().map(|byte| char::from(*byte)));
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    Ok(pem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_being_stored_as_pem() {
        let key = JwsKey::generate().unwrap();
        let back = JwsKey::from_pkcs8_pem(&key_pem(&key).unwrap()).unwrap();
        assert_eq!(back.thumbprint(), key.thumbprint());
    }
}
