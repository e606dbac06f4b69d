//! What an EST server asks of requests (`csrattrs`), as `acme-client` reads it.

use certs::csr::{Unsuitable, suits_p256};

use super::Outcome;
use super::der::sequence;
use super::support::accepted_if;

/// A list that P-256 requests satisfy is none at all, or one whole sequence; what is said of another is one line that may be printed.
pub fn check(input: &[u8]) -> Outcome {
    match suits_p256(input) {
        Ok(()) => assert!(input.is_empty() || input.len() > 65_535 || sequence(input).is_some()),
        Err(fault) => {
            let text = fault.to_string();
            assert!(!text.is_empty() && !text.chars().any(char::is_control), "{text}");
            assert!(fault == Unsuitable::Malformed || sequence(input).is_some() || input.len() > 65_535);
        }
    }
    accepted_if(suits_p256(input).is_ok())
}
