//! The device: proves its name by signed DNS updates, and looks at the DNS before it asks the server to look.

use acme_client::state::{ChallengeChoice, DeviceSettings, DnsSettings, ProviderKind, Subject};
use certs::name::DnsName;

use super::holder::Holder;
use super::{Authority, Failure, NameServer, Place};

/// A device called `room-1` in `domain`, that knows the authority's root and the DNS server's key.
pub(super) fn device(
    domain: &DnsName,
    authority: &Authority,
    names: &NameServer,
    place: &Place,
) -> Result<Holder, Failure> {
    let subject = DeviceSettings {
        names: vec![format!("room-1.{domain}")],
        challenge: ChallengeChoice::Auto,
        dns: dns_settings(names),
    };
    Holder::new(Subject::Device(subject), authority, place, "device")
}

fn dns_settings(names: &NameServer) -> DnsSettings {
    let address = names.address();
    DnsSettings {
        server: Some(address.to_string()),
        tsig_key_file: Some(names.key_file.clone()),
        resolver: Some(address),
        ttl: 1,
        ..DnsSettings::of(ProviderKind::Rfc2136)
    }
}
