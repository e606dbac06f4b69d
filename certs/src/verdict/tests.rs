use time::Duration;

use super::*;
use crate::asn1::{OCTET_STRING, SEQUENCE, object_identifier, sequence_content, tlv};
use crate::crl::{CrlRequest, RevocationReason, Revoked, assemble_crl, crl_tbs};
use crate::key::{KeyKind, SigningKey};
use crate::leaf::{ExtendedKeyUsage, LeafProfile, PolicyRule};
use crate::name::DnsName;
use crate::samples::{Authority, NOW, device, guest, identifier, token_account, token_user, user};
use crate::serial::Serial;
use crate::tbs::{assemble, tbs_of};

fn key() -> SigningKey {
    SigningKey::generate(KeyKind::P256).unwrap()
}

fn set(name: &str) -> TrustSetName {
    name.parse().unwrap()
}

fn trusting(authorities: &[(&str, &Authority)]) -> TrustSets {
    let mut trust = TrustSets::new();
    for (name, authority) in authorities {
        trust.insert(set(name), std::slice::from_ref(&authority.root)).unwrap();
    }
    trust
}

/// A device's chain, and the verdict on it by somebody who trusts its authority.
struct Scene {
    ca: Authority,
    trust: TrustSets,
    leaf: CertificateDer<'static>,
}

impl Scene {
    fn new() -> Self {
        let ca = Authority::new("external");
        let leaf = ca.leaf(&device(), &[identifier("dns:room-1.example.com")], &key(), |_| {});
        let trust = trusting(&[("external-domain", &ca)]);
        Self { ca, trust, leaf }
    }

    fn verdict(&self, leaf: &[u8]) -> Verdict {
        let chain = self.ca.chain(CertificateDer::from(leaf.to_vec()));
        verdict(&chain, &self.trust, None, &[], NOW)
    }

    /// The leaf with other to-be-signed content, properly signed by the authority.
    fn resigned(&self, change: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
        let content = sequence_content(tbs_of(&self.leaf).unwrap()).unwrap().to_vec();
        let tbs = tlv(SEQUENCE, &[&change(content)]);
        assemble(&tbs, &self.ca.key.sign(&tbs).unwrap(), self.ca.issuer.public_key()).unwrap().to_vec()
    }

    /// The leaf with one more extension.
    fn with_extension(&self, oid: &[u64], critical: bool, content: &[u8]) -> Vec<u8> {
        let flag = if critical { vec![1, 1, 0xff] } else { Vec::new() };
        let added = tlv(SEQUENCE, &[&object_identifier(oid), &flag, &tlv(OCTET_STRING, &[content])]);
        self.resigned(|content| {
            let (before, extensions) = split_extensions(&content);
            let extended = tlv(SEQUENCE, &[&extensions, &added]);
            [before, tlv(0xa3, &[&extended])].concat()
        })
    }

    /// The leaf without one of its extensions.
    fn without_extension(&self, oid: &[u64]) -> Vec<u8> {
        self.resigned(|content| {
            let (before, extensions) = split_extensions(&content);
            let mut kept = Vec::new();
            let mut rest = extensions.as_slice();
            while let Some((element, after)) = crate::asn1::take_element(rest) {
                if !element.content.starts_with(&object_identifier(oid)) {
                    kept.extend_from_slice(element.whole);
                }
                rest = after;
            }
            [before, tlv(0xa3, &[&tlv(SEQUENCE, &[&kept])])].concat()
        })
    }
}

/// What stands before the extensions, and the extensions one after another.
fn split_extensions(content: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut rest = content;
    while let Some((element, after)) = crate::asn1::take_element(rest) {
        if element.tag == 0xa3 {
            let before = content[..content.len() - rest.len()].to_vec();
            return (before, sequence_content(element.content).unwrap().to_vec());
        }
        rest = after;
    }
    panic!("a leaf without extensions");
}

fn reason(verdict: Verdict) -> Option<Reason> {
    assert_eq!(verdict.state == State::Unverified, verdict.reason.is_some());
    verdict.reason
}

#[test]
fn a_good_chain_tells_who_by_whom_and_how() {
    let scene = Scene::new();
    let verdict = scene.verdict(&scene.leaf);
    assert_eq!(verdict.state, State::VerifiedBy(set("external-domain")));
    assert_eq!(verdict.reason, None);
    assert_eq!(verdict.who, [identifier("dns:room-1.example.com")]);
    assert_eq!(verdict.display, "room-1.example.com");
    assert_eq!(verdict.authority.as_deref(), Some("external root"));
    assert_eq!(verdict.proofs, BTreeSet::from([Proof::Dns01]));
    assert_eq!(verdict.not_after, Some(NOW + Duration::days(7)));
    assert_eq!(verdict.to_string(), "room-1.example.com: verified by external root, proven by dns-01");
    let json = serde_json::to_value(&verdict).unwrap();
    assert_eq!(json["state"]["verified-by"], "external-domain");
    assert_eq!(json["who"][0]["value"], "room-1.example.com");
    assert_eq!(json["not-after"], "2026-06-08T12:00:00Z");
    assert_eq!(serde_json::from_value::<Verdict>(json).unwrap(), verdict);
}

#[test]
fn the_set_of_the_root_decides_between_internal_and_external() {
    let (external, internal) = (Authority::new("external"), Authority::new("internal"));
    let trust = trusting(&[("external-user", &external), ("internal", &internal)]);
    let judge = |ca: &Authority, leaf| verdict(&ca.chain(leaf), &trust, None, &[], NOW);
    let alice = [identifier("email:alice@example.com")];
    let by_sso = judge(&external, external.leaf(&user(), &alice, &key(), |_| {}));
    assert_eq!(by_sso.state, State::VerifiedBy(set("external-user")));
    let urn = [identifier("uri:urn:uuid:abababab-abab-abab-abab-abababababab")];
    let anonymous = judge(&internal, internal.leaf(&guest(), &urn, &key(), |_| {}));
    assert_eq!(reason(anonymous), Some(Reason::Anonymous));
    let by_token = judge(&internal, internal.leaf(&token_user(), &alice, &key(), |_| {}));
    assert_eq!(by_token.state, State::Internal);
    assert_eq!(serde_json::to_value(&by_token).unwrap()["state"], "internal");
}

#[test]
fn a_guest_is_known_by_an_authority_and_yet_unverified() {
    let internal = Authority::new("internal");
    let urn = [identifier("uri:urn:uuid:abababab-abab-abab-abab-abababababab")];
    let chain = internal.chain(internal.leaf(&guest(), &urn, &key(), |_| {}));
    let found = verdict(&chain, &trusting(&[("internal", &internal)]), None, &[], NOW);
    assert_eq!(found.state, State::Unverified);
    assert_eq!(found.reason, Some(Reason::Anonymous));
    assert_eq!(found.authority.as_deref(), Some("internal root"));
    assert_eq!(found.proofs, BTreeSet::from([Proof::Anonymous]));
    assert_eq!(found.to_string(), "urn:uuid:abababab-abab-abab-abab-abababababab: unverified (anonymous)");
    let info = found.info.unwrap();
    assert_eq!((info.kind, info.trust_set), (SubjectKind::Guest, Some(set("internal"))));
    assert_eq!(info.authority.as_deref(), Some("internal root"));
}

#[test]
fn a_certificate_of_the_internal_authority_that_does_not_say_how_it_was_proven_is_unverified() {
    let internal = Authority::new("internal");
    let unsaid = LeafProfile { policy: PolicyRule::None, ..token_user() };
    let leaf = internal.leaf(&unsaid, &[identifier("email:alice@example.com")], &key(), |_| {});
    let found = verdict(&internal.chain(leaf), &trusting(&[("internal", &internal)]), None, &[], NOW);
    assert_eq!((found.state, found.reason), (State::Unverified, Some(Reason::Anonymous)));
}

#[test]
fn an_authority_for_devices_says_nothing_about_people_unless_it_is_trusted_for_both() {
    let ca = Authority::new("external");
    let alice = ca.chain(ca.leaf(&user(), &[identifier("email:alice@example.com")], &key(), |_| {}));
    let room = ca.chain(ca.leaf(&device(), &[identifier("dns:room-1.example.com")], &key(), |_| {}));
    let judge = |sets: &[&str], chain: &[CertificateDer<'_>]| {
        let pairs: Vec<_> = sets.iter().map(|name| (*name, &ca)).collect();
        verdict(chain, &trusting(&pairs), None, &[], NOW)
    };
    assert_eq!(reason(judge(&["external-domain"], &alice)), Some(Reason::WrongAuthority));
    assert_eq!(reason(judge(&["external-user"], &room)), Some(Reason::WrongAuthority));
    let both = ["external-domain", "external-user"];
    assert_eq!(judge(&both, &alice).state, State::VerifiedBy(set("external-user")));
    assert_eq!(judge(&both, &room).state, State::VerifiedBy(set("external-domain")));
    assert_eq!(judge(&["partner"], &alice).state, State::VerifiedBy(set("partner")));
    assert_eq!(judge(&["partner"], &room).state, State::VerifiedBy(set("partner")));
    let later = verdict(&alice, &trusting(&[("external-domain", &ca)]), None, &[], NOW + Duration::days(8));
    assert_eq!(reason(later), Some(Reason::Expired));
}

#[test]
fn what_the_leaf_says_of_itself_is_told_even_where_it_is_not_believed() {
    let scene = Scene::new();
    let chain = scene.ca.chain(scene.leaf.clone());
    let found = verdict(&chain, &TrustSets::new(), None, &[], NOW);
    assert_eq!(reason(found.clone()), Some(Reason::UnknownIssuer));
    let info = found.info.unwrap();
    assert_eq!(info.identity, "dns:room-1.example.com");
    assert_eq!(info.display_name, "room-1.example.com");
    assert_eq!(info.kind, SubjectKind::Device);
    assert_eq!(info.issuer, "O=Example Org, CN=external issuing");
    assert_eq!(info.policies, [Proof::Dns01.oid()]);
    assert_eq!(info.serial.len(), 40);
    assert_eq!(info.sha256.len(), 64);
    assert_eq!((info.authority, info.trust_set), (None, None));
    assert!(verdict(&[CertificateDer::from(vec![0])], &scene.trust, None, &[], NOW).info.is_none());
}

#[test]
fn the_lobby_knows_its_own_organisation_by_its_domains() {
    let (external, internal) = (Authority::new("external"), Authority::new("internal"));
    let trust =
        trusting(&[("external-user", &external), ("external-domain", &external), ("internal", &internal)]);
    let judge = |ca: &Authority, profile: &crate::leaf::LeafProfile, names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| identifier(name)).collect();
        verdict(&ca.chain(ca.leaf(profile, &names, &key(), |_| {})), &trust, None, &[], NOW)
    };
    let own: Vec<DnsName> = ["example.com", "example.org"].map(|name| DnsName::parse(name).unwrap()).into();
    for (names, expected) in [
        (&["dns:room-1.example.com"][..], Lobby::MyOrganisation),
        (&["dns:example.org"], Lobby::MyOrganisation),
        (&["dns:*.rooms.example.org"], Lobby::MyOrganisation),
        (&["dns:room-1.badexample.com"], Lobby::Guests),
        (&["dns:example.com.evil.test"], Lobby::Guests),
        (&["dns:room-1.example.com", "dns:room-1.example.net"], Lobby::Guests),
    ] {
        assert_eq!(lobby(&judge(&external, &device(), names), &own), expected, "{names:?}");
    }
    let person = |address| judge(&external, &user(), &[address]);
    assert_eq!(lobby(&person("email:alice@example.com"), &own), Lobby::MyOrganisation);
    assert_eq!(lobby(&person("email:alice@guests.example.com"), &own), Lobby::Guests);
    assert_eq!(lobby(&person("email:alice@example.com"), &[]), Lobby::Guests);
    let inside = judge(&internal, &token_user(), &["email:alice@example.com"]);
    assert_eq!(lobby(&inside, &own), Lobby::MyOrganisation);
    // A device carries a domain of its organisation: one that is a subdomain is of whoever verified that.
    let room = |name| judge(&internal, &token_account(), &[name]);
    assert_eq!(lobby(&room("dns:example.com"), &own), Lobby::MyOrganisation);
    assert_eq!(lobby(&room("dns:partner.example.com"), &own), Lobby::Guests);
    let urn = "uri:urn:uuid:abababab-abab-abab-abab-abababababab";
    let account = judge(&internal, &token_account(), &[urn]);
    assert_eq!((account.state.clone(), lobby(&account, &own)), (State::Internal, Lobby::Guests));
    assert_eq!(lobby(&judge(&internal, &guest(), &[urn]), &own), Lobby::Unverified);
    let stranger = Authority::new("stranger");
    assert_eq!(lobby(&judge(&stranger, &user(), &["email:alice@example.com"]), &own), Lobby::Unverified);
}

#[test]
fn strangers_are_unverified_and_their_proofs_are_not_repeated() {
    let scene = Scene::new();
    let judge = |other: &Authority| {
        let leaf = other.leaf(&device(), &[identifier("dns:room-1.example.com")], &key(), |_| {});
        verdict(&other.chain(leaf), &scene.trust, None, &[], NOW)
    };
    let namesake = judge(&Authority::new("external"));
    assert_eq!(namesake.reason, Some(Reason::InvalidSignature));
    let verdict = judge(&Authority::new("elsewhere"));
    assert_eq!(verdict.reason, Some(Reason::UnknownIssuer));
    assert_eq!(verdict.authority, None);
    assert!(verdict.proofs.is_empty());
    assert_eq!(verdict.to_string(), "room-1.example.com: unverified (unknown-issuer)");
}

#[test]
fn nothing_and_garbage_have_their_reasons() {
    let scene = Scene::new();
    assert_eq!(reason(verdict(&[], &scene.trust, None, &[], NOW)), Some(Reason::NoCertificate));
    assert_eq!(reason(scene.verdict(b"garbage")), Some(Reason::Malformed));
    let mut longer = scene.leaf.to_vec();
    longer.push(0);
    assert_eq!(reason(scene.verdict(&longer)), Some(Reason::Malformed));
    let alone = verdict(std::slice::from_ref(&scene.leaf), &scene.trust, None, &[], NOW);
    assert_eq!(reason(alone), Some(Reason::UnknownIssuer));
}

#[test]
fn time_is_judged_at_both_ends() {
    let scene = Scene::new();
    let chain = scene.ca.chain(scene.leaf.clone());
    let at = |now| reason(verdict(&chain, &scene.trust, None, &[], now));
    assert_eq!(at(NOW - Duration::minutes(1)), None);
    assert_eq!(at(NOW - Duration::seconds(61)), Some(Reason::NotYetValid));
    assert_eq!(at(NOW + Duration::days(7)), None);
    assert_eq!(at(NOW + Duration::days(7) + Duration::seconds(1)), Some(Reason::Expired));
}

#[test]
fn an_expired_root_is_not_trusted() {
    let ca = Authority::new("external");
    let short =
        crate::authority::root(&crate::samples::request("external root", 1, 3), &ca.root_key).unwrap();
    let mut trust = TrustSets::new();
    trust.insert(set("external-domain"), &[short]).unwrap();
    let leaf = ca.leaf(&device(), &[identifier("dns:a.example")], &key(), |_| {});
    let chain = ca.chain(leaf);
    let at = |now| reason(verdict(&chain, &trust, None, &[], now));
    assert_eq!(at(NOW), None);
    assert_eq!(at(NOW + Duration::days(4)), Some(Reason::Expired));
}

#[test]
fn another_name_than_expected_is_a_mismatch() {
    let scene = Scene::new();
    let wild = scene.ca.leaf(&device(), &[identifier("dns:*.example.com")], &key(), |_| {});
    let judge = |leaf: &CertificateDer<'static>, expected: &str| {
        let chain = scene.ca.chain(leaf.clone());
        reason(verdict(&chain, &scene.trust, Some(&identifier(expected)), &[], NOW))
    };
    assert_eq!(judge(&scene.leaf, "dns:room-1.example.com"), None);
    assert_eq!(judge(&scene.leaf, "dns:room-2.example.com"), Some(Reason::NameMismatch));
    assert_eq!(judge(&scene.leaf, "email:a@room-1.example.com"), Some(Reason::NameMismatch));
    assert_eq!(judge(&wild, "dns:room-2.example.com"), None);
    assert_eq!(judge(&wild, "dns:a.room-2.example.com"), Some(Reason::NameMismatch));
    assert_eq!(judge(&wild, "dns:example.com"), Some(Reason::NameMismatch));
}

#[test]
fn leaves_of_the_wrong_kind_are_refused_though_properly_signed() {
    let scene = Scene::new();
    assert_eq!(reason(scene.verdict(&scene.with_extension(&[1, 2, 3], false, &[5, 0]))), None);
    let cases = [
        (scene.with_extension(&[1, 2, 3], true, &[5, 0]), Reason::UnknownCriticalExtension),
        (scene.with_extension(&[2, 5, 29, 19], true, &[0x30, 3, 1, 1, 0xff]), Reason::CaAsLeaf),
        (scene.with_extension(&[2, 5, 29, 14], false, &[4, 1, 0]), Reason::DuplicateExtension),
        (scene.without_extension(&[2, 5, 29, 37]), Reason::MissingExtendedKeyUsage),
        (scene.without_extension(&[2, 5, 29, 15]), Reason::MissingKeyUsage),
        (scene.without_extension(&[2, 5, 29, 17]), Reason::NoIdentifier),
    ];
    for (leaf, expected) in cases {
        assert_eq!(reason(scene.verdict(&leaf)), Some(expected));
    }
    let mut server = device();
    server.extended_key_usages = [ExtendedKeyUsage::ServerAuth].into();
    let leaf = scene.ca.leaf(&server, &[identifier("dns:a.example")], &key(), |_| {});
    assert_eq!(reason(scene.verdict(&leaf)), Some(Reason::MissingExtendedKeyUsage));
}

#[test]
fn an_intermediate_shown_as_a_leaf_is_an_authority() {
    let scene = Scene::new();
    let chain = scene.ca.issuer.chain().to_vec();
    assert_eq!(reason(verdict(&chain, &scene.trust, None, &[], NOW)), Some(Reason::CaAsLeaf));
}

#[test]
fn a_leaf_on_another_curve_has_the_wrong_key() {
    let scene = Scene::new();
    let p384 = SigningKey::generate(KeyKind::P384).unwrap();
    let p256_spki = {
        let (_, parsed) = x509_parser::parse_x509_certificate(&scene.leaf).unwrap();
        parsed.public_key().raw.to_vec()
    };
    let changed = scene.resigned(|content| {
        let at = content.windows(p256_spki.len()).position(|w| w == p256_spki).unwrap();
        [&content[..at], p384.public().spki_der(), &content[at + p256_spki.len()..]].concat()
    });
    assert_eq!(reason(scene.verdict(&changed)), Some(Reason::WrongKey));
}

#[test]
fn a_changed_octet_breaks_the_signature() {
    let scene = Scene::new();
    let mut changed = scene.leaf.to_vec();
    let at = changed.windows(6).position(|window| window == b"room-1").unwrap();
    changed[at + 5] = b'2';
    assert_eq!(reason(scene.verdict(&changed)), Some(Reason::InvalidSignature));
}

#[test]
fn a_leaf_does_not_issue() {
    let scene = Scene::new();
    let holder = key();
    let leaf = scene.ca.leaf(&device(), &[identifier("dns:a.example")], &holder, |_| {});
    let forged_tbs = tbs_of(&scene.leaf).unwrap();
    let content = sequence_content(forged_tbs).unwrap();
    let subject = {
        let (_, parsed) = x509_parser::parse_x509_certificate(&leaf).unwrap();
        parsed.subject().as_raw().to_vec()
    };
    let renamed = crate::tbs::with_issuer_name(&scene.leaf, &subject).unwrap();
    assert_ne!(sequence_content(&renamed), Some(content));
    let forged = assemble(&renamed, &holder.sign(&renamed).unwrap(), holder.public()).unwrap();
    let chain = [forged, leaf, scene.ca.issuer.chain()[0].clone()];
    let refused = verdict(&chain, &scene.trust, None, &[], NOW);
    assert_eq!(refused.state, State::Unverified);
}

fn list(ca: &Authority, revoked: &[Revoked], signer: &SigningKey, next: Duration) -> RevocationList {
    let request = CrlRequest {
        number: 1,
        this_update: NOW - Duration::days(2),
        next_update: NOW + next,
        revoked,
        distribution_points: &[],
    };
    let tbs = crl_tbs(&request, &ca.issuer, &ca.twin).unwrap();
    let der = assemble_crl(tbs.der(), &signer.sign(tbs.der()).unwrap(), signer.public()).unwrap();
    RevocationList::from_der(&der).unwrap()
}

#[test]
fn revocation_is_seen_in_the_issuers_own_fresh_list_only() {
    let scene = Scene::new();
    let entry = |byte: u8| Revoked {
        serial: Serial::from_entropy([byte; 20]),
        at: NOW - Duration::days(1),
        reason: RevocationReason::KeyCompromise,
    };
    let day = Duration::days(1);
    let judge = |list: RevocationList| {
        let chain = scene.ca.chain(scene.leaf.clone());
        reason(verdict(&chain, &scene.trust, None, &[list], NOW))
    };
    let (ca, key) = (&scene.ca, &scene.ca.key);
    assert_eq!(judge(list(ca, &[entry(9)], key, day)), Some(Reason::Revoked));
    assert_eq!(judge(list(ca, &[entry(8)], key, day)), None);
    let by_another = list(ca, &[entry(9)], &super::tests::key(), day);
    assert_eq!(judge(by_another), Some(Reason::BadRevocationList));
    let stale = list(ca, &[], key, -Duration::hours(1));
    assert_eq!(judge(stale), Some(Reason::BadRevocationList));
    let elsewhere = Authority::new("elsewhere");
    assert_eq!(judge(list(&elsewhere, &[entry(9)], &elsewhere.key, day)), None);
}

#[test]
fn only_the_two_outside_sets_may_share_a_root() {
    use crate::chain::TrustError;
    let ca = Authority::new("external");
    let mut trust = trusting(&[("external-domain", &ca)]);
    let again = trust.insert(set("internal"), std::slice::from_ref(&ca.root)).unwrap_err();
    assert!(matches!(again, TrustError::TwoSets { .. }));
    let partner = trust.insert(set("partner"), std::slice::from_ref(&ca.root)).unwrap_err();
    assert!(matches!(partner, TrustError::TwoSets { .. }));
    trust.insert(set("external-user"), std::slice::from_ref(&ca.root)).unwrap();
    let leaf = ca.leaf(&device(), &[identifier("dns:a.example")], &key(), |_| {});
    let refused = trust.insert(set("internal"), &[leaf]).unwrap_err();
    assert!(matches!(refused, TrustError::NotAuthority { .. }));
    assert!("Internal".parse::<TrustSetName>().is_err());
    assert!(RevocationList::from_der(b"x").is_err());
}

#[test]
fn reasons_are_spelled_in_json_as_in_text() {
    for reason in Reason::ALL {
        assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{reason}\""));
        assert!(!reason.explain().is_empty());
    }
    let names: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(names.len(), Reason::ALL.len());
}
