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
    if key.subject_public_key.unused_bits != 0
        || point.len() != KeyKind::P256.point_length()
        || point.first() != Some(&4)
    {
        faults.push("the key is not an uncompressed point of 65 octets".to_owned());
    }
    faults
}

#[cfg(test)]
mod tests {
    use rcgen::PublicKeyData;

    use crate::lints::lint;
    use crate::lints::samples::{Sample, of};

    /// A public key that says of itself what the test wants.
    struct Claimed(Vec<u8>, &'static rcgen::SignatureAlgorithm);

    impl PublicKeyData for Claimed {
        fn der_bytes(&self) -> &[u8] {
            &self.0
        }

        fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
            self.1
        }
    }

    fn found(key: &Claimed) -> Vec<String> {
        let sample = Sample::new();
        of("public_key", lint(&sample.sign(&sample.params(), key), &sample.context()))
    }

    #[test]
    fn another_key_a_compressed_point_and_another_curve_are_found() {
        let other = Sample::new().key;
        let point = other.der_bytes().to_vec();
        let same_form = Claimed(point.clone(), &rcgen::PKCS_ECDSA_P256_SHA256);
        assert_eq!(found(&same_form), ["the key is not the one that was ordered"]);

        let compressed = Claimed([&[2], &point[1..33]].concat(), &rcgen::PKCS_ECDSA_P256_SHA256);
        assert!(found(&compressed).contains(&"the key is not an uncompressed point of 65 octets".to_owned()));

        let mislabelled = Claimed(point, &rcgen::PKCS_ECDSA_P384_SHA384);
        assert!(found(&mislabelled).contains(&"the key is not on P-256".to_owned()));
    }
}
