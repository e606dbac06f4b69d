//! What a profile file may say, what is said about one that is wrong, and that the shipped files are true to their comments.

use std::time::Duration;

use super::*;

const DEVICE: &str = include_str!("../../shipped/profiles/device.toml");

fn problems_of(file: &str, text: &str) -> Vec<String> {
    let problems = Profiles::parse(&[(file, text)]).unwrap_err();
    problems.iter().map(|problem| format!("{problem} | {}", problem.hint)).collect()
}

#[test]
fn every_shipped_profile_parses_and_is_named_after_its_file() {
    let profiles = Profiles::parse(SHIPPED).unwrap();
    let names: Vec<&str> = profiles.names().collect();
    assert_eq!(names, ["device", "guest", "internal-device", "internal-user", "server", "user"]);
    let device = profiles.named("device").unwrap();
    assert_eq!(device.lifetime, Duration::from_secs(7 * 86_400));
    assert!(device.wildcards);
    assert!(profiles.named("nobody").is_none());
}

#[test]
fn what_device_toml_says_of_its_defaults_is_true() {
    let keys = [
        "backdate",
        "subject",
        "required-identifiers",
        "max-identifiers",
        "policy",
        "authorization-lifetime",
    ];
    let shorter: Vec<&str> =
        DEVICE.lines().filter(|line| !keys.iter().any(|key| line.starts_with(&format!("{key} =")))).collect();
    assert_eq!(shorter.len() + keys.len(), DEVICE.lines().count());
    let shorter = Profiles::parse(&[("device.toml", shorter.join("\n"))]).unwrap();
    assert_eq!(shorter, Profiles::parse(&[("device.toml", DEVICE)]).unwrap());
}

#[test]
fn the_reader_and_serde_agree_on_every_shipped_profile() {
    for (file, text) in SHIPPED {
        let by_serde: LeafProfile = toml::from_str(text).unwrap();
        assert_eq!(read(file, text).unwrap(), by_serde, "{file}");
    }
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_its_likely_meaning() {
    let text = DEVICE.replace("max-lifetime =", "max-lifetme =");
    let found = problems_of("device.toml", &text);
    assert_eq!(
        found,
        [
            "device.toml:1:1: max-lifetime: the key is missing | add `max-lifetime = …`: a time such as \"12h\", \
             \"7days\" or \"90s\"",
            "device.toml:14:1: max-lifetme: unknown key | did you mean `max-lifetime`?",
        ]
    );
}

#[test]
fn all_wrong_values_of_a_file_are_reported_at_once() {
    let text = DEVICE
        .replace("lifetime = \"7days\"", "lifetime = \"soon\"")
        .replace("[\"client-auth\"]", "[\"client-aut\"]")
        .replace("wildcards = true", "wildcards = \"yes\"");
    let found = problems_of("device.toml", &text);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].starts_with("device.toml:11:12: lifetime: "), "{}", found[0]);
    assert!(
        found[1].starts_with("device.toml:20:24: extended-key-usages: unknown variant `client-aut`"),
        "{}",
        found[1]
    );
    assert!(
        found[2].starts_with("device.toml:37:13: wildcards: invalid type: string \"yes\""),
        "{}",
        found[2]
    );
}

#[test]
fn a_profile_that_makes_no_sense_is_refused_at_the_key_that_is_wrong() {
    let text =
        DEVICE.replace("lifetime = \"7days\"", "lifetime = \"60days\"").replace("\"1min\"\n", "\"1h\"\n");
    let found = problems_of("device.toml", &text);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[0].starts_with("device.toml:11:12: lifetime: lifetime is longer than max-lifetime | "),
        "{}",
        found[0]
    );
    assert!(found[1].starts_with("device.toml:17:12: backdate: "), "{}", found[1]);
}

#[test]
fn a_profile_must_have_the_name_of_its_file() {
    let found = problems_of("profiles/room.toml", DEVICE);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("the name is `device` but the file is named `room`"), "{}", found[0]);
}

#[test]
fn problems_of_several_files_are_collected() {
    let files = [("device.toml", "lifetime = "), ("user.toml", "nonsense = 1")];
    let problems = Profiles::parse(&files).unwrap_err();
    assert!(problems.iter().any(|problem| problem.file == "device.toml"));
    assert!(problems.iter().any(|problem| problem.key.as_deref() == Some("nonsense")));
}

#[test]
fn two_profiles_of_one_name_are_refused() {
    let problems = Profiles::parse(&[("a/device.toml", DEVICE), ("b/device.toml", DEVICE)]).unwrap_err();
    assert_eq!(problems[0].to_string(), "b/device.toml: name: there are two profiles `device`");
}
