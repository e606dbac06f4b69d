//! What can be typed.

use std::path::PathBuf;

use certs::name::DnsName;
use clap::{ArgAction, Parser};

const EXAMPLES: &str = "\
Examples:
  See it work and get the prompt back:
    quickstart --once
  Keep serving, with everything kept in a folder to look at:
    quickstart --dir demo

Exit codes: 0 everything held, 1 something failed, 2 wrong command line.";

/// Shows a private certificate authority at work: an authority, a DNS server, an identity provider, a device and a person in one process.
///
/// The device proves its name and the person signs in (a browser of the tests walks through the pages); both obtain a certificate over ACME, the
/// chains are verified, the certificates are renewed. Then the server goes on serving and lines are printed to try it with acme-client, as a device
/// and as a person, and with certbot, until Ctrl-C. Uses the loopback interface only.
#[derive(Debug, Parser)]
#[command(name = "quickstart", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Arguments {
    /// End after the proof
    #[arg(long)]
    pub once: bool,

    /// Make and keep everything in this folder, which must not exist or be empty [default: a temporary folder, removed at the end]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// The domain that devices are named in
    #[arg(long, value_name = "DOMAIN", default_value = "rollcall.test", value_parser = domain)]
    pub domain: DnsName,

    /// The port that the server listens on, at 127.0.0.1 [default: any that is free]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,

    /// Print what was proven as one JSON object on standard output; the steps go to standard error
    #[arg(long)]
    pub json: bool,

    /// Log what happens on standard error; twice for details
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,
}

fn domain(text: &str) -> Result<DnsName, String> {
    let name = DnsName::parse(text).map_err(|error| error.to_string())?;
    if name.is_wildcard() { Err(format!("give it without `*.`: {}", name.base())) } else { Ok(name) }
}
