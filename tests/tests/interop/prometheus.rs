//! Prometheus's own tool reads the rules as Prometheus would, and every expression of the dashboard as a rule.

use std::process::Command;

use rollcall_tests::foreign;
use serde_json::Value;

#[test]
fn promtool_takes_the_rules_and_every_expression_of_the_dashboard() {
    let Some(promtool) = foreign::program("promtool") else { return };
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let board = std::fs::read_to_string(root.join("packaging/grafana/rollcall.json")).unwrap();
    let board: Value = serde_json::from_str(&board).unwrap();
    let targets = board["panels"].as_array().unwrap().iter().filter_map(|panel| panel["targets"].as_array());
    let mut drawn = "groups:\n  - name: drawn\n    rules:\n".to_owned();
    for (number, target) in targets.flatten().enumerate() {
        let expression = target["expr"].as_str().unwrap();
        let expression = expression.replace("$__rate_interval", "5m").replace("$job", ".*");
        drawn += &format!("      - record: drawn:{number}\n        expr: {}\n", Value::from(expression));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("drawn.yml");
    std::fs::write(&file, drawn).unwrap();
    let prometheus = root.join("packaging/prometheus");
    for rules in [prometheus.join("recording.yml"), prometheus.join("alerts.yml"), file] {
        let said = foreign::run(Command::new(&promtool).args(["check", "rules"]).arg(&rules)).unwrap();
        assert!(said.success && said.text.contains("SUCCESS"), "{}: {}", rules.display(), said.text);
        eprintln!("{}", said.text.trim());
    }
}
