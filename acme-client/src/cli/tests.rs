//! The command line as people meet it: help texts, usage errors, exit codes of a pass.

use clap::CommandFactory;
use time::macros::datetime;

use super::{renew::ending, *};
use crate::{
    deploy::Deployment,
    enroll::EnrollError,
    renew::{Attempt, Outlook, PassReport, Why},
    state::IdentityName,
};

fn help_of(path: &[&str]) -> String {
    let mut command = Arguments::command().term_width(100);
    command.build();
    let mut found = &mut command;
    for name in path {
        found = found.find_subcommand_mut(name).unwrap();
    }
    found.render_help().to_string()
}

#[test]
fn the_help_says_what_it_said_before() {
    for path in [
        &[][..],
        &["enroll", "device"],
        &["enroll", "user"],
        &["enroll", "internal"],
        &["renew"],
        &["run"],
        &["status"],
        &["inspect"],
        &["verify"],
        &["revoke"],
        &["device"],
        &["device", "push"],
        &["device", "pin"],
        &["secret", "generate"],
        &["secret", "change"],
        &["jwe", "seal"],
        &["jwe", "open"],
        &["account"],
        &["account", "rollover"],
    ] {
        let name = if path.is_empty() { "acme-client".to_owned() } else { path.join("-") };
        insta::assert_snapshot!(name, help_of(path));
    }
}

fn parse(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(line.split_whitespace())
}

#[test]
fn wrong_command_lines_are_refused_before_anything_happens() {
    let device = "acme-client enroll device --ca https://ca.test --name a.test";
    assert!(parse(device).is_ok());
    for (extra, expected) in [
        ("--dns rfc2136", "--dns-server"),
        ("--dns hook", "--dns-hook"),
        ("--eab-kid k", "--eab-key-file"),
        ("--dns-no-wait --dns-resolver 127.0.0.1", "cannot be used with"),
        ("--dns-resolver ns1", "invalid"),
        ("--keep 0", "0 is not in"),
        ("--challenge sso-01", "possible values"),
        ("--name bad_name.test", "bad_name.test"),
        ("--name a.*.test", "a.*.test"),
    ] {
        let error = parse(&format!("{device} {extra}")).unwrap_err();
        assert!(error.to_string().contains(expected), "{extra}: {error}");
        assert_eq!(error.exit_code(), 2);
    }
    assert!(parse("acme-client enroll device --ca https://ca.test").is_err(), "a name is needed");
    assert!(parse("acme-client run --parallel 64 --metrics-file m.prom").is_ok());
    for wrong in ["--parallel 0", "--parallel 65", "--name a.test", "--force"] {
        assert_eq!(parse(&format!("acme-client run {wrong}")).unwrap_err().exit_code(), 2, "{wrong}");
    }
}

#[test]
fn a_resolver_without_port_is_asked_at_port_53() {
    for (given, expected) in
        [("127.0.0.1", "127.0.0.1:53"), ("::1", "[::1]:53"), ("[::1]:5353", "[::1]:5353")]
    {
        let line =
            format!("acme-client enroll device --ca https://ca.test --name a.test --dns-resolver {given}");
        let Command::Enroll { what: EnrollCommand::Device(device) } = parse(&line).unwrap().command else {
            panic!("another command was parsed");
        };
        assert_eq!(device.dns.resolver, Some(expected.parse().unwrap()));
    }
}

#[test]
fn a_person_is_named_by_an_address_and_secrets_are_no_arguments() {
    let user = "acme-client enroll user --ca https://ca.test --email";
    let Command::Enroll { what: EnrollCommand::User(parsed) } =
        parse(&format!("{user} bob@Example.com --provider corp --no-browser")).unwrap().command
    else {
        panic!("another command was parsed");
    };
    assert_eq!(parsed.email.to_string(), "bob@example.com");
    assert!(parsed.sign_in.no_browser);
    for wrong in
        ["bob", "bob@", "\"b\"@example.com", "bob@example.com --dns manual", "bob@example.com --name a.test"]
    {
        assert_eq!(parse(&format!("{user} {wrong}")).unwrap_err().exit_code(), 2, "{wrong}");
    }
}

#[test]
fn a_device_is_named_and_no_secret_is_an_argument() {
    for (line, right) in [
        ("--host a.test", true),
        ("--host a.test --host b.test:8443 --over ssh", true),
        ("--list rooms.toml --parallel 64", true),
        ("--host a --chain c --key k", true),
        ("--host a --hook", true),
        ("", false),
        ("--host a --list l", false),
        ("--host a/b", false),
        ("--host a --secret c2VjcmV0", false),
        ("--host a --password x", false),
        ("--host a --secret-file f --secret-env E", false),
        ("--host a --hook --identity b", false),
        ("--host a --key k", false),
        ("--host a --pin sha256:00", false),
        ("--host a --parallel 0", false),
    ] {
        assert_eq!(parse(&format!("acme-client device push {line}")).is_ok(), right, "{line}");
    }
    let change = "acme-client secret change --host a --secret-file f";
    for (new, right) in [
        ("--reset", true),
        ("--new-secret-file n", true),
        ("", false),
        ("--reset --new-secret-file n", false),
    ] {
        assert_eq!(parse(&format!("{change} {new}")).is_ok(), right, "{new}");
    }
    assert!(parse("acme-client jwe seal --action add --identity a --enc A128GCM").is_ok());
    assert!(parse("acme-client jwe seal --action add --identity a --enc A192GCM").is_err());
}

#[test]
fn one_thing_is_shown_to_an_internal_authority() {
    let internal = "acme-client enroll internal --ca https://ca.test";
    for (shown, right) in [
        ("", false),
        ("--token-file t", true),
        ("--activation-code ABCD-EFGH-JKMN", true),
        ("--activation-code -", true),
        ("--guest", true),
        ("--guest --token-file t", false),
        ("--token eyJ", false),
        ("--est --token-file t", true),
        ("--est --activation-code -", true),
        ("--est --guest", false),
        ("--est", false),
        ("--est --est-user room --token-file t", true),
        ("--est --est-user a:b --token-file t", false),
        ("--est-user room --token-file t", false),
    ] {
        assert_eq!(parse(&format!("{internal} {shown}")).is_ok(), right, "{shown}");
    }
}

#[test]
fn trust_is_a_set_and_a_file_and_names_are_read_as_people_write_them() {
    let verify = |rest: &str| match parse(&format!("acme-client verify a.pem {rest}")).map(|all| all.command)
    {
        Ok(Command::Verify(parsed)) => Ok(parsed),
        Ok(_) => panic!("another command was parsed"),
        Err(error) => Err(error),
    };
    let parsed = verify("b.pem --trust internal=i.pem,external-user=e.pem --trust partner=p=1.pem").unwrap();
    let trusted: Vec<_> =
        parsed.trust.iter().map(|one| format!("{} {}", one.set, one.file.display())).collect();
    assert_eq!(trusted, ["internal i.pem", "external-user e.pem", "partner p=1.pem"]);
    assert_eq!(parsed.files.len(), 2);
    for (given, expected) in [
        ("room-1.example.com", "dns:room-1.example.com"),
        ("bob@Example.com", "email:bob@example.com"),
        (
            "urn:uuid:abababab-abab-abab-abab-abababababab",
            "uri:urn:uuid:abababab-abab-abab-abab-abababababab",
        ),
    ] {
        assert_eq!(verify(&format!("--name {given}")).unwrap().name.unwrap().to_string(), expected);
    }
    for wrong in [
        "--trust roots.pem",
        "--trust internal=",
        "--trust Internal=a.pem",
        "--name bob@",
        "--name urn:isbn:1",
        "--organisation bad_name",
        "--at yesterday",
    ] {
        assert_eq!(verify(wrong).unwrap_err().exit_code(), 2, "{wrong}");
    }
    assert_eq!(parse("acme-client verify").unwrap_err().exit_code(), 2, "a file is needed");
}

fn report(attempt: Attempt, deployment: Deployment) -> PassReport {
    PassReport {
        identity: IdentityName::parse("a").unwrap(),
        attempt,
        deployment: Ok(deployment),
        outlook: Outlook::Unattended,
    }
}

fn not_due() -> Attempt {
    Attempt::NotDue { at: datetime!(2026-11-22 12:00 UTC), why: Why::Lifetime }
}

fn held_back() -> Attempt {
    Attempt::HeldBack { until: datetime!(2026-11-22 12:00 UTC) }
}

fn waits() -> Attempt {
    Attempt::SignInNeeded { since: datetime!(2026-11-22 12:00 UTC) }
}

fn approval() -> Attempt {
    let at = datetime!(2026-11-22 12:00 UTC);
    Attempt::ApprovalNeeded { since: at, next: at }
}

fn failed() -> Attempt {
    Attempt::Failed { error: EnrollError::NoAccount("https://ca.test".to_owned()), next: None }
}

#[test]
fn the_exit_code_tells_renewed_from_nothing_due_from_failed_from_partly_failed() {
    use Deployment::{AlreadyDone, Failed, NotConfigured, Succeeded};
    for (reports, expected) in [
        (vec![], Ending::NothingDue),
        (vec![report(not_due(), AlreadyDone)], Ending::NothingDue),
        (vec![report(not_due(), Succeeded)], Ending::Done),
        (vec![report(not_due(), Failed("x".to_owned()))], Ending::PartlyFailed),
        (vec![report(failed(), NotConfigured)], Ending::Failed),
        (vec![report(held_back(), AlreadyDone)], Ending::Failed),
        (vec![report(held_back(), AlreadyDone), report(not_due(), AlreadyDone)], Ending::PartlyFailed),
        (vec![report(held_back(), AlreadyDone), report(failed(), NotConfigured)], Ending::Failed),
        (vec![report(waits(), NotConfigured), report(not_due(), Succeeded)], Ending::SignInNeeded),
        (vec![report(waits(), NotConfigured), report(failed(), NotConfigured)], Ending::PartlyFailed),
        (vec![report(failed(), NotConfigured), report(not_due(), NotConfigured)], Ending::PartlyFailed),
        (vec![report(approval(), NotConfigured), report(not_due(), Succeeded)], Ending::ApprovalNeeded),
        (vec![report(approval(), NotConfigured), report(waits(), NotConfigured)], Ending::SignInNeeded),
        (vec![report(approval(), NotConfigured), report(failed(), NotConfigured)], Ending::PartlyFailed),
    ] {
        assert_eq!(ending(&reports), expected, "{reports:?}");
    }
}

#[test]
fn a_failure_comes_with_what_to_do() {
    let error = CliError::Enroll(EnrollError::Terms("https://ca.test/terms".to_owned()));
    assert_eq!(error.to_string(), "the server's terms of service at https://ca.test/terms are not agreed to");
    assert!(error.hint().unwrap().contains("--agree-tos"));
}
