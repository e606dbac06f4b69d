//! Headers of an ACME server (`Link`, `Location`, `Retry-After`, `Replay-Nonce`), as `acme-client` reads them.

use std::time::{Duration, SystemTime};

use acme_client::acme::nonce::Nonce;
use acme_client::acme::{ResourceUrl, links, retry};
use http::header::LINK;
use http::{HeaderMap, HeaderValue};

use super::Outcome;
use super::support::accepted_if;

/// Links are bounded and stand in the header; URLs are kept as they came and never leave the web; a nonce is base64url; a wait is
/// what it says.
pub fn check(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else { return Outcome::Refused };
    let url = text.parse::<ResourceUrl>().ok();
    if let Some(url) = &url {
        check_url(text, url);
    }
    let links = check_links(text);
    let nonce = Nonce::parse(text);
    if let Some(nonce) = &nonce {
        assert_eq!(nonce.as_str(), text);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    }
    let wait = check_wait(text);
    accepted_if(url.is_some() || links || nonce.is_some() || wait)
}

fn check_url(text: &str, url: &ResourceUrl) {
    assert_eq!(url.as_str(), text, "kept as it came");
    assert_eq!(url.join(text).as_ref(), Ok(url));
    assert!(text.len() <= 2_048);
    let stored = serde_json::to_string(url).unwrap_or_default();
    assert_eq!(serde_json::from_str::<ResourceUrl>(&stored).ok().as_ref(), Some(url));
    assert_eq!(url.is_plain_http(), url.url().scheme() == "http");
}

fn check_links(text: &str) -> bool {
    let found = links::parse(text);
    assert!(found.len() <= 64);
    for (target, relations) in &found {
        assert!(text.contains(&format!("<{target}>")) && text.contains(relations));
    }
    let (Ok(base), Ok(value)) = ("https://ca.example/cert/1".parse(), HeaderValue::from_str(text)) else {
        return false;
    };
    let headers = HeaderMap::from_iter([(LINK, value)]);
    for relation in ["alternate", "next", "index"] {
        let targets = links::targets(&headers, &base, relation);
        assert!(targets.len() <= found.len());
        for (at, target) in targets.iter().enumerate() {
            assert!(matches!(target.url().scheme(), "https" | "http") && target.url().username().is_empty());
            assert!(!targets.iter().skip(at + 1).any(|other| other == target), "each once");
        }
    }
    !found.is_empty()
}

fn check_wait(text: &str) -> bool {
    let wait = retry::parse_retry_after(text, SystemTime::UNIX_EPOCH);
    let seconds = text.trim().parse::<u64>().ok().filter(|_| !text.trim().starts_with('+'));
    if let Some(seconds) = seconds {
        assert_eq!(wait, Some(Duration::from_secs(seconds)));
    }
    // What has passed asks for no wait, and a later clock never waits longer.
    let later = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    assert!(retry::parse_retry_after(text, later) <= wait);
    wait.is_some()
}
