//! Two authorities, external and internal, the profiles they issue under, and the choices of what a relying party may trust.

use std::collections::BTreeSet;

use certs::authority::{self, AuthorityRequest, AuthorityUrls};
use certs::chain::{RevocationList, TrustSets};
use certs::crl::{CrlRequest, RevocationReason, Revoked, assemble_crl, crl_tbs};
use certs::identifier::Identifier;
use certs::issuer::Issuer;
use certs::key::{KeyKind, SigningKey};
use certs::leaf::{LeafProfile, LeafRequest, LeafUrls, Validity, leaf_tbs};
use certs::name::DnsName;
use certs::serial::Serial;
use certs::tbs::{TwinKey, assemble};
use policies::profiles::{Profiles, SHIPPED};
use rustls_pki_types::CertificateDer;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::defect::Defect;

/// The moment at which everything is judged, unless the defect is about time.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);

pub(crate) const ISSUING_SERIAL: u8 = 2;
pub(crate) const LEAF_SERIAL: u8 = 9;

const ACCOUNT: &str = "uri:urn:uuid:6fa2ed60-3f0b-4c6c-9f3c-2f6f2f0c9a11";

/// What a relying party trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    Nobody,
    Internal,
    Domain,
    User,
    Both,
    All,
    Swapped,
    Partner,
}

impl Choice {
    pub(crate) const ALL: [Self; 8] = [
        Self::Nobody,
        Self::Internal,
        Self::Domain,
        Self::User,
        Self::Both,
        Self::All,
        Self::Swapped,
        Self::Partner,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Internal => "internal",
            Self::Domain => "domain",
            Self::User => "user",
            Self::Both => "both",
            Self::All => "all",
            Self::Swapped => "swapped",
            Self::Partner => "partner",
        }
    }

    /// The sets, and whether the external (or else the internal) root is in it.
    fn sets(self) -> &'static [(&'static str, bool)] {
        match self {
            Self::Nobody => &[],
            Self::Internal => &[("internal", false)],
            Self::Domain => &[("external-domain", true)],
            Self::User => &[("external-user", true)],
            Self::Both => &[("external-domain", true), ("external-user", true)],
            Self::All => &[("internal", false), ("external-domain", true), ("external-user", true)],
            Self::Swapped => &[("internal", true), ("external-domain", false), ("external-user", false)],
            Self::Partner => &[("partner", true)],
        }
    }
}

macro_rules! spelled {
    ($type:ident: $($variant:ident = $text:literal),+ $(,)?) => {
        impl $type {
            pub(crate) const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl ::std::str::FromStr for $type {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                Self::ALL.into_iter().find(|one| one.as_str() == text).ok_or(())
            }
        }

        impl ::std::fmt::Display for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use spelled;

/// Whose certificate it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Profile {
    Device,
    User,
    Server,
    InternalDevice,
    InternalDeviceWithoutDomain,
    InternalUser,
    Guest,
}

spelled!(Profile:
    Device = "device",
    User = "user",
    Server = "server",
    InternalDevice = "internal-device",
    InternalDeviceWithoutDomain = "internal-device-without-domain",
    InternalUser = "internal-user",
    Guest = "guest",
);

impl Profile {
    /// The name of the profile that it is issued under.
    pub(crate) fn shipped(self) -> &'static str {
        match self {
            Self::InternalDeviceWithoutDomain => "internal-device",
            other => other.as_str(),
        }
    }

    pub(crate) fn is_external(self) -> bool {
        matches!(self, Self::Device | Self::User | Self::Server)
    }

    fn names(self) -> Vec<Identifier> {
        let names: &[&str] = match self {
            Self::Device => &["dns:room-1.example.com"],
            Self::User => &["email:bob@example.com"],
            Self::Server => &["dns:ca.example.com"],
            Self::InternalDevice => &[ACCOUNT, "dns:example.com"],
            Self::InternalDeviceWithoutDomain | Self::Guest => &[ACCOUNT],
            Self::InternalUser => &["email:bob@example.com", ACCOUNT],
        };
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn profile(self) -> LeafProfile {
        Profiles::parse(SHIPPED).unwrap().named(self.shipped()).unwrap().clone()
    }
}

/// An authority: root, intermediate, and their keys.
pub(crate) struct Authority {
    pub(crate) root: CertificateDer<'static>,
    pub(crate) root_key: SigningKey,
    pub(crate) issuer: Issuer,
    pub(crate) key: SigningKey,
    twin: TwinKey,
    name: &'static str,
}

impl Authority {
    pub(crate) fn new(name: &'static str) -> Self {
        let root_key = SigningKey::generate(KeyKind::P384).unwrap();
        let key = SigningKey::generate(KeyKind::P256).unwrap();
        let root = authority::root(&request(name, "root", 1, (-1, 3650)), &root_key).unwrap();
        let above = Issuer::from_chain(vec![root.clone()]).unwrap();
        let issuing = request(name, "issuing", ISSUING_SERIAL, (-1, 1800));
        let urls = AuthorityUrls::default();
        let issuing = authority::intermediate(&issuing, &urls, key.public(), &above, &root_key).unwrap();
        let issuer = Issuer::from_chain(vec![issuing, root.clone()]).unwrap();
        Self { root, root_key, issuer, key, twin: TwinKey::generate().unwrap(), name }
    }

    pub(crate) fn issuing(&self) -> CertificateDer<'static> {
        self.issuer.chain()[0].clone()
    }

    /// The same intermediate, valid at other times: `days` from and until.
    pub(crate) fn issuing_valid(&self, days: (i64, i64)) -> CertificateDer<'static> {
        let request = request(self.name, "issuing", ISSUING_SERIAL, days);
        let above = Issuer::from_chain(vec![self.root.clone()]).unwrap();
        let urls = AuthorityUrls::default();
        authority::intermediate(&request, &urls, self.key.public(), &above, &self.root_key).unwrap()
    }

    /// The same root, valid at other times.
    pub(crate) fn root_valid(&self, days: (i64, i64)) -> CertificateDer<'static> {
        authority::root(&request(self.name, "root", 1, days), &self.root_key).unwrap()
    }

    /// An authority below this one's intermediate, which may have none.
    pub(crate) fn below(&self) -> Self {
        let key = SigningKey::generate(KeyKind::P256).unwrap();
        let asked = request(self.name, "below", 3, (-1, 1000));
        let urls = AuthorityUrls::default();
        let below = authority::intermediate(&asked, &urls, key.public(), &self.issuer, &self.key).unwrap();
        let issuer = Issuer::from_chain(vec![below, self.issuing(), self.root.clone()]).unwrap();
        let root_key = SigningKey::generate(KeyKind::P384).unwrap();
        Self {
            root: self.root.clone(),
            root_key,
            issuer,
            key,
            twin: TwinKey::generate().unwrap(),
            name: self.name,
        }
    }

    pub(crate) fn leaf(&self, profile: Profile, key: &SigningKey) -> CertificateDer<'static> {
        let form = profile.profile();
        let proofs: BTreeSet<_> = form.proofs.iter().copied().take(1).collect();
        let preferred = (profile == Profile::InternalDevice).then(|| DnsName::parse("example.com").unwrap());
        let urls = LeafUrls {
            crl: "http://ca.example/issuing.crl".parse().unwrap(),
            ca_issuers: "http://ca.example/issuing.der".parse().unwrap(),
            ocsp: None,
        };
        let request = LeafRequest {
            identifiers: &profile.names(),
            public_key: key.public(),
            serial: Serial::from_entropy([LEAF_SERIAL; 20]),
            validity: form.validity(NOW, None, None).unwrap(),
            proofs: &proofs,
            preferred_domain: preferred.as_ref(),
            urls: &urls,
            profile: &form,
        };
        let tbs = leaf_tbs(&request, &self.issuer, &self.twin).unwrap();
        assemble(tbs.der(), &self.key.sign(tbs.der()).unwrap(), self.issuer.public_key()).unwrap()
    }

    /// A list of the intermediate (or of the root), by `signer`, that ends after `hours`.
    pub(crate) fn list(&self, of_root: bool, serials: &[u8], signer: &SigningKey, hours: i64) -> Vec<u8> {
        let issuer =
            if of_root { Issuer::from_chain(vec![self.root.clone()]).unwrap() } else { self.issuer.clone() };
        let entry = |serial: &u8| Revoked {
            serial: Serial::from_entropy([*serial; 20]),
            at: NOW - Duration::days(1),
            reason: RevocationReason::KeyCompromise,
        };
        let revoked: Vec<_> = serials.iter().map(entry).collect();
        let request = CrlRequest {
            number: 1,
            this_update: NOW - Duration::days(2),
            next_update: NOW + Duration::hours(hours),
            revoked: &revoked,
            distribution_points: &[],
        };
        let tbs = crl_tbs(&request, &issuer, &self.twin).unwrap();
        assemble_crl(tbs.der(), &signer.sign(tbs.der()).unwrap(), signer.public()).unwrap().to_vec()
    }
}

fn request(name: &str, role: &str, serial: u8, days: (i64, i64)) -> AuthorityRequest {
    AuthorityRequest {
        common_name: format!("{name} {role}"),
        organization: Some("Example Org".to_owned()),
        serial: Serial::from_entropy([serial; 20]),
        validity: Validity {
            not_before: NOW + Duration::days(days.0),
            not_after: NOW + Duration::days(days.1),
        },
    }
}

/// What is judged.
pub(crate) struct Case {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// Whom it is expected to name.
    pub(crate) expected: Option<Identifier>,
    /// The revocation lists at hand, DER.
    pub(crate) crls: Vec<Vec<u8>>,
    pub(crate) now: OffsetDateTime,
    /// The root of the authority, in place of the one it has.
    pub(crate) root: Option<CertificateDer<'static>>,
    is_external: bool,
}

impl Case {
    pub(crate) fn lists(&self) -> Vec<RevocationList> {
        self.crls.iter().map(|der| RevocationList::from_der(der).unwrap()).collect()
    }
}

/// Both authorities, and another that nobody trusts.
pub(crate) struct Scene {
    pub(crate) external: Authority,
    pub(crate) internal: Authority,
    /// The domains of the host's organisation.
    pub(crate) organisation: Vec<DnsName>,
    holder: SigningKey,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self {
            external: Authority::new("external"),
            internal: Authority::new("internal"),
            organisation: vec![DnsName::parse("example.com").unwrap()],
            holder: SigningKey::generate(KeyKind::P256).unwrap(),
        }
    }

    pub(crate) fn authority(&self, profile: Profile) -> &Authority {
        if profile.is_external() { &self.external } else { &self.internal }
    }

    pub(crate) fn case(&self, profile: Profile, defect: Defect) -> Case {
        let authority = self.authority(profile);
        let case = Case {
            chain: vec![authority.leaf(profile, &self.holder), authority.issuing()],
            expected: None,
            crls: Vec::new(),
            now: NOW,
            root: None,
            is_external: profile.is_external(),
        };
        defect.apply(case, profile, authority, &self.holder)
    }

    /// The roots, external then internal, as the case has them.
    pub(crate) fn roots(&self, case: &Case) -> [CertificateDer<'static>; 2] {
        let root = |authority: &Authority, external: bool| {
            let other = case.root.clone().filter(|_| case.is_external == external);
            other.unwrap_or_else(|| authority.root.clone())
        };
        [root(&self.external, true), root(&self.internal, false)]
    }

    pub(crate) fn trust(&self, choice: Choice, case: &Case) -> TrustSets {
        let [external, internal] = self.roots(case);
        let mut trust = TrustSets::new();
        for (set, is_external) in choice.sets() {
            let root = if *is_external { &external } else { &internal };
            trust.insert(set.parse().unwrap(), std::slice::from_ref(root)).unwrap();
        }
        trust
    }
}
