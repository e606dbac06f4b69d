//! The shipped table comes out as it says; a wrong expectation, a wrong reason and a wrong table are noticed.

use certs::name::DnsName;

use super::*;
use crate::{Ruleset, profiles, rules};

const SAMPLE: &str = include_str!("../../../docs/samples/policy-test.toml");

fn ruleset() -> Ruleset {
    let domains = rules::shipped_rules_for_domains(&[DnsName::parse("example.com").unwrap()]);
    let mut rule_files = rules::SHIPPED.to_vec();
    rule_files.push(("domains.cedar", &domains));
    Ruleset::parse(profiles::SHIPPED, &rule_files).unwrap()
}

fn run_text(text: &str) -> Vec<CaseResult> {
    let set = ruleset();
    run(&Table::parse("t.toml", text).unwrap(), &set.rules, &set.profiles)
}

#[test]
fn every_case_of_the_sample_comes_out_as_it_says() {
    let results = run_text(SAMPLE);
    assert_eq!(results.len(), 8);
    for result in results {
        assert!(result.passed, "{result:#?}");
    }
}

#[test]
fn a_wrong_expectation_fails_and_says_what_came_instead() {
    let text = SAMPLE.replacen("expect = \"allow\"", "expect = \"deny\"", 1);
    let result = run_text(&text).swap_remove(0);
    assert!(!result.passed);
    assert_eq!(result.outcome, "allow by `devices-of-example.com`");
    assert_eq!(result.expected, "deny by `devices-of-example.com`");
    assert_eq!(result.line, 7);
}

#[test]
fn a_right_answer_for_another_reason_fails() {
    let text = SAMPLE.replacen("rule = \"devices-of-example.com\"", "rule = \"people-of-example.com\"", 1);
    assert!(!run_text(&text)[0].passed);
}

#[test]
fn a_profile_that_does_not_fit_denies_before_the_rules_are_asked() {
    for (profile, identifier, reason) in [
        ("nobody", "dns:a.example.com", "deny: there is no profile `nobody`"),
        ("user", "dns:a.example.com", "deny: profile `user` is not for dns identifiers"),
        ("server", "dns:*.example.com", "deny: profile `server` is not for wildcards"),
        ("device", "dns:a.example.com", "deny: nothing was proven"),
    ] {
        let text = format!(
            "[[case]]\nname = \"x\"\naction = \"issue\"\nidentifier = \"{identifier}\"\nprofile = \"{profile}\"\nexpect = \"deny\"\n"
        );
        assert_eq!(run_text(&text)[0].outcome, reason);
    }
}

#[test]
fn all_faults_of_a_table_are_reported_with_their_case() {
    let text = "\
[[case]]
name = \"one\"
action = \"isue\"
identifier = \"room-1.example.com\"
profile = \"device\"
expect = \"alow\"
expected = \"allow\"

[[case]]
name = \"two\"
action = \"order\"
identifier = \"dns:room_1.example.com\"
proofs = [\"dns-02\"]
expect = \"allow\"
";
    let found: Vec<String> =
        Table::parse("t.toml", text).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 7, "{found:#?}");
    assert_eq!(found[0], "t.toml:3:10: case 1: action: `isue` is not known");
    assert_eq!(found[1], "t.toml:4:14: case 1: identifier: the kind of the identifier is missing");
    assert_eq!(found[2], "t.toml:6:10: case 1: expect: `alow` is not known");
    assert_eq!(found[3], "t.toml:7:1: case 1: expected: unknown key");
    assert!(found[4].starts_with("t.toml:9:1: case 2: profile: the key is missing"), "{}", found[4]);
    assert!(found[5].starts_with("t.toml:12:14: case 2: identifier: "), "{}", found[5]);
    assert!(found[6].starts_with("t.toml:13:11: case 2: proofs: unknown variant `dns-02`"), "{}", found[6]);
}

#[test]
fn an_empty_table_is_a_mistake() {
    assert_eq!(Table::parse("t.toml", "").unwrap_err()[0].message, "the table has no case");
}
