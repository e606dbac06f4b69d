//! What the agent writes for Prometheus is what the page about it says, and the other way round.

use std::collections::{BTreeMap, BTreeSet};

use rollcall_tests::prometheus::{documented, scraped};

use crate::daemon::Daemon;
use crate::setting::Setting;

#[tokio::test(flavor = "multi_thread")]
async fn the_agents_metrics_are_those_of_the_page() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    device.enroll("room-1.corp.test", &[]).with(0);
    let metrics = setting.folder.path().join("rollcall.prom");
    let mut daemon = Daemon::start(&device, &["--metrics-file", metrics.to_str().unwrap()]);
    daemon.wait_for("worked");
    // What it tells the service manager stands in the file by then.
    daemon.hears("STATUS=1 identity; next ");
    let text = std::fs::read_to_string(&metrics).unwrap();
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/observability.md");
    let page = documented(&std::fs::read_to_string(page).unwrap());
    let page: BTreeMap<_, _> = page
        .into_iter()
        .filter(|row| row.name.starts_with("acme_client_"))
        .map(|row| (row.name, row.labels))
        .collect();
    let seen = scraped(&text);
    let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let families: BTreeSet<&str> = families.filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(families, page.keys().map(String::as_str).collect());
    // Of an identity that renews by itself there is no moment to tell: its labels are told elsewhere.
    let mute = ["acme_client_sign_in_needed_from_seconds"];
    let page: BTreeMap<_, _> = page.into_iter().filter(|(name, _)| !mute.contains(&name.as_str())).collect();
    assert_eq!(seen, page);
    assert!(text.contains("{identity=\"room-1.corp.test\"}"), "{text}");
}
