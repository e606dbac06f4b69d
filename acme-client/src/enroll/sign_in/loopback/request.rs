//! Whether a request is the one that is waited for. Total: any bytes give an arrival or a refusal.
//!
//! Asks for `GET`, the secret path (compared in constant time), and our own host and port in `Host`, which a page that had its name
//! pointed at this machine cannot send (DNS rebinding).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::{Arrival, CompletionCode};
use crate::acme::text::printable;

/// Longest code taken over.
const LONGEST_CODE: usize = 512;

/// Why a request is not the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::enroll::sign_in) enum Refusal {
    /// It is no HTTP/1 request, or has several codes, or one that is none.
    Malformed,
    /// It is for another host.
    OtherHost,
    /// It is for another path.
    OtherPath,
    /// It is not `GET`.
    OtherMethod,
    /// Its head is too large.
    TooLarge,
}

impl Refusal {
    /// The HTTP status and its phrase.
    pub(super) fn status(self) -> &'static str {
        match self {
            Self::Malformed => "400 Bad Request",
            Self::OtherHost => "421 Misdirected Request",
            Self::OtherPath => "404 Not Found",
            Self::OtherMethod => "405 Method Not Allowed",
            Self::TooLarge => "431 Request Header Fields Too Large",
        }
    }
}

/// Judges a request head, up to the empty line.
pub(super) fn judge(head: &[u8], port: u16, path: &str) -> Result<Arrival, Refusal> {
    let text = std::str::from_utf8(head).map_err(|_| Refusal::Malformed)?;
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target) = match (words.next(), words.next(), words.next(), words.next()) {
        (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) => (method, target),
        _ => return Err(Refusal::Malformed),
    };
    if !is_for_us(lines, port)? {
        return Err(Refusal::OtherHost);
    }
    let (asked, query) = target.split_once('?').unwrap_or((target, ""));
    verify_slices_are_equal(asked.as_bytes(), path.as_bytes()).map_err(|_| Refusal::OtherPath)?;
    if method != "GET" {
        return Err(Refusal::OtherMethod);
    }
    arrival(query)
}

/// Whether exactly one `Host` header names our address and port.
fn is_for_us<'a>(lines: impl Iterator<Item = &'a str>, port: u16) -> Result<bool, Refusal> {
    let mut hosts = Vec::new();
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or(Refusal::Malformed)?;
        if name.eq_ignore_ascii_case("host") {
            hosts.push(value.trim());
        }
    }
    match hosts.as_slice() {
        [host] => Ok(*host == format!("127.0.0.1:{port}")),
        _ => Err(Refusal::Malformed),
    }
}

fn arrival(query: &str) -> Result<Arrival, Refusal> {
    let mut codes = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "error" => return Ok(Arrival::Failed(printable(&value, 200))),
            "code" => codes.push(Zeroizing::new(value.into_owned())),
            _ => {}
        }
    }
    match (codes.pop(), codes.is_empty()) {
        (None, _) => Ok(Arrival::Bare),
        (Some(code), true) if is_code(&code) => Ok(Arrival::Completed(CompletionCode(code))),
        (Some(_), _) => Err(Refusal::Malformed),
    }
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_CODE && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATH: &str = "/x4Qm";

    fn request(line: &str, host: &str) -> Result<Arrival, Refusal> {
        judge(format!("{line}\r\nHost: {host}\r\nAccept: */*\r\n\r\n").as_bytes(), 4711, PATH)
    }

    #[test]
    fn the_one_request_brings_a_code_a_failure_or_nothing() {
        let host = "127.0.0.1:4711";
        let code = CompletionCode(Zeroizing::new("a-b_c".to_owned()));
        assert_eq!(request("GET /x4Qm?code=a-b_c HTTP/1.1", host), Ok(Arrival::Completed(code)));
        assert_eq!(request("GET /x4Qm HTTP/1.1", host), Ok(Arrival::Bare));
        let failed = request("GET /x4Qm?code=x&error=access%1b_denied HTTP/1.1", host);
        assert!(matches!(&failed, Ok(Arrival::Failed(word)) if !word.contains('\x1b')), "{failed:?}");
    }

    #[test]
    fn everything_else_is_refused_for_its_own_reason() {
        let long = format!("GET /x4Qm?code={} HTTP/1.1", "a".repeat(513));
        for (line, host, expected) in [
            ("GET /x4Qn?code=a HTTP/1.1", "127.0.0.1:4711", Refusal::OtherPath),
            ("GET /x4Qm/?code=a HTTP/1.1", "127.0.0.1:4711", Refusal::OtherPath),
            ("GET / HTTP/1.1", "127.0.0.1:4711", Refusal::OtherPath),
            ("GET /favicon.ico HTTP/1.1", "127.0.0.1:4711", Refusal::OtherPath),
            ("GET http://127.0.0.1:4711/x4Qm?code=a HTTP/1.1", "127.0.0.1:4711", Refusal::OtherPath),
            ("POST /x4Qm?code=a HTTP/1.1", "127.0.0.1:4711", Refusal::OtherMethod),
            ("HEAD /x4Qm?code=a HTTP/1.1", "127.0.0.1:4711", Refusal::OtherMethod),
            ("GET /x4Qm?code=a HTTP/1.1", "evil.test:4711", Refusal::OtherHost),
            ("GET /x4Qm?code=a HTTP/1.1", "127.0.0.1:4712", Refusal::OtherHost),
            ("GET /x4Qm?code=a HTTP/1.1", "localhost:4711", Refusal::OtherHost),
            ("GET /x4Qm?code=a HTTP/1.1", "127.0.0.1:4711\r\nhost: a", Refusal::Malformed),
            ("GET /x4Qm?code=a HTTP/1.1", "127.0.0.1:4711\r\nno header", Refusal::Malformed),
            ("GET /x4Qm?code=a&code=b HTTP/1.1", "127.0.0.1:4711", Refusal::Malformed),
            ("GET /x4Qm?code= HTTP/1.1", "127.0.0.1:4711", Refusal::Malformed),
            ("GET /x4Qm?code=a%0d%0ab HTTP/1.1", "127.0.0.1:4711", Refusal::Malformed),
            (long.as_str(), "127.0.0.1:4711", Refusal::Malformed),
            ("GET /x4Qm?code=a HTTP/2", "127.0.0.1:4711", Refusal::Malformed),
            ("GET  /x4Qm?code=a HTTP/1.1", "127.0.0.1:4711", Refusal::Malformed),
            ("\u{16}\u{3}\u{1}", "127.0.0.1:4711", Refusal::Malformed),
        ] {
            assert_eq!(request(line, host), Err(expected), "{line} {host}");
        }
        assert_eq!(judge(b"GET /x4Qm?code=a HTTP/1.1\r\n\r\n", 4711, PATH), Err(Refusal::Malformed));
        assert_eq!(judge(b"\xff\xfe\r\n\r\n", 4711, PATH), Err(Refusal::Malformed));
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(judge(&bytes, 4711, PATH).is_err());
        }

        #[test]
        fn any_query_is_judged(query in "[ -~]{0,80}") {
            let _ = request(&format!("GET /x4Qm?{} HTTP/1.1", query.replace(' ', "+")), "127.0.0.1:4711");
        }
    }
}
