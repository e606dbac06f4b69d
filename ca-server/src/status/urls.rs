//! Where relying parties find what certificates name: CRLs and issuer certificates, over plain GET.

use crate::ids::AuthorityName;

/// The CRL of an authority's issuing certificate.
#[must_use]
pub fn crl(base: &str, authority: &AuthorityName) -> String {
    format!("{base}/crl/{authority}.crl")
}

/// The issuing certificate of an authority, DER.
#[must_use]
pub fn issuer(base: &str, authority: &AuthorityName) -> String {
    format!("{base}/issuer/{authority}.crt")
}

/// The root certificate of an authority, DER.
#[must_use]
pub fn root(base: &str, authority: &AuthorityName) -> String {
    format!("{base}/issuer/{authority}-root.crt")
}
