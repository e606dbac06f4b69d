//! What was shown, judged as a relying party would: by the chain and the root alone, never by what client or server say of themselves.

use acme_client::enroll::EnrollError;
use certs::chain::TrustSets;
use certs::identifier::Identifier;
use certs::key::SigningKey;
use certs::verdict::{State, Verdict, verdict};
use serde::Serialize;
use time::OffsetDateTime;

use super::authority::AUTHORITY;
use super::compare::Row;
use super::holder::{Held, Holder};
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

/// The first certificate of a holder and the one that replaced it.
#[derive(Serialize)]
pub(super) struct Pair {
    /// The first certificate.
    pub(super) first: Judged,
    /// The one that replaced it.
    pub(super) second: Judged,
}

/// Everything that was proven.
#[derive(Serialize)]
pub(super) struct Proof {
    /// The ACME directory.
    pub(super) directory: String,
    /// A device's certificates.
    pub(super) device: Pair,
    /// A person's certificates.
    pub(super) person: Pair,
    /// Both flows side by side.
    pub(super) identities: Vec<Row>,
}

impl Judged {
    /// Judges the second one, and that it is another certificate for another key.
    pub(super) fn replaced_by(self, second: Self) -> Result<Pair, Failure> {
        if second.serial == self.serial || second.key_sha256 == self.key_sha256 {
            return Err(Failure::NotRenewed);
        }
        Ok(Pair { first: self, second })
    }
}

/// Judges a certificate that `holder` holds.
pub(super) fn judge(authority: &Authority, holder: &Holder, held: &Held) -> Result<Judged, Failure> {
    let mut trust = TrustSets::new();
    trust.insert_pem(AUTHORITY.parse()?, &authority.root_pem)?;
    let chain = certs::pem::parse_certificates(&held.fullchain)?;
    let wanted = holder.identifiers();
    let expected = wanted.first().map(|one| Identifier::from_parts(one.kind.as_str(), &one.value));
    let expected = expected.transpose()?;
    let verdict = verdict(&chain, &trust, expected.as_ref(), &[], OffsetDateTime::now_utc());
    if !matches!(verdict.state, State::VerifiedBy(_)) {
        return Err(Failure::Verdict(verdict.to_string()));
    }
    let key_sha256 = hex(&SigningKey::load(&held.key, None)?.public().spki_sha256());
    held.leaf.check(&wanted, &held.key, OffsetDateTime::now_utc()).map_err(EnrollError::from)?;
    Ok(Judged { serial: held.leaf.serial.clone(), key_sha256, folder: held.folder.clone(), verdict })
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
