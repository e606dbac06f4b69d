//! The certs-only PKCS#7 that an EST server answers with, as `acme-client` reads it.

use certs::pkcs7::{certs_only, read_certs_only};

use super::Outcome;
use super::der::sequence;
use super::support::accepted_if;

/// What is taken are whole DER sequences, at least one and not many, that are read again from what is written of them.
pub fn check(input: &[u8]) -> Outcome {
    match read_certs_only(input) {
        Ok(certificates) => {
            assert!((1..=32).contains(&certificates.len()));
            assert!(certificates.iter().all(|one| sequence(one).is_some() || one.len() > 65_535));
            assert!(
                certificates.iter().map(|one| one.len()).sum::<usize>() < input.len(),
                "nothing is made up"
            );
            assert_eq!(read_certs_only(&certs_only(&certificates)).as_ref(), Ok(&certificates));
            accepted_if(true)
        }
        Err(fault) => {
            assert!(!fault.to_string().is_empty());
            accepted_if(false)
        }
    }
}
