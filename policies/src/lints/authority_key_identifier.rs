//! The authority key identifier is the issuer's subject key identifier, and no more: a copy of the issuer's name and serial would
//! tie the leaf to one of several certificates of the same key. ARI (RFC 9773) names certificates by it.

use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry::OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER;

use super::{Leaf, Lint, LintContext, Severity, hex};

pub(super) const LINT: Lint = Lint {
    rule: "authority_key_identifier",
    citation: "RFC 5280 §4.2.1.1, RFC 9773 §4.1",
    severity: Severity::Error,
    check,
};

fn check(leaf: &Leaf<'_>, context: &LintContext<'_>) -> Vec<String> {
    let extension = leaf.parsed(&OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER);
    let Some((ParsedExtension::AuthorityKeyIdentifier(identifier), _)) = extension else {
        return vec!["there is no authority key identifier".to_owned()];
    };
    let mut faults = Vec::new();
    match &identifier.key_identifier {
        Some(key) if key.0 == context.issuer_key_identifier => {}
        Some(key) => faults.push(format!(
            "the authority key identifier is {}, the issuer's is {}",
            hex(key.0),
            hex(context.issuer_key_identifier)
        )),
        None => faults.push("the authority key identifier has no key identifier".to_owned()),
    }
    if identifier.authority_cert_issuer.is_some() || identifier.authority_cert_serial.is_some() {
        faults.push("the authority key identifier names one certificate of the issuer".to_owned());
    }
    faults
}

#[cfg(test)]
mod tests {
    use crate::lints::samples::{found, found_with};

    #[test]
    fn a_missing_or_foreign_identifier_is_found() {
        let missing = found("authority_key_identifier", |params| {
            params.use_authority_key_identifier_extension = false;
        });
        assert_eq!(missing, ["there is no authority key identifier"]);
        let foreign =
            found_with("authority_key_identifier", |context| context.issuer_key_identifier = &[1, 2, 0xab]);
        assert!(foreign[0].ends_with("the issuer's is 0102ab"), "{foreign:?}");
    }
}
