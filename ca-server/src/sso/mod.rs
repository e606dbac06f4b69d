//! Single sign-on: the relying party of `sso-01` (SAML 2.0, OpenID Connect).
//!
//! Nothing outside this folder reads an assertion. A provider's answer goes in as bytes and comes out as a [`Person`](person::Person),
//! which only this stage can make, or as a refusal with a stable reason. `docs/acme-sso.md` says what the challenge is; the code repeats
//! its steps.

pub mod begin;
pub mod finish;
pub mod start;
pub mod vouch;

pub mod audit;
pub mod binding;
pub mod code;
pub mod fault;
pub mod fetch;
pub mod key_words;
pub mod oidc;
pub mod pages;
pub mod person;
pub mod providers;
pub mod reason;
pub mod redirect;
pub mod saml;
pub mod sign_in;
pub mod standing;

#[cfg(test)]
mod tests;
