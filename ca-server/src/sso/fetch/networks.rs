//! Where calls to identity providers may not go, whatever a name resolves to: link-local addresses, the metadata services of clouds, and
//! what is no single machine.
//!
//! Providers are often on private networks, so those are allowed. A provider's own documents name further addresses, and a name can change
//! its meaning; therefore each address is looked at when it is connected to. Must never let a name through that has no address left.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length))
}

const fn v6(segments: [u16; 8], length: u8) -> IpNet {
    let [a, b, c, d, e, f, g, h] = segments;
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length))
}

/// Nothing that a person signs in at is there.
const DENIED: [IpNet; 12] = [
    // This network (Linux takes it for this machine), link-local with most metadata services, multicast, reserved and broadcast.
    v4(0, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
    // The metadata services of Alibaba, Azure and Oracle.
    v4(100, 100, 100, 200, 32),
    v4(168, 63, 129, 16, 32),
    v4(192, 0, 0, 192, 32),
    // Unspecified, link-local, multicast; the metadata services of Amazon and Google.
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128),
    v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128),
];

/// IPv4 behind a translator (RFC 6052): the address stands in the last 32 bits.
const TRANSLATED: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Nothing of what a name means may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} is in a network where nobody is called; `[sso] allow_networks` can allow it for identity providers"
)]
pub struct Denied(pub IpAddr);

/// Which addresses may be called.
#[derive(Clone, Debug, Default)]
pub(super) struct Networks(Arc<[IpNet]>);

impl Networks {
    /// All but those denied, and these all the same.
    pub(super) fn allowing(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    /// Whether this address may be called.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), Denied> {
        let is_in = |networks: &[IpNet], ip: IpAddr| networks.iter().any(|network| network.contains(&ip));
        let meant = meant(address);
        if is_in(&DENIED, meant) && !is_in(&self.0, meant) { Err(Denied(meant)) } else { Ok(()) }
    }
}

/// The address that is reached in the end.
fn meant(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(ip) if TRANSLATED.contains(&ip) => {
            let [.., a, b, c, d] = ip.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        other => other,
    }
}

/// The names that this machine knows, without the addresses that may not be called.
impl Resolve for Networks {
    fn resolve(&self, name: Name) -> Resolving {
        let networks = self.clone();
        Box::pin(async move {
            let mut fitting = Vec::new();
            let mut denied = None;
            for address in tokio::net::lookup_host((name.as_str(), 0)).await? {
                match networks.check(address.ip()) {
                    Ok(()) => fitting.push(address),
                    Err(fault) => denied = Some(fault),
                }
            }
            match denied {
                Some(fault) if fitting.is_empty() => Err(fault.into()),
                Some(_) | None => Ok(Box::new(fitting.into_iter()) as Addrs),
            }
        })
    }
}

/// `localhost`, which never means anything else.
pub(super) fn here() -> [SocketAddr; 2] {
    [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].map(|ip| (ip, 0).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(networks: &Networks, address: &str) -> bool {
        networks.check(address.parse().unwrap()).is_err()
    }

    #[test]
    fn metadata_services_and_link_local_addresses_are_denied_in_every_spelling() {
        let networks = Networks::default();
        for address in [
            "169.254.169.254",
            "169.254.0.1",
            "0.0.0.0",
            "224.0.0.251",
            "255.255.255.255",
            "100.100.100.200",
            "168.63.129.16",
            "::",
            "fe80::1",
            "febf::1",
            "ff02::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "64:ff9b::169.254.169.254",
        ] {
            assert!(denied(&networks, address), "{address}");
        }
    }

    #[test]
    fn private_networks_and_this_machine_are_where_providers_may_be() {
        let networks = Networks::default();
        for address in
            ["10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "::1", "fd00::1", "2001:db8::1", "1.1.1.1"]
        {
            assert!(!denied(&networks, address), "{address}");
        }
    }

    #[test]
    fn what_is_configured_is_allowed_and_nothing_beside_it() {
        let networks = Networks::allowing(&["169.254.10.0/24".parse().unwrap()]);
        assert!(!denied(&networks, "169.254.10.1"));
        assert!(!denied(&networks, "::ffff:169.254.10.1"));
        assert!(denied(&networks, "169.254.169.254"));
    }
}
