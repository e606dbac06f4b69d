//! Who a request comes from: the peer of its connection or, through a proxy that the operator trusts, whom that proxy names.
//!
//! The header is read from its end, as far as trusted proxies wrote it. What stands before was sent by the client and proves nothing. Rate
//! limits, the log and the rules go by this address.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};

use crate::config::{Config, ForwardedHeader};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client of a request that came from `peer` with these headers; its port is 0 where a proxy does not tell it.
#[must_use]
pub fn client(config: &Config, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
    let is_trusted = |address: IpAddr| is_trusted(config, address);
    let mut client = peer.ip().to_canonical();
    if !is_trusted(client) {
        return peer;
    }
    let hops = match config.forwarded_header {
        ForwardedHeader::XForwardedFor => {
            elements(headers, &X_FORWARDED_FOR).map(address).collect::<Vec<_>>()
        }
        ForwardedHeader::Forwarded => {
            elements(headers, &http::header::FORWARDED).map(forwarded_for).collect()
        }
    };
    for hop in hops.into_iter().rev() {
        // A proxy that does not say whom it speaks for stands for itself.
        let Some(hop) = hop.filter(|_| is_trusted(client)) else { break };
        client = hop.to_canonical();
    }
    SocketAddr::new(client, 0)
}

/// Whether whoever has this address is a proxy that the operator trusts.
#[must_use]
pub fn is_trusted(config: &Config, peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    config.trusted_proxies.iter().any(|network| network.contains(&peer))
}

/// The members of a list header, in order, over all its lines. A quoted comma would split a member, but no address has one.
fn elements<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(name).into_iter();
    // A line that is no text counts as a member that says nothing.
    lines.flat_map(|line| line.to_str().unwrap_or("?").split(',')).map(str::trim)
}

/// `for=` of one member of `Forwarded` (RFC 7239 §4, §6).
fn forwarded_for(member: &str) -> Option<IpAddr> {
    let pairs = member.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut given = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    let (_, node) = given.next()?;
    address(node.trim().trim_matches('"'))
}

/// An address, with or without a port; IPv6 also in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(proxies: &[&str], header: ForwardedHeader) -> Config {
        let text = "listen = \"127.0.0.1:0\"\nurl = \"https://ca.test\"\n[authority]\n";
        let mut config: Config = toml::from_str(text).unwrap();
        config.trusted_proxies = proxies.iter().map(|network| network.parse().unwrap()).collect();
        config.forwarded_header = header;
        config
    }

    fn seen(config: &Config, peer: &str, lines: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 1234);
        client(config, peer, &headers).ip().to_string()
    }

    #[test]
    fn nobody_but_a_trusted_proxy_is_believed() {
        let config = config(&["10.0.0.0/8", "fd00::/8"], ForwardedHeader::XForwardedFor);
        let says = [("x-forwarded-for", "192.0.2.7")];
        assert_eq!(seen(&config, "192.0.2.1", &says), "192.0.2.1");
        assert_eq!(seen(&config, "10.1.2.3", &says), "192.0.2.7");
        assert_eq!(seen(&config, "::ffff:10.1.2.3", &says), "192.0.2.7", "IPv4 on an IPv6 socket");
        assert_eq!(seen(&config, "fd00::1", &says), "192.0.2.7");
        assert_eq!(seen(&config, "10.1.2.3", &[]), "10.1.2.3");
        assert_eq!(
            seen(&config, "10.1.2.3", &[("forwarded", "for=192.0.2.7")]),
            "10.1.2.3",
            "the other header"
        );
    }

    #[test]
    fn what_the_client_itself_wrote_in_front_is_not_believed() {
        let config = config(&["10.0.0.0/8"], ForwardedHeader::XForwardedFor);
        let of = |line: &str| seen(&config, "10.0.0.1", &[("x-forwarded-for", line)]);
        assert_eq!(of("127.0.0.1, 198.51.100.9, 192.0.2.7"), "192.0.2.7");
        assert_eq!(of("127.0.0.1, 192.0.2.7, 10.0.0.2"), "192.0.2.7", "through two proxies of ours");
        assert_eq!(of("10.0.0.3"), "10.0.0.3", "a client within the trusted network");
        for nonsense in ["unknown", "", "192.0.2.7, _hidden", "192.0.2.7,,"] {
            assert_eq!(of(nonsense), "10.0.0.1", "{nonsense}");
        }
        let two_lines = [("x-forwarded-for", "127.0.0.1"), ("x-forwarded-for", "192.0.2.7")];
        assert_eq!(seen(&config, "10.0.0.1", &two_lines), "192.0.2.7");
    }

    #[test]
    fn both_headers_are_read_as_proxies_write_them() {
        let own = config(&["10.0.0.0/8"], ForwardedHeader::XForwardedFor);
        for text in ["2001:db8::7", "[2001:db8::7]", "[2001:db8::7]:4711"] {
            assert_eq!(seen(&own, "10.0.0.1", &[("x-forwarded-for", text)]), "2001:db8::7");
        }
        assert_eq!(seen(&own, "10.0.0.1", &[("x-forwarded-for", "192.0.2.7:80")]), "192.0.2.7");
        let standard = config(&["10.0.0.0/8"], ForwardedHeader::Forwarded);
        for (text, expected) in [
            ("for=192.0.2.7;proto=https;by=10.0.0.1", "192.0.2.7"),
            ("For=\"[2001:db8::7]:4711\"", "2001:db8::7"),
            ("for=127.0.0.1, proto=https; for=\"192.0.2.7:80\"", "192.0.2.7"),
            ("for=192.0.2.7, for=unknown", "10.0.0.1"),
            ("by=192.0.2.7", "10.0.0.1"),
        ] {
            assert_eq!(seen(&standard, "10.0.0.1", &[("forwarded", text)]), expected, "{text}");
        }
    }
}
