//! The directory (RFC 8555 §7.1.1): where everything is, and what the authority says about itself.
//!
//! Unknown members are ignored; members a feature needs may be absent, and the feature then says so. URLs are checked on reading.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::resource_url::ResourceUrl;

/// A member of the directory that a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// `keyChange`.
    KeyChange,
    /// `newAuthz`.
    NewAuthorization,
    /// `revokeCert`.
    RevokeCertificate,
    /// `renewalInfo`.
    RenewalInfo,
}

impl std::fmt::Display for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::KeyChange => "keyChange",
            Self::NewAuthorization => "newAuthz",
            Self::RevokeCertificate => "revokeCert",
            Self::RenewalInfo => "renewalInfo",
        })
    }
}

/// The authority does not offer what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the authority's directory has no `{0}`")]
pub struct NotOffered(pub Resource);

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    /// Fresh nonces.
    pub new_nonce: ResourceUrl,
    /// New and existing accounts.
    pub new_account: ResourceUrl,
    /// New orders.
    pub new_order: ResourceUrl,
    /// Authorizations before an order.
    #[serde(rename = "newAuthz", default, skip_serializing_if = "Option::is_none")]
    pub new_authorization: Option<ResourceUrl>,
    /// Revocation.
    #[serde(rename = "revokeCert", default, skip_serializing_if = "Option::is_none")]
    pub revoke_certificate: Option<ResourceUrl>,
    /// Account key change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_change: Option<ResourceUrl>,
    /// Renewal information (RFC 9773).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal_info: Option<ResourceUrl>,
    /// What the authority says about itself.
    #[serde(default)]
    pub meta: DirectoryMeta,
}

/// What the authority says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DirectoryMeta {
    /// The terms of service to agree to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms_of_service: Option<String>,
    /// The authority's web site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// The names by which CAA records allow this authority.
    pub caa_identities: Vec<String>,
    /// Whether new accounts need an external account binding.
    pub external_account_required: bool,
    /// Profiles by name, with a description or a URL.
    pub profiles: BTreeMap<String, String>,
}

impl Directory {
    /// Reads a directory document. Total: any bytes give a directory or an error.
    ///
    /// # Errors
    /// If it is not JSON of this shape, or a URL is unusable.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// The URL of `resource`.
    ///
    /// # Errors
    /// [`NotOffered`] if the directory lacks it.
    pub fn resource(&self, resource: Resource) -> Result<&ResourceUrl, NotOffered> {
        let url = match resource {
            Resource::KeyChange => &self.key_change,
            Resource::NewAuthorization => &self.new_authorization,
            Resource::RevokeCertificate => &self.revoke_certificate,
            Resource::RenewalInfo => &self.renewal_info,
        };
        url.as_ref().ok_or(NotOffered(resource))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8555 §7.1.1, with the members of RFC 9773 and the profiles draft added.
    const EXAMPLE: &str = r#"{
        "newNonce": "https://example.com/acme/new-nonce", "newAccount": "https://example.com/acme/new-account",
        "newOrder": "https://example.com/acme/new-order", "newAuthz": "https://example.com/acme/new-authz",
        "revokeCert": "https://example.com/acme/revoke-cert", "keyChange": "https://example.com/acme/key-change",
        "renewalInfo": "https://example.com/acme/renewal-info", "unknownMember": {"x": [1]},
        "meta": { "termsOfService": "https://example.com/acme/terms/2017-5-30", "website": "https://www.example.com/",
          "caaIdentities": ["example.com"], "externalAccountRequired": true,
          "profiles": {"device": "rooms", "user": "https://example.com/user"} } }"#;

    #[test]
    fn the_example_of_the_rfc_is_understood() {
        let directory = Directory::parse(EXAMPLE.as_bytes()).unwrap();
        assert_eq!(
            directory.resource(Resource::KeyChange).unwrap().as_str(),
            "https://example.com/acme/key-change"
        );
        assert!(directory.meta.external_account_required);
        assert_eq!(directory.meta.caa_identities, ["example.com"]);
        assert_eq!(directory.meta.profiles["device"], "rooms");
        let again = Directory::parse(&serde_json::to_vec(&directory).unwrap()).unwrap();
        assert_eq!(again, directory);
    }

    #[test]
    fn optional_members_may_be_absent_and_say_which_when_needed() {
        let bare = r#"{"newNonce":"https://a/n","newAccount":"https://a/a","newOrder":"https://a/o"}"#;
        let directory = Directory::parse(bare.as_bytes()).unwrap();
        let error = directory.resource(Resource::RenewalInfo).unwrap_err();
        assert_eq!(error.to_string(), "the authority's directory has no `renewalInfo`");
        assert!(!directory.meta.external_account_required);
    }

    #[test]
    fn a_directory_with_an_unusable_url_is_refused_as_a_whole() {
        for bad in ["file:///etc/passwd", "relative", "https://u:p@h/", ""] {
            let text =
                format!(r#"{{"newNonce":"https://a/n","newAccount":"https://a/a","newOrder":"{bad}"}}"#);
            assert!(Directory::parse(text.as_bytes()).is_err(), "{bad}");
        }
        assert!(Directory::parse(b"{}").is_err());
        assert!(Directory::parse(b"<html>").is_err());
    }
}
