//! Loading and reloading of policy files.

use std::fs;

use certs::name::DnsName;
use policies::{profiles, rules};

use super::*;

fn install(folder: &Path) {
    fs::create_dir_all(folder.join("profiles")).unwrap();
    fs::create_dir_all(folder.join("rules")).unwrap();
    for (name, text) in profiles::SHIPPED {
        fs::write(folder.join("profiles").join(name), text).unwrap();
    }
    for (name, text) in rules::SHIPPED {
        fs::write(folder.join("rules").join(name), text).unwrap();
    }
    let domains = rules::shipped_rules_for_domains(&[DnsName::parse("corp.test").unwrap()]);
    fs::write(folder.join("rules/domains.cedar"), domains).unwrap();
}

#[test]
fn a_reload_takes_good_files_and_keeps_the_rules_in_force_on_bad_ones() {
    let folder = tempfile::tempdir().unwrap();
    install(folder.path());
    let policy = Policy::load(folder.path()).unwrap();
    let seen = policy.clone();
    let before = policy.current().rules.all().len();

    let own = folder.path().join("rules/own.cedar");
    fs::write(&own, "@id(\"none\")\nforbid (principal, action, resource);").unwrap();
    policy.reload().unwrap();
    assert_eq!(seen.current().rules.all().len(), before + 1, "clones see the reload");

    fs::write(&own, "forbid (principal").unwrap();
    let error = policy.reload().unwrap_err();
    assert!(error.to_string().contains("rules/own.cedar"), "{error}");
    assert_eq!(seen.current().rules.all().len(), before + 1, "the old rules stay");
}

#[test]
fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Policy::load(folder.path()).unwrap_err();
    assert!(error.to_string().contains("profiles"), "{error}");
}
