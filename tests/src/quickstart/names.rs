//! The demonstration's DNS: one zone, changed only by updates that are signed with one TSIG key.

use std::net::SocketAddr;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certs::name::DnsName;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;

use super::{Failure, Place};
use crate::dns::FakeDns;

/// The TSIG key's name.
pub(super) const KEY_NAME: &str = "quickstart-key";

/// The name server, and where its key is written down.
pub(super) struct NameServer {
    dns: FakeDns,
    /// The key as BIND and `acme-client` read it.
    pub(super) key_file: PathBuf,
    /// The key as certbot reads it.
    pub(super) certbot_file: PathBuf,
}

impl NameServer {
    /// Starts it for `domain` and writes its key into `place`.
    pub(super) async fn start(domain: &DnsName, place: &Place) -> Result<Self, Failure> {
        let mut octets = [0; 32];
        aws_lc_rs::rand::fill(&mut octets).map_err(|_| Failure::Entropy)?;
        let dns = FakeDns::start().await;
        dns.add_zone(domain.as_str());
        dns.add_tsig_key(KEY_NAME, &octets, TsigAlgorithm::HmacSha256);
        let (secret, address) = (STANDARD.encode(octets), dns.address());
        let clause = format!("key \"{KEY_NAME}\" {{ algorithm hmac-sha256; secret \"{secret}\"; }};\n");
        let certbot = format!(
            "dns_rfc2136_server = {}\ndns_rfc2136_port = {}\ndns_rfc2136_name = {KEY_NAME}\n\
             dns_rfc2136_secret = {secret}\ndns_rfc2136_algorithm = HMAC-SHA256\n",
            address.ip(),
            address.port(),
        );
        let key_file = place.secret("tsig.key", &clause)?;
        let certbot_file = place.secret("certbot-rfc2136.ini", &certbot)?;
        Ok(Self { dns, key_file, certbot_file })
    }

    /// Publishes a TXT record, as the domain's owner does by hand.
    pub(super) fn publish(&self, at: &str, text: &str) {
        self.dns.set_txt(at, &[text]);
    }

    /// Where it answers.
    pub(super) fn address(&self) -> SocketAddr {
        self.dns.address()
    }
}
