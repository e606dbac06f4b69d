//! `ca-server certificates`: what was issued, one of them whole, all of them in a file, and revocation.

use clap::Subcommand;
use url::form_urlencoded::Serializer;

use super::{Asking, Failure, Paging, output, serve};
use crate::admin::views::{CertificateView, Page};
use crate::sso::person::Evidence;

/// What to do with certificates.
#[derive(Debug, Subcommand)]
pub enum Certificates {
    /// List certificates, newest first
    List {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// Which.
        #[command(flatten)]
        filter: Filter,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one certificate with its chain
    Show {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// The serial, hexadecimal.
        serial: String,
    },
    /// Print every certificate that matches: PEM, or JSON lines with --json
    Export {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// Which.
        #[command(flatten)]
        filter: Filter,
    },
    /// Revoke one certificate by its serial, or all that match
    Revoke(Box<super::revoke::Revoke>),
}

/// Which certificates.
#[derive(Clone, Debug, clap::Args)]
pub struct Filter {
    /// Only for this name or address.
    #[arg(long, value_name = "NAME")]
    identifier: Option<String>,
    /// Only of this account.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    account: Option<String>,
    /// Only of this profile.
    #[arg(long)]
    profile: Option<String>,
    /// Only in this status: intended, issued, abandoned, revoked.
    #[arg(long)]
    status: Option<String>,
    /// Only those that end within this time, such as 30days.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    expires_within: Option<std::time::Duration>,
}

impl Filter {
    fn query(&self, limit: usize, after: Option<&str>, pem: bool) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("limit", &limit.to_string());
        let pairs = [
            ("identifier", self.identifier.as_deref()),
            ("account", self.account.as_deref()),
            ("profile", self.profile.as_deref()),
            ("status", self.status.as_deref()),
            ("after", after),
            ("pem", pem.then_some("true")),
        ];
        for (key, value) in pairs {
            if let Some(value) = value {
                query.append_pair(key, value);
            }
        }
        if let Some(within) = self.expires_within {
            query.append_pair("expires_within", &within.as_secs().to_string());
        }
        format!("/certificates?{}", query.finish())
    }
}

/// Asks and prints.
pub(super) fn run(command: &Certificates) -> Result<(), Failure> {
    match command {
        Certificates::List { asking, filter, paging } => list(asking, filter, paging),
        Certificates::Show { asking, serial } => show(asking, serial),
        Certificates::Export { asking, filter } => export(asking, filter),
        Certificates::Revoke(command) => super::revoke::run(command),
    }
}

fn list(asking: &Asking, filter: &Filter, paging: &Paging) -> Result<(), Failure> {
    let path = filter.query(paging.limit, paging.after.as_deref(), false);
    let page: Page<CertificateView> = serve::ask(&asking.file, async |client| client.get(&path).await)?;
    if asking.json {
        output::json(&page);
        return Ok(());
    }
    let row = |view: &CertificateView| {
        let status = format!("{:?}", view.status).to_lowercase();
        let end = view.not_after.date().to_string();
        vec![view.serial.clone(), view.profile.clone(), status, end, view.identifiers.join(" ")]
    };
    output::table(
        &["SERIAL", "PROFILE", "STATUS", "ENDS", "IDENTIFIERS"],
        &page.items.iter().map(row).collect::<Vec<_>>(),
    );
    if let Some(next) = page.next {
        output::note(&format!("more with --after {next}"));
    }
    Ok(())
}

fn show(asking: &Asking, serial: &str) -> Result<(), Failure> {
    let path = format!("/certificates/{}", segment(serial));
    let view: CertificateView = serve::ask(&asking.file, async |client| client.get(&path).await)?;
    if asking.json {
        output::json(&view);
        return Ok(());
    }
    let revoked = view
        .revoked
        .map(|at| format!("{}, reason {}", output::time(at), view.revocation_reason.unwrap_or(0)));
    let lines = [
        ("serial", Some(view.serial.clone())),
        ("status", Some(format!("{:?}", view.status).to_lowercase())),
        ("identifiers", Some(view.identifiers.join(" "))),
        ("proven by", Some(view.proofs.join(" "))),
        ("profile", Some(view.profile.clone())),
        ("authority", Some(view.authority.clone())),
        ("valid", Some(format!("{} to {}", output::time(view.not_before), output::time(view.not_after)))),
        ("issued", Some(output::time(view.issued))),
        ("account", view.account.clone()),
        ("order", view.order.clone()),
        ("replaces", view.replaces.clone()),
        ("revoked", revoked),
    ];
    for (label, value) in lines {
        if let Some(value) = value {
            output::line(&format!("{label:12} {value}"));
        }
    }
    for evidence in &view.evidence {
        for (label, value) in signed_in(evidence) {
            output::line(&format!("{label:12} {value}"));
        }
    }
    output::line(view.pem.as_deref().unwrap_or_default().trim_end());
    Ok(())
}

/// What an identity provider said, one line for each fact. Its words are a stranger's: they are escaped.
fn signed_in(evidence: &Evidence) -> Vec<(&'static str, String)> {
    let plain = |text: &str| text.escape_debug().to_string();
    let mut lines = vec![
        (
            "signed in",
            format!("{} at {} ({})", evidence.authenticated, evidence.provider, evidence.protocol.name()),
        ),
        ("  as", plain(&evidence.subject)),
        ("  issuer", plain(&evidence.issuer)),
        ("  assertion", plain(&evidence.assertion)),
    ];
    lines.extend(evidence.display_name.as_ref().map(|name| ("  name", plain(name))));
    lines.extend(evidence.context.as_ref().map(|context| ("  context", plain(context))));
    for (label, values) in [("  methods", &evidence.methods), ("  groups", &evidence.groups)] {
        if !values.is_empty() {
            lines.push((label, values.iter().map(|value| plain(value)).collect::<Vec<_>>().join(", ")));
        }
    }
    lines
}

fn export(asking: &Asking, filter: &Filter) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let path = filter.query(500, after.as_deref(), true);
        let page: Page<CertificateView> = serve::ask(&asking.file, async |client| client.get(&path).await)?;
        for view in &page.items {
            match (asking.json, &view.pem) {
                (true, _) => output::line(&serde_json::to_string(view).unwrap_or_default()),
                (false, Some(pem)) => output::line(pem.trim_end()),
                (false, None) => {}
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// A value as one segment of a path: whatever is not plain is dropped, so that it finds nothing rather than something else.
pub(super) fn segment(value: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-' || *c == '_';
    if value.chars().all(|c| plain(&c)) && !value.is_empty() { value.to_owned() } else { "-".to_owned() }
}
