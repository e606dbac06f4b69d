//! `docs/configuration.md`, made from the documentation of the configuration's own fields.
//!
//! Reads the source text of the sections at build time, so that the page cannot say what the code does not.

use std::fmt::Write as _;

const SOURCES: [&str; 8] = [
    include_str!("mod.rs"),
    include_str!("sections.rs"),
    include_str!("identity.rs"),
    include_str!("internal.rs"),
    include_str!("revocation.rs"),
    include_str!("notifications.rs"),
    include_str!("traces.rs"),
    include_str!("console.rs"),
];

/// One documented struct of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    title: String,
    fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    key: String,
    meaning: String,
}

/// Every section and key, as `(section title, key)`.
#[must_use]
pub fn keys() -> Vec<(String, String)> {
    let in_section = |section: Section| {
        section.fields.into_iter().map(move |field| (section.title.clone(), field.key)).collect::<Vec<_>>()
    };
    sections().into_iter().flat_map(in_section).collect()
}

/// The page.
#[must_use]
pub fn page() -> String {
    let mut text = String::from(
        "# Configuration\n\n<!-- Generated from the sources: UPDATE_DOCS=1 cargo test -p ca-server -->\n\n\
         `ca-server init` writes a `ca.toml` with every key and its meaning; `ca-server check --config ca.toml` names everything that\n\
         is wrong with one. Unknown keys are refused. Relative paths start at the folder of the file. Durations are written as `5s`, `6h`, `30days`.\n",
    );
    for section in sections() {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n## {}\n\n| key | meaning |\n|---|---|\n", section.title);
        for field in section.fields {
            let _ = writeln!(text, "| `{}` | {} |", field.key, field.meaning.replace('|', "\\|"));
        }
    }
    text
}

fn sections() -> Vec<Section> {
    let mut found = Vec::new();
    for source in SOURCES {
        let (mut docs, mut open) = (String::new(), None::<Section>);
        for line in source.lines().map(str::trim_start) {
            if let Some(doc) = line.strip_prefix("/// ") {
                docs = if docs.is_empty() { doc.to_owned() } else { format!("{docs} {doc}") };
            } else if line.starts_with("pub struct ") {
                open = Some(Section { title: std::mem::take(&mut docs), fields: Vec::new() });
            } else if line == "}" {
                found.extend(open.take().filter(|section| !section.fields.is_empty()));
            } else if let (Some(section), Some(field)) = (open.as_mut(), line.strip_prefix("pub ")) {
                let key = field.split(':').next().unwrap_or(field).to_owned();
                section.fields.push(Field { key, meaning: std::mem::take(&mut docs) });
            } else if !line.starts_with("#[") {
                docs.clear();
            }
        }
    }
    found
        .into_iter()
        .map(|mut section| {
            section.fields.retain(|field| field.key != "folder" || section.title.contains("[policy]"));
            section.fields.retain(|field| !field.meaning.starts_with("`[")); // the sections themselves
            section
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        let stored = std::fs::read_to_string(path).unwrap_or_default();
        assert!(stored == page(), "docs/configuration.md is stale: UPDATE_DOCS=1 cargo test -p ca-server");
    }

    #[test]
    fn every_section_and_the_head_of_the_file_are_found() {
        let keys = keys();
        for (section, key) in [
            ("The whole", "listen"),
            ("`[dns]`", "dnssec"),
            ("`[authority.", "root"),
            ("`[policy]`", "folder"),
            ("`[[identity_provider]]`", "domains"),
            ("`[identity_provider.saml]`", "metadata"),
            ("`[sso]`", "valid_for"),
        ] {
            assert!(
                keys.iter().any(|(title, found)| title.starts_with(section) && found == key),
                "{section} {key}"
            );
        }
        assert!(!keys.iter().any(|(title, key)| title.starts_with("The whole") && key == "folder"));
    }
}
