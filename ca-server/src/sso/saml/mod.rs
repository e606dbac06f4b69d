//! SAML 2.0 as a service provider: the web browser profile with HTTP-Redirect out and HTTP-POST in.
//!
//! Trusts a provider's metadata, which the operator placed or pinned, and nothing else. Octets of a form go into [`verify`]; a
//! [`Person`](crate::sso::person::Person) or a [`SamlRefusal`] comes out. No I/O, no clock: time is an argument. The checks are numbered in
//! `docs/saml.md`; each is one function, and each refusal has a word of its own.

pub mod encrypted;
pub mod envelope;
pub mod keys;
pub mod lexical;
pub mod metadata;
pub mod refusal;
pub mod request;
pub mod response;
pub mod service_provider;
pub mod signature;

mod engine;
mod instant;
mod xml;

pub use metadata::{Metadata, MetadataError};
pub use refusal::SamlRefusal;
pub use request::{AuthenticationRequest, RelayState};
pub use response::{Expected, MAX_RESPONSE, verify, verify_document};
pub use service_provider::ServiceProvider;

/// A provider as the configuration names it.
#[derive(Clone, Debug)]
pub struct SamlIdentityProvider {
    /// What its metadata says.
    pub metadata: Metadata,
    /// Where its assertions say what.
    pub attributes: AttributeNames,
}

/// In which attributes a provider states what. Names are compared exactly with `Attribute/@Name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeNames {
    /// The e-mail address; `None`: it is the `NameID`, in the format for e-mail addresses.
    pub email: Option<String>,
    /// The groups; all attributes of these names count together.
    pub groups: Vec<String>,
    /// The person's name; the first of these that is there.
    pub display_name: Vec<String>,
}

impl Default for AttributeNames {
    /// The names that common products use.
    fn default() -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            email: None,
            groups: owned(&[
                "groups",
                "memberOf",
                "eduPersonAffiliation",
                "urn:oid:1.3.6.1.4.1.5923.1.1.1.1",
                "urn:oid:1.3.6.1.4.1.5923.1.5.1.1",
                "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups",
                "http://schemas.xmlsoap.org/claims/Group",
            ]),
            display_name: owned(&[
                "displayName",
                "urn:oid:2.16.840.1.113730.3.1.241",
                "http://schemas.microsoft.com/identity/claims/displayname",
                "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/displayname",
                "cn",
                "urn:oid:2.5.4.3",
            ]),
        }
    }
}
