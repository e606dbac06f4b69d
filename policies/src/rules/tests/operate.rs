//! The console: who may do what there, and that rules about it and rules about certificates say nothing of each other.

use certs::name::EmailAddress;

use super::*;

fn address(text: &str) -> EmailAddress {
    email(text).as_email().unwrap().clone()
}

fn operation<'a>(address: &'a EmailAddress, groups: &'a [String], task: Task) -> Operation<'a> {
    let person = Person {
        provider: "corp",
        protocol: "oidc",
        groups,
        authn_context: None,
        methods: &[],
        display_name: Some("Alice \" Example"),
    };
    Operation { address, person, task, client_address: "::ffff:10.1.2.3".parse().unwrap() }
}

#[test]
fn the_schema_describes_every_question_about_the_console() {
    let (schema, warnings) = Schema::from_cedarschema_str(&format!("{SCHEMA}{OPERATORS_SCHEMA}")).unwrap();
    assert_eq!(warnings.count(), 0);
    let words = vocabulary::Vocabulary::new().unwrap();
    let groups = ["operators".to_owned()];
    for task in Task::ALL {
        for (text, groups) in [("Alice@Example.com", groups.as_slice()), ("a@b.example", &[])] {
            let address = address(text);
            operation(&address, groups, task).facts(&words, Some(&schema)).map(|_| ()).unwrap();
        }
    }
}

#[test]
fn nobody_operates_the_console_unless_a_rule_that_names_it_permits() {
    let groups = ["operators".to_owned()];
    let (address, other) = (address("Alice@Example.com"), address("alice@evil-example.com"));
    let alice = |task| operation(&address, &groups, task);
    // What was written for certificates says nothing of the console, whatever it leaves open.
    let open = "@id(\"all\")\npermit (principal, action, resource);";
    for text in ["", open] {
        let decision = init(&[], text).operate(&alice(Task::Look));
        assert!(!decision.is_allowed() && decision.rules().is_empty(), "{decision:?}");
        assert!(decision.reason().unwrap().contains("no rule permits Alice@"), "{decision:?}");
    }
    let own = r#"@id("operators") permit (principal in Domain::"example.com", action == Action::"operate", resource)
        when { principal.person.groups.contains("operators") };
        @id("nobody-revokes") forbid (principal, action == Action::"operate", resource)
        when { context.task == Task::"revoke" };"#;
    let rules = init(&[], own);
    assert_eq!(ids(&rules.operate(&alice(Task::Look))), ["operators"]);
    assert_eq!(ids(&rules.operate(&alice(Task::Approve))), ["operators"]);
    assert_eq!(ids(&rules.operate(&alice(Task::Revoke))), ["nobody-revokes"]);
    assert!(!rules.operate(&operation(&address, &[], Task::Look)).is_allowed(), "not in the group");
    assert!(!rules.operate(&operation(&other, &groups, Task::Look)).is_allowed());
    // And no rule about the console says anything of certificates.
    let decision = rules.decide(&request(Action::Order, &dns("room-1.example.com"), "device", &[]));
    assert!(!decision.is_allowed());
}

#[test]
fn a_rule_about_the_console_that_says_nonsense_is_refused() {
    for nonsense in [
        r#"@id("a") permit (principal, action == Action::"operate", resource) when { context.task == Task::"nap" };"#,
        r#"@id("a") permit (principal, action == Action::"operate", resource) when { principal.groups.contains("x") };"#,
        r#"@id("a") permit (principal, action == Action::"operate", resource) when { context.profile == Profile::"device" };"#,
    ] {
        assert_eq!(Rules::parse(&[("own.cedar", nonsense)]).unwrap_err().len(), 1, "{nonsense}");
    }
}
