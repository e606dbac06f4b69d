//! What every parser of hostile bytes promises, one function each: it takes or refuses any input, and what it takes keeps to its rules.
//!
//! Each `check` panics when a promise is broken. The fuzz targets (`tests/fuzz`) and the stable tests (`tests/tests/parsers.rs`)
//! run the same functions, over the same seeds (`tests/corpus/<name>`).

pub mod acme_document;
pub mod caa;
pub mod cert_id;
pub mod certificate;
pub mod certificate_chain;
pub mod certs_only;
pub mod config;
pub mod csr;
pub mod csr_attributes;
pub mod dns_answer;
pub mod est;
pub mod header;
pub mod id_token;
pub mod journal_entry;
pub mod json_rpc;
pub mod jwe;
pub mod jwk;
pub mod jws;
pub mod key;
pub mod name;
pub mod new_order;
pub mod ocsp_request;
pub mod openid_configuration;
pub mod openid_keys;
pub mod pem;
pub mod persist_record;
pub mod policy_table;
pub mod problem;
pub mod profile;
pub mod putxml;
pub mod rules;
pub mod saml_metadata;
pub mod saml_response;
pub mod tshell;
pub mod tsig_key;

pub mod der;
mod openid;
mod support;

/// What a parser did with an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It gave a value, and the value keeps every promise.
    Accepted,
    /// It gave an error, and the error keeps every promise.
    Refused,
}

/// One parser under test.
#[derive(Clone, Copy, Debug)]
pub struct Parser {
    /// The name of its fuzz target and of its corpus.
    pub name: &'static str,
    /// Feeds it one input; panics if a promise is broken.
    pub check: fn(&[u8]) -> Outcome,
}

/// Every parser, by name.
pub const ALL: &[Parser] = &[
    Parser { name: "acme_document", check: acme_document::check },
    Parser { name: "caa", check: caa::check },
    Parser { name: "cert_id", check: cert_id::check },
    Parser { name: "certificate", check: certificate::check },
    Parser { name: "certificate_chain", check: certificate_chain::check },
    Parser { name: "certs_only", check: certs_only::check },
    Parser { name: "config", check: config::check },
    Parser { name: "csr", check: csr::check },
    Parser { name: "csr_attributes", check: csr_attributes::check },
    Parser { name: "dns_answer", check: dns_answer::check },
    Parser { name: "est", check: est::check },
    Parser { name: "header", check: header::check },
    Parser { name: "id_token", check: id_token::check },
    Parser { name: "journal_entry", check: journal_entry::check },
    Parser { name: "json_rpc", check: json_rpc::check },
    Parser { name: "jwe", check: jwe::check },
    Parser { name: "jwk", check: jwk::check },
    Parser { name: "jws", check: jws::check },
    Parser { name: "key", check: key::check },
    Parser { name: "name", check: name::check },
    Parser { name: "new_order", check: new_order::check },
    Parser { name: "ocsp_request", check: ocsp_request::check },
    Parser { name: "openid_configuration", check: openid_configuration::check },
    Parser { name: "openid_keys", check: openid_keys::check },
    Parser { name: "pem", check: pem::check },
    Parser { name: "persist_record", check: persist_record::check },
    Parser { name: "policy_table", check: policy_table::check },
    Parser { name: "problem", check: problem::check },
    Parser { name: "profile", check: profile::check },
    Parser { name: "putxml", check: putxml::check },
    Parser { name: "rules", check: rules::check },
    Parser { name: "saml_metadata", check: saml_metadata::check },
    Parser { name: "saml_response", check: saml_response::check },
    Parser { name: "tshell", check: tshell::check },
    Parser { name: "tsig_key", check: tsig_key::check },
];
