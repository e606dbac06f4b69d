//! A provider's configuration (OpenID Connect Discovery §3), as `ca-server` reads it.

use url::Url;

use super::Outcome;
use super::openid::{ISSUER, PARTY, check_refusal, only};
use super::support::members;

/// A configuration that is taken speaks for the issuer that was asked, and every address in it is https.
pub fn check(input: &[u8]) -> Outcome {
    let Some(party) = &*PARTY else { unreachable!("a provider can be made") };
    let report = match party.provider.read(input, br#"{"keys":[]}"#) {
        Ok(report) => report,
        Err(refusal) => {
            check_refusal(&refusal);
            return Outcome::Refused;
        }
    };
    assert_eq!(report.keys, 0);
    for address in [&report.authorization_endpoint, &report.token_endpoint] {
        check_address(address);
    }
    if let Some(said) = members(input) {
        assert_eq!(only(&said, "issuer").as_ref().and_then(|issuer| issuer.as_str()), Some(ISSUER));
        let endpoint = only(&said, "token_endpoint");
        let endpoint = endpoint.as_ref().and_then(|address| address.as_str()).map(Url::parse);
        assert!(matches!(endpoint, Some(Ok(url)) if url == report.token_endpoint), "another address");
    }
    Outcome::Accepted
}

fn check_address(address: &Url) {
    assert_eq!(address.scheme(), "https", "{address}");
    assert!(address.host().is_some() && address.fragment().is_none(), "{address}");
    assert!(address.username().is_empty() && address.password().is_none(), "{address}");
}
