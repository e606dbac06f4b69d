//! How long one issuance takes in this crate: `cargo run --release -p certs --example issue_timing`.
//!
//! Prints microseconds per leaf for each step, single-threaded. Uses no clock but to measure.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::collections::BTreeSet;
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use certs::authority::{self, AuthorityRequest};
use certs::csr::{Csr, create_csr};
use certs::identifier::Identifier;
use certs::issuer::Issuer;
use certs::key::{KeyKind, SigningKey};
use certs::leaf::{LeafProfile, LeafRequest, LeafUrls, Proof, Validity, leaf_tbs};
use certs::serial::Serial;
use certs::tbs::{TwinKey, assemble};
use time::macros::datetime;

const ROUNDS: u32 = 5_000;

fn main() -> Result<(), Box<dyn Error>> {
    let validity =
        Validity { not_before: datetime!(2026-01-01 0:00 UTC), not_after: datetime!(2036-01-01 0:00 UTC) };
    let key = SigningKey::generate(KeyKind::P256)?;
    let request = AuthorityRequest {
        common_name: "Example issuing".to_owned(),
        organization: None,
        serial: Serial::from_entropy([1; 20]),
        validity,
    };
    let issuer = Issuer::from_chain(vec![authority::root(&request, &key)?])?;
    let twin = TwinKey::generate()?;
    let profile: LeafProfile = serde_json::from_value(serde_json::json!({
        "name": "device", "description": "A device", "lifetime": "7days", "max-lifetime": "30days",
        "extended-key-usages": ["client-auth"], "identifiers": ["dns"], "proofs": ["dns-01"],
    }))?;
    let identifiers: [Identifier; 1] = ["dns:room-1.example.com".parse()?];
    let holder = SigningKey::generate(KeyKind::P256)?;
    let csr = create_csr(&holder, &identifiers)?;
    let proofs = BTreeSet::from([Proof::Dns01]);
    let urls = LeafUrls {
        crl: "http://ca.example/crl".parse()?,
        ca_issuers: "http://ca.example/issuer".parse()?,
        ocsp: None,
    };
    let leaf = LeafRequest {
        profile: &profile,
        identifiers: &identifiers,
        public_key: holder.public(),
        serial: Serial::from_entropy([2; 20]),
        validity: profile.validity(datetime!(2026-06-01 0:00 UTC), None, None)?,
        proofs: &proofs,
        preferred_domain: None,
        urls: &urls,
    };
    let tbs = leaf_tbs(&leaf, &issuer, &twin)?;
    let signature = key.sign(tbs.der())?;
    report("read and check the request", || Csr::parse(&csr).is_ok());
    report("build the bytes and their twin", || leaf_tbs(&leaf, &issuer, &twin).is_ok());
    report("sign", || key.sign(tbs.der()).is_ok());
    report("check and assemble", || assemble(tbs.der(), &signature, issuer.public_key()).is_ok());
    Ok(())
}

fn report(step: &str, mut act: impl FnMut() -> bool) {
    let start = Instant::now();
    let good = (0..ROUNDS).filter(|_| black_box(act())).count();
    let each = start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS);
    println!("{step:<32}{each:>8.1} µs  ({good} of {ROUNDS})");
}
