//! The certified key is the one that was ordered, on P-256, as an uncompressed point: relying parties of MLS read no other form,
//! and re-encoding faults (a P-256 key labelled as another curve) show here.

use certs::key::KeyKind;
use x509_parser::oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY};

use super::{Leaf, Lint, LintContext, Severity};

pub(super) const LINT: Lint =
    Lint { rule: "public_key", citation: "RFC 5480 §2", severity: Severity::Error, check };

fn check(leaf: &Leaf<'_>, context: &LintContext<'_>) -> Vec<String> {
    let key = leaf.certificate.public_key();
    let mut faults = Vec::new();
    if key.raw != context.public_key {
        faults.push("the key is not the one that was ordered".to_owned());
    }
    let curve = key.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
    if key.algorithm.algorithm != OID_KEY_TYPE_EC_PUBLIC_KEY || curve != Some(OID_EC_P256) {
        faults.push("the key is not on P-256".to_owned());
    }
    let point: &[u8] = &key.subject_public_key.data;
    if key.subject_public_key.unused_bits != 0 || point.len() != KeyKind::P256.point_length() || point.first() != Some(&4) {
        faults.push("the key is not an uncompressed point of 65 octets".to_owned());
    }
    faults
}
