//! What EST clients send: the base64 of a request in a body, the token in `Authorization`, and the request itself, as `ca-server` reads them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_server::internal::TokenError;
use ca_server::request::est::{authorization, wire};
use certs::csr::{Csr, continues, has_challenge_password};

use super::Outcome;
use super::support::accepted_if;

/// A body that is taken is the base64 of its octets but for white space; a token that is taken is not empty, holds no control characters and stands
/// in the header, bare or encoded; a request that is read twice is read alike.
pub fn check(input: &[u8]) -> Outcome {
    let body = check_body(input);
    let line = std::str::from_utf8(input).is_ok_and(check_line);
    accepted_if(body || line)
}

fn check_body(input: &[u8]) -> bool {
    let der = match wire::decode(input) {
        Ok(der) => der,
        Err(fault) => {
            assert!(!fault.to_string().is_empty());
            return false;
        }
    };
    let white = |octet: &u8| matches!(octet, b' ' | b'\t' | b'\r' | b'\n');
    let bare: Vec<u8> = input.iter().copied().filter(|octet| !white(octet)).collect();
    assert_eq!(STANDARD.encode(&der).as_bytes(), bare, "one text for the same octets");
    assert!(!der.is_empty());
    let password = has_challenge_password(&der);
    match Csr::parse_claiming(&der) {
        Ok(_) => assert!(password.is_ok(), "a request that is taken is looked at whole"),
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
    if let Err(fault) = continues(&der, &der) {
        assert!(!fault.to_string().chars().any(char::is_control), "{fault}");
    }
    password.is_ok()
}

fn check_line(line: &str) -> bool {
    match authorization::of_line(line) {
        Ok(token) => {
            let token = token.expose();
            assert!(!token.is_empty());
            let scheme = line.trim().split(' ').next().unwrap_or_default();
            assert!(scheme.eq_ignore_ascii_case("Bearer") || scheme.eq_ignore_ascii_case("Basic"));
            if !line.contains(token) {
                assert!(!token.chars().any(char::is_control), "what was encoded is text");
            }
            true
        }
        Err(fault) => {
            assert!(matches!(fault, TokenError::Missing | TokenError::Malformed(_)), "{fault}");
            false
        }
    }
}
