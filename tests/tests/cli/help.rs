//! Help texts say what they said before; a change of one shows in review.

use crate::program::{acme_client, ca_server};

#[test]
fn the_help_of_ca_server_says_what_it_said_before() {
    insta::assert_snapshot!("ca-server", ca_server(&["--help"]).data());
    let listed = ca_server(&["--help"]).stdout;
    let listed =
        listed.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands =
        listed.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    let mut seen = 0;
    for command in commands.filter(|command| *command != "help") {
        seen += 1;
        insta::assert_snapshot!(format!("ca-server-{command}"), ca_server(&[command, "--help"]).data());
    }
    assert!(seen >= 9, "only {seen} commands are listed");
    for [noun, verb] in [
        ["certificates", "revoke"],
        ["authority", "root-list"],
        ["authority", "sign-list"],
        ["authority", "import-list"],
    ] {
        let help = ca_server(&[noun, verb, "--help"]);
        insta::assert_snapshot!(format!("ca-server-{noun}-{verb}"), help.data());
    }
}

#[test]
fn the_help_of_acme_client_says_what_it_said_before() {
    insta::assert_snapshot!("acme-client", acme_client(&["--help"]).data());
}

#[test]
fn a_wrong_command_line_is_usage_and_exits_with_2() {
    for arguments in [&["nonsense"][..], &[], &["init"], &["serve", "--nonsense"]] {
        let ran = ca_server(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments:?}: {}", ran.stderr);
    }
    assert_eq!(acme_client(&["nonsense"]).code, 2);
}

#[test]
fn no_flag_takes_a_secret_from_the_command_line() {
    for command in ["init", "serve", "eab"] {
        let help = ca_server(&[command, "--help"]).stdout;
        for line in help.lines().filter(|line| line.contains("--passphrase") || line.contains("--secret")) {
            assert!(line.contains("FILE"), "{command}: {line}");
        }
    }
}
