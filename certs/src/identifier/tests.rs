use super::*;

#[test]
fn json_is_the_acme_object() {
    let json = r#"{"type":"dns","value":"Room.Example.com"}"#;
    let identifier: Identifier = serde_json::from_str(json).unwrap();
    assert_eq!(identifier.kind(), IdentifierKind::Dns);
    assert_eq!(serde_json::to_string(&identifier).unwrap(), r#"{"type":"dns","value":"room.example.com"}"#);
    let urn = Identifier::Uri(UuidUrn::from_octets([0xab; 16]));
    assert_eq!(urn.value(), "urn:uuid:abababab-abab-abab-abab-abababababab");
    assert_eq!(serde_json::from_str::<Identifier>(&serde_json::to_string(&urn).unwrap()).unwrap(), urn);
}

#[test]
fn unknown_types_differ_from_bad_values() {
    assert_eq!(
        Identifier::from_parts("ip", "192.0.2.1"),
        Err(IdentifierError::UnsupportedKind { kind: "ip".into() })
    );
    assert_eq!(
        Identifier::from_parts("dns", "a.example."),
        Err(IdentifierError::Name {
            kind: IdentifierKind::Dns,
            value: "a.example.".into(),
            fault: crate::name::NameError::TrailingDot
        })
    );
    assert!(matches!(Identifier::from_parts("email", "x"), Err(IdentifierError::Name { .. })));
    for bad in ["urn:uuid:ABABABAB-abab-abab-abab-abababababab", "urn:uuid:1", "https://a.example"] {
        assert_eq!(
            Identifier::from_parts("uri", bad),
            Err(IdentifierError::NotUuidUrn { value: bad.to_owned() })
        );
    }
}

#[test]
fn the_text_form_round_trips() {
    for text in
        ["dns:*.example.com", "email:A@b.example", "uri:urn:uuid:abababab-abab-abab-abab-abababababab"]
    {
        assert_eq!(text.parse::<Identifier>().unwrap().to_string(), text);
    }
    assert!("room.example.com".parse::<Identifier>().is_err());
}

#[test]
fn a_stored_single_label_name_is_read_again_but_an_order_cannot_ask_for_one() {
    let own = Identifier::Dns(DnsName::parse_allowing_single_label("localhost").unwrap());
    let stored = serde_json::to_string(&own).unwrap();
    assert_eq!(serde_json::from_str::<Identifier>(&stored).unwrap(), own);
    assert!(Identifier::from_parts("dns", "localhost").is_err());
    assert!(serde_json::from_str::<Identifier>(r#"{"type":"dns","value":"a..b"}"#).is_err());
}
