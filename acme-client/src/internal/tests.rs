//! What may be a token, where it goes, and what a server may say.

use zeroize::Zeroizing;

use super::*;

fn token(text: &str) -> Result<Token, TokenFault> {
    Token::new(Zeroizing::new(text.to_owned()))
}

#[test]
fn a_token_is_one_word_that_fits_a_header_and_is_never_shown() {
    for good in ["a", "eyJhbGciOiJFUzI1NiJ9.e30.c2ln", "rc_0-9~+/=="] {
        let token = token(good).unwrap();
        assert!(!format!("{token:?} {:?}", token.header().unwrap()).contains(good));
    }
    for bad in ["", "two words", "a\r\nX: y", "Bearer\u{a0}x", "ä", &"a".repeat(17_000)] {
        assert!(matches!(token(bad), Err(TokenFault::NotToken)));
    }
}

#[test]
fn a_token_file_holds_one_token_and_its_fault_does_not_show_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "\n eyJ.e30.sig\n").unwrap();
    assert_eq!(Token::read(&path).unwrap().expose(), "eyJ.e30.sig");
    for bad in ["", "secret one\nsecret two\n", &"s".repeat(20_000)] {
        std::fs::write(&path, bad).unwrap();
        let fault = Token::read(&path).unwrap_err().to_string();
        assert!(fault.contains("does not hold a token") && !fault.contains("secret"), "{fault}");
    }
    assert!(matches!(Token::read(&folder.path().join("absent")), Err(TokenFault::File { .. })));
}

#[test]
fn a_bare_server_url_means_its_internal_authority() {
    for (given, expected) in [
        ("https://ca.test:14000", "https://ca.test:14000/internal/"),
        ("https://ca.test/", "https://ca.test/internal/"),
        ("https://ca.test/internal", "https://ca.test/internal/"),
        ("https://ca.test/a/v1/?x=1#y", "https://ca.test/a/v1/"),
    ] {
        assert_eq!(internal_url(given).unwrap().as_str(), expected);
    }
    for bad in ["ca.test", "ftp://ca.test", "https://u:p@ca.test", ""] {
        assert!(matches!(internal_url(bad), Err(InternalError::Url { .. })), "{bad}");
    }
}

#[test]
fn what_a_server_says_is_made_safe_to_print() {
    assert_eq!(said(br#"{"detail":"no\u001b[31m \n token"}"#), "no [31m token");
    assert_eq!(said(b"plain text"), "plain text");
    assert_eq!(said(b"{}"), "it does not say why");
    assert_eq!(said(b""), "it does not say why");
    assert!(said(&[b'x'; 5_000]).len() < 400);
}

#[test]
fn an_answer_that_grants_nothing_is_refused_without_repeating_it() {
    let url: ResourceUrl = "https://ca.test/internal/guests".parse().unwrap();
    for body in [
        &b"secret"[..],
        br#"{"account":"a","token":7,"expires_in":1}"#,
        br#"{"account":"a","token":"secret two","expires_in":1}"#,
        br#"{"account":"a","token":"secret","expires_in":-1}"#,
    ] {
        let error = granted(body, url.clone()).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
    let good = granted(br#"{"account":"urn:uuid:x","token":"t","expires_in":60,"more":1}"#, url).unwrap();
    assert_eq!((good.account.as_str(), good.lifetime), ("urn:uuid:x", Duration::from_secs(60)));
}
