//! Single sign-on: the relying party of `sso-01` (SAML 2.0, OpenID Connect).
//!
//! Nothing outside this folder reads an assertion. A provider's answer goes in as bytes and comes out as a [`Person`](person::Person),
//! which only this stage can make, or as a refusal with a stable reason.

pub mod fetch;
pub mod oidc;
pub mod person;
pub mod saml;
