//! What unit tests share: a root, an issuer, a profile, and a leaf made from them. Never compiled into the product.

use std::collections::BTreeSet;

use rustls_pki_types::CertificateDer;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use url::Url;

use crate::authority::{self, AuthorityRequest, AuthorityUrls};
use crate::identifier::Identifier;
use crate::issuer::Issuer;
use crate::key::{KeyKind, SigningKey};
use crate::leaf::{LeafProfile, LeafRequest, LeafUrls, Proof, Validity, leaf_tbs};
use crate::serial::Serial;
use crate::tbs::{TwinKey, assemble};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);

/// An authority: root, intermediate, and their keys.
pub(crate) struct Authority {
    pub(crate) root: CertificateDer<'static>,
    pub(crate) root_key: SigningKey,
    pub(crate) issuer: Issuer,
    pub(crate) key: SigningKey,
    pub(crate) twin: TwinKey,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        Self::with_kinds(name, KeyKind::P384, KeyKind::P256)
    }

    pub(crate) fn with_kinds(name: &str, root: KeyKind, intermediate: KeyKind) -> Self {
        let root_key = SigningKey::generate(root).unwrap();
        let key = SigningKey::generate(intermediate).unwrap();
        let root = authority::root(&request(&format!("{name} root"), 1, 3650), &root_key).unwrap();
        let root_issuer = Issuer::from_chain(vec![root.clone()]).unwrap();
        let urls = AuthorityUrls {
            crl: Some(url("http://ca.example/root.crl")),
            ca_issuers: Some(url("http://ca.example/root.der")),
        };
        let intermediate = authority::intermediate(
            &request(&format!("{name} issuing"), 2, 1800),
            &urls,
            key.public(),
            &root_issuer,
            &root_key,
        )
        .unwrap();
        let issuer = Issuer::from_chain(vec![intermediate, root.clone()]).unwrap();
        Self { root, root_key, issuer, key, twin: TwinKey::generate().unwrap() }
    }

    /// A leaf by this authority, changed by `change` before it is built.
    pub(crate) fn leaf(
        &self,
        profile: &LeafProfile,
        identifiers: &[Identifier],
        key: &SigningKey,
        change: impl FnOnce(&mut LeafRequest<'_>),
    ) -> CertificateDer<'static> {
        let proofs = profile.proofs.clone().into_iter().take(1).collect::<BTreeSet<Proof>>();
        let urls = urls();
        let mut request = LeafRequest {
            profile,
            identifiers,
            public_key: key.public(),
            serial: Serial::from_entropy([9; 20]),
            validity: Validity { not_before: NOW - Duration::minutes(1), not_after: NOW + Duration::days(7) },
            proofs: &proofs,
            preferred_domain: None,
            urls: &urls,
        };
        change(&mut request);
        let tbs = leaf_tbs(&request, &self.issuer, &self.twin).unwrap();
        let signature = self.key.sign(tbs.der()).unwrap();
        assemble(tbs.der(), &signature, self.issuer.public_key()).unwrap()
    }

    /// Leaf and intermediate, as a client presents them.
    pub(crate) fn chain(&self, leaf: CertificateDer<'static>) -> Vec<CertificateDer<'static>> {
        vec![leaf, self.issuer.chain()[0].clone()]
    }
}

pub(crate) fn request(name: &str, serial: u8, days: i64) -> AuthorityRequest {
    AuthorityRequest {
        common_name: name.to_owned(),
        organization: Some("Example Org".to_owned()),
        serial: Serial::from_entropy([serial; 20]),
        validity: Validity { not_before: NOW - Duration::days(1), not_after: NOW + Duration::days(days) },
    }
}

pub(crate) fn url(text: &str) -> Url {
    text.parse().unwrap()
}

pub(crate) fn urls() -> LeafUrls {
    LeafUrls {
        crl: url("http://ca.example/issuing.crl"),
        ca_issuers: url("http://ca.example/issuing.der"),
        ocsp: None,
    }
}

pub(crate) fn identifier(text: &str) -> Identifier {
    text.parse().unwrap()
}

pub(crate) fn device() -> LeafProfile {
    profile(&["client-auth"], &["dns"], &["dns-01", "dns-account-01", "dns-persist-01"])
}

pub(crate) fn user() -> LeafProfile {
    profile(&["client-auth", "email-protection"], &["email"], &["sso-01"])
}

pub(crate) fn guest() -> LeafProfile {
    profile(&["client-auth"], &["uri"], &["anonymous"])
}

pub(crate) fn token_user() -> LeafProfile {
    profile(&["client-auth", "email-protection"], &["email", "uri"], &["token"])
}

pub(crate) fn token_account() -> LeafProfile {
    profile(&["client-auth"], &["uri", "dns"], &["token"])
}

fn profile(usages: &[&str], kinds: &[&str], proofs: &[&str]) -> LeafProfile {
    serde_json::from_value(serde_json::json!({
        "name": "sample", "description": "A sample", "lifetime": "7days", "max-lifetime": "30days",
        "extended-key-usages": usages, "identifiers": kinds, "proofs": proofs, "wildcards": true,
    }))
    .unwrap()
}
