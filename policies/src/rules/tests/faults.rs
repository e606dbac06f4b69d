//! What is refused at start, and how it is said.

use super::*;

fn problems_of(text: &str) -> Vec<Problem> {
    Rules::parse(&[("own.cedar", text)]).map(|_| ()).unwrap_err()
}

fn only(text: &str) -> (String, String) {
    let problems = problems_of(text);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    (problems[0].to_string(), problems[0].hint.clone())
}

#[test]
fn a_rule_without_an_id_is_refused_where_it_begins() {
    let (message, hint) = only("// first\n\n  permit (principal, action, resource);");
    assert_eq!(message, "own.cedar:3:3: the rule has no id");
    assert!(hint.contains("@id("), "{hint}");
}

#[test]
fn an_id_of_other_letters_is_refused() {
    for id in ["", "two words", "a\\\"b", "ä", &"x".repeat(65)] {
        let (message, _) = only(&format!("@id(\"{id}\")\npermit (principal, action, resource);"));
        assert!(message.contains("is not an id for a rule"), "{message}");
    }
}

#[test]
fn the_same_id_twice_is_refused_and_both_places_are_named() {
    let rule = "@id(\"a\")\npermit (principal, action, resource);\n";
    let problems = Rules::parse(&[("one.cedar", rule), ("two.cedar", &format!("\n{rule}"))]).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(
        problems[0].to_string(),
        "two.cedar:2:1: rule `a`: the id is used twice, first at one.cedar:1:1"
    );
}

#[test]
fn a_misspelt_annotation_is_refused() {
    let (message, hint) = only("@id(\"a\")\n@raeson(\"x\")\npermit (principal, action, resource);");
    assert_eq!(message, "own.cedar:1:1: unknown annotation `@raeson`");
    assert_eq!(hint, "did you mean `@reason`?");
}

#[test]
fn a_text_that_is_not_cedar_says_where() {
    let (message, _) = only("@id(\"a\")\npermit (principal, action);");
    assert!(message.starts_with("own.cedar:2:"), "{message}");
    assert!(message.contains("not a valid rule"), "{message}");
}

#[test]
fn words_that_the_schema_does_not_have_are_refused_with_place_and_rule() {
    for (condition, part) in [
        ("context.profle == Profile::\"device\"", "profle"),
        ("context.profile == \"device\"", "Profile"),
        ("context.proofs.contains(Proof::\"dns-02\")", "dns-02"),
        ("principal.externalBinding == \"k\"", "externalBinding"),
        ("principal.created == \"yesterday\"", "Long"),
        ("resource in Company::\"x\"", "Company"),
    ] {
        let text = format!(
            "@id(\"a\")\nforbid (principal, action == Action::\"issue\", resource)\nwhen {{ {condition} }};"
        );
        let problems = problems_of(&text);
        let problem = problems.first().unwrap();
        assert_eq!(problem.key.as_deref(), Some("rule `a`"), "{problem}");
        assert_eq!(problem.place.unwrap().line, 3, "{problem}");
        assert!(problems.iter().any(|problem| problem.message.contains(part)), "{problems:#?}");
    }
}

#[test]
fn an_action_that_does_not_exist_is_refused() {
    let problems = problems_of("@id(\"a\")\npermit (principal, action == Action::\"isue\", resource);");
    assert_eq!(problems.len(), 1, "that it never applies is not said too: {problems:#?}");
    assert!(problems[0].message.contains("isue"), "{problems:#?}");
    assert_eq!(problems[0].hint, "did you mean `Action::\"issue\"`?");
}

#[test]
fn proofs_cannot_be_asked_for_before_anything_is_proven() {
    let text = "@id(\"a\")\npermit (principal, action, resource)\nwhen { context.proofs.contains(Proof::\"dns-01\") };";
    for problem in problems_of(text) {
        assert!(problem.message.contains("attribute `proofs` in context for Action::"), "{problem}");
        assert!(problem.hint.contains("write `action == Action::\"issue\"`"), "{}", problem.hint);
    }
}

#[test]
fn an_attribute_of_one_kind_of_name_needs_the_kind_to_be_asked_first() {
    let text = "@id(\"a\")\npermit (principal, action, resource)\nwhen { resource.wildcard };";
    let problems = problems_of(text);
    assert_eq!(problems.len(), 2, "Email and Uri have none: {problems:#?}");
    assert!(problems.iter().all(|problem| problem.hint.contains("`resource is Dns && …`")), "{problems:#?}");
    let asked = text.replace("resource.wildcard", "resource is Dns && resource.wildcard");
    assert!(Rules::parse(&[("own.cedar", asked)]).is_ok());
}

#[test]
fn an_optional_attribute_needs_to_be_asked_for_first() {
    let (message, hint) = only(
        "@id(\"a\")\npermit (principal, action, resource)\nwhen { principal.externalBinding == \"k\" };",
    );
    assert!(message.contains("optional attribute `externalBinding`"), "{message}");
    assert!(hint.contains("has externalBinding"), "{hint}");
}

#[test]
fn an_unknown_proof_is_said_with_the_known_ones() {
    let text = "@id(\"a\")\npermit (principal, action == Action::\"issue\", resource)\nwhen { context.proofs.contains(Proof::\"dns-02\") };";
    let (message, hint) = only(text);
    assert!(message.contains("Proof") && message.contains("dns-02"), "{message}");
    assert!(hint.contains("\"dns-persist-01\""), "{hint}");
}

#[test]
fn a_rule_that_can_never_apply_is_refused() {
    let text = "@id(\"a\")\nforbid (principal, action, resource)\nwhen { false };";
    assert!(only(text).0.contains("does not say what it seems to"));
}

#[test]
fn a_domain_that_no_name_can_be_in_is_refused() {
    for written in ["Example.com", "example.com.", "*.example.com", "exa mple.com", ""] {
        let text = format!("@id(\"a\")\npermit (principal, action, resource in Domain::\"{written}\");");
        let (message, _) = only(&text);
        assert!(message.starts_with("own.cedar:2:"), "{message}");
        assert!(message.contains("matches nothing"), "{message}");
    }
    let text = "@id(\"a\")\nforbid (principal, action, resource == Email::\"Bob@example.com\");";
    assert!(only(text).0.contains("its canonical form is `bob@example.com`"));
}

#[test]
fn a_template_is_refused() {
    let (message, _) = only("@id(\"a\")\npermit (principal == ?principal, action, resource);");
    assert!(message.contains("never linked"), "{message}");
}

#[test]
fn problems_come_in_the_order_of_files_and_lines() {
    let bad = "permit (principal, action, resource);\n@id(\"b\")\nforbid (principal, action, resource) when { false };\n";
    let problems = Rules::parse(&[("z.cedar", bad), ("a.cedar", "permit (")]).unwrap_err();
    let places: Vec<(&str, usize)> =
        problems.iter().map(|problem| (problem.file.as_str(), problem.place.unwrap().line)).collect();
    assert_eq!(places, [("z.cedar", 1), ("z.cedar", 2), ("a.cedar", 1)]);
}
