//! One certificate, from order to installation, resumable at every point.
//!
//! 1. take up the stored order or open a new one; 2. store it with its key and signing request; 3. prove the names; 4. finalize;
//!    5. download and check; 6. install. A crash before 2 leaves an unused order at the server and nothing here.

use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use time::OffsetDateTime;

use super::{
    AccountOptions, Agent, EnrollError, Leaf, LeafError, SignInError,
    account::registered_again,
    connect::resource_url,
    csr::request,
    keys::{check_store, is_usable, new_key_for, sweep},
    prove::prove,
    sign_in,
};
use crate::{
    acme::{
        Account, AuthorizationError, AuthorizationStatus, CertificateId, Error, NewOrder, Order, OrderError,
        OrderStatus, ProblemKind,
    },
    internal::InternalError,
    state::{
        Generation, IdentityDir, IdentitySettings, Issued, Origin, PendingOrder, RenewalRecord, Subject,
    },
};

/// A certificate that is in place.
#[derive(Clone, Debug)]
pub struct Obtained {
    /// Its generation.
    pub generation: Generation,
    /// What it says.
    pub leaf: Leaf,
    /// Whether an order from an earlier run was finished.
    pub resumed: bool,
    /// A person: until when the server takes this sign-in for further certificates, if it said so.
    pub signed_in_until: Option<OffsetDateTime>,
}

/// Obtains and installs a certificate. `replaces` names the certificate it is for (RFC 9773 §5), if the server knows that.
pub async fn obtain(
    agent: Agent<'_>,
    account: &Account,
    identity: &IdentityDir,
    settings: &IdentitySettings,
    replaces: Option<CertificateId>,
) -> Result<Obtained, EnrollError> {
    let resumed = resume(agent, account, identity, settings).await?;
    let was_pending = resumed.is_some();
    let (order, mut pending, mut key) = match resumed {
        Some(found) => found,
        None => open(agent, account, identity, settings, replaces.clone()).await?,
    };
    let (order, signed_in_until) = match ready(agent, account, identity, order, settings).await {
        Err(EnrollError::SignIn(error)) if was_pending && matches!(*error, SignInError::Stale) => {
            agent.progress.note("the sign-in of an earlier run cannot be gone on with; ordering anew");
            abandon(account, identity).await?;
            let anew = open(agent, account, identity, settings, replaces).await?;
            (pending, key) = (anew.1, anew.2);
            ready(agent, account, identity, anew.0, settings).await?
        }
        other => other?,
    };
    let order = if order.status == OrderStatus::Ready {
        agent.progress.step("asking for the certificate");
        let csr = BASE64URL_NOPAD.decode(pending.csr.as_bytes()).unwrap_or_default();
        account.finalize(&order, &csr).await?
    } else {
        order
    };
    let order = forget_if_lost(identity, account.wait_until_valid(&order.url).await)?;
    let url = order.certificate.ok_or_else(|| OrderError::NoCertificate(order.url.clone()))?;
    agent.progress.step("downloading the certificate");
    let chain = account.certificate(&url).await?;
    let leaf = Leaf::from_pem(&chain.pem)?;
    if let Err(mismatch) = leaf.check(&settings.identifiers(), &key, agent.clock.now()) {
        // The order will never yield anything better.
        identity.clear_pending()?;
        return Err(mismatch.into());
    }
    let origin = Origin { directory: pending.directory, profile: pending.profile };
    let issued = Issued::from_chain(&chain.pem, key).ok_or(LeafError::Malformed)?.from_origin(origin);
    let generation = identity.install(&issued, settings.keep)?;
    // What was known of renewing the old certificate is of no use for this one.
    let last_success = Some(agent.clock.now());
    identity.store_renewal(&RenewalRecord { last_success, signed_in_until, ..RenewalRecord::default() })?;
    sweep(identity).await;
    Ok(Obtained { generation, leaf, resumed: was_pending, signed_in_until })
}

/// As [`obtain`]; but if the server has forgotten the account, as one does whose store was lost, the stored key is registered again,
/// once, and the new account takes the place of `account`.
pub async fn obtain_and_register(
    agent: Agent<'_>,
    account: &mut Account,
    options: &AccountOptions,
    identity: &IdentityDir,
    settings: &IdentitySettings,
    replaces: Option<CertificateId>,
) -> Result<Obtained, EnrollError> {
    match obtain(agent, account, identity, settings, replaces.clone()).await {
        Ok(obtained) => Ok(obtained),
        Err(error) => {
            *account = registered_again(agent, account.client(), options, error).await?;
            obtain(agent, account, identity, settings, replaces).await
        }
    }
}

type Found = (Order, PendingOrder, Zeroizing<String>);

/// The order of an earlier run, if it is for the same thing and not lost.
async fn resume(
    agent: Agent<'_>,
    account: &Account,
    identity: &IdentityDir,
    settings: &IdentitySettings,
) -> Result<Option<Found>, EnrollError> {
    let Some((pending, key)) = identity.pending()? else { return Ok(None) };
    let same = pending.directory == settings.directory
        && pending.account.as_str() == account.url().as_str()
        && pending.names == settings.names()
        && pending.profile == settings.profile;
    if !same {
        identity.clear_pending()?;
        return Ok(None);
    }
    if !is_usable(&key).await? {
        identity.clear_pending()?;
        return Ok(None);
    }
    let url = resource_url(pending.order.as_str())?;
    match account.order(&url).await {
        Ok(order) if order.status != OrderStatus::Invalid => {
            agent.progress.step("going on with the order of an earlier run");
            Ok(Some((order, pending, key)))
        }
        Ok(_) => {
            identity.clear_pending()?;
            Ok(None)
        }
        // The server does not know the order any more; anything that may pass is an error to try again after.
        Err(error) if error.problem().is_some() && !error.is_passing() => {
            tracing::info!(order = %url, %error, "the order of an earlier run is lost");
            identity.clear_pending()?;
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Gives the pending order up, here and at the server, which might else answer the next order with the same proofs to be done.
pub async fn abandon(account: &Account, identity: &IdentityDir) -> Result<(), EnrollError> {
    let Some((pending, _)) = identity.pending()? else { return Ok(()) };
    if pending.account.as_str() == account.url().as_str()
        && let Err(error) = abandon_at_server(account, &pending).await
    {
        tracing::info!(order = %pending.order, %error, "the server keeps the order that was given up");
    }
    Ok(identity.clear_pending()?)
}

async fn abandon_at_server(account: &Account, pending: &PendingOrder) -> Result<(), EnrollError> {
    let order = account.order(&resource_url(pending.order.as_str())?).await?;
    for url in &order.authorizations {
        if account.authorization(url).await?.status == AuthorizationStatus::Pending {
            account.deactivate_authorization(url).await?;
        }
    }
    Ok(())
}

/// Opens an order and stores it with its key.
async fn open(
    agent: Agent<'_>,
    account: &Account,
    identity: &IdentityDir,
    settings: &IdentitySettings,
    replaces: Option<CertificateId>,
) -> Result<Found, EnrollError> {
    let (identifiers, names) = (settings.identifiers(), settings.names());
    check_store(settings).await?;
    agent.progress.step(&format!("ordering a certificate for {}", names.join(", ")));
    let mut new = NewOrder::new(identifiers.iter().cloned());
    new.profile.clone_from(&settings.profile);
    new.replaces = replaces.filter(|_| account.client().directory().renewal_info.is_some());
    let order = match account.new_order(&new).await {
        Err(error) if new.replaces.is_some() && refuses_replaces(&error) => {
            agent
                .progress
                .note("the server refuses the order; trying without naming the certificate it replaces");
            account.new_order(&NewOrder { replaces: None, ..new }).await?
        }
        other => other?,
    };
    let key = new_key_for(identity, settings).await?;
    let pending = PendingOrder {
        order: order.url.url().clone(),
        directory: settings.directory.clone(),
        account: account.url().url().clone(),
        names,
        profile: settings.profile.clone(),
        csr: BASE64URL_NOPAD.encode(&request(&identifiers, &key).await?),
        created: agent.clock.now(),
    };
    identity.store_pending(&pending, &key)?;
    Ok((order, pending, key))
}

/// RFC 9773 §5: a server may refuse `replaces`, for one because another account ordered the old certificate; the new one is wanted all the same.
fn refuses_replaces(error: &OrderError) -> bool {
    let OrderError::Request(request) = error else { return false };
    let kinds = [ProblemKind::AlreadyReplaced, ProblemKind::Malformed, ProblemKind::Unauthorized];
    kinds.iter().any(|kind| request.is_problem(kind))
}

async fn ready(
    agent: Agent<'_>,
    account: &Account,
    identity: &IdentityDir,
    order: Order,
    settings: &IdentitySettings,
) -> Result<(Order, Option<OffsetDateTime>), EnrollError> {
    if order.status != OrderStatus::Pending {
        let until = match settings.person() {
            Some(_) => sign_in::proven_until(account, &order).await,
            None => None,
        };
        return Ok((order, until));
    }
    let proven = match &settings.subject {
        // An internal authority has no orders.
        Subject::Internal(_) | Subject::Est(_) => Err(InternalError::NotActivated.into()),
        Subject::Device(device) => prove(agent, account, &order, device).await.map(|()| None),
        Subject::Person(person) => sign_in::prove(agent, account, identity, &order, person).await,
    };
    let until = match proven {
        Ok(until) => until,
        // The server judged: this order is dead and the next run needs a new one. Anything else may be gone on with.
        Err(error) if was_refused(&error) => {
            identity.clear_pending()?;
            return Err(error);
        }
        Err(error) => return Err(error),
    };
    Ok((forget_if_lost(identity, account.wait_until_ready(&order.url).await)?, until))
}

/// Forgets the pending order if the server says that it is invalid.
fn forget_if_lost(identity: &IdentityDir, outcome: Result<Order, OrderError>) -> Result<Order, EnrollError> {
    if let Err(OrderError::Invalid { .. }) = &outcome {
        identity.clear_pending()?;
    }
    Ok(outcome?)
}

fn was_refused(error: &EnrollError) -> bool {
    let EnrollError::Acme(error) = error else { return false };
    matches!(**error, Error::Authorization(AuthorizationError::Refused { .. }))
}
