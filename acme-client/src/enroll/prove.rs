//! Proving every name of an order: publish, wait until it is seen, tell the server, wait for its verdict, clean up.
//!
//! All records are up before the first answer, since a wildcard and its base name share one place. What was published is
//! removed whatever the outcome; a failed removal is reported and changes nothing.

use super::{Agent, ChallengeError, EnrollError, choose};
use crate::{
    acme::{
        Account, Authorization, AuthorizationStatus, Challenge, ChallengeType, Order,
        key_authorization::{dns_01_name, dns_account_01_name, dns_persist_01_name, dns_persist_01_value},
    },
    dns::{ChallengeRecord, DnsError, DnsProvider, Placed, Propagation, provider},
    state::DeviceSettings,
};

/// One authorization, the challenge chosen for it and the record that answers it.
struct Proof {
    authorization: Authorization,
    challenge: Challenge,
    placed: Placed,
}

/// Proves what is not proven yet.
pub(super) async fn prove(
    agent: Agent<'_>,
    account: &Account,
    order: &Order,
    settings: &DeviceSettings,
) -> Result<(), EnrollError> {
    let propagation = Propagation::from_settings(&settings.dns)?;
    let mut proofs = Vec::new();
    for url in &order.authorizations {
        let authorization = account.authorization(url).await?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let challenge = choose(&authorization, settings.challenge, settings.dns.provider)?.clone();
        let record = record_for(account, &authorization, &challenge, settings.dns.ttl)?;
        proofs.push(Proof { placed: propagation.placed(record).await?, authorization, challenge });
    }
    if proofs.is_empty() {
        return Ok(());
    }
    let provider = provider(&settings.dns)?;
    let mut published = Vec::new();
    let outcome =
        publish_and_answer(agent, account, provider.as_ref(), &propagation, &proofs, &mut published).await;
    for record in published {
        if let Err(error) = provider.cleanup(record).await {
            // After a failure the record is most likely not there, and the failure is what a person has to know.
            if outcome.is_ok() {
                agent.progress.note(&format!("cannot remove the record at {}: {error}", record.name));
            }
            tracing::info!(record = %record.name, %error, "cannot remove a challenge record");
        }
    }
    outcome
}

async fn publish_and_answer<'a>(
    agent: Agent<'_>,
    account: &Account,
    provider: &dyn DnsProvider,
    propagation: &Propagation,
    proofs: &'a [Proof],
    published: &mut Vec<&'a ChallengeRecord>,
) -> Result<(), EnrollError> {
    for Proof { placed, .. } in proofs {
        let record = placed.record();
        if record.standing && propagation.is_served(placed).await {
            continue;
        }
        agent.progress.step(&format!("publishing {} TXT", record.name));
        // Noted first: a record that was perhaps published must be removed too.
        if !record.standing {
            published.push(record);
        }
        provider.present(record).await?;
    }
    for Proof { placed, .. } in proofs {
        propagation.wait(placed, agent.progress).await?;
    }
    agent.progress.step("waiting for the server to look");
    for Proof { challenge, .. } in proofs {
        account.respond(challenge).await?;
    }
    for Proof { authorization, .. } in proofs {
        account.wait_for_authorization(&authorization.url).await?;
    }
    Ok(())
}

/// The record that answers a challenge.
pub fn record_for(
    account: &Account,
    authorization: &Authorization,
    challenge: &Challenge,
    ttl: u32,
) -> Result<ChallengeRecord, EnrollError> {
    let domain = authorization.identifier.value.as_str();
    let record = |name: &str, value: String| -> Result<ChallengeRecord, DnsError> {
        ChallengeRecord::new(domain, name, value, ttl)
    };
    match &challenge.kind {
        ChallengeType::Dns01 => {
            Ok(record(&dns_01_name(domain), account.key_authorization(challenge)?.dns_value())?)
        }
        ChallengeType::DnsAccount01 => {
            let name = dns_account_01_name(domain, account.url());
            Ok(record(&name, account.key_authorization(challenge)?.dns_value())?)
        }
        ChallengeType::DnsPersist01 => {
            let issuer = challenge
                .issuer_domain_names
                .first()
                .ok_or_else(|| ChallengeError::NoIssuer(domain.to_owned()))?;
            let value = dns_persist_01_value(issuer, account.url(), authorization.wildcard);
            Ok(ChallengeRecord { standing: true, ..record(&dns_persist_01_name(domain), value)? })
        }
        ChallengeType::Sso01 | ChallengeType::Other(_) => Err(ChallengeError::NotOffered {
            name: domain.to_owned(),
            wanted: "a DNS challenge".to_owned(),
            offered: challenge.kind.to_string(),
        }
        .into()),
    }
}
