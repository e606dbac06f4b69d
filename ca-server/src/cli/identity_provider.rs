//! `ca-server identity-provider`: what to tell a provider about us, and whether it can be used. Asks the providers, not the running server.

use std::sync::Arc;

use clap::Subcommand;
use serde::Serialize;
use time::OffsetDateTime;

use super::{ConfigFile, Failure, output, serve};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, load};
use crate::request::links::Links;
use crate::respond::problem::causes;
use crate::sso::person::Protocol;
use crate::sso::providers::{self, IdentityProvider, Provider};

/// What to do with identity providers.
#[derive(Debug, Subcommand)]
pub enum IdentityProviders {
    /// Ask each identity provider for what it publishes, and print what it has to know about us
    Check {
        /// The configuration that names them.
        #[command(flatten)]
        file: ConfigFile,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What was found out about one provider.
#[derive(Debug, Serialize)]
struct Report {
    name: String,
    protocol: Protocol,
    domains: Vec<String>,
    sso_provider: String,
    /// What its operator has to know about us.
    tell_it: Vec<(&'static str, String)>,
    /// What it says about itself.
    it_says: Vec<(&'static str, String)>,
    /// What keeps people from signing in.
    problems: Vec<String>,
    /// What will, or may.
    warnings: Vec<String>,
}

/// Asks and prints.
pub(super) fn run(command: &IdentityProviders) -> Result<(), Failure> {
    let IdentityProviders::Check { file, json } = command;
    let config = load::load(&file.config)?;
    let reports = serve::runtime()?.block_on(check(&config));
    if *json {
        output::json(&reports);
    } else {
        tell(&reports);
    }
    let bad = reports.iter().filter(|report| !report.problems.is_empty()).count();
    match bad {
        0 => Ok(()),
        count => Err(Failure::IdentityProviders { count, all: reports.len() }),
    }
}

async fn check(config: &Config) -> Vec<Report> {
    let (links, clock): (Links, Arc<dyn Clock>) = (Links::new(&config.url), Arc::new(SystemClock));
    let mut reports = Vec::with_capacity(config.identity_provider.len());
    for section in &config.identity_provider {
        // Each alone, so that one that fails does not hide the others.
        let mut alone = config.clone();
        alone.identity_provider.retain(|other| other.name == section.name);
        let protocol = if section.saml.is_some() { Protocol::Saml } else { Protocol::Oidc };
        let mut report = Report {
            name: section.name.clone(),
            protocol,
            domains: section.domains.clone(),
            sso_provider: section.sso_provider.clone().unwrap_or_default(),
            tell_it: Vec::new(),
            it_says: Vec::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
        };
        match providers::load(&alone, &links, &clock).await {
            Ok(loaded) => {
                for provider in loaded.iter() {
                    ask(&mut report, provider, &links, clock.now()).await;
                }
            }
            Err(error) => report.problems.push(format!("{} ({})", error.fault, error.fault.hint())),
        }
        reports.push(report);
    }
    reports
}

async fn ask(report: &mut Report, provider: &IdentityProvider, links: &Links, now: OffsetDateTime) {
    provider.sso_provider().clone_into(&mut report.sso_provider);
    let answer = links.sso_answer(report.protocol, provider.name());
    match provider.party() {
        Provider::Saml(party) => {
            let ours = party.service_provider();
            report.tell_it.extend([
                ("entity id", ours.entity_id().to_owned()),
                ("assertion consumer service (HTTP-POST)", answer),
                ("metadata", links.saml_metadata(provider.name())),
            ]);
            saml(report, &party.metadata(), now);
        }
        Provider::Oidc(party) => {
            report.tell_it.push(("redirect URI", answer));
            match party.check().await {
                Ok(said) => report.it_says.extend([
                    ("authorization endpoint", said.authorization_endpoint.to_string()),
                    ("token endpoint", said.token_endpoint.to_string()),
                    ("keys", said.keys.to_string()),
                ]),
                Err(refusal) => report.problems.push(causes(&refusal)),
            }
        }
        #[cfg(test)]
        Provider::Canned(_) => {}
    }
}

fn saml(report: &mut Report, metadata: &crate::sso::saml::Metadata, now: OffsetDateTime) {
    report.it_says.extend([
        ("entity id", metadata.entity_id().to_owned()),
        ("sign-on address", metadata.single_sign_on().to_string()),
    ]);
    if let Some(until) = metadata.valid_until() {
        report.it_says.push(("metadata valid until", until.to_string()));
        if until <= now {
            report.problems.push(format!("its metadata was valid until {until}; fetch it again"));
        } else if until - now < time::Duration::days(7) {
            report.warnings.push(format!("its metadata is valid until {until} only"));
        }
    }
    for key in metadata.signing_keys() {
        let end = key.not_after();
        let which = format!("{} ({}) until {end}", key.subject(), key.kind());
        report.it_says.push(("signs with", which.clone()));
        if end <= now || now < key.not_before() {
            report.warnings.push(format!("a signing certificate does not count now: {which}"));
        } else if end - now < time::Duration::days(30) {
            report.warnings.push(format!("a signing certificate ends soon: {which}"));
        }
    }
    if metadata.signing_keys().iter().all(|key| key.not_after() <= now || now < key.not_before()) {
        report
            .problems
            .push("none of its signing certificates counts now; fetch its metadata again".to_owned());
    }
    for fault in metadata.unusable_certificates() {
        report.warnings.push(format!("a signing certificate is not used: {fault}"));
    }
    if metadata.wants_signed_requests() {
        report
            .warnings
            .push("it asks for signed requests, which are not made here; turn that off there".to_owned());
    }
}

fn tell(reports: &[Report]) {
    if reports.is_empty() {
        output::note("there is no [[identity_provider]] in this configuration");
    }
    for report in reports {
        let state = if report.problems.is_empty() { "can be used" } else { "cannot be used" };
        output::line(&format!("{} ({}): {state}", report.name, report.protocol.name()));
        output::line(&format!("    speaks for           {}", report.domains.join(" ")));
        output::line(&format!("    in CAA ssoproviders  {}", report.sso_provider));
        for (title, rows) in [("tell it", &report.tell_it), ("it says", &report.it_says)] {
            for (label, value) in rows {
                output::line(&format!("    {title}: {label}  {value}"));
            }
        }
        for problem in &report.problems {
            output::line(&format!("    problem: {problem}"));
        }
        for warning in &report.warnings {
            output::line(&format!("    warning: {warning}"));
        }
    }
}
