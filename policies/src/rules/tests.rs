//! Decisions: by name, by profile, by proof, by account; precedence; and that any request gets an answer.
//! What is refused at start is in `tests/faults.rs`.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use cedar_policy::Schema;
use certs::identifier::Identifier;
use certs::leaf::Proof;
use certs::name::DnsName;
use proptest::prelude::*;

use super::*;
use crate::Problem;

mod faults;
mod operate;

fn dns(name: &str) -> Identifier {
    Identifier::from_parts("dns", name).unwrap()
}

fn email(address: &str) -> Identifier {
    Identifier::from_parts("email", address).unwrap()
}

const ACCOUNT: Account<'static> = Account {
    id: "a1",
    authority: "external",
    contacts: &[],
    organisation: None,
    external_binding: None,
    created: 1_700_000_000,
};

fn request<'a>(
    action: Action,
    identifier: &'a Identifier,
    profile: &'a str,
    proofs: &'a [Proof],
) -> Request<'a> {
    Request {
        account: ACCOUNT,
        action,
        identifier,
        profile,
        proofs,
        key_kind: KeyKind::P256,
        requested_lifetime: None,
        person: None,
        client_address: None,
    }
}

fn init(domains: &[&str], own: &str) -> Rules {
    let names: Vec<DnsName> =
        domains.iter().map(|name| DnsName::parse_allowing_single_label(name).unwrap()).collect();
    let domains = shipped_rules_for_domains(&names);
    let mut files = SHIPPED.to_vec();
    files.extend([("domains.cedar", domains.as_str()), ("own.cedar", own)]);
    Rules::parse(&files).unwrap()
}

fn ids(decision: &Decision) -> Vec<&str> {
    decision.rules().iter().map(RuleId::as_str).collect()
}

#[test]
fn names_are_judged_by_whole_labels() {
    let rules = init(&["example.com"], "");
    for (name, allowed) in [
        ("room-1.example.com", true),
        ("example.com", true),
        ("a.b.c.example.com", true),
        ("*.example.com", true),
        ("*.rooms.example.com", true),
        ("evil-example.com", false),
        ("evilexample.com", false),
        ("example.com.evil.org", false),
        ("example.community", false),
        ("xample.com", false),
        ("*.com.example", false),
    ] {
        let name = dns(name);
        for action in [Action::Order, Action::Issue] {
            let decision = rules.decide(&request(action, &name, "device", &[Proof::Dns01]));
            assert_eq!(decision.is_allowed(), allowed, "{} {name}: {decision:?}", action.name());
            let expected: &[&str] = if allowed { &["devices-of-example.com"] } else { &[] };
            assert_eq!(ids(&decision), expected, "{name}");
        }
    }
}

#[test]
fn a_permit_is_for_its_profile_and_its_kind_of_identifier_only() {
    let rules = init(&["example.com"], "");
    let (room, bob) = (dns("room-1.example.com"), email("bob@example.com"));
    for (identifier, profile, proof, allowed) in [
        (&room, "device", Proof::Dns01, true),
        (&room, "user", Proof::Dns01, false),
        (&room, "server", Proof::Dns01, false),
        (&bob, "user", Proof::Sso01, true),
        (&bob, "device", Proof::Sso01, false),
    ] {
        let decision = rules.decide(&request(Action::Issue, identifier, profile, &[proof]));
        assert_eq!(decision.is_allowed(), allowed, "{identifier} {profile}: {decision:?}");
    }
}

#[test]
fn nothing_is_issued_without_the_right_proof_and_the_denial_names_the_rule() {
    let rules = init(&["example.com"], "");
    let (room, bob) = (dns("room-1.example.com"), email("bob@example.com"));
    for (identifier, profile, proofs, rule) in [
        (&room, "device", &[][..], "dns-names-are-proven"),
        (&room, "device", &[Proof::Sso01], "dns-names-are-proven"),
        (&bob, "user", &[], "addresses-are-proven"),
        (&bob, "user", &[Proof::Dns01], "addresses-are-proven"),
    ] {
        let decision = rules.decide(&request(Action::Issue, identifier, profile, proofs));
        assert!(!decision.is_allowed());
        assert_eq!(ids(&decision), [rule]);
        assert!(decision.reason().unwrap().ends_with(&format!("(rule `{rule}`)")), "{decision:?}");
    }
}

#[test]
fn members_of_organisations_and_guests_are_permitted_by_their_proof_and_a_guest_nothing_but_an_id() {
    let rules = init(&["example.com"], "");
    let id = Identifier::from_parts("uri", "urn:uuid:6ba7b810-9dad-41d1-80b4-00c04fd430c8").unwrap();
    let (domain, bob) = (dns("other.org"), email("bob@other.org"));
    for (identifier, profile, proof, rule) in [
        (&id, "internal-user", Proof::Token, Some("members-of-organisations")),
        (&bob, "internal-user", Proof::Token, Some("members-of-organisations")),
        (&domain, "internal-device", Proof::Token, Some("members-of-organisations")),
        (&id, "guest", Proof::Anonymous, Some("guests")),
        (&id, "internal-user", Proof::Anonymous, None),
        (&id, "guest", Proof::Token, None),
        (&domain, "guest", Proof::Anonymous, None),
        (&bob, "user", Proof::Token, None),
    ] {
        let decision = rules.decide(&request(Action::Issue, identifier, profile, &[proof]));
        assert_eq!(decision.is_allowed(), rule.is_some(), "{identifier} {profile}: {decision:?}");
        if let Some(rule) = rule {
            assert_eq!(ids(&decision), [rule]);
        }
    }
    let account = Account { organisation: Some("o-1"), ..ACCOUNT };
    let own = "@id(\"not-o-1\")\nforbid (principal in Organisation::\"o-1\", action == Action::\"issue\", resource);";
    let rules = init(&["example.com"], own);
    let asked = request(Action::Issue, &id, "internal-user", &[Proof::Token]);
    assert!(rules.decide(&asked).is_allowed());
    assert_eq!(ids(&rules.decide(&Request { account, ..asked })), ["not-o-1"]);
}

#[test]
fn an_address_belongs_to_the_domain_behind_its_at_sign() {
    let rules = init(&["example.com"], "");
    for (address, allowed) in [
        ("bob@example.com", true),
        ("bob@mail.example.com", true),
        ("bob@evil-example.com", false),
        ("example.com@evil.org", false),
    ] {
        let decision = rules.decide(&request(Action::Order, &email(address), "user", &[]));
        assert_eq!(decision.is_allowed(), allowed, "{address}");
    }
}

#[test]
fn a_forbid_wins_over_any_permit_and_its_reason_is_shown() {
    let own = r#"
        @id("no-wildcards")
        @reason("wildcard certificates are not issued here")
        forbid (principal, action in [Action::"order", Action::"issue"], resource is Dns) when { context.wildcard };
        @id("everything")
        permit (principal, action, resource);
    "#;
    let rules = init(&["example.com"], own);
    let decision = rules.decide(&request(Action::Order, &dns("*.example.com"), "device", &[]));
    assert_eq!(
        decision,
        Decision::Denied {
            rules: decision.rules().to_vec(),
            reason: "wildcard certificates are not issued here (rule `no-wildcards`)".to_owned(),
        }
    );
    let plain = rules.decide(&request(Action::Order, &dns("room-1.example.com"), "device", &[]));
    assert_eq!(ids(&plain), ["devices-of-example.com", "everything"], "in the order of the files");
}

#[test]
fn no_matching_permit_is_a_denial_that_says_what_was_asked() {
    let rules = init(&["example.com"], "");
    let decision = rules.decide(&request(Action::Order, &dns("room-1.evil-example.com"), "device", &[]));
    assert_eq!(
        decision.reason(),
        Some(
            "no rule permits this account to order a certificate of profile `device` for dns `room-1.evil-example.com`"
        )
    );
}

#[test]
fn a_rule_can_ask_for_everything_that_the_schema_describes() {
    let own = r#"
        @id("all-facts")
        permit (principal in Authority::"external", action == Action::"issue", resource == Dns::"a.b.example")
        when {
          principal.contacts.contains("mailto:ops@b.example") &&
          principal.created > 1600000000 &&
          principal has externalBinding && principal.externalBinding == "kid-1" &&
          resource.name like "a.*" && resource.labels == 3 && !resource.wildcard &&
          context.profile == Profile::"device" && context.keyKind == KeyKind::"P-256" &&
          context.proofs.contains(Proof::"dns-persist-01") && !context.wildcard &&
          context has requestedLifetime && context.requestedLifetime <= 86400 &&
          context has clientAddress && context.clientAddress.isInRange(ip("10.0.0.0/8"))
        };
    "#;
    let rules = init(&[], own);
    let contacts = ["mailto:ops@b.example".to_owned()];
    let name = dns("a.b.example");
    let full = Request {
        account: Account { contacts: &contacts, external_binding: Some("kid-1"), ..ACCOUNT },
        requested_lifetime: Some(Duration::from_secs(86_400)),
        client_address: Some(IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3))),
        ..request(Action::Issue, &name, "device", &[Proof::DnsPersist01])
    };
    assert_eq!(ids(&rules.decide(&full)), ["all-facts"]);
    for lesser in [
        Request { account: Account { external_binding: None, ..full.account }, ..full },
        Request { account: Account { authority: "internal", ..full.account }, ..full },
        Request { account: Account { created: 0, ..full.account }, ..full },
        Request { requested_lifetime: Some(Duration::from_secs(86_401)), ..full },
        Request { requested_lifetime: None, ..full },
        Request { client_address: Some(IpAddr::V4(Ipv4Addr::new(11, 1, 2, 3))), ..full },
        Request { proofs: &[Proof::Dns01], ..full },
        Request { profile: "user", ..full },
    ] {
        assert!(!rules.decide(&lesser).is_allowed(), "{lesser:?}");
    }
}

#[test]
fn a_mapped_ipv4_address_is_the_ipv4_address() {
    let own = r#"
        @id("from-the-lab")
        permit (principal, action == Action::"order", resource)
        when { context has clientAddress && context.clientAddress.isInRange(ip("10.0.0.0/8")) };
    "#;
    let rules = init(&[], own);
    let name = dns("a.example");
    for (address, allowed) in
        [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("::ffff:11.1.2.3", false), ("::1", false)]
    {
        let asked = request(Action::Order, &name, "device", &[]);
        let decision = rules.decide(&Request { client_address: Some(address.parse().unwrap()), ..asked });
        assert_eq!(decision.is_allowed(), allowed, "{address}: {decision:?}");
    }
}

#[test]
fn a_forbid_on_an_address_is_not_escaped_by_its_letter_case() {
    let own = r#"@id("not-bob") forbid (principal, action, resource == Email::"bob@example.com");"#;
    let rules = init(&["example.com"], own);
    let decision = rules.decide(&request(Action::Order, &email("BoB@example.com"), "user", &[]));
    assert_eq!(ids(&decision), ["not-bob"]);
}

#[test]
fn a_rule_that_cannot_be_evaluated_denies() {
    let own = r#"
        @id("overflows")
        forbid (principal, action == Action::"order", resource) when { principal.created * 4 > 0 };
    "#;
    let rules = init(&["example.com"], own);
    let room = dns("room-1.example.com");
    let asked = request(Action::Order, &room, "device", &[]);
    let decision = rules.decide(&Request { account: Account { created: i64::MAX, ..ACCOUNT }, ..asked });
    assert!(!decision.is_allowed());
    assert_eq!(ids(&decision), ["overflows"]);
    assert_eq!(decision.reason(), Some("rule `overflows` could not be evaluated"));
}

#[test]
fn whoever_may_revoke_may_revoke_under_a_profile_that_is_gone() {
    let rules = init(&[], "");
    let decision = rules.decide(&request(Action::Revoke, &dns("old.example.org"), "withdrawn", &[]));
    assert_eq!(ids(&decision), ["holders-may-revoke"]);
}

#[test]
fn the_schema_describes_every_request_that_this_crate_makes() {
    let (schema, warnings) = Schema::from_cedarschema_str(SCHEMA).unwrap();
    assert_eq!(warnings.count(), 0);
    let words = vocabulary::Vocabulary::new().unwrap();
    let contacts = ["mailto:a@example.com".to_owned()];
    let urn = Identifier::from_parts("uri", "urn:uuid:8224eede-c19a-4ab1-adbe-ab97ff856b43").unwrap();
    for identifier in [dns("a.example.com"), dns("*.example.com"), email("bob@example.com"), urn] {
        for action in Action::ALL {
            let bare = request(action, &identifier, "device", &[]);
            bare.facts(&words, Some(&schema)).map(|_| ()).unwrap();
            let full = Request {
                account: Account { contacts: &contacts, external_binding: Some("k"), ..ACCOUNT },
                proofs: &Proof::ALL,
                requested_lifetime: Some(Duration::MAX),
                client_address: Some("2001:db8::1".parse().unwrap()),
                person: Some(Person {
                    provider: "corp",
                    protocol: "saml",
                    groups: &contacts,
                    authn_context: Some("urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken"),
                    methods: &contacts,
                    display_name: Some("Bob \" Example"),
                }),
                ..bare
            };
            let anonymous = Person {
                groups: &[],
                methods: &[],
                authn_context: None,
                display_name: None,
                ..full.person.unwrap()
            };
            let less = Request { person: Some(anonymous), ..full };
            less.facts(&words, Some(&schema)).map(|_| ()).unwrap();
            full.facts(&words, Some(&schema)).map(|_| ()).unwrap();
        }
    }
}

#[test]
fn the_written_domain_rules_are_valid_for_any_list_of_domains() {
    let long = format!("{}.{}.example", "a".repeat(60), "b".repeat(60));
    for domains in
        [&[][..], &["example.com"], &["example.com", "a.org", "example.com"], &["corp"], &[long.as_str()]]
    {
        let rules = init(domains, "");
        let mut distinct = domains.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(rules.all().len(), 6 + 2 * distinct.len(), "{domains:?}");
    }
}

#[test]
fn the_suggested_rules_in_the_comments_are_valid_too() {
    for domains in [&[][..], &[DnsName::parse("example.com").unwrap()]] {
        let text = shipped_rules_for_domains(domains);
        let suggested: String = text
            .lines()
            .skip_while(|line| !line.starts_with("// @id"))
            .map(|line| line.trim_start_matches("// ").to_owned() + "\n")
            .collect();
        let rules =
            Rules::parse(&[("domains.cedar", &suggested)]).map_err(|problems| format!("{problems:#?}"));
        assert_eq!(rules.unwrap().all().len(), 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_name_and_any_account_get_an_answer(
        name in "\\PC{0,80}",
        labels in proptest::collection::vec("[a-zA-Z0-9_*-]{0,12}", 1..6),
        local in "\\PC{1,20}",
        id in "\\PC*",
        kid in proptest::option::of("\\PC*"),
        contact in "\\PC*",
        profile in "\\PC*",
        created in any::<i64>(),
        seconds in any::<u64>(),
        address in any::<IpAddr>(),
    ) {
        let rules = fixed();
        let joined = labels.join(".");
        let inside = format!("{joined}.example.com");
        let address_text = format!("{local}@{joined}");
        let candidates = [("dns", &name), ("dns", &joined), ("dns", &inside), ("email", &address_text), ("email", &name)];
        for (kind, text) in candidates {
            let Ok(identifier) = Identifier::from_parts(kind, text) else { continue };
            for action in Action::ALL {
                let contacts = [contact.clone()];
                let decision = rules.decide(&Request {
                    account: Account { id: &id, authority: &id, organisation: None, contacts: &contacts, external_binding: kid.as_deref(), created },
                    action,
                    identifier: &identifier,
                    profile: &profile,
                    proofs: &Proof::ALL,
                    key_kind: KeyKind::P256,
                    requested_lifetime: Some(Duration::from_secs(seconds)),
                    client_address: Some(address),
                    person: None,
                });
                // The rules of `fixed` permit devices of example.com and nobody else, besides revocation.
                let ours = text.to_ascii_lowercase();
                let ours = kind == "dns" && profile == "device" && (ours == "example.com" || ours.ends_with(".example.com"));
                prop_assert_eq!(decision.is_allowed(), ours || action == Action::Revoke, "{}: {:?}", text, decision);
                prop_assert!(decision.is_allowed() || decision.reason().is_some());
            }
        }
    }

    #[test]
    fn leaving_out_rules_about_other_names_changes_no_decision(
        picks in proptest::collection::vec((0_usize..10, 0_usize..4, any::<bool>()), 0..12),
        host in 0_usize..6,
        action in 0_usize..3,
    ) {
        let scopes = [
            "resource", "resource is Dns", "resource is Email", "resource in Domain::\"example.com\"",
            "resource in Domain::\"com\"", "resource in Domain::\"a.example.com\"",
            "resource == Dns::\"a.example.com\"", "resource == Dns::\"*.example.com\"",
            "resource is Email in Domain::\"example.com\"", "resource == Email::\"a@example.com\"",
        ];
        let conditions = ["", "when { context.wildcard }", "unless { context.wildcard }", "when { principal.created > 0 }"];
        let text: String = picks.iter().enumerate().map(|(number, (scope, condition, permit))| {
            let effect = if *permit { "permit" } else { "forbid" };
            let (scope, condition) = (scopes[*scope], conditions[*condition]);
            format!("@id(\"r{number}\") {effect} (principal, action, {scope}) {condition};\n")
        }).collect();
        let rules = Rules::parse(&[("r.cedar", &text)]).unwrap();
            let identifier = [
                dns("a.example.com"), dns("*.example.com"), dns("b.a.example.com"), dns("evil-example.com"),
                email("a@example.com"), email("b@a.example.com"),
            ][host].clone();
            let asked = request(Action::ALL[action], &identifier, "device", &[Proof::Dns01]);
            let facts = asked.facts(&rules.words, None).unwrap();
            let all: cedar_policy::PolicySet = text.parse().unwrap();
            let plain = cedar_policy::Authorizer::new().is_authorized(&facts.request, &all, &facts.entities);
            let decision = rules.decide(&asked);
            prop_assert_eq!(decision.is_allowed(), plain.decision() == cedar_policy::Decision::Allow, "{}", text);
            prop_assert_eq!(decision.rules().len(), plain.diagnostics().reason().count(), "{}", text);
    }

    #[test]
    fn any_text_as_a_rules_file_is_refused_or_read_but_never_a_panic(text in "\\PC{0,200}") {
        let _ = Rules::parse(&[("a.cedar", &text)]);
    }
}

#[test]
fn a_rule_id_with_a_line_break_is_refused_on_one_line() {
    let text = "@id(\"a\nb\")\npermit(principal, action, resource);".to_owned();
    let problems = Rules::parse(&[("rules.cedar".to_owned(), text)]).unwrap_err();
    assert!(problems.iter().any(|problem| problem.message.contains("`a\\nb` is not an id")), "{problems:?}");
    assert!(problems.iter().all(|problem| !problem.message.contains('\n')));
}

/// Parsed once: a thousand cases need one set of rules.
fn fixed() -> &'static Rules {
    static RULES: std::sync::OnceLock<Rules> = std::sync::OnceLock::new();
    RULES.get_or_init(|| init(&["example.com"], ""))
}
