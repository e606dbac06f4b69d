//! How long one decision and one lint take: `cargo run --release -p policies --example decisions`.
//! Prints microseconds per call for growing numbers of rules. It measures; no test depends on it.

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::time::Instant;

use certs::identifier::Identifier;
use certs::leaf::Proof;
use certs::name::DnsName;
use policies::rules::{Account, Action, KeyKind, Request, Rules, SHIPPED, shipped_rules_for_domains};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for domains in [1, 10, 100] {
        let names: Vec<DnsName> = (1..=domains)
            .map(|number| DnsName::parse(&format!("site-{number}.example")))
            .collect::<Result<_, _>>()?;
        let text = shipped_rules_for_domains(&names);
        let mut files = SHIPPED.to_vec();
        files.push(("domains.cedar", &text));
        let rules = Rules::parse(&files).map_err(|mut problems| problems.remove(0))?;
        let identifier = Identifier::from_parts("dns", "room-1.site-1.example")?;
        let contacts = ["mailto:admin@site-1.example".to_owned()];
        let request = Request {
            account: Account {
                id: "Zm9vYmFy",
                authority: "external",
                contacts: &contacts,
                organisation: None,
                external_binding: None,
                created: 1_700_000_000,
            },
            action: Action::Issue,
            identifier: &identifier,
            profile: "device",
            proofs: &[Proof::Dns01],
            key_kind: KeyKind::P256,
            requested_lifetime: None,
            person: None,
            client_address: None,
        };
        let rounds: u32 = 20_000;
        let start = Instant::now();
        let allowed = (0..rounds).filter(|_| rules.decide(&request).is_allowed()).count();
        let each = start.elapsed() / rounds;
        println!("{:4} rules: {each:?} per decision ({allowed} of {rounds} allowed)", rules.all().len());
    }
    Ok(())
}
