//! A store as years of use leave it: many certificates, all or some revoked, written before the server starts.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_server::order::model::{Certificate, CertificateStatus};
use ca_server::store::sled::{Sled, SledConfig};
use ca_server::store::tables::certificates;
use ca_server::store::{Batch, Store};
use certs::crl::RevocationReason;
use certs::identifier::Identifier;
use certs::issuer::Issuer;
use certs::leaf::Proof;
use certs::serial::Serial;
use data_encoding::HEXLOWER;
use time::{Duration, OffsetDateTime};

use crate::load::process::free_port;

/// Certificates of one batch.
const TOGETHER: usize = 25;
/// Octets of a certificate as devices have it.
const CERTIFICATE: usize = 900;

/// Why a store was not filled.
pub type FillError = Box<dyn std::error::Error + Send + Sync>;

/// One certificate of an authority, valid for a year, for `n.fleet.test`; its serial follows from `n`.
///
/// # Panics
/// Never: the name is one.
#[must_use]
pub fn certificate(authority: &str, issuer: &Issuer, n: u32, now: OffsetDateTime) -> Certificate {
    let mut entropy = [0; 16];
    // Spread as random numbers are: consecutive ones fall onto different shards.
    let mixed = u128::from(n).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    entropy.copy_from_slice(&mixed.to_be_bytes());
    let name = Identifier::from_parts("dns", &format!("room-{n}.fleet.test"));
    Certificate {
        serial: Serial::new(now, entropy),
        authority: authority.parse().unwrap_or_else(|_| unreachable!("the name of an authority")),
        issuer: HEXLOWER.encode(issuer.subject_key_identifier()),
        order: None,
        account: None,
        profile: "device".to_owned(),
        identifiers: name.into_iter().collect(),
        proofs: vec![Proof::Dns01],
        status: CertificateStatus::Issued,
        der: STANDARD.encode([0x30; CERTIFICATE]),
        not_before: now,
        not_after: now + Duration::days(365),
        created: now,
        revoked: None,
        revocation_reason: None,
        replaces: None,
        evidence: Vec::new(),
        holder: None,
    }
}

/// The same, revoked.
#[must_use]
pub fn revoked(certificate: Certificate, now: OffsetDateTime) -> Certificate {
    Certificate {
        status: CertificateStatus::Revoked,
        revoked: Some(now),
        revocation_reason: Some(RevocationReason::KeyCompromise.code()),
        ..certificate
    }
}

/// Writes certificates into a store.
///
/// # Errors
/// If the store fails.
pub async fn insert(store: &Store, all: impl IntoIterator<Item = Certificate>) -> Result<(), FillError> {
    let (mut batch, mut count) = (Batch::new(), 0);
    for one in all {
        certificates::insert(&mut batch, &one)?;
        count += 1;
        if count % TOGETHER == 0 {
            store.commit(std::mem::take(&mut batch)).await?;
        }
    }
    store.commit(batch).await?;
    Ok(())
}

/// What a filled store is about.
#[derive(Debug)]
pub struct Filled {
    /// Who issued it all.
    pub issuer: Issuer,
    /// The serials that are good.
    pub good: Vec<Serial>,
    /// The serials that are revoked.
    pub bad: Vec<Serial>,
}

/// Fills the store of a folder that `ca-server init` made, while no server runs, with so many good certificates and so many revoked ones.
///
/// # Errors
/// If the folder is none, or the store fails.
pub async fn folder(folder: &Path, good: u32, bad: u32) -> Result<Filled, FillError> {
    let issuer = issuer(folder)?;
    let store = Store::new(Arc::new(Sled::open(&SledConfig::new(&folder.join("data")))?));
    let now = OffsetDateTime::now_utc().replace_nanosecond(0)?;
    let number = |n| certificate("external", &issuer, n, now);
    insert(&store, (0..good).map(number)).await?;
    insert(&store, (good..good + bad).map(|n| revoked(number(n), now))).await?;
    store.close().await;
    let serials = |range: std::ops::Range<u32>| range.map(|n| number(n).serial).collect();
    Ok(Filled { good: serials(0..good), bad: serials(good..good + bad), issuer })
}

/// Has the server of such a folder serve relying parties on a plain port of its own; gives the URL.
///
/// # Errors
/// If there is no port, or the configuration cannot be written.
pub fn serve_relying_parties(folder: &Path) -> Result<String, FillError> {
    let port = free_port()?;
    let file = folder.join("ca.toml");
    let text = std::fs::read_to_string(&file)?
        .replace("\n#listen = \"0.0.0.0:14080\"", &format!("\nlisten = \"127.0.0.1:{port}\""));
    std::fs::write(file, text)?;
    Ok(format!("http://localhost:{port}"))
}

/// The issuer of `external` in such a folder.
///
/// # Errors
/// If there is none.
pub fn issuer(folder: &Path) -> Result<Issuer, FillError> {
    let pem = std::fs::read_to_string(folder.join("authorities/external/intermediate.pem"))?;
    Ok(Issuer::from_pem(&pem)?)
}
