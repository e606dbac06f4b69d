//! The samples in `docs/samples` are what they say they are.

use ca_server::config::load;
use policies::Ruleset;
use policies::table::Table;

use crate::pages::root;

#[test]
fn every_sample_parses_as_what_its_name_says() {
    let mut seen = 0;
    for entry in std::fs::read_dir(root().join("docs/samples")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        seen += 1;
        match name.as_str() {
            name if name.starts_with("policy-test") && name.ends_with(".toml") => {
                let table = Table::parse(name, &text).unwrap();
                assert!(!table.cases().is_empty(), "{name} tests nothing");
            }
            name if name.starts_with("ca") && name.ends_with(".toml") => {
                load::parse(&text, path.parent().unwrap()).unwrap();
            }
            name if name.starts_with("identity") && name.ends_with(".toml") => {
                let settings: acme_client::state::IdentitySettings = toml::from_str(&text).unwrap();
                assert!(name.contains("internal") == settings.internal().is_some(), "{name}");
                assert!(name.contains("user") == settings.person().is_some(), "{name}");
            }
            name if name.starts_with("rooms") => {
                let rooms = acme_client::device::list::parse(&text, &path).unwrap();
                assert!(rooms.len() > 1, "{name}");
            }
            name if name.ends_with(".cedar") => {
                let mut rules = policies::rules::SHIPPED.to_vec();
                rules.push((name, text.as_str()));
                Ruleset::parse(policies::profiles::SHIPPED, &rules).unwrap();
            }
            name if name.ends_with(".md") => {}
            other => panic!("no test knows what {other} is"),
        }
    }
    assert!(seen >= 1);
}
