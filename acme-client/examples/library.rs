//! Every request of the ACME library in one walk, against an authority of your choice:
//! `cargo run -p acme-client --example library -- DIRECTORY-URL ROOT.pem NAME [--publish]`.
//!
//! Registers, orders, answers the `dns-01` challenge, finalizes, downloads, asks for renewal, replaces, changes the account key, revokes
//! and deactivates. With `--publish` it prints the TXT record and waits for Enter; without, the record must not matter, as with a
//! test authority that takes every proof. An external account key comes from `EAB_KEY_ID` and `EAB_KEY`. Keeps nothing.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use acme_client::acme::{
    Account, AuthorizationStatus, CertificateChain, CertificateId, Challenge, ChallengeType, Client,
    ClientConfig, ExternalAccountKey, HttpsConfig, Identifier, JwsKey, NewAccount, NewOrder, Order, Patience,
    RevocationReason, Roots, key_authorization,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer, X509Certificate};

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, root, name, rest @ ..] = arguments.as_slice() else {
        return Err("usage: library DIRECTORY-URL ROOT.pem NAME [--publish]".into());
    };
    let publish = rest.first().is_some_and(|flag| flag == "--publish");

    let https = HttpsConfig::new(Roots::from_pem(&std::fs::read(root)?)?);
    let client =
        Client::connect(ClientConfig { directory: directory.parse()?, https, patience: Patience::default() })
            .await?;
    println!("profiles: {:?}", client.directory().meta.profiles);

    let external_account = match (std::env::var("EAB_KEY_ID"), std::env::var("EAB_KEY")) {
        (Ok(key_id), Ok(key)) => Some(ExternalAccountKey::from_base64url(key_id, &key)?),
        _ => None,
    };
    let new = NewAccount { terms_of_service_agreed: true, external_account, ..NewAccount::default() };
    let registration = client.register(JwsKey::generate()?, &new).await?;
    let account = registration.account;
    println!("account {} is new: {}", account.url(), registration.created);

    let first = NewOrder::new([Identifier::dns(name.as_str())]);
    let (chain, key) = obtain(&account, &first, name, publish).await?;
    let chains = account.certificate_chains(&chain.url).await?;
    println!("{} certificates, {} chains", chain.certificates.len(), chains.len());
    let leaf = chain.certificates.first().ok_or("empty chain")?;

    let mut second = NewOrder::new([Identifier::dns(name.as_str())]);
    if client.directory().renewal_info.is_some() {
        let id = certificate_id(leaf)?;
        let info = client.renewal_info(&id).await?;
        println!("renew between {} and {}", info.start, info.end);
        second.replaces = Some(id);
    }
    let (newer, _) = obtain(&account, &second, name, publish).await?;

    let change = account.prepare_key_change(JwsKey::generate()?)?; // store change.new_key() here
    let account = change.send().await?;
    println!("account {} has a new key", account.url());
    println!("orders: {}", account.orders().await?.len());

    let with_key = JwsKey::from_pkcs8_der(&key.serialize_der())?;
    let reason = Some(RevocationReason::KeyCompromise);
    println!("by its key: {:?}", client.revoke_with_certificate_key(&with_key, leaf, reason).await?);
    let leaf = newer.certificates.first().ok_or("empty chain")?;
    println!("by account: {:?}", account.revoke(leaf, Some(RevocationReason::Superseded)).await?);
    println!("again: {:?}", account.revoke(leaf, None).await?);
    println!("account is {:?}", account.deactivate().await?.status);
    match account.document().await {
        Err(refused) => println!("as it should be: {refused}"),
        Ok(document) => println!("still readable as {:?}", document.status),
    }
    Ok(())
}

/// One order from opening to the chain.
async fn obtain(
    account: &Account,
    new: &NewOrder,
    name: &str,
    publish: bool,
) -> Result<(CertificateChain, KeyPair), Failure> {
    let order = account.new_order(new).await?;
    println!("order {} for profile {:?}", order.url, order.profile);
    for url in &order.authorizations {
        let authorization = account.authorization(url).await?;
        if authorization.status == AuthorizationStatus::Valid {
            continue; // proven for an earlier order
        }
        let challenge = authorization.challenge(&ChallengeType::Dns01).ok_or("no dns-01 offered")?;
        if publish {
            show_record(account, name, challenge)?;
        }
        account.respond(challenge).await?;
        account.wait_for_authorization(url).await?;
    }
    let ready: Order = account.wait_until_ready(&order.url).await?;
    let key = KeyPair::generate()?;
    let stored = serde_json::to_vec(&ready)?; // with the key, on disk, before finalizing
    account.finalize(&serde_json::from_slice(&stored)?, &request(name, &key)?).await?;
    let valid = account.wait_until_valid(&order.url).await?;
    let chain = account.certificate(&valid.certificate.ok_or("no certificate")?).await?;
    Ok((chain, key))
}

fn show_record(account: &Account, name: &str, challenge: &Challenge) -> Result<(), Failure> {
    let value = account.key_authorization(challenge)?.dns_value();
    println!("publish {} TXT {value}, then press Enter", key_authorization::dns_01_name(name));
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}

fn request(name: &str, key: &KeyPair) -> Result<Vec<u8>, Failure> {
    let mut parameters = CertificateParams::new([name.to_owned()])?;
    parameters.distinguished_name = DistinguishedName::new();
    Ok(parameters.serialize_request(key)?.der().to_vec())
}

fn certificate_id(der: &[u8]) -> Result<CertificateId, Failure> {
    let (_, certificate) = X509Certificate::from_der(der)?;
    let key_id = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(identifier) => {
            identifier.key_identifier.as_ref().map(|key| key.0)
        }
        _ => None,
    });
    Ok(CertificateId::new(key_id.ok_or("no authority key identifier")?, certificate.raw_serial())?)
}
