//! Everything that can be wrong with a chain, and how a good one is spoilt.

use certs::key::{KeyKind, SigningKey};
use rustls_pki_types::CertificateDer;
use time::Duration;

use crate::der::{
    ALTERNATIVE_NAMES, BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE, Fields, KEY_USAGE, NAME_CONSTRAINTS, SEQUENCE,
    SUBJECT_KEY_IDENTIFIER, UNKNOWN, compressed, other_curve, tlv,
};
use crate::scene::{Authority, Case, ISSUING_SERIAL, LEAF_SERIAL, NOW, Profile, spelled};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Defect {
    None,
    NoCertificate,
    Garbage,
    TrailingOctet,
    Version1,
    DuplicateExtension,
    UnknownExtension,
    UnknownCriticalExtension,
    CaAsLeaf,
    IntermediateAsLeaf,
    MaySignCertificates,
    OtherCurve,
    CompressedPoint,
    NoKeyUsage,
    KeyAgreementOnly,
    NoExtendedKeyUsage,
    ServerAuthOnly,
    AnyUsageOnly,
    NoNames,
    AnotherName,
    Expired,
    NotYetValid,
    IntermediateExpired,
    IntermediateNotYetValid,
    RootExpired,
    NothingRevoked,
    Revoked,
    IntermediateRevoked,
    StaleList,
    ForgedList,
    Stranger,
    Namesake,
    NoIntermediate,
    ChangedLeaf,
    ChangedIntermediate,
    TooLong,
    IssuedByALeaf,
    NameConstraints,
}

spelled!(Defect:
    None = "none",
    NoCertificate = "no-certificate",
    Garbage = "garbage",
    TrailingOctet = "trailing-octet",
    Version1 = "version-1",
    DuplicateExtension = "duplicate-extension",
    UnknownExtension = "unknown-extension",
    UnknownCriticalExtension = "unknown-critical-extension",
    CaAsLeaf = "ca-as-leaf",
    IntermediateAsLeaf = "intermediate-as-leaf",
    MaySignCertificates = "may-sign-certificates",
    OtherCurve = "other-curve",
    CompressedPoint = "compressed-point",
    NoKeyUsage = "no-key-usage",
    KeyAgreementOnly = "key-agreement-only",
    NoExtendedKeyUsage = "no-extended-key-usage",
    ServerAuthOnly = "server-auth-only",
    AnyUsageOnly = "any-usage-only",
    NoNames = "no-names",
    AnotherName = "another-name",
    Expired = "expired",
    NotYetValid = "not-yet-valid",
    IntermediateExpired = "intermediate-expired",
    IntermediateNotYetValid = "intermediate-not-yet-valid",
    RootExpired = "root-expired",
    NothingRevoked = "nothing-revoked",
    Revoked = "revoked",
    IntermediateRevoked = "intermediate-revoked",
    StaleList = "stale-list",
    ForgedList = "forged-list",
    Stranger = "stranger",
    Namesake = "namesake",
    NoIntermediate = "no-intermediate",
    ChangedLeaf = "changed-leaf",
    ChangedIntermediate = "changed-intermediate",
    TooLong = "too-long",
    IssuedByALeaf = "issued-by-a-leaf",
    NameConstraints = "name-constraints",
);

/// Extended key usages, each a sequence of one.
const SERVER_AUTH: &[u8] = &[0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1];
const ANY_USAGE: &[u8] = &[0x30, 6, 6, 4, 0x55, 0x1d, 0x25, 0];
/// Key usages: keyAgreement; digitalSignature with keyCertSign.
const KEY_AGREEMENT: &[u8] = &[3, 2, 3, 0x08];
const SIGNS_CERTIFICATES: &[u8] = &[3, 2, 2, 0x84];

impl Defect {
    /// Spoils a good case.
    pub(crate) fn apply(
        self,
        mut case: Case,
        profile: Profile,
        authority: &Authority,
        holder: &SigningKey,
    ) -> Case {
        if let Some(leaf) = self.reissued(&case.chain[0], authority) {
            case.chain[0] = leaf;
            return case;
        }
        match self {
            Self::NoCertificate => case.chain.clear(),
            Self::Garbage => case.chain[0] = CertificateDer::from(b"not a certificate".to_vec()),
            Self::TrailingOctet => case.chain[0] = with_octet(&case.chain[0]),
            Self::IntermediateAsLeaf => drop(case.chain.remove(0)),
            Self::AnotherName => case.expected = Some("dns:room-2.example.org".parse().unwrap()),
            Self::ChangedLeaf => case.chain[0] = changed(&case.chain[0]),
            Self::ChangedIntermediate => case.chain[1] = changed(&case.chain[1]),
            Self::NoIntermediate => case.chain.truncate(1),
            Self::Stranger | Self::Namesake | Self::TooLong | Self::IssuedByALeaf => {
                self.reissue_by_another(&mut case, profile, authority, holder);
            }
            Self::NameConstraints => case.chain[1] = constrained(authority),
            _ => self.apply_time(&mut case, authority),
        }
        case
    }

    fn apply_time(self, case: &mut Case, authority: &Authority) {
        match self {
            Self::Expired => case.now = NOW + Duration::days(60),
            Self::NotYetValid => case.now = NOW - Duration::hours(1),
            Self::IntermediateExpired => case.chain[1] = authority.issuing_valid((-100, -1)),
            Self::IntermediateNotYetValid => case.chain[1] = authority.issuing_valid((1, 100)),
            Self::RootExpired => case.root = Some(authority.root_valid((-100, -1))),
            _ => self.apply_revocation(case, authority),
        }
    }

    fn apply_revocation(self, case: &mut Case, authority: &Authority) {
        let (revoked, above, hours) = match self {
            Self::NothingRevoked => (vec![77], vec![77], 24),
            Self::Revoked => (vec![LEAF_SERIAL], vec![], 24),
            Self::IntermediateRevoked => (vec![], vec![ISSUING_SERIAL], 24),
            Self::StaleList => (vec![], vec![], -1),
            Self::ForgedList => (vec![], vec![], 24),
            _ => return,
        };
        let other = SigningKey::generate(KeyKind::P256).unwrap();
        let signer = if self == Self::ForgedList { &other } else { &authority.key };
        case.crls = vec![
            authority.list(false, &revoked, signer, hours),
            authority.list(true, &above, &authority.root_key, 24),
        ];
    }

    /// A leaf that the authority itself signed with something wrong in it.
    fn reissued(self, leaf: &CertificateDer<'_>, authority: &Authority) -> Option<CertificateDer<'static>> {
        let mut fields = Fields::of(leaf);
        match self {
            Self::Version1 => fields.make_version_1(),
            Self::DuplicateExtension => fields.add(SUBJECT_KEY_IDENTIFIER, false, &[4, 1, 0]),
            Self::UnknownExtension => fields.add(UNKNOWN, false, &[5, 0]),
            Self::UnknownCriticalExtension => fields.add(UNKNOWN, true, &[5, 0]),
            Self::CaAsLeaf => fields.add(BASIC_CONSTRAINTS, true, &[0x30, 3, 1, 1, 0xff]),
            Self::MaySignCertificates => fields.replace(KEY_USAGE, true, SIGNS_CERTIFICATES),
            Self::OtherCurve => fields.set_key(&other_curve()),
            Self::CompressedPoint => {
                fields.set_key(&compressed(&SigningKey::generate(KeyKind::P256).unwrap()));
            }
            Self::NoKeyUsage => fields.remove(KEY_USAGE),
            Self::KeyAgreementOnly => fields.replace(KEY_USAGE, true, KEY_AGREEMENT),
            Self::NoExtendedKeyUsage => fields.remove(EXTENDED_KEY_USAGE),
            Self::ServerAuthOnly => fields.replace(EXTENDED_KEY_USAGE, false, SERVER_AUTH),
            Self::AnyUsageOnly => fields.replace(EXTENDED_KEY_USAGE, false, ANY_USAGE),
            Self::NoNames => fields.remove(ALTERNATIVE_NAMES),
            _ => return None,
        }
        Some(fields.sign(&authority.key))
    }

    /// The same leaf by somebody who has no right to issue it.
    fn reissue_by_another(
        self,
        case: &mut Case,
        profile: Profile,
        authority: &Authority,
        holder: &SigningKey,
    ) {
        let other = match self {
            Self::Namesake if profile.is_external() => Authority::new("external"),
            Self::Namesake => Authority::new("internal"),
            Self::TooLong => authority.below(),
            _ => Authority::new("stranger"),
        };
        if self == Self::IssuedByALeaf {
            let culprit = SigningKey::generate(KeyKind::P256).unwrap();
            let above = authority.leaf(Profile::Device, &culprit);
            let mut fields = Fields::of(&case.chain[0]);
            fields.set_issuer(Fields::of(&above).subject());
            case.chain = vec![fields.sign(&culprit), above, authority.issuing()];
            return;
        }
        case.chain = vec![other.leaf(profile, holder), other.issuing()];
        if self == Self::TooLong {
            case.chain.push(authority.issuing());
        }
    }
}

fn with_octet(certificate: &[u8]) -> CertificateDer<'static> {
    [certificate, &[0]].concat().into()
}

/// One bit of the signature is another one.
fn changed(certificate: &[u8]) -> CertificateDer<'static> {
    let mut octets = certificate.to_vec();
    let last = octets.len() - 1;
    octets[last] ^= 1;
    octets.into()
}

/// The intermediate, allowed only names below `elsewhere.test`.
fn constrained(authority: &Authority) -> CertificateDer<'static> {
    let subtree = |tag: u8| tlv(SEQUENCE, &tlv(tag, b"elsewhere.test"));
    // [1] is an e-mail address, [2] a DNS name; [0] of the whole is what is permitted.
    let permitted = [subtree(0x81), subtree(0x82)].concat();
    let mut fields = Fields::of(&authority.issuing());
    fields.add(NAME_CONSTRAINTS, true, &tlv(SEQUENCE, &tlv(0xa0, &permitted)));
    fields.sign(&authority.root_key)
}
