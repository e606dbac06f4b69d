#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may")]

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use proptest::prelude::*;

use crate::*;

/// The worked example of the devices' guide, put right.
const EXAMPLE: &str = "eyJhbGciOiJkaXIiLCJjaXNjby1hY3Rpb24iOiJhZGQiLCJjaXNjby1rZGYiOnsic2FsdCI6IjVlWlRDQVA0TV9ZIiwidmVyc2lvbiI6IjEifSwiZW5jIjoiQTEyOEdDTSJ9..NLNd3V9Te68tkpWD.f5lLVuWNfKfmzYCo1YJfODhQ.PE-wDFWGXFFBeo928cfZ1Q";
const EXAMPLE_HEADER: &str =
    r#"{"alg":"dir","cisco-action":"add","cisco-kdf":{"salt":"5eZTCAP4M_Y","version":"1"},"enc":"A128GCM"}"#;
const EXAMPLE_PAYLOAD: &[u8] = b"this is a PEM file";
const OPENS: &str = "opens";

fn example_secret() -> Secret {
    Secret::from_octets(b"ossifrage").unwrap_or_else(|problem| panic!("{problem}"))
}

fn example_salt() -> Salt {
    Salt::new(&HEXLOWER.decode(b"e5e6530803f833f6").unwrap()).unwrap()
}

fn example_iv() -> [u8; 12] {
    BASE64URL_NOPAD.decode(b"NLNd3V9Te68tkpWD").unwrap().try_into().unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::from_text(text).unwrap_or_else(|problem| panic!("{problem}"))
}

fn sealed(secret: &Secret, action: Action, payload: &[u8]) -> Blob {
    Blob::seal(secret, action, payload, Encryption::A128Gcm, Fresh::draw().unwrap()).unwrap()
}

fn key_of(blob: &Blob, secret: &Secret) -> ContentKey {
    ContentKey::derive(secret, blob.salt(), blob.encryption()).unwrap_or_else(|problem| panic!("{problem}"))
}

/// What became of opening, without showing what came out.
fn outcome(opened: Result<zeroize::Zeroizing<Vec<u8>>, OpenError>) -> Result<&'static str, OpenError> {
    opened.map(|_| OPENS)
}

fn with_header(header: &str) -> String {
    let (_, rest) = EXAMPLE.split_once('.').unwrap();
    format!("{}.{rest}", BASE64URL_NOPAD.encode(header.as_bytes()))
}

#[test]
fn the_keys_of_the_worked_example_are_as_published() {
    let key = |encryption| match ContentKey::derive(&example_secret(), &example_salt(), encryption) {
        Ok(key) => HEXLOWER.encode(key.octets()),
        Err(problem) => panic!("{problem}"),
    };
    assert_eq!(key(Encryption::A128Gcm), "959eba6dd122010578fe6a9d2278ffac");
    assert_eq!(
        key(Encryption::A256Gcm),
        "959eba6dd122010578fe6a9d2278fface91a300898bfd19bfffb117fb05500d2",
        "the shorter is its beginning, so a salt never serves both"
    );
}

#[test]
fn the_worked_example_is_made_octet_for_octet() {
    let opened = Blob::parse(EXAMPLE).unwrap().open(&example_secret(), Action::Add).unwrap();
    let fresh = Fresh::from_vector(example_salt(), example_iv());
    let blob = Blob::seal(&example_secret(), Action::Add, &opened, Encryption::A128Gcm, fresh).unwrap();
    assert_eq!(blob.to_string(), EXAMPLE);
    assert_eq!(opened.len(), 18);
    let parts: Vec<&str> = EXAMPLE.split('.').collect();
    assert_eq!(BASE64URL_NOPAD.decode(parts[0].as_bytes()).unwrap(), EXAMPLE_HEADER.as_bytes());
    assert_eq!(blob, Blob::parse(EXAMPLE).unwrap());
    assert_eq!(std::str::from_utf8(&opened), std::str::from_utf8(EXAMPLE_PAYLOAD));
}

#[test]
fn the_published_blob_with_its_transposed_character_is_recognised_and_refused_with_a_hint() {
    let printed = EXAMPLE.replacen("J9..NLNd", "J..9NLNd", 1);
    let problem = Blob::parse(&printed).unwrap_err();
    assert_eq!(problem, Malformed::Transposed { character: '9' });
    assert!(problem.hint().unwrap().contains("move the `9` from behind the two dots to before them"));
    // Any other damage at the same place is not blamed on the printer.
    for other in [EXAMPLE.replacen("J9..NLNd", "J..NLNd", 1), EXAMPLE.replacen("J9..NLNd", "J9..9NLNd", 1)] {
        assert!(!matches!(Blob::parse(&other).unwrap_err(), Malformed::Transposed { .. }), "{other}");
    }
}

#[test]
fn an_empty_populate_takes_the_secret_away_and_any_other_sets_it() {
    let old = secret("b2xk");
    let reset = sealed(&old, Action::Populate, &Payload::NewSecret(None).to_octets());
    let opened = Blob::parse(&reset.to_string()).unwrap().open(&old, Action::Populate).unwrap();
    assert!(opened.is_empty());
    assert!(matches!(Payload::read(Action::Populate, &opened), Ok(Payload::NewSecret(None))));
    let new = Secret::generate().unwrap_or_else(|problem| panic!("{problem}"));
    let change = sealed(&old, Action::Populate, &Payload::NewSecret(Some(new.clone())).to_octets());
    let opened = change.open(&old, Action::Populate).unwrap();
    let Ok(Payload::NewSecret(Some(read))) = Payload::read(Action::Populate, &opened) else {
        panic!("a secret")
    };
    assert!(read == new);
    assert!(Payload::read(Action::Populate, b"not base64url!").is_err());
}

#[test]
fn a_blob_opens_only_under_its_secret_for_its_action_and_unchanged() {
    let own = secret("c2VjcmV0");
    let blob = sealed(&own, Action::Activate, b"ce4eb947ce4eb947ce4eb947ce4eb947ce4eb947");
    assert_eq!(outcome(blob.open(&own, Action::Activate)), Ok(OPENS));
    assert_eq!(outcome(blob.open(&secret("b3RoZXI"), Action::Activate)), Err(OpenError::Unauthentic));
    let wrong = OpenError::Action { expected: Action::Deactivate, found: Action::Activate };
    assert_eq!(outcome(blob.open(&own, Action::Deactivate)), Err(wrong));
    // The header is covered: the same blob that says it is for something else.
    let text = blob.to_string();
    let header = text.split('.').next().unwrap();
    let said = String::from_utf8(BASE64URL_NOPAD.decode(header.as_bytes()).unwrap()).unwrap();
    let renamed = BASE64URL_NOPAD.encode(said.replace("\"activate\"", "\"deactivate\"").as_bytes());
    let renamed = Blob::parse(&text.replacen(header, &renamed, 1)).unwrap();
    assert_eq!(outcome(renamed.open(&own, Action::Deactivate)), Err(OpenError::Unauthentic));
    let key = key_of(&blob, &own);
    assert_eq!(outcome(blob.open_with(&key, Action::Activate)), Ok(OPENS));
    let other = sealed(&own, Action::Activate, b"");
    assert_eq!(outcome(other.open_with(&key, Action::Activate)), Err(OpenError::OtherKey));
}

#[test]
fn every_single_changed_character_of_a_blob_is_noticed() {
    let key = key_of(&Blob::parse(EXAMPLE).unwrap(), &example_secret());
    for at in 0..EXAMPLE.len() {
        for put in ["A", "Q", "_", "."] {
            let mut text = EXAMPLE.to_owned();
            text.replace_range(at..=at, put);
            if text != EXAMPLE
                && let Ok(blob) = Blob::parse(&text)
            {
                assert!(blob.open_with(&key, Action::Add).is_err(), "{text}");
            }
        }
    }
}

#[test]
fn salt_and_initialization_vector_are_new_each_time() {
    let own = secret("c2VjcmV0");
    let (one, other) = (sealed(&own, Action::Populate, b""), sealed(&own, Action::Populate, b""));
    assert_ne!(one.salt(), other.salt());
    assert_eq!(one.salt().octets().len(), Fresh::SALT);
    assert_ne!(one.to_string().split('.').nth(2), other.to_string().split('.').nth(2));
}

#[test]
fn headers_that_say_more_less_or_something_else_are_refused() {
    let cases: [(&str, &str, HeaderProblem); 16] = [
        (r#"{"alg""#, r#"{"alg":"dir","alg""#, HeaderProblem::Twice(Member::Alg)),
        (r#"{"salt""#, r#"{"salt":"AAAAAAA","salt""#, HeaderProblem::Twice(Member::Salt)),
        (r#""dir""#, r#""dir","zip":"DEF""#, HeaderProblem::Unknown),
        (r#""version":"1""#, r#""version":"1","n":"16""#, HeaderProblem::Unknown),
        (r#""alg":"dir","#, "", HeaderProblem::Missing(Member::Alg)),
        (r#","enc":"A128GCM""#, "", HeaderProblem::Missing(Member::Enc)),
        (r#""salt":"5eZTCAP4M_Y","#, "", HeaderProblem::Missing(Member::Salt)),
        (r#""dir""#, r#""A128KW""#, HeaderProblem::Alg),
        (r#""A128GCM""#, r#""A192GCM""#, HeaderProblem::Enc),
        (r#""add""#, r#""Add""#, HeaderProblem::Action),
        (r#""version":"1""#, r#""version":"2""#, HeaderProblem::Version),
        (r#""version":"1""#, r#""version":1"#, HeaderProblem::Type(Member::Version)),
        (r#""5eZTCAP4M_Y""#, r#""5eZTCAP4M_Y=""#, HeaderProblem::SaltText),
        (r#""5eZTCAP4M_Y""#, r#""5eZT""#, HeaderProblem::SaltLength { octets: 3 }),
        (
            r#"{"salt":"5eZTCAP4M_Y","version":"1"}"#,
            r#"["5eZTCAP4M_Y","1"]"#,
            HeaderProblem::Type(Member::Kdf),
        ),
        (
            EXAMPLE_HEADER,
            r#"["dir","add",{"salt":"5eZTCAP4M_Y","version":"1"},"A128GCM"]"#,
            HeaderProblem::NotObject,
        ),
    ];
    for (from, to, problem) in cases {
        let header = EXAMPLE_HEADER.replacen(from, to, 1);
        assert_ne!(header, EXAMPLE_HEADER);
        assert_eq!(Blob::parse(&with_header(&header)).unwrap_err(), Malformed::Header(problem), "{header}");
    }
    let long = EXAMPLE_HEADER.replacen("5eZTCAP4M_Y", &"A".repeat(87), 1);
    assert_eq!(
        Blob::parse(&with_header(&long)).unwrap_err(),
        Malformed::Header(HeaderProblem::SaltLength { octets: 65 })
    );
    // Another order and white space mean the same, and are covered as they came.
    let spaced = r#" {"enc": "A128GCM", "cisco-kdf": {"version": "1", "salt": "5eZTCAP4M_Y"}, "cisco-action": "add", "alg": "dir"}"#;
    let blob = Blob::parse(&with_header(spaced)).unwrap();
    assert_eq!(outcome(blob.open(&example_secret(), Action::Add)), Err(OpenError::Unauthentic));
}

#[test]
fn what_a_device_could_not_take_is_not_sealed() {
    let own = secret("c2VjcmV0");
    let seal = |action, length: usize| {
        let fresh = Fresh::draw().unwrap();
        Blob::seal(&own, action, &vec![b'a'; length], Encryption::A256Gcm, fresh)
            .map(|blob| blob.to_string().len())
    };
    assert_eq!(seal(Action::Populate, 700).unwrap_err(), SealError::TooLong { limit: MAX_PARAMETER });
    assert_eq!(seal(Action::Add, MAX_PAYLOAD + 1).unwrap_err(), SealError::TooLong { limit: MAX_PAYLOAD });
    assert!(seal(Action::Add, MAX_PAYLOAD).unwrap() <= MAX_BLOB);
    assert!(seal(Action::Populate, Secret::MAX.div_ceil(3) * 4).unwrap() <= MAX_PARAMETER);
}

#[test]
fn secrets_are_base64url_and_weak_ones_are_told_apart() {
    assert!(matches!(Secret::from_text("  "), Err(NotSecret::Empty)));
    assert!(matches!(Secret::from_text("b2xk="), Err(NotSecret::Text)));
    assert!(matches!(Secret::from_text("o+/k"), Err(NotSecret::Text)));
    assert!(matches!(Secret::from_text(&"A".repeat(600)), Err(NotSecret::TooLong)));
    assert_eq!(secret(" b2xk\n").to_text().as_str(), "b2xk");
    for weak in [
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "0123456789012345678901234567890123456789",
        "abcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcd",
        "b3NzaWZyYWdl",
        "correcthorsebattery1",
        "6F9619FFC11D42B4011F96AA",
        "6F9619FF-C11D-42B4-01-1F96AA",
    ] {
        assert!(!secret(weak).may_be_strong(), "{weak}: {}", secret(weak).estimated_bits());
    }
    for _ in 0..50 {
        let Ok(drawn) = Secret::generate() else { panic!("a secret") };
        assert!(drawn.may_be_strong());
        assert_eq!(drawn.to_text().len(), 43);
    }
    let hexadecimal = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    assert!(secret(hexadecimal).may_be_strong());
}

#[test]
fn fingerprints_are_forty_digits_however_they_are_written() {
    let plain: Fingerprint = "ce4eb947aabbccddeeff00112233445566778899".parse().unwrap();
    assert_eq!("CE:4E:B9:47:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99".parse(), Ok(plain));
    assert_eq!(Fingerprint::of(b"").as_str(), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    for wrong in ["", "ce4eb947", "ce4eb947aabbccddeeff0011223344556677889g", &"ab".repeat(32)] {
        assert_eq!(wrong.parse::<Fingerprint>(), Err(NotFingerprint));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "[A-Za-z0-9_.{}\" -]{0,300}") {
        if let Ok(blob) = Blob::parse(&text) {
            prop_assert_eq!(blob.to_string(), text);
        }
    }
}
