//! Where certificates of one issuer say that its revocation list, its OCSP responder and its own certificate are.
//!
//! The list's place is named by the issuer's key identifier, so that a certificate finds the list of the issuer that signed it after that issuer was
//! replaced. Into how many shards new certificates are spread may grow while the server runs.

use std::sync::atomic::{AtomicU16, Ordering};

use certs::crl::Shard;
use certs::leaf::LeafUrls;
use certs::serial::Serial;
use url::Url;

use crate::ids::AuthorityName;
use crate::request::links::Links;

/// The places of one issuer.
#[derive(Debug)]
pub struct Places {
    list: Url,
    ca_issuers: Url,
    ocsp: Option<Url>,
    shards: AtomicU16,
}

impl Places {
    /// The places of the issuer with this key identifier.
    ///
    /// # Errors
    /// The text that is no URL, and why.
    pub(super) fn new(
        links: &Links,
        authority: &AuthorityName,
        issuer: &str,
        ocsp: bool,
    ) -> Result<Self, (String, url::ParseError)> {
        let url = |text: String| Url::parse(&text).map_err(|source| (text, source));
        Ok(Self {
            list: url(links.crl(issuer))?,
            ca_issuers: url(links.issuer(issuer))?,
            ocsp: ocsp.then(|| url(links.ocsp(authority))).transpose()?,
            shards: AtomicU16::new(1),
        })
    }

    /// Where a part of the list is.
    #[must_use]
    pub fn list(&self, shard: Shard) -> Url {
        part(self.list.clone(), shard)
    }

    /// What a certificate with this serial says that is issued now.
    #[must_use]
    pub fn urls(&self, serial: &Serial) -> LeafUrls {
        let shard = Shard::of(serial, self.shards.load(Ordering::Acquire));
        LeafUrls { crl: self.list(shard), ca_issuers: self.ca_issuers.clone(), ocsp: self.ocsp.clone() }
    }

    /// From now on, certificates name one of so many shards.
    pub(crate) fn spread_over(&self, shards: u16) {
        self.shards.store(shards, Ordering::Release);
    }
}

/// Where a part of the list is whose whole is at `whole`.
pub(crate) fn part(mut whole: Url, shard: Shard) -> Url {
    if !shard.is_whole() {
        let path = format!("{}/{shard}.crl", whole.path().trim_end_matches(".crl"));
        whole.set_path(&path);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_below_the_place_of_the_whole_list() {
        let links = Links::new(&"http://ca.example/pki".parse().unwrap());
        let places = Places::new(&links, &"external".parse().unwrap(), "abcd", true).unwrap();
        let serial = Serial::from_entropy([0x03; 20]);
        let urls = places.urls(&serial);
        assert_eq!(urls.crl.as_str(), "http://ca.example/pki/crl/abcd.crl");
        assert_eq!(urls.ocsp.unwrap().as_str(), "http://ca.example/pki/ocsp/external");
        places.spread_over(16);
        assert_eq!(places.urls(&serial).crl.as_str(), "http://ca.example/pki/crl/abcd/3-of-16.crl");
    }
}
