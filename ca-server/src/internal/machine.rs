//! Machine accounts: a device of an organisation, made by the administrator, taken by whoever types its activation code.
//!
//! A code serves once and for a limited time; it has 60 random bits, and guesses are counted by address and altogether
//! (`request::limits`), so that the chance to hit one stays below 2⁻³⁰ for each code. The store keeps its digest alone. Activation binds the
//! account to the device's key; a further code for the same account replaces key and tokens.
//!
//! An answer that was lost costs nothing: for a short time the device that typed a code may type it again, and a token may be refreshed again until its
//! successor is used. Both ask for the device's key, and take nothing away that the device may hold and has used.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certs::csr::Csr;
use certs::key::{PublicKey, Secret};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::activation_code::{draw, letters_of};
use super::authenticate::known;
use super::error::TokenError;
use super::holder::{DeviceId, HolderKey, HolderKind, OrganisationId};
use super::key_proof::{KeyProof, ProofError};
use super::opaque::{self, Bearer, MakeError, OpaqueToken};
use super::organisation::Organisation;
use crate::app::App;
use crate::clock;
use crate::log::act::Act;
use crate::policy::Subject;
use crate::respond::problem::Problem;
use crate::store::tables::{activation_codes, machine_accounts, opaque_tokens};
use crate::store::{Batch, Record, StoreError, Table, Versioned};
use crate::verify::jwk::{EcCurve, Jwk};

/// How long a token goes on to speak for its device after it was refreshed: the answer may have been lost.
const OVERLAP: Duration = Duration::from_secs(3600);

/// How long the device that took an account may type its code again: the answer may have been lost.
const REPEAT: Duration = Duration::from_secs(600);

/// Tokens that one activation gives at most.
const MOST_TOKENS: usize = 8;

/// How often a refresh is decided anew because something it depends on changed.
const TRIES: usize = 4;

/// Longest life of a code: one that lies about for longer is found by somebody else.
pub const LONGEST_CODE: Duration = Duration::from_secs(30 * 86_400);

/// Whether a machine account may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MachineStatus {
    /// Made; nobody typed its code yet.
    Waiting,
    /// A device has it.
    Active,
    /// Withdrawn by the administrator, for good.
    Deactivated,
}

/// The account of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineAccount {
    /// Its id, in certificates as `urn:uuid:…`.
    pub id: DeviceId,
    /// Of which organisation.
    pub organisation: OrganisationId,
    /// What people call it.
    pub name: String,
    /// Whether it may act.
    pub status: MachineStatus,
    /// The device's key, from its activation on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<DeviceKey>,
    /// How often it was bound to a key: by an activation, or by a refresh that named another.
    pub generation: u32,
    /// The one code that gives it, by its hash; none if that was typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// When it was made.
    #[serde(with = "time::serde::timestamp")]
    pub created: OffsetDateTime,
    /// When a device last took it.
    #[serde(with = "time::serde::timestamp::option")]
    pub activated: Option<OffsetDateTime>,
}

/// The key that a device's tokens are bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceKey {
    /// Its public part.
    pub jwk: Jwk,
    /// SHA-256 of its subject public key info, base64url.
    pub thumbprint: String,
}

impl DeviceKey {
    /// A P-256 key; `None` for another kind.
    #[must_use]
    pub fn of(key: &PublicKey) -> Option<Self> {
        let (x, y) = key.point().strip_prefix(&[4])?.split_at_checked(32)?;
        if y.len() != 32 {
            return None;
        }
        let jwk = Jwk::Ec { crv: EcCurve::P256, x: URL_SAFE_NO_PAD.encode(x), y: URL_SAFE_NO_PAD.encode(y) };
        Some(Self { jwk, thumbprint: thumbprint(key) })
    }
}

/// SHA-256 of a key's subject public key info, base64url.
#[must_use]
pub fn thumbprint(key: &PublicKey) -> String {
    URL_SAFE_NO_PAD.encode(key.spki_sha256())
}

impl MachineAccount {
    /// The key that its tokens are bound to.
    #[must_use]
    pub fn key_thumbprint(&self) -> Option<String> {
        self.key.as_ref().map(|key| key.thumbprint.clone())
    }

    /// As whom it is counted.
    #[must_use]
    pub const fn holder_key(&self) -> HolderKey {
        let organisation = Some(self.organisation);
        HolderKey { kind: HolderKind::Device, organisation, id: *self.id.as_bytes() }
    }

    /// Whether a device may act with it.
    ///
    /// # Errors
    /// [`TokenError::Deactivated`], or [`TokenError::Unknown`] if no device has it yet.
    pub fn must_be_active(&self) -> Result<(), TokenError> {
        match self.status {
            MachineStatus::Active => Ok(()),
            MachineStatus::Waiting => Err(TokenError::Unknown),
            MachineStatus::Deactivated => Err(TokenError::Deactivated),
        }
    }
}

impl Record for MachineAccount {
    const TABLE: Table = Table::MachineAccounts;
    type Key = DeviceId;

    fn key(&self) -> DeviceId {
        self.id
    }

    fn encode_key(key: &DeviceId) -> Vec<u8> {
        key.as_bytes().to_vec()
    }
}

/// An activation code at rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivationCode {
    /// SHA-256 of the code's letters, hexadecimal.
    pub id: String,
    /// Which account it gives.
    pub device: DeviceId,
    /// When it ends.
    #[serde(with = "time::serde::timestamp")]
    pub expires: OffsetDateTime,
    /// What it gave, once it was typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Taken>,
}

/// What an activation code gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The binding of the account to a key that it made.
    pub generation: u32,
    /// The tokens, by their hashes: more than one if the code was typed again.
    pub tokens: Vec<String>,
}

impl Record for ActivationCode {
    const TABLE: Table = Table::ActivationCodes;
    type Key = String;

    fn key(&self) -> String {
        self.id.clone()
    }

    fn encode_key(key: &String) -> Vec<u8> {
        data_encoding::HEXLOWER.decode(key.as_bytes()).unwrap_or_default()
    }
}

/// Draws a code, `XXXX-XXXX-XXXX`, and adds its record to the batch. Gives its hash too: it serves once the account names it.
///
/// # Errors
/// If there is no entropy, or the record cannot be serialised.
pub fn make_code(
    batch: &mut Batch,
    device: DeviceId,
    lifetime: Duration,
    now: OffsetDateTime,
) -> Result<(Secret, String), MakeError> {
    let letters = draw()?;
    let record = ActivationCode {
        id: opaque::id_of(&letters),
        device,
        expires: clock::after(now, lifetime),
        taken: None,
    };
    activation_codes::insert(batch, &record)?;
    let groups: Vec<&str> =
        letters.as_bytes().chunks(4).filter_map(|four| std::str::from_utf8(four).ok()).collect();
    Ok((Secret::new(groups.join("-")), record.id))
}

/// What a device gets when it is activated or refreshed.
#[derive(Debug)]
pub struct Activated {
    /// Its account.
    pub account: MachineAccount,
    /// Its organisation, as it was before the commit.
    pub organisation: Option<Organisation>,
    /// Its token, shown this once.
    pub token: Secret,
    /// When the token ends.
    pub expires: OffsetDateTime,
}

/// Why a device was not activated or refreshed.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// The code is none that is in force.
    #[error("the activation code is not known, was used, or is over; ask for a new one")]
    Code,
    /// The key cannot be bound.
    #[error("the key must be P-256")]
    Key,
    /// The token is not taken.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The proof of the key does not hold.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// Too often.
    #[error("{}", .0.detail)]
    RateLimited(Box<Problem>),
    /// No token was made.
    #[error(transparent)]
    Make(#[from] MakeError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MachineError {
    /// What the journal calls it; `None` for what is journalled as a token's, or is no decision about the one who asks.
    #[must_use]
    pub fn rule(&self) -> Option<String> {
        match self {
            Self::Code => Some("activation:code".to_owned()),
            Self::Proof(fault) => Some(format!("refresh:proof-{}", fault.reason())),
            Self::Key | Self::Token(_) | Self::RateLimited(_) | Self::Make(_) | Self::Store(_) => None,
        }
    }
}

/// Gives the account of a code to the device that typed it, and binds it to the key that signed the request.
///
/// # Errors
/// [`MachineError::Code`] whatever is wrong with the code; nothing changed.
pub async fn activate(app: &App, typed: &str, request: &Csr) -> Result<Activated, MachineError> {
    let now = app.clock.now();
    let key = DeviceKey::of(request.public_key()).ok_or(MachineError::Key)?;
    let letters = letters_of(typed).ok_or(MachineError::Code)?;
    let code = app.store.load::<ActivationCode>(&opaque::id_of(&letters)).await?.ok_or(MachineError::Code)?;
    let account = app.store.load::<MachineAccount>(&code.value.device).await?.ok_or(MachineError::Code)?;
    if code.value.expires <= now || account.value.status == MachineStatus::Deactivated {
        return Err(MachineError::Code);
    }
    let mut batch = Batch::new();
    let (next, change) = match &code.value.taken {
        Some(taken) => {
            must_repeat(app, &mut batch, (taken, &account), &key).await?;
            (account.value.clone(), "activated again")
        }
        None if account.value.code.as_ref() == Some(&code.value.id) => {
            let mut next = account.value.clone();
            next.status = MachineStatus::Active;
            next.key = Some(key);
            next.generation = next.generation.saturating_add(1);
            next.code = None;
            next.activated = Some(now);
            machine_accounts::replace(&mut batch, &account, &next)?;
            (next, "activated")
        }
        // A further code took its place.
        None => return Err(MachineError::Code),
    };
    let activated = token_for(app, &mut batch, next, now).await?;
    taken(&mut batch, &code, &activated, now)?;
    let id = activated.account.id;
    batch.record(now, act(id, activated.account.organisation, change));
    match app.store.commit(batch).await {
        Ok(()) => {
            tracing::info!(device.id = %id, "device {change}");
            Ok(activated)
        }
        // Somebody else typed it at the same moment.
        Err(StoreError::Stale(_)) => Err(MachineError::Code),
        Err(error) => Err(error.into()),
    }
}

/// Whether a code that was typed may give one more token: to the key that took the account with it, which has signed the request, while no token of this
/// activation was used. What was given before stays good for that key, so that somebody who sends a request of the device's again changes nothing for it.
async fn must_repeat(
    app: &App,
    batch: &mut Batch,
    (taken, account): (&Taken, &Versioned<MachineAccount>),
    key: &DeviceKey,
) -> Result<(), MachineError> {
    let same = account.value.generation == taken.generation && account.value.key.as_ref() == Some(key);
    if !same || taken.tokens.len() >= MOST_TOKENS {
        return Err(MachineError::Code);
    }
    batch.unchanged(account);
    for id in &taken.tokens {
        let token = app.store.load::<OpaqueToken>(id).await?.filter(|token| !token.value.used);
        batch.unchanged(&token.ok_or(MachineError::Code)?);
    }
    Ok(())
}

/// The code as one that was typed: it ends soon.
fn taken(
    batch: &mut Batch,
    code: &Versioned<ActivationCode>,
    activated: &Activated,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let before = code.value.taken.clone();
    let generation = activated.account.generation;
    let expires = match &before {
        Some(_) => code.value.expires,
        None => code.value.expires.min(clock::after(now, REPEAT)),
    };
    let mut taken = before.unwrap_or(Taken { generation, tokens: Vec::new() });
    taken.tokens.push(opaque::id_of(activated.token.expose()));
    let next = ActivationCode { expires, taken: Some(taken), ..code.value.clone() };
    activation_codes::replace(batch, code, &next)
}

/// A new token for the old one, shown with a proof of the key that it is bound to; the proof may name a new key to bind to. `subject` is whose token it
/// is, once that is known.
///
/// # Errors
/// [`MachineError`]; the old token is as it was.
pub async fn refresh(
    app: &App,
    (token, proof): (&str, &str),
    subject: &mut Subject,
) -> Result<Activated, MachineError> {
    let mut tries = 0;
    loop {
        match refreshed(app, (token, proof), tries == 0, subject).await {
            Err(MachineError::Store(StoreError::Stale(_))) if tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

async fn refreshed(
    app: &App,
    (token, proof): (&str, &str),
    count: bool,
    subject: &mut Subject,
) -> Result<Activated, MachineError> {
    let now = app.clock.now();
    let seen = opaque::find(&app.store, token).await?;
    let Bearer::Device { device, generation } = seen.value.bearer else {
        return Err(TokenError::Unknown.into());
    };
    *subject = known(device, "device-token");
    seen.value.must_be_in_force(now)?;
    let account = app.store.load::<MachineAccount>(&device).await?.ok_or(TokenError::Unknown)?;
    account.value.must_be_active()?;
    let key = account.value.key.as_ref().filter(|_| account.value.generation == generation);
    let key = key.ok_or(TokenError::Unknown)?;
    let limited = |problem| MachineError::RateLimited(Box::new(problem));
    let holder = account.value.holder_key();
    let proof = match KeyProof::verify(proof, &key.jwk, (token, &app.links.internal("devices/token")), now) {
        Ok(proof) => proof,
        // Who has the token and not the key must not use up what the device may ask for.
        Err(error) => {
            app.limits.failed_proof(holder, now).map_err(limited)?;
            return Err(error.into());
        }
    };
    if count {
        app.limits.internal(holder, now).map_err(limited)?;
    }
    let mut next = account.value.clone();
    if let Some(new) = proof.new_key.filter(|new| Some(new) != next.key.as_ref()) {
        next.key = Some(new);
        next.generation = next.generation.saturating_add(1);
    }
    let mut batch = Batch::new();
    machine_accounts::replace(&mut batch, &account, &next)?;
    forget_successor(app, &mut batch, &seen.value).await?;
    let activated = token_for(app, &mut batch, next, now).await?;
    end_soon(&mut batch, &seen, &activated, now)?;
    batch.record(now, act(device, activated.account.organisation, "token refreshed"));
    app.store.commit(batch).await?;
    Ok(activated)
}

/// A token has one successor: where it is refreshed again, the answer was lost, and the new token takes the place of the one that nobody has. One whose
/// successor was used, for a certificate or to be refreshed in turn, is over.
async fn forget_successor(app: &App, batch: &mut Batch, token: &OpaqueToken) -> Result<(), MachineError> {
    let Some(id) = &token.successor else { return Ok(()) };
    let Some(successor) = app.store.load::<OpaqueToken>(id).await? else { return Ok(()) };
    if successor.value.used || successor.value.successor.is_some() {
        return Err(TokenError::Unknown.into());
    }
    opaque_tokens::remove(batch, &successor);
    Ok(())
}

async fn token_for(
    app: &App,
    batch: &mut Batch,
    account: MachineAccount,
    now: OffsetDateTime,
) -> Result<Activated, MachineError> {
    let lifetime = app.config.internal.device_token_lifetime;
    let bearer = Bearer::Device { device: account.id, generation: account.generation };
    let organisation = app.store.load(&account.organisation).await?.map(|found| found.value);
    let token = opaque::make(batch, bearer, lifetime, now)?;
    Ok(Activated { account, organisation, token, expires: clock::after(now, lifetime) })
}

/// The old token goes on for a while, in case the answer is lost, for the key that the account is bound to now; it can be refreshed again until its end.
fn end_soon(
    batch: &mut Batch,
    seen: &Versioned<OpaqueToken>,
    activated: &Activated,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let Activated { account, token, .. } = activated;
    let next = OpaqueToken {
        bearer: Bearer::Device { device: account.id, generation: account.generation },
        replaced: Some(seen.value.replaced.unwrap_or_else(|| clock::after(now, OVERLAP))),
        used: true,
        successor: Some(opaque::id_of(token.expose())),
        ..seen.value.clone()
    };
    opaque_tokens::replace(batch, seen, &next)
}

/// What the journal says of a machine account.
pub(crate) fn act(device: DeviceId, organisation: OrganisationId, change: &str) -> Act {
    Act::MachineAccount { device, organisation, change: change.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_sixty_bits_and_survives_how_people_type() {
        let mut batch = Batch::new();
        let device = DeviceId::fresh().unwrap();
        let now = OffsetDateTime::UNIX_EPOCH;
        let (code, _) = make_code(&mut batch, device, Duration::from_secs(60), now).unwrap();
        let text = code.expose();
        assert_eq!(text.len(), 14);
        let plain = text.replace('-', "");
        assert_eq!(letters_of(&plain).as_deref(), Some(plain.as_str()));
        for typed in [
            text.to_owned(),
            text.to_lowercase(),
            text.replace('-', " "),
            plain.replace('0', "o").replace('1', "l"),
        ] {
            assert_eq!(letters_of(&typed).as_deref(), Some(plain.as_str()), "{typed}");
        }
        assert!(batch.holds(&device.to_string()) && !batch.holds(&plain) && !batch.holds(text));
    }

    #[test]
    fn what_cannot_be_a_code_is_none() {
        for typed in ["", "0000-0000-000", "0000-0000-00000", "UUUU-UUUU-UUUU", "0000-0000-000é"] {
            assert_eq!(letters_of(typed), None, "{typed}");
        }
    }
}
