//! The certificate says where its revocation list is, if the authority has one: exactly there and nowhere else.

use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::oid_registry::OID_X509_EXT_CRL_DISTRIBUTION_POINTS;

use super::{Leaf, Lint, LintContext, Severity};

pub(super) const LINT: Lint = Lint {
    rule: "crl_distribution_points",
    citation: "RFC 5280 §4.2.1.13",
    severity: Severity::Error,
    check,
};

fn check(leaf: &Leaf<'_>, context: &LintContext<'_>) -> Vec<String> {
    let mut found = Vec::new();
    match leaf.parsed(&OID_X509_EXT_CRL_DISTRIBUTION_POINTS) {
        None => {}
        Some((ParsedExtension::CRLDistributionPoints(points), _)) => {
            for point in points.iter() {
                if point.reasons.is_some() || point.crl_issuer.is_some() {
                    return vec![
                        "a distribution point is for some reasons or another issuer only".to_owned(),
                    ];
                }
                if let Some(DistributionPointName::FullName(names)) = &point.distribution_point {
                    found.extend(names.iter().map(|name| match name {
                        GeneralName::URI(uri) => *uri,
                        _ => "(not a URI)",
                    }));
                }
            }
        }
        Some(_) => return vec!["the distribution points cannot be read".to_owned()],
    }
    let expected: Vec<&str> = context.crl.into_iter().collect();
    if found == expected {
        return Vec::new();
    }
    vec![format!(
        "the distribution points are [{}], the authority's are [{}]",
        found.join(", "),
        expected.join(", ")
    )]
}

#[cfg(test)]
mod tests {
    use crate::lints::samples::{CRL, found, found_with};

    #[test]
    fn a_missing_foreign_or_unwanted_distribution_point_is_found() {
        let missing = found("crl_distribution_points", |params| params.crl_distribution_points.clear());
        assert_eq!(missing, [format!("the distribution points are [], the authority's are [{CRL}]")]);
        let foreign = found("crl_distribution_points", |params| {
            params.crl_distribution_points[0].uris = vec!["http://evil.example/x.crl".to_owned()];
        });
        assert_eq!(foreign.len(), 1);
        assert_eq!(found_with("crl_distribution_points", |context| context.crl = None).len(), 1);
    }
}
