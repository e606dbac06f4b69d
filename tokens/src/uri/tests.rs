use super::*;

const WHOLE: &str = "pkcs11:token=The%20CA;serial=1a2b;manufacturer=SoftHSM%20project;model=v2;object=external%202;id=%01%fe?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/rollcall/pin";

#[test]
fn a_uri_that_is_written_reads_back_as_the_same() {
    let uri: TokenUri = WHOLE.parse().unwrap();
    assert_eq!(uri.object(), Some("external 2"));
    assert_eq!(uri.id(), Some(&[1, 0xfe][..]));
    assert_eq!(uri.pin_source(), Some(Path::new("/etc/rollcall/pin")));
    assert!(uri.is_token("The CA", "1a2b", "SoftHSM project", "v2"));
    assert!(!uri.is_token("The CA", "1a2c", "SoftHSM project", "v2"));
    assert_eq!(uri.to_string(), WHOLE);
    assert_eq!(uri.to_string().parse::<TokenUri>().unwrap(), uri);
    assert!(!uri.store().names_key());
}

#[test]
fn the_ways_to_write_a_pin_source_name_the_same_file() {
    for source in ["file:/a/pin", "file:///a/pin", "/a/pin", "file:%2Fa%2Fpin"] {
        let uri: TokenUri = format!("PKCS11:token=a?pin-source={source}").parse().unwrap();
        assert_eq!(uri.pin_source(), Some(Path::new("/a/pin")), "{source}");
    }
}

#[test]
fn what_is_not_understood_is_refused_and_no_value_is_shown() {
    let cases = [
        ("https://x", UriError::Scheme),
        ("pkcs11:", UriError::NoToken),
        ("pkcs11:object=a", UriError::NoToken),
        ("pkcs11:token", UriError::Part),
        ("pkcs11:token=", UriError::Empty("token")),
        ("pkcs11:token=a;token=b", UriError::Twice("token")),
        ("pkcs11:token=%4", UriError::Encoding("token")),
        ("pkcs11:token=%ff", UriError::Encoding("token")),
        ("pkcs11:token=a;slot-id=1", UriError::Unknown("slot-id".to_owned())),
        ("pkcs11:token=a;type=cert", UriError::Type),
        ("pkcs11:token=a?module-path=softhsm.so", UriError::Relative("module-path")),
        ("pkcs11:token=a?pin-source=file:pin", UriError::Relative("pin-source")),
        ("pkcs11:token=a?pin-source=%7Cprogram", UriError::Relative("pin-source")),
        ("pkcs11:token=a?pin-source=https://x/pin", UriError::PinSource),
        ("pkcs11:token=a?pin-value=123456", UriError::PinValue),
        ("pkcs11:token=a;pin-value=123456", UriError::PinValue),
        ("pkcs11:token=a?123456=b", UriError::Unknown("123456".to_owned())),
    ];
    for (text, wanted) in cases {
        let error = match text.parse::<TokenUri>() {
            Err(error) => error,
            Ok(uri) => panic!("{text} was taken as {uri}"),
        };
        // A command that pipes a PIN is refused, whichever word it is refused by.
        if text.contains("%7C") {
            assert!(matches!(error, UriError::PinSource | UriError::Relative(_)), "{text}");
            continue;
        }
        assert_eq!(error, wanted, "{text}");
        assert!(!format!("{error} {error:?}").contains("123456") || text.contains("?123456"), "{text}");
    }
}
