//! Tables of requests and expectations (`ca-server policy test FILE`), read and run by `policies`.

use std::sync::LazyLock;

use certs::name::DnsName;
use policies::rules::shipped_rules_for_domains;
use policies::table::{Table, run};
use policies::{Ruleset, profiles, rules};

use super::Outcome;
use super::profile::check_problems;

/// What `init --domain example.com` writes.
pub(super) static SHIPPED: LazyLock<Option<Ruleset>> = LazyLock::new(|| {
    let domains = shipped_rules_for_domains(&[DnsName::parse("example.com").ok()?]);
    let rule_files = [rules::SHIPPED, &[("domains.cedar", domains.as_str())]].concat();
    Ruleset::parse(profiles::SHIPPED, &rule_files).ok()
});

/// A table that is taken has a case for every result, each with the line it stands on; running it twice says the same; and the
/// opposite expectation gets the opposite mark.
pub fn check(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else { return Outcome::Refused };
    let Some(ruleset) = SHIPPED.as_ref() else { unreachable!("the shipped files are a ruleset") };
    let table = match Table::parse("table.toml", text) {
        Ok(table) => table,
        Err(problems) => {
            check_problems("table.toml", text, &problems);
            return Outcome::Refused;
        }
    };
    assert!(!table.cases().is_empty());
    let results = run(&table, &ruleset.rules, &ruleset.profiles);
    assert_eq!(results.len(), table.cases().len());
    for (case, result) in table.cases().iter().zip(&results) {
        assert_eq!((&case.name, case.line), (&result.name, result.line));
        assert!((1..=text.split('\n').count()).contains(&case.line), "{case:?}");
        let allowed = result.outcome.starts_with("allow by `");
        assert!(allowed || result.outcome.len() > "deny: ".len(), "{result:?}");
        let expected = result.expected.starts_with("allow");
        assert!(!result.passed || allowed == expected, "{result:?}");
        assert!(result.passed || allowed != expected || result.expected.contains(" by `"), "{result:?}");
    }
    assert_eq!(run(&table, &ruleset.rules, &ruleset.profiles), results);
    Outcome::Accepted
}
