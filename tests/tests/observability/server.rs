//! A real server, used in many ways, shows only metrics that are documented; the sources have no other either.

use std::collections::BTreeSet;
use std::path::Path;

use ca_server::config::{Config, WebhookConfig};
use ca_server::log::act::Act;
use ca_server::server::measures::{Kind, MEASURES};
use http::StatusCode;
use rollcall_tests::ca::TestCa;
use rollcall_tests::prometheus::scraped;
use rollcall_tests::receiver::Receiver;
use serde_json::json;

use crate::{file, pages};

#[test]
fn the_page_has_every_metric_of_the_server_with_its_kind_labels_and_meaning_and_no_other() {
    let ours: Vec<_> = pages().into_iter().filter(|row| row.name.starts_with("rollcall_")).collect();
    let names: BTreeSet<&str> = ours.iter().map(|row| row.name.as_str()).collect();
    let measured: BTreeSet<&str> = MEASURES.iter().map(|measure| measure.name).collect();
    assert_eq!(names, measured);
    for measure in MEASURES {
        let row = ours.iter().find(|row| row.name == measure.name).unwrap();
        let labels: BTreeSet<String> = measure.labels.iter().map(|label| (*label).to_owned()).collect();
        assert_eq!(row.labels, labels, "{}", measure.name);
        let kind = match measure.kind {
            Kind::Counter => "counter: ",
            Kind::Gauge => "gauge: ",
            Kind::Histogram => "histogram: ",
        };
        let meaning =
            row.meaning.strip_prefix(kind).unwrap_or_else(|| panic!("{}: not a {kind}", measure.name));
        assert_eq!(meaning.to_lowercase(), measure.meaning.trim_end_matches('.').to_lowercase());
    }
}

/// Every `counter!("…")`, `gauge!("…")` and `histogram!("…")` below a folder, and names that are handed on as texts.
fn written(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            written(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("measures.rs")
        {
            let text = std::fs::read_to_string(&path).unwrap();
            let names = text.split("\"rollcall_").skip(1).filter_map(|rest| rest.split('"').next());
            found.extend(names.map(|name| format!("rollcall_{name}")));
        }
    }
}

#[test]
fn the_sources_measure_exactly_what_the_table_has() {
    let mut found = BTreeSet::new();
    written(&file("ca-server/src"), &mut found);
    let table: BTreeSet<String> = MEASURES.iter().map(|measure| measure.name.to_owned()).collect();
    assert_eq!(found, table);
}

/// What this test does not bring about: it needs a person, a token of another's making, or a crowd.
const ELSEWHERE: &[&str] = &[
    "rollcall_connections_refused_total",
    "rollcall_internal_certificates_total",
    "rollcall_refusals_left_out_total",
    "rollcall_repeated_failures_left_out_total",
    "rollcall_sign_ins_total",
    "rollcall_tokens_refused_total",
    "rollcall_store_fold_seconds",
];

#[tokio::test]
async fn a_server_in_use_shows_the_metrics_of_the_table_with_their_labels_and_no_other() {
    let receiver = Receiver::start().await;
    let url = receiver.url();
    let configure = move |config: &mut Config| {
        use std::os::unix::fs::PermissionsExt as _;
        let secret = config.folder.join("hook.secret");
        std::fs::write(&secret, "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=").unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        let text = format!("name = \"hook\"\nurl = \"{url}\"\nsecret_file = \"hook.secret\"");
        config.notifications.webhook = vec![toml::from_str::<WebhookConfig>(&text).unwrap()];
        config.metrics_listen = Some("127.0.0.1:0".parse().unwrap());
        config.revocation.listen = Some("127.0.0.1:0".parse().unwrap());
        config.revocation.url = Some("http://status.test".parse().unwrap());
    };
    let ca = TestCa::builder().sled().configure(configure).start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    drop(alice.revoke(issued.leaf(), None).await.expect(StatusCode::OK));
    let order = json!({"identifiers": [{"type": "dns", "value": "room-1.elsewhere.test"}]});
    alice.order(&order).await.unwrap_err();
    // A challenge that has to be looked at again waits in the queue; an OCSP question that is none is counted.
    let revocation = ca.running().revocation_address().unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let question = client.post(format!("http://{revocation}/ocsp/external")).body("nonsense");
    question.header("content-type", "application/ocsp-request").send().await.unwrap();
    for _ in 0..2 {
        receiver.next().await;
    }
    let metrics = format!("http://{}/metrics", ca.running().metrics_address().unwrap());
    let ask = async || client.get(&metrics).send().await.unwrap().text().await.unwrap();
    // Finished samples are moved into histograms now and then, and the last delivery is counted after its answer.
    let counted = async {
        loop {
            let text = ask().await;
            if text.contains("rollcall_webhook_deliveries_total{webhook=\"hook\",outcome=\"delivered\"} 2") {
                break text;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let text = tokio::time::timeout(std::time::Duration::from_secs(60), counted).await.unwrap();
    for kind in Act::KINDS {
        assert!(text.contains(&format!("rollcall_journal_acts_total{{act=\"{kind}\"}} ")), "{kind}: {text}");
    }
    let seen = scraped(&text);
    for (name, labels) in &seen {
        let measure = MEASURES.iter().find(|measure| measure.name == name);
        let measure = measure.unwrap_or_else(|| panic!("{name} is not in the table of what is measured"));
        let known: BTreeSet<String> = measure.labels.iter().map(|label| (*label).to_owned()).collect();
        assert_eq!(labels, &known, "{name}");
    }
    let unseen: Vec<&str> =
        MEASURES.iter().map(|measure| measure.name).filter(|name| !seen.contains_key(*name)).collect();
    let unexpected: Vec<_> = unseen.iter().filter(|name| !ELSEWHERE.contains(name)).collect();
    assert!(unexpected.is_empty(), "not seen although this test brings them about: {unexpected:?}");
    assert!(!text.contains("room-1"), "no metric names who was certified");
}
