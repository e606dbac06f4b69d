//! Identity certificates: names, keys, requests, to-be-signed certificates, chains and verdicts.
//!
//! No I/O and no clock: time and entropy come in as arguments. What is issued is built from a profile and an order, never copied from a
//! request. Issuing goes [`csr`] → [`leaf`] → [`tbs`]; relying is [`verdict`].

pub mod name;

pub mod identifier;

pub mod serial;

pub mod key;

pub mod csr;

pub mod leaf;

pub mod tbs;

pub mod issuer;

pub mod authority;

pub mod crl;

pub mod ocsp;

pub mod ari;

pub mod chain;

pub mod verdict;

pub mod inspect;

pub mod pem;

pub mod pkcs7;

pub mod issued;

mod asn1;

#[cfg(test)]
mod samples;
