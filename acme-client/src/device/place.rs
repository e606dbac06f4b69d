//! Where a device is, how it is spoken to, and by what it is recognised.
//!
//! A pin is the fingerprint of what a device showed when somebody looked, written as `openssl x509 -fingerprint -sha256` and `ssh-keygen -l` write it.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use clap::ValueEnum;
use data_encoding::{BASE64_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Serialize};

/// How a device is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Over {
    /// XML over HTTPS, in a session
    #[default]
    Https,
    /// JSON-RPC over WebSocket
    Wss,
    /// The text shell over SSH
    Ssh,
}

impl Over {
    fn usual_port(self) -> u16 {
        match self {
            Self::Https | Self::Wss => 443,
            Self::Ssh => 22,
        }
    }
}

/// The text names no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a device as HOST, HOST:PORT or [IPV6]:PORT")]
pub struct NotPlace;

/// A host, with a port if it is not the usual one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    host: String,
    port: Option<u16>,
}

impl Place {
    /// The host, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port to speak to.
    pub fn port(&self, over: Over) -> u16 {
        self.port.unwrap_or(over.usual_port())
    }

    /// Host and port as they stand in a URL.
    pub fn authority(&self, over: Over) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port(over)),
            false => format!("{}:{}", self.host, self.port(over)),
        }
    }

    /// The name of its folder.
    pub fn label(&self) -> String {
        let host = self.host.replace(':', "_");
        self.port.map_or_else(|| host.clone(), |port| format!("{host}+{port}"))
    }
}

impl FromStr for Place {
    type Err = NotPlace;

    fn from_str(text: &str) -> Result<Self, NotPlace> {
        let number = |port: &str| port.parse().ok().filter(|port| *port > 0).ok_or(NotPlace);
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(number(port.strip_prefix(':').ok_or(NotPlace)?)?)),
            None => match text.split_once(':') {
                Some((host, port)) if !port.contains(':') => (host, Some(number(port)?)),
                _ => (text, None),
            },
        };
        // The root's dot changes nothing about who is meant.
        let host = host.strip_suffix('.').unwrap_or(host);
        let address = host.parse::<std::net::Ipv6Addr>().is_ok();
        let name = (1..=253).contains(&host.len())
            && !host.starts_with(['.', '-'])
            && host.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_'));
        if address || name { Ok(Self { host: host.to_ascii_lowercase(), port }) } else { Err(NotPlace) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.host.contains(':'), self.port) {
            (true, Some(port)) => write!(f, "[{}]:{port}", self.host),
            (false, Some(port)) => write!(f, "{}:{port}", self.host),
            (_, None) => f.write_str(&self.host),
        }
    }
}

/// The text is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a certificate's fingerprint is `sha256:` and 64 hexadecimal digits, an SSH key's `SHA256:` and 43 letters of base64"
)]
pub struct NotPin;

/// The fingerprint of a TLS certificate or of an SSH host key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Pin {
    /// SHA-256 of the certificate.
    Certificate([u8; 32]),
    /// SHA-256 of the host key, `SHA256:…` in base64.
    HostKey(String),
}

impl Pin {
    /// That of a certificate.
    pub fn of_certificate(der: &[u8]) -> Self {
        let mut octets = [0; 32];
        octets.copy_from_slice(digest(&SHA256, der).as_ref());
        Self::Certificate(octets)
    }
}

impl FromStr for Pin {
    type Err = NotPin;

    fn from_str(text: &str) -> Result<Self, NotPin> {
        let text = text.trim();
        if let Some(encoded) = text.strip_prefix("SHA256:") {
            let octets = BASE64_NOPAD.decode(encoded.as_bytes()).ok().filter(|octets| octets.len() == 32);
            if octets.is_some() {
                return Ok(Self::HostKey(text.to_owned()));
            }
        }
        let digits =
            ["sha256:", "SHA256:"].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
        let digits = digits.replace(':', "");
        let octets = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map_err(|_| NotPin)?;
        Ok(Self::Certificate(octets.try_into().map_err(|_| NotPin)?))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(octets) => write!(f, "sha256:{}", HEXLOWER.encode(octets)),
            Self::HostKey(text) => f.write_str(text),
        }
    }
}

impl TryFrom<String> for Pin {
    type Error = NotPin;

    fn try_from(text: String) -> Result<Self, NotPin> {
        text.parse()
    }
}

impl From<Pin> for String {
    fn from(pin: Pin) -> Self {
        pin.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_in_one_way_and_name_one_folder() {
        for (text, shown, label, authority) in [
            ("Room-1.example.com", "room-1.example.com", "room-1.example.com", "room-1.example.com:443"),
            ("room-1:8443", "room-1:8443", "room-1+8443", "room-1:8443"),
            ("[2001:db8::1]:8443", "[2001:db8::1]:8443", "2001_db8__1+8443", "[2001:db8::1]:8443"),
            ("2001:db8::1", "2001:db8::1", "2001_db8__1", "[2001:db8::1]:443"),
        ] {
            let place: Place = text.parse().unwrap();
            assert_eq!((place.to_string().as_str(), place.label().as_str()), (shown, label));
            assert_eq!(place.authority(Over::Https), authority);
        }
        for wrong in ["", ":443", "a:0", "a:x", "a/b", "../a", "a b", "[::1", "[::1]x", "-a", "user@a"] {
            assert_eq!(wrong.parse::<Place>(), Err(NotPlace), "{wrong}");
        }
        assert_eq!("a".parse::<Place>().unwrap().port(Over::Ssh), 22);
    }

    #[test]
    fn pins_are_read_as_the_usual_programs_write_them() {
        let pin = Pin::of_certificate(b"");
        let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(pin.to_string(), text);
        let colons: Vec<String> = text[7..]
            .to_ascii_uppercase()
            .as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8(pair.to_vec()).unwrap())
            .collect();
        assert_eq!(colons.join(":").parse(), Ok(pin));
        let key = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
        assert_eq!(key.parse(), Ok(Pin::HostKey(key.to_owned())));
        for wrong in ["", "sha256:ab", "SHA256:short", "md5:aa"] {
            assert_eq!(wrong.parse::<Pin>(), Err(NotPin), "{wrong}");
        }
    }
}
