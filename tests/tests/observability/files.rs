//! The dashboard and the rules ask only for what exists, and lead to a page that is there.

use std::collections::BTreeSet;

use rollcall_tests::prometheus::promql::faults;
use rollcall_tests::prometheus::{Catalogue, Rule, rules};
use serde_json::Value;

use crate::{catalogue, histograms, read};

const RECORDING: &str = "packaging/prometheus/recording.yml";
const ALERTS: &str = "packaging/prometheus/alerts.yml";

/// What can be asked for: what is documented, what our rules record, and what Prometheus says of its own scrapes.
fn everything() -> Catalogue {
    let mut all = catalogue();
    all.insert("up".to_owned(), BTreeSet::new());
    for rule in rules(&read(RECORDING)) {
        let labels = rule.expression.split("by (").nth(1).and_then(|rest| rest.split(')').next());
        let labels = labels.unwrap_or_default().split(", ").map(str::to_owned);
        all.insert(rule.name, labels.collect());
    }
    all
}

fn check(all: &[(String, String)]) {
    let (known, histograms) = (everything(), histograms());
    let wrong: Vec<String> = all
        .iter()
        .flat_map(|(place, expression)| {
            let found = faults(expression, &known, &histograms);
            found.into_iter().map(move |fault| format!("{place}: {fault}: {expression}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_asks_for_metrics_and_labels_that_exist() {
    let all: Vec<Rule> = [RECORDING, ALERTS].iter().flat_map(|path| rules(&read(path))).collect();
    assert!(all.len() >= 25, "only {} rules were found", all.len());
    let names: BTreeSet<_> = all.iter().map(|rule| &rule.name).collect();
    assert_eq!(names.len(), all.len(), "each has a name of its own");
    check(&all.into_iter().map(|rule| (rule.name, rule.expression)).collect::<Vec<_>>());
}

#[test]
fn every_alert_says_how_bad_it_is_and_leads_to_its_page() {
    let page = read("docs/observability.md");
    let headings: BTreeSet<&str> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let alerts = rules(&read(ALERTS));
    for alert in &alerts {
        let key = |name: &str| alert.keys.get(name).map_or("", String::as_str);
        assert!(["critical", "warning", "info"].contains(&key("severity")), "{alert:?}");
        assert!(key("summary").len() > 15, "{alert:?}");
        let wanted = format!("docs/observability.md#{}", alert.name.to_lowercase());
        assert_eq!(key("runbook"), wanted, "{alert:?}");
        assert!(
            headings.contains(alert.name.as_str()),
            "docs/observability.md has no heading {}",
            alert.name
        );
    }
    let names: BTreeSet<&str> = alerts.iter().map(|alert| alert.name.as_str()).collect();
    let unused: Vec<_> = headings.difference(&names).collect();
    assert!(unused.is_empty(), "headings of alerts that there are not: {unused:?}");
}

#[test]
fn the_dashboard_asks_for_metrics_that_exist_and_every_panel_has_title_unit_and_id() {
    let board: Value = serde_json::from_str(&read("packaging/grafana/rollcall.json")).unwrap();
    let panels = board["panels"].as_array().unwrap();
    let (mut ids, mut titles, mut expressions) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    let mut places = BTreeSet::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap().to_owned();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id is another's");
        assert!(!title.is_empty() && titles.insert(title.clone()), "{title}: not a title of its own");
        let place = &panel["gridPos"];
        assert!(
            places.insert((place["x"].as_u64(), place["y"].as_u64())),
            "{title}: another one stands there"
        );
        assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24, "{title}: too wide");
        if panel["type"] == "row" {
            continue;
        }
        let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap_or_default();
        assert!(["s", "cps", "reqps", "percentunit", "none"].contains(&unit), "{title}: unit {unit:?}");
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title} shows nothing");
        for target in targets {
            let expression = target["expr"].as_str().unwrap();
            let plain = expression.replace("$__rate_interval", "5m").replace("$job", ".*");
            assert!(!plain.contains('$'), "{title}: a variable that there is not: {expression}");
            expressions.push((title.clone(), plain));
        }
    }
    assert!(expressions.len() >= 40, "only {} expressions were found", expressions.len());
    check(&expressions);
    // And what is measured is drawn.
    let text: String = expressions.iter().map(|(_, expression)| format!("{expression} ")).collect();
    let recorded: String =
        rules(&read(RECORDING)).iter().map(|rule| format!("{} ", rule.expression)).collect();
    let missing: Vec<String> = catalogue()
        .into_keys()
        .filter(|name| !text.contains(name.as_str()) && !recorded.contains(name.as_str()))
        .collect();
    assert!(missing.is_empty(), "no panel shows {missing:?}");
}
