//! `[revocation]`: what relying parties are told of certificates, where, and for how long they may rely on it.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::Config;

/// `[revocation]`: revocation lists and OCSP.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RevocationConfig {
    /// Where to serve revocation lists, OCSP and issuing certificates over plain HTTP, as `address:port`; nothing else is served there, and all of it is
    /// signed. Default: on `listen` only, over TLS, which many relying parties cannot use while they check a certificate.
    pub listen: Option<SocketAddr>,
    /// The URL under which relying parties reach them; it stands in certificates, so after a change the old one has to lead here until the last certificate
    /// issued before has ended; a list in shards goes on naming both. Default: with `listen` the host of `url`, over http, at the port of `listen`; else `url`.
    pub url: Option<Url>,
    /// Whether OCSP is answered, and certificates say where. Default: whether `listen` is set.
    pub ocsp: Option<bool>,
    /// Whether a nonce in a request is repeated in an answer that is signed for it alone. Each such request costs a signature; without it nonces are ignored,
    /// as RFC 5019 allows, and only questions for several certificates or for serials that were never issued are signed each time. Default: false.
    pub ocsp_nonce: bool,
    /// How long an OCSP answer may be relied on. Default: 12h. A client that was shown an answer before a revocation may show it again for as long.
    #[serde(with = "humantime_serde")]
    pub ocsp_lifetime: Duration,
    /// Memory for signed OCSP answers, in MiB. Default: 16.
    pub ocsp_cache_mib: usize,
    /// How long a revocation list may be relied on; a new one is signed at half of it, and after each revocation. Default: 24h.
    #[serde(with = "humantime_serde")]
    pub list_lifetime: Duration,
    /// Most entries of one list. When an issuer's has more, certificates issued from then on name one of 16 shards of it, later one of 256; those issued before keep
    /// the whole list. Default: 10000.
    pub list_entries: usize,
    /// How long caches on the way may keep lists and answers: a revocation may stay unseen behind them for as long, never beyond the end of what they keep. Default: 60s.
    #[serde(with = "humantime_serde")]
    pub cache_for: Duration,
}

impl Default for RevocationConfig {
    fn default() -> Self {
        Self {
            listen: None,
            url: None,
            ocsp: None,
            ocsp_nonce: false,
            ocsp_lifetime: Duration::from_secs(12 * 3600),
            ocsp_cache_mib: 16,
            list_lifetime: Duration::from_secs(24 * 3600),
            list_entries: 10_000,
            cache_for: Duration::from_secs(60),
        }
    }
}

impl RevocationConfig {
    /// Whether OCSP is answered.
    #[must_use]
    pub fn answers_ocsp(&self) -> bool {
        self.ocsp.unwrap_or(self.listen.is_some())
    }
}

impl Config {
    /// The URL under which relying parties reach lists, answers and issuing certificates.
    #[must_use]
    pub fn revocation_url(&self) -> Url {
        let over_http = || {
            let mut url = self.url.clone();
            let port = self.revocation.listen?.port();
            // A base without a host is refused by the check.
            url.set_scheme("http").ok()?;
            url.set_port(Some(port)).ok()?;
            url.set_path("/");
            Some(url)
        };
        self.revocation.url.clone().or_else(over_http).unwrap_or_else(|| self.url.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(lines: &str) -> Config {
        let head = "listen = \"127.0.0.1:0\"\nurl = \"https://ca.example.com:14000/pki\"\n";
        toml::from_str(&format!("{head}[authority]\n{lines}")).unwrap()
    }

    #[test]
    fn relying_parties_are_sent_to_plain_http_where_it_is_served() {
        let url = |lines| config(lines).revocation_url().to_string();
        assert_eq!(url(""), "https://ca.example.com:14000/pki");
        assert_eq!(url("[revocation]\nlisten = \"0.0.0.0:14080\""), "http://ca.example.com:14080/");
        let named = "[revocation]\nlisten = \"0.0.0.0:14080\"\nurl = \"http://status.example.com\"";
        assert_eq!(url(named), "http://status.example.com/");
    }

    #[test]
    fn ocsp_is_answered_where_there_is_plain_http_unless_the_operator_says_otherwise() {
        let answers = |lines| config(lines).revocation.answers_ocsp();
        assert!(!answers(""));
        assert!(answers("[revocation]\nlisten = \"0.0.0.0:14080\""));
        assert!(!answers("[revocation]\nlisten = \"0.0.0.0:14080\"\nocsp = false"));
        assert!(answers("[revocation]\nocsp = true"));
    }
}
