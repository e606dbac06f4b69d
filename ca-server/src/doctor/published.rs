//! The revocation lists, fetched through the front door as relying parties fetch them, and over plain HTTP where certificates say that they are.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use time::OffsetDateTime;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use super::{Findings, PATIENCE};
use crate::admin::client::AdminClient;
use crate::admin::views::AuthorityView;
use crate::config::{Config, TlsMode};
use crate::request::links::Links;

/// Looks at the list of each issuer, present and replaced; one that retired has none.
pub(super) async fn lists(config: &Config, client: &AdminClient, now: OffsetDateTime, found: &mut Findings) {
    let authorities: Vec<AuthorityView> = match client.get("/authorities").await {
        Ok(authorities) => authorities,
        Err(error) => return found.wrong("lists", error.to_string(), error.hint()),
    };
    let Some(http) = http(config) else {
        return found.warning(
            "lists",
            "no HTTPS client can be set up to fetch them",
            "look at the roots in the configuration",
        );
    };
    let (links, named) = (Links::new(&config.url), Links::of(config));
    let in_service =
        authorities.iter().flat_map(|one| &one.issuers).filter(|issuer| issuer.retired.is_none());
    let mut issuers: Vec<&str> = in_service.map(|issuer| issuer.id.as_str()).collect();
    issuers.sort_unstable();
    issuers.dedup();
    for issuer in issuers {
        look(&http, &reached(config, &links.crl(issuer)), (issuer, "list"), now, found).await;
        // Relying parties go where certificates send them, which is another listener then; what stands before it cannot be seen from here.
        if let Some(url) = over_plain_http(config, &named.crl(issuer)) {
            look(&http, &url, (issuer, "list over plain HTTP"), now, found).await;
        }
    }
}

async fn look(
    http: &reqwest::Client,
    url: &str,
    (issuer, what): (&str, &str),
    now: OffsetDateTime,
    found: &mut Findings,
) {
    match list(http, url).await {
        Ok((entries, Some(next))) if next > now => {
            found.fine(
                "lists",
                format!("the {what} of {issuer} has {entries} entries and is good until {next}"),
            );
        }
        Ok((_, next)) => {
            let until = next.map_or("no time".to_owned(), |next| next.to_string());
            found.wrong(
                "lists",
                format!("the {what} of {issuer} was good until {until}"),
                "look at the server's log",
            );
        }
        Err(reason) => {
            let hint = "look at the server's log, and at what stands between it and its clients";
            found.wrong("lists", format!("{url}: {reason}"), hint);
        }
    }
}

/// The same path at the listener for relying parties, if there is one with a port of its own.
fn over_plain_http(config: &Config, url: &str) -> Option<String> {
    let listen = config.revocation.listen.filter(|listen| listen.port() != 0)?;
    let url = url::Url::parse(url).ok()?;
    Some(format!("http://{}{}", local(listen), url.path()))
}

/// Without TLS the server is asked directly, not through its proxy.
fn reached(config: &Config, url: &str) -> String {
    if config.tls.mode != TlsMode::Off {
        return url.to_owned();
    }
    let path = url.strip_prefix(config.url.as_str().trim_end_matches('/')).unwrap_or_default();
    format!("http://{}{path}", local(config.listen))
}

/// Where a listener is reached on this machine.
fn local(address: SocketAddr) -> SocketAddr {
    let ip = if address.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { address.ip() };
    SocketAddr::new(ip, address.port())
}

/// Trusts the authorities' own roots and what the server shows itself: whether its clients trust that is for them to say.
fn http(config: &Config) -> Option<reqwest::Client> {
    let mut roots = rustls::RootCertStore::empty();
    let own = config.resolve(&config.tls.certificate);
    let files = config.authority.values().map(|section| config.resolve(&section.root)).chain([own]);
    for file in files {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        for certificate in certs::pem::parse_certificates(&text).unwrap_or_default() {
            // What is no root is of no use, and no harm.
            let _ = roots.add(certificate);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let builder = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().timeout(PATIENCE);
    builder.resolve(config.url.host_str().unwrap_or_default(), local(config.listen)).build().ok()
}

/// How many entries the list has, and until when it is good.
async fn list(http: &reqwest::Client, url: &str) -> Result<(usize, Option<OffsetDateTime>), String> {
    let failed = |error: reqwest::Error| crate::respond::problem::causes(&error);
    let answer = http.get(url).send().await.map_err(failed)?;
    if !answer.status().is_success() {
        return Err(answer.status().to_string());
    }
    let der = answer.bytes().await.map_err(failed)?;
    let (_, list) = CertificateRevocationList::from_der(&der).map_err(|_| "no revocation list".to_owned())?;
    let next = list.next_update().map(|next| next.to_datetime());
    Ok((list.iter_revoked_certificates().count(), next))
}
