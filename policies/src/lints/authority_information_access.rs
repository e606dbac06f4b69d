//! The certificate says where its issuer's certificate is, and where OCSP is answered if it is: exactly there.

use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::{
    OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS, OID_PKIX_ACCESS_DESCRIPTOR_OCSP, OID_PKIX_AUTHORITY_INFO_ACCESS,
};

use super::{Leaf, Lint, LintContext, Severity};

pub(super) const LINT: Lint = Lint {
    rule: "authority_information_access",
    citation: "RFC 5280 §4.2.2.1",
    severity: Severity::Error,
    check,
};

fn check(leaf: &Leaf<'_>, context: &LintContext<'_>) -> Vec<String> {
    let extension = leaf.parsed(&OID_PKIX_AUTHORITY_INFO_ACCESS);
    let Some((ParsedExtension::AuthorityInfoAccess(access), _)) = extension else {
        return vec!["there is no authority information access".to_owned()];
    };
    let (mut issuers, mut responders, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for description in access.iter() {
        let list = if description.access_method == OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS {
            &mut issuers
        } else if description.access_method == OID_PKIX_ACCESS_DESCRIPTOR_OCSP {
            &mut responders
        } else {
            faults.push(format!("unknown access method {}", description.access_method));
            continue;
        };
        match &description.access_location {
            GeneralName::URI(uri) => list.push(*uri),
            other => faults.push(format!("access location `{other}` is not a URI")),
        }
    }
    if issuers != [context.ca_issuers] {
        faults.push(format!("the issuer's certificate is said to be at [{}]", issuers.join(", ")));
    }
    if responders != context.ocsp.into_iter().collect::<Vec<_>>() {
        faults.push(format!("OCSP is said to be answered at [{}]", responders.join(", ")));
    }
    faults
}

#[cfg(test)]
mod tests {
    use crate::lints::samples::{CA_ISSUERS, found, found_with, information_access};

    #[test]
    fn missing_foreign_and_unknown_locations_are_found() {
        let with = |entries: &[(u8, &str)]| {
            found("authority_information_access", |params| {
                params.custom_extensions[1] = information_access(entries);
            })
        };
        assert_eq!(with(&[(2, CA_ISSUERS)]), [""; 0]);
        assert_eq!(with(&[(2, "http://evil.example/")]).len(), 1);
        assert_eq!(with(&[(2, CA_ISSUERS), (1, "http://ocsp.example/")]).len(), 1);
        assert_eq!(with(&[(2, CA_ISSUERS), (5, "http://repository.example/")]).len(), 1);
        let missing = found("authority_information_access", |params| {
            params.custom_extensions.remove(1);
        });
        assert_eq!(missing, ["there is no authority information access"]);
        let ocsp = |context: &mut super::LintContext<'_>| context.ocsp = Some("http://ocsp.example/");
        assert_eq!(found_with("authority_information_access", ocsp), ["OCSP is said to be answered at []"]);
    }
}
