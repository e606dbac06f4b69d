//! The examples of docs/policy.md are true: each is read by the parser it is written for, and the table comes out as it says.

use certs::name::DnsName;

use crate::table::{Table, run};
use crate::{Ruleset, profiles, rules};

const PAGE: &str = include_str!("../../docs/policy.md");

/// The texts of all fenced blocks that are marked so.
fn blocks(mark: &str) -> Vec<String> {
    let open = format!("```{mark}");
    let (mut found, mut lines) = (Vec::new(), PAGE.lines());
    while let Some(line) = lines.next() {
        if line == open {
            found.push(lines.by_ref().take_while(|line| *line != "```").collect::<Vec<_>>().join("\n"));
        }
    }
    found
}

#[test]
fn the_shortest_profile_is_a_profile_with_the_defaults_that_the_page_says() {
    let texts = blocks("toml");
    assert_eq!(texts.len(), 1);
    let short = profiles::Profiles::parse(&[("kiosk.toml", &texts[0])]).unwrap();
    let defaults = PAGE.split_once("have these values: ").unwrap().1.split_once(". Keys").unwrap().0;
    let said: String =
        defaults.replace('\n', " ").split("`, `").map(|key| key.replace('`', "") + "\n").collect();
    assert_eq!(said.lines().count(), 8, "{said}");
    let long = profiles::Profiles::parse(&[("kiosk.toml", format!("{}\n{said}", texts[0]))]).unwrap();
    assert_eq!(short, long);
}

#[test]
fn every_rule_of_the_page_is_valid_and_the_table_comes_out_as_it_says() {
    let own = blocks("cedar");
    assert_eq!(own.len(), 8);
    let own = own.join("\n");
    let mut files = rules::SHIPPED.to_vec();
    files.push(("own.cedar", &own));
    let set = Ruleset::parse(profiles::SHIPPED, &files).unwrap();

    let tables = blocks("toml table");
    assert_eq!(tables.len(), 1);
    for result in run(&Table::parse("page", &tables[0]).unwrap(), &set.rules, &set.profiles) {
        assert!(result.passed, "{result:#?}");
    }
}

#[test]
fn the_sample_for_people_is_the_rule_of_the_page_and_its_table_comes_out() {
    let sample = include_str!("../../docs/samples/staff-with-mfa.cedar");
    assert!(blocks("cedar").iter().any(|rule| sample.ends_with(&format!("{rule}\n"))));
    let domains = rules::shipped_rules_for_domains(&[DnsName::parse("example.com").unwrap()]);
    let mut files = rules::SHIPPED.to_vec();
    files.extend([("domains.cedar", domains.as_str()), ("staff-with-mfa.cedar", sample)]);
    let set = Ruleset::parse(profiles::SHIPPED, &files).unwrap();
    let table = Table::parse("people", include_str!("../../docs/samples/policy-test-people.toml")).unwrap();
    for result in run(&table, &set.rules, &set.profiles) {
        assert!(result.passed, "{result:#?}");
    }
}

#[test]
fn the_sample_for_operators_is_shown_on_the_page_and_its_table_comes_out() {
    let sample = include_str!("../../docs/samples/operators.cedar");
    assert!(blocks("cedar").iter().any(|rule| sample.contains(rule)));
    let mut files = rules::SHIPPED.to_vec();
    files.push(("operators.cedar", sample));
    let set = Ruleset::parse(profiles::SHIPPED, &files).unwrap();
    let text = include_str!("../../docs/samples/policy-test-operators.toml");
    let results = run(&Table::parse("operators", text).unwrap(), &set.rules, &set.profiles);
    assert_eq!(results.len(), 8);
    for result in results {
        assert!(result.passed, "{result:#?}");
    }
}

#[test]
fn the_first_rule_of_the_page_is_the_one_that_init_writes() {
    let written = rules::shipped_rules_for_domains(&[DnsName::parse("example.com").unwrap()]);
    assert!(written.contains(&blocks("cedar")[0]));
}

#[test]
fn the_page_names_every_word_of_the_schema() {
    for word in [
        "contacts",
        "created",
        "externalBinding",
        "name",
        "labels",
        "wildcard",
        "address",
        "local",
        "domain",
        "uri",
        "profile",
        "proofs",
        "keyKind",
        "requestedLifetime",
        "clientAddress",
        "person.provider",
        "person.protocol",
        "person.groups",
        "person.methods",
        "person.authnContext",
        "person.displayName",
        "task",
        "person",
    ] {
        let last = word.rsplit('.').next().unwrap();
        let written = format!("\"{last}\"");
        assert!(rules::SCHEMA.contains(&written) || rules::OPERATORS_SCHEMA.contains(&written), "{word}");
        let forms = [format!("principal.{word}"), format!("resource.{word}"), format!("context.{word}")];
        assert!(forms.iter().any(|form| PAGE.contains(&format!("`{form}`"))), "{word}");
    }
}
