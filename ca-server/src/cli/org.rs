//! `ca-server org`: the organisations of the internal authority, their domains, and whose access tokens speak for their people.

mod release;

use clap::Subcommand;

use super::{Asking, Failure, output, serve};
use crate::admin::internal_views::{
    DomainName, DomainView, NewOrganisation, OrganisationView, Preferred, TokenIssuerNames,
};
use crate::admin::views::Page;

/// What to do with organisations.
#[derive(Debug, Subcommand)]
pub enum Org {
    /// Make an organisation
    Create {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// Its name.
        name: String,
        /// A [[token_issuer]] of ca.toml whose tokens speak for its people; may be given more than once.
        #[arg(long = "token-issuer", value_name = "NAME")]
        token_issuers: Vec<String>,
    },
    /// List organisations
    List {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
    },
    /// Show an organisation, with the TXT records that its domains need
    Show {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// Its name or id.
        organisation: String,
    },
    /// Claim, verify and give up domains
    #[command(subcommand)]
    Domain(OrgDomain),
    /// Choose the domain that its devices carry
    Prefer {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// Its name or id.
        organisation: String,
        /// A verified domain.
        #[arg(required_unless_present = "none")]
        domain: Option<String>,
        /// No domain at all.
        #[arg(long, conflicts_with = "domain")]
        none: bool,
    },
    /// Say whose tokens speak for its people; they replace those there were
    TokenIssuers {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// Its name or id.
        organisation: String,
        /// Names of [[token_issuer]] sections; none for nobody.
        token_issuers: Vec<String>,
    },
    /// Let an account id go, so that another organisation may have it certified
    Release(release::ReleaseIds),
}

/// What to do with a domain.
#[derive(Debug, Subcommand)]
pub enum OrgDomain {
    /// Claim a domain; prints the TXT record to place
    Add(OneDomain),
    /// Look for the TXT record now; fails unless it is there
    Verify(OneDomain),
    /// Give a domain up
    Remove(OneDomain),
}

/// A domain of an organisation.
#[derive(Debug, clap::Args)]
pub struct OneDomain {
    /// Where to ask.
    #[command(flatten)]
    pub asking: Asking,
    /// The organisation's name or id.
    pub organisation: String,
    /// The domain.
    pub domain: String,
}

/// Asks and prints.
pub(super) fn run(command: &Org) -> Result<(), Failure> {
    match command {
        Org::Create { asking, name, token_issuers } => {
            let wanted = NewOrganisation { name: name.clone(), token_issuers: token_issuers.clone() };
            send(asking, "/organisations", &wanted).map(|view| print(asking, &view))
        }
        Org::List { asking } => list(asking),
        Org::Show { asking, organisation } => {
            let path = path(organisation, "");
            let view = serve::ask(&asking.file, async |client| client.get(&path).await)?;
            print(asking, &view);
            Ok(())
        }
        Org::Domain(command) => domain(command),
        Org::Prefer { asking, organisation, domain, none: _ } => {
            let wanted = Preferred { domain: domain.clone() };
            send(asking, &path(organisation, "/preferred"), &wanted).map(|view| print(asking, &view))
        }
        Org::Release(command) => release::run(command),
        Org::TokenIssuers { asking, organisation, token_issuers } => {
            let wanted = TokenIssuerNames { token_issuers: token_issuers.clone() };
            send(asking, &path(organisation, "/token-issuers"), &wanted).map(|view| print(asking, &view))
        }
    }
}

fn domain(command: &OrgDomain) -> Result<(), Failure> {
    let (one, what) = match command {
        OrgDomain::Add(one) => (one, "/domains"),
        OrgDomain::Verify(one) => (one, "/domains/verify"),
        OrgDomain::Remove(one) => (one, "/domains/remove"),
    };
    let wanted = DomainName { domain: one.domain.clone() };
    let view = send(&one.asking, &path(&one.organisation, what), &wanted)?;
    print(&one.asking, &view);
    let found = view.domains.iter().find(|domain| domain.name.eq_ignore_ascii_case(&one.domain));
    let Some(domain) = found else { return Ok(()) };
    let record = format!("place {}. TXT \"{}\"", domain.record_name, domain.record);
    match command {
        OrgDomain::Add(_) => {
            output::note(&record);
            output::note(&format!(
                "then: ca-server org domain verify --config {} {} {}",
                one.asking.file.config.display(),
                one.organisation,
                one.domain
            ));
            Ok(())
        }
        // The record may be gone while the domain is still held for its grace.
        OrgDomain::Verify(_) if domain.fault.is_some() => Err(Failure::Domain {
            domain: one.domain.clone(),
            reason: domain.fault.clone().unwrap_or_default(),
            hint: record,
        }),
        OrgDomain::Verify(_) | OrgDomain::Remove(_) => Ok(()),
    }
}

fn send<B: serde::Serialize + Sync>(
    asking: &Asking,
    path: &str,
    body: &B,
) -> Result<OrganisationView, Failure> {
    serve::ask(&asking.file, async |client| client.post(path, body).await)
}

fn path(organisation: &str, rest: &str) -> String {
    let name: String = url::form_urlencoded::byte_serialize(organisation.as_bytes()).collect();
    // In a path a plus sign is a plus sign.
    format!("/organisations/{}{rest}", name.replace('+', "%20"))
}

fn list(asking: &Asking) -> Result<(), Failure> {
    let page: Page<OrganisationView> =
        serve::ask(&asking.file, async |client| client.get("/organisations").await)?;
    if asking.json {
        output::json(&page);
        return Ok(());
    }
    let row = |view: &OrganisationView| {
        let domains: Vec<_> = view.domains.iter().map(|domain| domain.name.clone()).collect();
        vec![
            view.id.clone(),
            view.name.clone(),
            view.preferred_domain.clone().unwrap_or_default(),
            view.token_issuers.join(" "),
            domains.join(" "),
        ]
    };
    output::table(
        &["ID", "NAME", "PREFERRED", "TOKEN ISSUERS", "DOMAINS"],
        &page.items.iter().map(row).collect::<Vec<_>>(),
    );
    Ok(())
}

fn print(asking: &Asking, view: &OrganisationView) {
    if asking.json {
        output::json(view);
        return;
    }
    let preferred = view.preferred_domain.clone().unwrap_or_else(|| "none".to_owned());
    for (label, value) in [
        ("id", view.id.clone()),
        ("name", view.name.clone()),
        ("preferred", preferred),
        ("issuers", view.token_issuers.join(" ")),
        ("created", output::time(view.created)),
    ] {
        output::line(format!("{label:10} {value}").trim_end());
    }
    if view.domains.is_empty() {
        return;
    }
    let row = |domain: &DomainView| {
        vec![
            domain.name.clone(),
            domain.status.as_str().to_owned(),
            domain.held_until.map(output::time).unwrap_or_default(),
            format!("{}. TXT \"{}\"", domain.record_name, domain.record),
            domain.fault.clone().unwrap_or_default(),
        ]
    };
    output::table(
        &["DOMAIN", "STATUS", "HELD UNTIL", "RECORD", "FAULT"],
        &view.domains.iter().map(row).collect::<Vec<_>>(),
    );
}
