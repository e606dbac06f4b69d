//! What is measured, as Prometheus sees it: the text of a scrape, the catalogue in `docs/observability.md`, and the expressions that ask for it.

pub mod promql;

use std::collections::{BTreeMap, BTreeSet};

/// Metrics by name, each with the names of its labels.
pub type Catalogue = BTreeMap<String, BTreeSet<String>>;

/// What a scrape (text format 0.0.4) shows: families and the labels that their samples have; of histograms without `le`.
///
/// # Panics
/// If a line is no sample, or a sample has no `TYPE` before it.
#[must_use]
pub fn scraped(text: &str) -> Catalogue {
    let (mut found, mut histograms) = (Catalogue::new(), BTreeSet::new());
    let mut families = BTreeSet::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or((rest, ""));
            families.insert(name.to_owned());
            if kind == "histogram" || kind == "summary" {
                histograms.insert(name.to_owned());
            }
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap_or_default();
        assert!(value.parse::<f64>().is_ok(), "no sample: {line}");
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let family = family(name, &histograms);
        assert!(families.contains(family), "no TYPE before it: {line}");
        let labels = promql::tokens(labels.trim_end_matches('}')).unwrap_or_default();
        let names = labels.windows(2).filter_map(|pair| match pair {
            [promql::Token::Name(label), promql::Token::Sign(sign)] if sign == "=" => Some(label.clone()),
            _ => None,
        });
        found
            .entry(family.to_owned())
            .or_default()
            .extend(names.filter(|label| label != "le" && label != "quantile"));
    }
    found
}

fn family<'n>(name: &'n str, histograms: &BTreeSet<String>) -> &'n str {
    let parts = ["_bucket", "_sum", "_count"];
    let family = parts.iter().find_map(|part| name.strip_suffix(part));
    family.filter(|family| histograms.contains(*family)).unwrap_or(name)
}

/// A metric as the page documents it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Documented {
    /// Its name.
    pub name: String,
    /// The names of its labels.
    pub labels: BTreeSet<String>,
    /// What it says, with its kind in front.
    pub meaning: String,
}

/// The rows ``| `name` | labels | meaning |`` of a page.
#[must_use]
pub fn documented(page: &str) -> Vec<Documented> {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let name = cells.next()?.trim_end_matches('`').to_owned();
        let labels = cells.next()?.split(", ").map(|label| label.trim_matches(['`', ' ']).to_owned());
        let labels = labels.filter(|label| !label.is_empty()).collect();
        let meaning = cells.next()?.trim_end_matches(" |").to_owned();
        Some(Documented { name, labels, meaning })
    };
    page.lines().filter_map(row).collect()
}

/// A rule of a file of rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// `alert` or `record`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What it asks for.
    pub expression: String,
    /// Its other keys.
    pub keys: BTreeMap<String, String>,
}

/// The rules of a file, written as ours are: one key on a line. What it is in YAML's eyes is for `promtool` to say.
#[must_use]
pub fn rules(text: &str) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let Some((key, value)) = line.split_once(": ") else { continue };
        let value = value.trim_matches('"').to_owned();
        match (key.trim_start_matches("- "), rules.last_mut()) {
            (kind @ ("alert" | "record"), _) => {
                rules.push(Rule { kind: kind.to_owned(), name: value, ..Rule::default() });
            }
            ("expr", Some(rule)) => rule.expression = value,
            (key, Some(rule)) if !line.starts_with("- ") => drop(rule.keys.insert(key.to_owned(), value)),
            _ => {}
        }
    }
    rules
}
