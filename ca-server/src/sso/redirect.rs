//! Where a client may be sent its one-time code: a listener on the person's own machine, or an address that the operator listed.
//!
//! RFC 8252 §7.3, §8.3: loopback addresses by their numbers, on any port; `localhost` may resolve to anything. Whatever is accepted is
//! kept as the parser wrote it, so that no second reading can differ.

use url::{Host, Url};

/// Longest address that is looked at.
const LONGEST: usize = 2000;

/// The least port on which a client may listen.
const LEAST_PORT: u16 = 1024;

/// Why an address is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectFault {
    /// Too long to be one.
    #[error("it has more than {LONGEST} octets")]
    TooLong,
    /// White space, control characters or letters that parsers disagree about.
    #[error("it has characters that an address cannot have")]
    Characters,
    /// Not an absolute URL.
    #[error("it is not an absolute URL")]
    NotAbsolute,
    /// A user name or password in front of the host.
    #[error("it has a user name")]
    UserName,
    /// A fragment.
    #[error("it has a fragment")]
    Fragment,
    /// A query, at a loopback address.
    #[error("it has a query, which only addresses listed in [sso] redirects may have")]
    Query,
    /// A port that needs privileges, at a loopback address: what listens there was not begun by the person.
    #[error("its port is below {LEAST_PORT}")]
    Port,
    /// Neither a loopback address nor listed.
    #[error("it is neither http://127.0.0.1 or http://[::1] with a port, nor listed in [sso] redirects")]
    NotLoopback,
}

/// The address to which the one-time code may be sent.
///
/// # Errors
/// Why it may not.
pub fn accept(text: &str, listed: &[Url]) -> Result<Url, RedirectFault> {
    if text.len() > LONGEST {
        return Err(RedirectFault::TooLong);
    }
    // Parsers drop tabs and line ends, and read a backslash as a slash: what could be read in two ways is not read at all.
    if !text.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'\\') {
        return Err(RedirectFault::Characters);
    }
    let url: Url = text.parse().map_err(|_| RedirectFault::NotAbsolute)?;
    if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
        return Err(RedirectFault::UserName);
    }
    if url.fragment().is_some() {
        return Err(RedirectFault::Fragment);
    }
    if listed.contains(&url) {
        return Ok(url);
    }
    let port = url.port().filter(|_| is_loopback(&url)).ok_or(RedirectFault::NotLoopback)?;
    if port < LEAST_PORT {
        return Err(RedirectFault::Port);
    }
    // Another program that listens there could act on what a stranger wrote into a query.
    if url.query().is_some() {
        return Err(RedirectFault::Query);
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    };
    here && url.scheme() == "http"
}

/// The address with the one-time code.
#[must_use]
pub fn with_code(mut url: Url, code: &str) -> Url {
    url.query_pairs_mut().append_pair("code", code);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_on_this_machine_and_listed_addresses_are_accepted() {
        let listed: Url = "https://agent.example.com/done".parse().unwrap();
        for text in [
            "http://127.0.0.1:49152/",
            "http://127.0.0.1:1024/callback",
            "http://127.8.8.8:49152/x",
            "http://[::1]:49152/",
            "https://agent.example.com/done",
        ] {
            assert!(accept(text, std::slice::from_ref(&listed)).is_ok(), "{text}");
        }
    }

    #[test]
    fn whatever_could_lead_elsewhere_is_refused_for_its_own_reason() {
        use RedirectFault as F;
        let listed: Url = "https://agent.example.com/done".parse().unwrap();
        for (text, fault) in [
            ("javascript:alert(1)", F::NotLoopback),
            ("data:text/html,x", F::NotLoopback),
            ("file:///etc/passwd", F::NotLoopback),
            ("com.example.app:/done", F::NotLoopback),
            ("https://evil.example/", F::NotLoopback),
            ("https://agent.example.com/done/x", F::NotLoopback),
            ("https://agent.example.com/done?x", F::NotLoopback),
            ("https://agent.example.com:444/done", F::NotLoopback),
            ("http://agent.example.com/done", F::NotLoopback),
            ("http://localhost:49152/", F::NotLoopback),
            ("http://127.0.0.1.evil.example:49152/", F::NotLoopback),
            ("http://127.0.0.1/", F::NotLoopback),
            ("http://0.0.0.0:49152/", F::NotLoopback),
            ("http://192.168.1.1:49152/", F::NotLoopback),
            ("https://127.0.0.1:49152/", F::NotLoopback),
            ("ftp://127.0.0.1:49152/", F::NotLoopback),
            ("http://127.0.0.1:80/", F::NotLoopback),
            ("http://127.0.0.1:1/", F::Port),
            ("http://127.0.0.1:1023/", F::Port),
            ("http://[::1]:631/?x", F::Port),
            ("http://127.0.0.1:49152/admin?delete=all", F::Query),
            ("http://127.0.0.1:49152/?", F::Query),
            ("http://127.0.0.1:49152@evil.example/", F::UserName),
            ("http://user@127.0.0.1:49152/", F::UserName),
            ("http://127.0.0.1:49152/#fragment", F::Fragment),
            ("http://127.0.0.1:49152/#", F::Fragment),
            ("http://127.0.0.1:49152/\r\nSet-Cookie: x=y", F::Characters),
            ("http://127.0.0.1:49152/a b", F::Characters),
            ("\thttp://127.0.0.1:49152/", F::Characters),
            ("http:\\\\127.0.0.1:49152\\", F::Characters),
            ("http://127.0.0.1:49152/ü", F::Characters),
            ("/callback", F::NotAbsolute),
            ("//127.0.0.1:49152/", F::NotAbsolute),
            ("", F::NotAbsolute),
            ("http://[::1:49152/", F::NotAbsolute),
            ("http://127.0.0.1:99999/", F::NotAbsolute),
        ] {
            assert_eq!(accept(text, std::slice::from_ref(&listed)).unwrap_err(), fault, "{text}");
        }
        assert_eq!(accept(&format!("http://127.0.0.1:1/{}", "x".repeat(2000)), &[]), Err(F::TooLong));
    }

    #[test]
    fn the_code_is_added_to_the_query_that_is_there() {
        let text = "https://agent.example.com/x?state=a%26b";
        let url = accept(text, &[text.parse().unwrap()]).unwrap();
        assert_eq!(with_code(url, "c-_1").as_str(), "https://agent.example.com/x?state=a%26b&code=c-_1");
    }
}
