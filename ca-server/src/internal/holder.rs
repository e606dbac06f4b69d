//! Whom a credential speaks for: a person of an organisation, one of its devices, or a guest.
//!
//! A [`Holder`] is made by [`super::authenticate()`] alone, after every check of the credential. It says who asks, not what he gets: what is
//! certified follows from the organisation and the account as they stand when [`super::issue()`] looks at them. It holds no token.

use std::fmt;
use std::str::FromStr;

use certs::identifier::{Identifier, UuidUrn};
use certs::name::EmailAddress;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{InvalidId, NoEntropy, random_bytes};
use crate::policy::Subject;
use crate::sso::person::SingleUse;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh random one (RFC 9562 §5.4).
            ///
            /// # Errors
            /// [`NoEntropy`] if the system's generator fails.
            pub fn fresh() -> Result<Self, NoEntropy> {
                Ok(Self(uuid::Builder::from_random_bytes(random_bytes()?).into_uuid()))
            }

            /// This UUID.
            #[must_use]
            pub const fn of(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The sixteen octets, as they stand in a store key.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// `urn:uuid:…`, as it stands in certificates.
            #[must_use]
            pub fn urn(&self) -> UuidUrn {
                UuidUrn::from_octets(*self.0.as_bytes())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0.hyphenated())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text.strip_prefix("urn:uuid:").unwrap_or(text)).map(Self).map_err(|_| InvalidId)
            }
        }
    };
}

uuid_id!(
    /// An organisation.
    OrganisationId
);
uuid_id!(
    /// The machine account of a device.
    DeviceId
);
uuid_id!(
    /// A person, as the organisation's identity provider numbers its people.
    UserId
);
uuid_id!(
    /// Somebody who did not sign in.
    GuestId
);

impl From<UserId> for DeviceId {
    /// The machine account that would have this id.
    fn from(id: UserId) -> Self {
        Self(id.0)
    }
}

/// Who asks, after every check of the credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A person, on an access token of the organisation's identity provider.
    User(User),
    /// A device, on its token or on the certificate that it holds.
    Device(Device),
    /// Somebody who did not sign in, on a guest token.
    Guest(Guest),
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Of which organisation.
    pub organisation: OrganisationId,
    /// The person's account id.
    pub id: UserId,
    /// The address that the identity provider says, if it says one. Whether it is certified is decided at issuance.
    pub email: Option<EmailAddress>,
    /// The name to show, if the identity provider says one.
    pub display_name: Option<String>,
    pub(in crate::internal) token: TokenFacts,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Of which organisation.
    pub organisation: OrganisationId,
    /// Its machine account.
    pub id: DeviceId,
    /// SHA-256 of the subject public key info that its token is bound to, base64url; `None` if it came with its certificate, which is a
    /// proof of its key by itself.
    pub key_thumbprint: Option<String>,
    /// Of which binding of the account to a key; what belongs to an earlier one is void.
    pub generation: u32,
    pub(in crate::internal) credential: String,
}

/// A guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// The temporary id.
    pub id: GuestId,
    /// The record of the token.
    pub(in crate::internal) token: String,
    pub(in crate::internal) credential: String,
}

/// What is kept of an access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::internal) struct TokenFacts {
    /// The name of its `[[token_issuer]]`.
    pub(in crate::internal) issuer: String,
    /// `sub`, as the issuer writes it.
    pub(in crate::internal) subject: String,
    /// SHA-256 of the token, base64url.
    pub(in crate::internal) sha256: String,
    /// What must not have been seen before, if the issuer's tokens serve once.
    pub(in crate::internal) single_use: Option<SingleUse>,
}

impl TokenFacts {
    fn credential(&self) -> String {
        format!("access-token {} {}", self.issuer, self.subject)
    }
}

/// What kind of holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HolderKind {
    /// A person.
    User,
    /// A device.
    Device,
    /// A guest.
    Guest,
}

impl HolderKind {
    /// The word for it in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Device => "device",
            Self::Guest => "guest",
        }
    }

    /// The profile of its certificates.
    #[must_use]
    pub const fn profile(self) -> &'static str {
        match self {
            Self::User => "internal-user",
            Self::Device => "internal-device",
            Self::Guest => "guest",
        }
    }
}

/// One holder among all: an id alone is not enough where organisations write their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HolderKey {
    pub(in crate::internal) kind: HolderKind,
    pub(in crate::internal) organisation: Option<OrganisationId>,
    pub(in crate::internal) id: [u8; 16],
}

impl HolderKey {
    /// A guest of this id.
    #[cfg(test)]
    pub(crate) const fn of_guest(id: u128) -> Self {
        Self { kind: HolderKind::Guest, organisation: None, id: id.to_be_bytes() }
    }

    /// Whether nothing is known of them.
    #[must_use]
    pub const fn is_guest(&self) -> bool {
        match self.kind {
            HolderKind::Guest => true,
            HolderKind::User | HolderKind::Device => false,
        }
    }
}

/// Through which door a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Front {
    /// `POST /internal/certificates`.
    Certificates,
    /// EST (RFC 7030).
    Est,
}

impl Front {
    /// The word for it in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certificates => "certificates",
            Self::Est => "est",
        }
    }
}

/// What journal and certificate record keep of a holder. Never a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderEvidence {
    /// What kind.
    pub kind: HolderKind,
    /// `urn:uuid:…`.
    pub id: Identifier,
    /// Of which organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<OrganisationId>,
    /// By what it was known: `access-token <issuer> <subject>`, `device-token`, `certificate <serial>`, `guest-token`.
    pub credential: String,
    /// Of a device: of which binding of its account to a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
    /// SHA-256 of an access token, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_sha256: Option<String>,
    /// The name to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Through which door.
    pub front: Front,
}

impl Holder {
    /// What kind.
    #[must_use]
    pub const fn kind(&self) -> HolderKind {
        match self {
            Self::User(_) => HolderKind::User,
            Self::Device(_) => HolderKind::Device,
            Self::Guest(_) => HolderKind::Guest,
        }
    }

    /// The account id, as it stands in the certificate.
    #[must_use]
    pub fn urn(&self) -> UuidUrn {
        match self {
            Self::User(user) => user.id.urn(),
            Self::Device(device) => device.id.urn(),
            Self::Guest(guest) => guest.id.urn(),
        }
    }

    /// What is counted together.
    #[must_use]
    pub const fn key(&self) -> HolderKey {
        let id = match self {
            Self::User(user) => *user.id.as_bytes(),
            Self::Device(device) => *device.id.as_bytes(),
            Self::Guest(guest) => *guest.id.as_bytes(),
        };
        HolderKey { kind: self.kind(), organisation: self.organisation(), id }
    }

    /// Of which organisation; guests are of none.
    #[must_use]
    pub const fn organisation(&self) -> Option<OrganisationId> {
        match self {
            Self::User(user) => Some(user.organisation),
            Self::Device(device) => Some(device.organisation),
            Self::Guest(_) => None,
        }
    }

    /// Who it is when it is refused.
    #[must_use]
    pub fn subject(&self) -> Subject {
        let organisation = self.organisation().map(|id| id.to_string()).unwrap_or_default();
        let id = format!("{} {organisation} {}", self.kind().as_str(), self.urn().as_str());
        let identifier = Some(Identifier::Uri(self.urn()));
        Subject::Known { id, credential: self.credential(), identifier }
    }

    /// What must not have been seen before, if what was shown serves once.
    pub(in crate::internal) const fn single_use(&self) -> Option<&SingleUse> {
        match self {
            Self::User(user) => user.token.single_use.as_ref(),
            Self::Device(_) | Self::Guest(_) => None,
        }
    }

    /// By what it is known.
    fn credential(&self) -> String {
        match self {
            Self::User(user) => user.token.credential(),
            Self::Device(device) => device.credential.clone(),
            Self::Guest(guest) => guest.credential.clone(),
        }
    }

    /// What is kept.
    #[must_use]
    pub fn evidence(&self, front: Front) -> HolderEvidence {
        let (token_sha256, display_name) = match self {
            Self::User(user) => (Some(user.token.sha256.clone()), user.display_name.clone()),
            Self::Device(_) | Self::Guest(_) => (None, None),
        };
        let generation = match self {
            Self::Device(device) => Some(device.generation),
            Self::User(_) | Self::Guest(_) => None,
        };
        HolderEvidence {
            kind: self.kind(),
            id: Identifier::Uri(self.urn()),
            organisation: self.organisation(),
            credential: self.credential(),
            generation,
            token_sha256,
            display_name,
            front,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_with_or_without_urn_in_front() {
        let id = DeviceId::fresh().unwrap();
        assert_eq!(id.to_string().parse::<DeviceId>().unwrap(), id);
        assert_eq!(id.urn().as_str(), format!("urn:uuid:{id}"));
        assert_eq!(id.urn().as_str().parse::<DeviceId>().unwrap(), id);
        for bad in ["", "x", "urn:uuid:", "6ba7b810-9dad-11d1-80b4-00c04fd430c"] {
            assert_eq!(bad.parse::<DeviceId>(), Err(InvalidId), "{bad}");
        }
    }

    #[test]
    fn every_kind_has_its_own_profile() {
        let kinds = [HolderKind::User, HolderKind::Device, HolderKind::Guest];
        assert_eq!(kinds.map(HolderKind::profile), ["internal-user", "internal-device", "guest"]);
    }
}
