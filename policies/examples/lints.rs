//! How long the lints of one certificate take: `cargo run --release -p policies --example lints`.
//! Prints microseconds per certificate. It measures; no test depends on it.

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::collections::BTreeSet;
use std::time::Instant;

use certs::authority::{AuthorityRequest, root};
use certs::identifier::Identifier;
use certs::issuer::Issuer;
use certs::key::{KeyKind, SigningKey};
use certs::leaf::{LeafRequest, LeafUrls, Proof, Validity, leaf_tbs};
use certs::serial::Serial;
use certs::tbs::TwinKey;
use policies::lints::{LintContext, lint};
use policies::profiles::{Profiles, SHIPPED};
use time::{Duration, OffsetDateTime};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
    let (root_key, key) = (SigningKey::generate(KeyKind::P256)?, SigningKey::generate(KeyKind::P256)?);
    let authority = AuthorityRequest {
        common_name: "Example root".to_owned(),
        organization: None,
        serial: Serial::from_entropy([1; 20]),
        validity: Validity { not_before: now - Duration::DAY, not_after: now + Duration::days(1000) },
    };
    let issuer = Issuer::from_chain(vec![root(&authority, &root_key)?])?;
    let profiles = Profiles::parse(SHIPPED).map_err(|mut problems| problems.remove(0))?;
    let profile = profiles.named("device").ok_or("no profile `device`")?;
    let identifiers = [Identifier::from_parts("dns", "room-1.example.com")?];
    let urls = LeafUrls {
        crl: "http://ca.example/issuing.crl".parse()?,
        ca_issuers: "http://ca.example/issuing.der".parse()?,
        ocsp: None,
    };
    let proofs = BTreeSet::from([Proof::Dns01]);
    let request = LeafRequest {
        profile,
        identifiers: &identifiers,
        public_key: key.public(),
        serial: Serial::from_entropy([2; 20]),
        validity: profile.validity(now, None, None)?,
        proofs: &proofs,
        preferred_domain: None,
        urls: &urls,
    };
    let tbs = leaf_tbs(&request, &issuer, &TwinKey::generate()?)?;
    let context = LintContext { now: Some(now), ..LintContext::of(&request, &issuer) };
    let rounds: u32 = 20_000;
    let start = Instant::now();
    let findings: usize = (0..rounds).map(|_| lint(tbs.twin_der(), &context).len()).sum();
    println!("{:?} per certificate ({findings} findings)", start.elapsed() / rounds);
    Ok(())
}
