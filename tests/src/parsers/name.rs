//! Names as orders, requests and command lines spell them: DNS names, e-mail addresses, identifiers, names of identities.

use std::net::IpAddr;
use std::path::{Component, Path};

use acme_client::state::IdentityName;
use certs::identifier::Identifier;
use certs::name::{DnsName, EmailAddress, MAX_DNS_NAME, MAX_LABEL};
use hickory_proto::rr::Name;

use super::Outcome;
use super::support::accepted_if;

/// A name that is taken has one spelling, is a host name to every other reader (DNS library, URL parser) and no address; an
/// identity's name is one harmless path component.
pub fn check(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else { return Outcome::Refused };
    let name = DnsName::parse_allowing_single_label(text);
    if let Ok(name) = &name {
        check_dns(text, name);
    }
    let address = EmailAddress::parse(text);
    if let Ok(address) = &address {
        check_email(text, address);
    }
    let identifier = text.parse::<Identifier>();
    if let Ok(identifier) = &identifier {
        check_identifier(text, identifier);
    }
    if let Ok(identity) = IdentityName::parse(text) {
        let mut components = Path::new(identity.as_str()).components();
        let only = (components.next(), components.next());
        assert_eq!(only, (Some(Component::Normal(text.as_ref())), None), "it escapes its folder");
    }
    accepted_if(name.is_ok() || address.is_ok() || identifier.is_ok())
}

fn check_dns(text: &str, name: &DnsName) {
    let shown = name.as_str();
    assert_eq!(shown, text.to_ascii_lowercase(), "nothing is repaired");
    assert!(shown.len() <= MAX_DNS_NAME && !shown.ends_with('.'));
    let base = name.base_str();
    assert!(base.split('.').all(|label| (1..=MAX_LABEL).contains(&label.len())));
    assert!(!base.contains('*') && name.is_wildcard() == shown.starts_with("*."));
    assert!(base.parse::<IpAddr>().is_err(), "an address is no name");
    for again in [shown, &shown.to_ascii_uppercase()] {
        assert_eq!(DnsName::parse_allowing_single_label(again).as_ref(), Ok(name), "one spelling");
    }
    assert_eq!(DnsName::parse(text).is_ok(), base.contains('.'));
    match url::Host::parse(base) {
        // The whole may still break a rule of internationalised names that no single label breaks.
        Err(_) => assert!(base.contains("xn--"), "no host in a URL: {base}"),
        Ok(host) => assert_eq!(host, url::Host::Domain(base.to_owned()), "another host in a URL"),
    }
    let dns = Name::from_ascii(format!("{shown}."));
    assert_eq!(dns.map(|dns| dns.to_ascii()).ok(), Some(format!("{shown}.")), "another name in the DNS");
    let parents: Vec<DnsName> = name.parents().collect();
    assert_eq!(parents.len(), base.split('.').count());
    assert!(parents.iter().all(|parent| name.is_within(parent) && !parent.is_wildcard()));
    assert!(name.covers(name) && !(name.is_wildcard() && name.covers(&name.base())));
    let Ok(longer) = DnsName::parse(&format!("x{base}")) else { return };
    assert!(!longer.is_within(name) && !name.is_within(&longer), "{longer} only ends like {name}");
}

fn check_email(text: &str, address: &EmailAddress) {
    assert_eq!(EmailAddress::parse(&address.to_string()).as_ref(), Ok(address));
    let (local, domain) = text.split_once('@').unwrap_or_default();
    assert_eq!(address.local_part(), local, "the local part is its domain's own business");
    assert_eq!(address.domain().as_str(), domain.to_ascii_lowercase());
    assert!(!address.domain().is_wildcard());
    assert_eq!(address.to_string().matches('@').count(), 1);
}

fn check_identifier(text: &str, identifier: &Identifier) {
    assert_eq!(identifier.to_string().parse::<Identifier>().as_ref(), Ok(identifier));
    assert!(identifier.to_string().eq_ignore_ascii_case(text), "nothing is repaired");
    let stored = serde_json::to_string(identifier).unwrap_or_default();
    assert_eq!(serde_json::from_str::<Identifier>(&stored).ok().as_ref(), Some(identifier));
    let parts = Identifier::from_parts(identifier.kind().as_str(), &identifier.value());
    assert_eq!(parts.as_ref(), Ok(identifier));
}
