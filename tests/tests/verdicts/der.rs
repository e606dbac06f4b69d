//! Certificates taken apart and put together anew: to-be-signed bytes as a list of fields, and the extensions among them.

use certs::key::{KeyKind, SigningKey};
use certs::tbs::{assemble, tbs_of};
use rollcall_tests::parsers::der::take;
pub(crate) use rollcall_tests::parsers::der::{BIT_STRING, SEQUENCE, tlv};
use rustls_pki_types::CertificateDer;

pub(crate) const OCTET_STRING: u8 = 0x04;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

pub(crate) const BASIC_CONSTRAINTS: &[u8] = &[6, 3, 0x55, 0x1d, 0x13];
pub(crate) const KEY_USAGE: &[u8] = &[6, 3, 0x55, 0x1d, 0x0f];
pub(crate) const EXTENDED_KEY_USAGE: &[u8] = &[6, 3, 0x55, 0x1d, 0x25];
pub(crate) const ALTERNATIVE_NAMES: &[u8] = &[6, 3, 0x55, 0x1d, 0x11];
pub(crate) const SUBJECT_KEY_IDENTIFIER: &[u8] = &[6, 3, 0x55, 0x1d, 0x0e];
pub(crate) const NAME_CONSTRAINTS: &[u8] = &[6, 3, 0x55, 0x1d, 0x1e];
pub(crate) const UNKNOWN: &[u8] = &[6, 3, 0x2a, 3, 4];

/// The elements that stand one after another in the input, whole.
fn elements(mut input: &[u8]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    while !input.is_empty() {
        let element = take(input).unwrap();
        out.push(element.whole.to_vec());
        input = element.rest;
    }
    out
}

fn content(element: &[u8]) -> &[u8] {
    take(element).unwrap().content
}

/// The fields of a certificate that is to be signed again.
#[derive(Clone)]
pub(crate) struct Fields(Vec<Vec<u8>>);

impl Fields {
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(elements(content(tbs_of(certificate).unwrap())))
    }

    /// Signs them, with the algorithm that they name.
    pub(crate) fn sign(&self, key: &SigningKey) -> CertificateDer<'static> {
        let tbs = tlv(SEQUENCE, &self.0.concat());
        assemble(&tbs, &key.sign(&tbs).unwrap(), key.public()).unwrap()
    }

    /// Version 3 certificates have these at fixed places: version, serial, algorithm, issuer, validity, subject, key.
    pub(crate) fn subject(&self) -> &[u8] {
        &self.0[5]
    }

    pub(crate) fn set_issuer(&mut self, name: &[u8]) {
        self.0[3] = name.to_vec();
    }

    pub(crate) fn set_key(&mut self, spki: &[u8]) {
        self.0[6] = spki.to_vec();
    }

    /// Makes it a version 1 certificate: no version, no extensions.
    pub(crate) fn make_version_1(&mut self) {
        self.0.retain(|field| field[0] != VERSION && field[0] != EXTENSIONS);
    }

    pub(crate) fn add(&mut self, oid: &[u8], critical: bool, value: &[u8]) {
        let flag: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
        let added = tlv(SEQUENCE, &[oid, flag, &tlv(OCTET_STRING, value)].concat());
        self.change_extensions(|extensions| extensions.push(added.clone()));
    }

    pub(crate) fn remove(&mut self, oid: &[u8]) {
        self.change_extensions(|extensions| extensions.retain(|one| !content(one).starts_with(oid)));
    }

    pub(crate) fn replace(&mut self, oid: &[u8], critical: bool, value: &[u8]) {
        self.remove(oid);
        self.add(oid, critical, value);
    }

    fn change_extensions(&mut self, change: impl Fn(&mut Vec<Vec<u8>>)) {
        let field = self.0.iter_mut().find(|field| field[0] == EXTENSIONS).unwrap();
        let mut extensions = elements(content(content(field)));
        change(&mut extensions);
        *field = tlv(EXTENSIONS, &tlv(SEQUENCE, &extensions.concat()));
    }
}

/// A public key on P-256 whose point is written in the compressed form.
pub(crate) fn compressed(key: &SigningKey) -> Vec<u8> {
    let parts = elements(content(key.public().spki_der()));
    // One octet for unused bits, one for the form, 32 for each coordinate.
    let point = content(&parts[1]);
    let form = 2 + (point[65] & 1);
    let bits = [&[0, form], &point[2..34]].concat();
    tlv(SEQUENCE, &[parts[0].clone(), tlv(BIT_STRING, &bits)].concat())
}

pub(crate) fn other_curve() -> Vec<u8> {
    SigningKey::generate(KeyKind::P384).unwrap().public().spki_der().to_vec()
}
