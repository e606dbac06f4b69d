//! A room from empty to a valid identity with a certificate of our own authority, and again after each renewal, by deploy hook.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use acme_client::device::connect::{Limits, Target, Trust, connect};
use acme_client::device::place::{Over, Pin};
use acme_client::device::xapi::Call;
use acme_client::enroll::Leaf;
use device_jwe::Fingerprint;
use rollcall_tests::room::Emulator;
use serde_json::Value;

use crate::daemon::{Daemon, make_due};
use crate::setting::{Device, Setting};

const NAME: &str = "room-1.corp.test";

/// What the device says of its identity: its status, the fingerprint of its certificate, and those of all that it has.
async fn said(emulator: &Emulator) -> (String, String, Vec<String>) {
    let addresses = emulator.addresses();
    let target = Target {
        place: addresses.https.to_string().parse().unwrap(),
        over: Over::Wss,
        user: "admin".to_owned(),
        password: emulator.admin_password().clone(),
        trust: Trust::Pinned(vec![addresses.fingerprint().parse::<Pin>().unwrap()]),
        limits: Limits::default(),
    };
    let mut xapi = connect(&target).await.unwrap();
    let shown = xapi.command(&Call::new(&["Security", "Certificates", "Services", "Show"])).await.unwrap();
    let external = xapi.status(&["Conference", "EndToEndEncryption", "ExternalIdentity"]).await.unwrap();
    xapi.close().await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let first = &external["CertificateChain"]["Certificate"][0]["Fingerprint"];
    let all = shown["Details"].as_array().unwrap().iter().map(|one| text(&one["Fingerprint"]));
    (text(&external["Status"]), text(first), all.collect())
}

fn fingerprint(device: &Device<'_>) -> String {
    let current = device.identity(NAME).current().unwrap().unwrap();
    Fingerprint::of(&Leaf::from_pem(&current.certificate).unwrap().der).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_room_gets_a_valid_identity_of_our_authority_and_each_renewal_replaces_it_unattended() {
    let setting = Setting::start().await;
    let emulator = Emulator::builder()
        .without_limits()
        .trust_external(&setting.root_pem())
        .unwrap()
        .start()
        .await
        .unwrap();
    let device = setting.device("rooms");
    let folder = setting.folder.path();
    let secret = folder.join("room.secret").display().to_string();
    device.run(&["secret", "generate", "--out", &secret]).with(0);
    let password = folder.join("room.password");
    fs::write(&password, emulator.admin_password().expose()).unwrap();
    fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
    let list = folder.join("rooms.toml");
    let room = |host: &str, identity: &str| {
        format!(
            "[[device]]\nhost = \"{host}\"\nidentity = \"{identity}\"\npassword_file = \"room.password\"\nsecret_file = \"room.secret\"\npin = \"{}\"\n",
            emulator.addresses().fingerprint()
        )
    };
    // The second is another's business: nobody listens there.
    let rooms =
        room(&emulator.addresses().https.to_string(), NAME) + &room("127.0.0.1:1", "room-2.corp.test");
    fs::write(&list, rooms).unwrap();
    let hook = format!(
        "{} device push --hook --list {} --state {} --set-secret --quiet",
        env!("CARGO_BIN_EXE_harness-acme-client"),
        list.display(),
        device.state.path().display()
    );
    let enrolled = device.enroll(NAME, &["--deploy-hook", &hook]).with(0);
    assert_eq!(enrolled["deployment"]["status"], "succeeded", "{enrolled:#}");
    let alone = |own: String| ("valid".to_owned(), own.clone(), vec![own]);
    assert_eq!(said(&emulator).await, alone(fingerprint(&device)));
    let before = fingerprint(&device);
    make_due(&device.identity(NAME));
    let mut daemon = Daemon::start(&device, &[]);
    let worked = daemon.wait_for("worked");
    assert_eq!(worked["result"]["status"], "renewed", "{worked}");
    assert_eq!(worked["result"]["deployment"]["status"], "succeeded", "{worked}");
    assert_ne!(fingerprint(&device), before);
    // The old certificate is gone from it.
    assert_eq!(said(&emulator).await, alone(fingerprint(&device)));
    let record =
        device.state.device(&emulator.addresses().https.to_string().parse().unwrap()).record().unwrap();
    assert_eq!(record.fingerprint, Some(fingerprint(&device)));
    assert!(record.replaces.is_empty() && record.problem.is_none());
}
