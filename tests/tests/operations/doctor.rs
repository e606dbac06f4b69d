//! What is wrong is found, running or stopped, with a hint; and what is not wrong is left in peace.

use std::os::unix::fs::PermissionsExt as _;

use ca_server::store::sled::{Sled, SledConfig};
use ca_server::store::{Batch, Range, Store, Table};
use rollcall_tests::load::process::Server;
use rollcall_tests::revocation::fill::serve_relying_parties;
use serde_json::Value;

use crate::setting::{Place, program};

/// The findings, and the exit code.
fn doctor(place: &Place) -> (Vec<Value>, i32) {
    let output = place.run(&["doctor", "--json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let findings = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    (findings, output.status.code().unwrap())
}

/// What is found in an area at a level.
fn found<'f>(findings: &'f [Value], area: &str, level: &str) -> Vec<&'f str> {
    let of = findings.iter().filter(|one| one["area"] == area && one["level"] == level);
    of.map(|one| one["what"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_well_is_called_so_running_or_stopped() {
    let mut place = Place::start().await;
    let load = place.load(2).await;
    load.tally.reach(6).await;
    load.stop().await;
    for running in [true, false] {
        if !running {
            place.server.kill().unwrap();
        }
        let (findings, code) = doctor(&place);
        let wrong: Vec<_> = findings.iter().filter(|one| one["level"] == "wrong").collect();
        assert!(wrong.is_empty() && code == 0, "{running}: {wrong:?}");
        for area in ["config", "files", "certificates", "store", "journal", "clock", "dns", "server"] {
            let looked = findings.iter().any(|one| one["area"] == area);
            assert!(looked, "{running}: nobody looked at {area}: {findings:?}");
        }
        assert_eq!(found(&findings, "lists", "fine").len(), if running { 2 } else { 0 }, "{findings:?}");
        let warnings = findings.iter().filter(|one| one["level"] == "warning");
        assert!(warnings.clone().all(|one| one["hint"].as_str().is_some_and(|hint| !hint.is_empty())));
        assert_eq!(
            found(&findings, "files", "warning").len(),
            2,
            "the root keys are still here: {findings:?}"
        );
    }
    let shown = place.done(&["doctor"]);
    assert!(shown.contains("hint: move it away") && shown.contains("0 wrong"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_fetched_where_certificates_send_relying_parties_too() {
    let mut place = Place::start().await;
    place.server.kill().unwrap();
    let folder = place.path("ca");
    let url = serve_relying_parties(&folder).unwrap();
    let port = url.rsplit(':').next().unwrap();
    let listen = format!("listen = \"127.0.0.1:{port}\"");
    let config = folder.join("ca.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    // The path that certificates name is there without a proxy that takes it off.
    std::fs::write(&config, text.replace(&listen, &format!("{listen}\nurl = \"http://status.test/pki\"")))
        .unwrap();
    place.server = Server::start(program(), &folder, &place.url).unwrap().0;
    let (findings, _) = doctor(&place);
    let lists = found(&findings, "lists", "fine");
    let over_http: Vec<_> = lists.iter().filter(|what| what.contains("over plain HTTP")).collect();
    assert_eq!((lists.len(), over_http.len()), (4, 2), "{findings:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_found_with_a_hint() {
    let mut place = Place::start().await;
    let load = place.load(1).await;
    load.tally.reach(4).await;
    load.stop().await;
    place.server.kill().unwrap();
    let folder = place.path("ca");
    let mode = |path: &str, mode: u32| {
        std::fs::set_permissions(folder.join(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("authorities/external/intermediate.key.pem", 0o644);
    mode("policy/rules/base.cedar", 0o666);
    damage(&folder.join("data")).await;
    // A name server that nobody is.
    let config = folder.join("ca.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text
        .replace(&place.dns.address().to_string(), "127.0.0.1:1")
        .replace("#timeout = \"5s\"", "timeout = \"200ms\"");
    std::fs::write(&config, text).unwrap();
    let (findings, code) = doctor(&place);
    assert_eq!(code, 1);
    for (area, expected) in [
        ("files", "others may read the secret"),
        ("files", "others may change"),
        ("store", "has no row in CertificatesByTime"),
        ("store", "is missing or has another status"),
        ("journal", "entry 3"),
        ("dns", "127.0.0.1:1"),
    ] {
        let wrong = found(&findings, area, "wrong");
        assert!(wrong.iter().any(|what| what.contains(expected)), "{area}: {expected} is not in {wrong:?}");
    }
    let wrong = findings.iter().filter(|one| one["level"] == "wrong");
    assert!(wrong.clone().all(|one| one["hint"].as_str().is_some_and(|hint| !hint.is_empty())));
}

/// Takes an index row away, puts one in that belongs to nothing, and changes a journal entry.
async fn damage(folder: &std::path::Path) {
    use std::sync::Arc;
    let store = Store::new(Arc::new(Sled::open(&SledConfig::new(folder)).unwrap()));
    let rows = store.scan(Range::of(Table::CertificatesByTime)).await.unwrap();
    let entries = store.scan(Range::of(Table::Journal)).await.unwrap();
    let (key, mut entry) = entries[2].clone();
    *entry.last_mut().unwrap() ^= 1;
    let mut batch = Batch::new();
    batch.delete(Table::CertificatesByTime, rows[1].0.clone());
    batch.put(Table::OpenIntents, vec![0x41; 20], Vec::new());
    batch.put(Table::Journal, key, entry);
    store.commit(batch).await.unwrap();
    store.close().await;
}
