use super::*;

fn device() -> serde_json::Value {
    serde_json::json!({
        "name": "device", "description": "A meeting device", "lifetime": "7days", "max-lifetime": "30days",
        "extended-key-usages": ["client-auth"], "identifiers": ["dns"], "proofs": ["dns-01", "dns-persist-01"],
    })
}

fn parse(json: serde_json::Value) -> LeafProfile {
    serde_json::from_value(json).unwrap()
}

#[test]
fn a_short_profile_gets_the_documented_defaults() {
    let profile = parse(device());
    assert_eq!(profile.backdate, Duration::from_secs(60));
    assert_eq!(profile.max_identifiers, 10);
    assert_eq!(profile.authorization_lifetime, Duration::from_secs(28_800));
    assert_eq!(profile.subject, SubjectRule::FirstNameIfFits);
    assert_eq!(profile.policy, PolicyRule::Proof);
    assert!(!profile.wildcards);
    assert_eq!(profile.check(), []);
    let back = serde_json::to_value(&profile).unwrap();
    assert_eq!(parse(back), profile);
}

#[test]
fn unknown_keys_and_values_are_refused() {
    let mut json = device();
    json["lifetimes"] = "1day".into();
    assert!(serde_json::from_value::<LeafProfile>(json).unwrap_err().to_string().contains("lifetimes"));
    let mut json = device();
    json["proofs"] = serde_json::json!(["http-01"]);
    assert!(serde_json::from_value::<LeafProfile>(json).is_err());
}

#[test]
fn check_names_every_fault_at_once() {
    let mut profile = parse(device());
    profile.lifetime = Duration::from_secs(59);
    profile.max_lifetime = Duration::from_secs(10);
    profile.backdate = Duration::from_secs(301);
    profile.extended_key_usages.clear();
    profile.max_identifiers = 0;
    profile.required_identifiers = [IdentifierKind::Email].into();
    profile.proofs = [Proof::Sso01, Proof::Dns01].into();
    let expected = [
        ProfileError::LifetimeTooShort,
        ProfileError::LifetimeAboveMax,
        ProfileError::BackdateTooLong,
        ProfileError::NoExtendedKeyUsage,
        ProfileError::IdentifierLimit { max: 0 },
        ProfileError::RequiredNotAllowed { kind: IdentifierKind::Email },
        ProfileError::ProofWithoutKind { proof: Proof::Sso01, kind: IdentifierKind::Email },
    ];
    assert_eq!(profile.check(), expected);
    profile.max_lifetime = Duration::from_secs(11 * 366 * 86_400);
    assert!(profile.check().contains(&ProfileError::MaxLifetimeTooLong));
    profile.authorization_lifetime = Duration::MAX;
    assert!(profile.check().contains(&ProfileError::AuthorizationLifetimeTooLong));
    profile.identifiers.clear();
    profile.proofs.clear();
    assert!(profile.check().contains(&ProfileError::NoIdentifierKind));
    assert!(profile.check().contains(&ProfileError::NoProof));
}

#[test]
fn what_proves_nothing_must_say_so_in_the_certificate() {
    let mut profile = parse(device());
    profile.proofs = [Proof::Anonymous].into();
    assert_eq!(profile.check(), []);
    profile.policy = PolicyRule::None;
    assert_eq!(profile.check(), [ProfileError::AnonymousUnsaid]);
}

#[test]
fn profile_names_are_lower_case_words() {
    for good in ["device", "internal-device", "p1"] {
        assert_eq!(good.parse::<ProfileName>().unwrap().as_str(), good);
    }
    for bad in ["", "-a", "a-", "A", "a b", "ä", &"x".repeat(65)] {
        assert_eq!(bad.parse::<ProfileName>(), Err(ProfileError::Name { name: bad.to_owned() }));
    }
}
