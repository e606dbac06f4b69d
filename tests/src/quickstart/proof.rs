//! What was shown, judged as a relying party would: by the chain and the root alone, never by what client or server say of themselves.

use acme_client::enroll::EnrollError;
use certs::chain::TrustSets;
use certs::identifier::Identifier;
use certs::key::SigningKey;
use certs::verdict::{State, Verdict, verdict};
use serde::Serialize;
use time::OffsetDateTime;

use super::authority::AUTHORITY;
use super::device::Held;
use super::{Authority, Failure};

/// One certificate and what is concluded from it.
#[derive(Serialize)]
pub(super) struct Judged {
    /// Its serial number.
    pub(super) serial: String,
    /// The digest of its public key.
    pub(super) key_sha256: String,
    /// The folder with its files.
    pub(super) folder: std::path::PathBuf,
    /// What a relying party concludes.
    pub(super) verdict: Verdict,
}

/// The first certificate, proven.
pub(super) struct Proof {
    /// It.
    pub(super) first: Judged,
}

/// Both certificates, proven.
#[derive(Serialize)]
pub(super) struct Complete {
    /// The ACME directory.
    pub(super) directory: String,
    /// The first certificate.
    pub(super) first: Judged,
    /// The one that replaced it.
    pub(super) second: Judged,
}

impl Proof {
    /// Judges the first certificate.
    pub(super) fn begin(authority: &Authority, name: &str, held: Held) -> Result<Self, Failure> {
        Ok(Self { first: judge(authority, name, &held)? })
    }

    /// Judges the second one, and that it is another certificate for another key.
    pub(super) fn complete(self, authority: &Authority, name: &str, held: Held) -> Result<Complete, Failure> {
        let second = judge(authority, name, &held)?;
        if second.serial == self.first.serial || second.key_sha256 == self.first.key_sha256 {
            return Err(Failure::NotRenewed);
        }
        Ok(Complete { directory: authority.directory.clone(), first: self.first, second })
    }
}

fn judge(authority: &Authority, name: &str, held: &Held) -> Result<Judged, Failure> {
    let mut trust = TrustSets::new();
    trust.insert_pem(AUTHORITY.parse()?, &authority.root_pem)?;
    let chain = certs::pem::parse_certificates(&held.fullchain)?;
    let expected = Identifier::from_parts("dns", name)?;
    let verdict = verdict(&chain, &trust, Some(&expected), &[], OffsetDateTime::now_utc());
    if !matches!(verdict.state, State::VerifiedBy(_)) {
        return Err(Failure::Verdict(verdict.to_string()));
    }
    let key_sha256 = hex(&SigningKey::load(&held.key, None)?.public().spki_sha256());
    let wanted = [acme_client::acme::Identifier::dns(name)];
    held.leaf.check(&wanted, &held.key, OffsetDateTime::now_utc()).map_err(EnrollError::from)?;
    Ok(Judged { serial: held.leaf.serial.clone(), key_sha256, folder: held.folder.clone(), verdict })
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
