//! `acme-client device`, `secret` and `jwe` as programs, against the emulator: from nothing to a valid identity, again, in its place, for many, and refused.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ca_server::clock::SystemClock;
use rcgen::KeyPair;
use rollcall_tests::room::Emulator;
use rollcall_tests::room::device::{Spoil, When};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::desk::{Desk, WAYS, address, ended, identity, measured, pin, program, real, write};
use crate::faces::Face;
use crate::material::{Authority, Sealer};
use crate::setting::ADMIN;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_command_takes_an_empty_device_to_a_valid_identity_a_second_changes_nothing_and_a_renewed_one_takes_its_place()
 {
    for way in WAYS {
        let desk = Desk::open().await;
        let (first, next) = (identity(&desk.room.authority), identity(&desk.room.authority));
        desk.place(&first);
        let planned = desk.push(way, "--set-secret --dry-run").await;
        assert_eq!((planned.code, &planned.said["result"]), (0, &json!("planned")), "{way}: {}", planned.all);
        assert_eq!(desk.has().await, (vec![], String::new()), "{way}: a dry run changes nothing");
        let done = desk.push(way, "--set-secret --preferred-domain example.com").await;
        assert_eq!((done.code, &done.said["result"]), (0, &json!("done")), "{way}: {}", done.all);
        assert_eq!(desk.has().await, (vec![first.fingerprint().to_string()], "valid".to_owned()), "{way}");
        let again = desk.push(way, "--set-secret --preferred-domain example.com").await;
        assert_eq!((again.code, &again.said["result"]), (0, &json!("unchanged")), "{way}: {}", again.all);
        desk.place(&next);
        let renewed = desk.push(way, "").await;
        assert_eq!((renewed.code, &renewed.said["result"]), (0, &json!("done")), "{way}: {}", renewed.all);
        assert_eq!(desk.has().await, (vec![next.fingerprint().to_string()], "valid".to_owned()), "{way}");
        // The product's own verdict on the same chain.
        desk.write("root.pem", &desk.room.authority.root_pem());
        let verdict = desk.run("verify chain.pem --trust external-domain=root.pem --json").await;
        assert_eq!((verdict.code, &verdict.said["result"]), (0, &json!("verified")), "{}", verdict.all);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_goes_out_in_the_clear_that_was_not_allowed_to_and_a_wrong_secret_changes_nothing() {
    let desk = Desk::open().await;
    let first = identity(&desk.room.authority);
    desk.place(&first);
    let bare = desk.push("wss", "").await;
    assert_eq!(bare.code, 1, "{}", bare.all);
    assert!(bare.error().1.contains("--set-secret"), "{}", bare.all);
    assert_eq!(desk.push("wss", "--set-secret").await.code, 0);
    desk.write("room.secret", &Sealer::new().text());
    desk.place(&identity(&desk.room.authority));
    for way in WAYS {
        let wrong = desk.push(way, "").await;
        assert_eq!(wrong.code, 1, "{}", wrong.all);
        let (message, hint) = wrong.error();
        assert!(message.contains("adding the certificate: the device refused"), "{message}");
        assert!(hint.contains("--secret-file"), "{hint}");
    }
    assert_eq!(desk.has().await, (vec![first.fingerprint().to_string()], "valid".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_device_would_not_take_is_not_sent() {
    let desk = Desk::open().await;
    let authority = &desk.room.authority;
    let old = identity(authority);
    desk.place(&old);
    assert_eq!(desk.push("https", "--set-secret").await.code, 0);
    let (good, other) = (identity(authority), identity(authority));
    let now = OffsetDateTime::now_utc();
    let key = KeyPair::generate().unwrap();
    let expired =
        authority.issue(&["room-1.example.com"], &key, now - Duration::days(2), now - Duration::days(1));
    let large = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let p384 =
        authority.issue(&["room-1.example.com"], &large, now - Duration::days(1), now + Duration::days(1));
    let rsa = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let rsa =
        authority.issue(&["room-1.example.com"], &rsa, now - Duration::days(1), now + Duration::days(1));
    for (chain, key, word) in [
        (&rsa.chain_pem, &rsa.key_pem, "P-256"),
        (&expired.chain_pem, &expired.key_pem, "acme-client renew"),
        (&good.chain_pem, &other.key_pem, "same generation"),
        (&p384.chain_pem, &p384.key_pem, "P-256"),
        (&"nothing".to_owned(), &good.key_pem, "PEM"),
        (&good.chain_pem, &"nothing".to_owned(), "PEM"),
    ] {
        desk.write("chain.pem", chain);
        desk.write("key.pem", key);
        let refused = desk.push("https", "--set-secret").await;
        assert_eq!(refused.code, 1, "{}", refused.all);
        assert!(refused.error().1.contains(word), "{word}: {}", refused.all);
        assert_eq!(desk.has().await, (vec![old.fingerprint().to_string()], "valid".to_owned()), "{word}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_named_twice_is_refused_before_anything_is_sent() {
    let desk = Desk::open().await;
    desk.place(&identity(&desk.room.authority));
    let host = address(&desk.room.emulator, "https");
    let twice = desk.push("https", &format!("--set-secret --host {host}")).await;
    assert!(twice.code == 1 && twice.error().0.contains("named twice"), "{}", twice.all);
    for (first, second) in [("room-1.test", "ROOM-1.test:443"), ("room-1.test", "room-1.test.")] {
        desk.write("rooms.csv", &format!("host\n{first}\n{second}\n"));
        let twice = desk.run("device push --json --list rooms.csv --chain chain.pem --key key.pem").await;
        assert!(twice.code == 1 && twice.error().0.contains("twice"), "{}", twice.all);
    }
    assert_eq!(desk.has().await, (vec![], String::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_is_believed_only_by_what_was_looked_at() {
    let desk = Desk::open().await;
    desk.place(&identity(&desk.room.authority));
    for way in WAYS {
        let host = address(&desk.room.emulator, way);
        let line = format!("--json --over {way} --host {host}");
        let rest = "--chain chain.pem --key key.pem --password-file admin.password --secret-file room.secret --set-secret";
        let unknown = desk.run(&format!("device push {line} {rest}")).await;
        assert_eq!(unknown.code, 1, "{way}: {}", unknown.all);
        assert!(unknown.error().1.contains("device pin"), "{way}: {}", unknown.all);
        let unasked = desk.run(&format!("device pin {line}")).await;
        let (message, hint) = unasked.error();
        let shown = pin(&desk.room.emulator, way);
        assert!(unasked.code == 1 && message.contains(&shown), "{way}: {}", unasked.all);
        assert!(hint.contains("--accept"), "{way}: {}", unasked.all);
    }
    for way in WAYS {
        let host = address(&desk.room.emulator, way);
        let line = format!("--json --over {way} --host {host}");
        let other = desk.run(&format!("device pin {line} --accept sha256:{}", "00".repeat(32))).await;
        assert_eq!(other.code, 1, "{way}: {}", other.all);
        let kept = desk.run(&format!("device pin {line} --accept {}", pin(&desk.room.emulator, way))).await;
        assert_eq!((kept.code, &kept.said["kept"]), (0, &json!(true)), "{way}: {}", kept.all);
        let rest = "--chain chain.pem --key key.pem --password-file admin.password --secret-file room.secret --set-secret";
        let done = desk.run(&format!("device push {line} {rest}")).await;
        assert_eq!(done.code, 0, "{way}: {}", done.all);
        let wrong = format!(
            "device push {line} {rest} --pin {}",
            if way == "ssh" {
                format!("SHA256:{}", STANDARD_NO_PAD.encode([0; 32]))
            } else {
                format!("sha256:{}", "00".repeat(32))
            }
        );
        let refused = desk.run(&wrong).await;
        assert!(refused.error().0.contains("which is not what was pinned"), "{way}: {}", refused.all);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_killed_at_any_line_is_finished_by_the_next() {
    let desk = Desk::open().await;
    desk.place(&identity(&desk.room.authority));
    assert_eq!(desk.push("https", "--set-secret").await.code, 0);
    for line in 1..=6 {
        let next = identity(&desk.room.authority);
        desk.place(&next);
        let mut child = program(desk.path(), &desk.push_line(WAYS[line % 3], ""))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let said = lines.take(line).filter(Result::is_ok).count();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(said > 0);
        assert_eq!(desk.has().await.1, "valid", "killed at line {line}: the device has a valid identity");
        let finished = desk.push(WAYS[line % 3], "").await;
        assert_eq!(finished.code, 0, "killed at line {line}: {}", finished.all);
        assert_eq!(
            desk.has().await,
            (vec![next.fingerprint().to_string()], "valid".to_owned()),
            "line {line}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_lies_or_goes_away_keeps_an_identity() {
    for spoil in [
        // A device without a secret refuses the first, and is asked again once it has one: the third is the second run's.
        Spoil::lose_answer(When::Nth(3)).about("Services Add"),
        Spoil::cut_off(When::Nth(2)).about("Activate"),
        Spoil::lose_answer(When::Nth(2)).about("Activate"),
        Spoil::pretend(When::Nth(3)).about("Services Add"),
        Spoil::deny(When::Nth(2)).about("Activate"),
        Spoil::cut_off(When::Nth(1)).about("Delete"),
    ] {
        let shown = format!("{spoil:?}");
        let desk = Desk::open_with(|builder| real(builder).spoil(spoil)).await;
        desk.place(&identity(&desk.room.authority));
        assert_eq!(desk.push("wss", "--set-secret").await.code, 0, "{shown}");
        let next = identity(&desk.room.authority);
        desk.place(&next);
        let spoiled = desk.push("wss", "").await;
        assert_eq!(spoiled.code, 1, "{shown}: {}", spoiled.all);
        assert_eq!(desk.has().await.1, "valid", "{shown}");
        let finished = desk.push("wss", "").await;
        assert_eq!(finished.code, 0, "{shown}: {}", finished.all);
        assert_eq!(desk.has().await, (vec![next.fingerprint().to_string()], "valid".to_owned()), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_does_not_believe_the_certificate_gets_its_old_one_back() {
    let desk = Desk::open().await;
    let first = identity(&desk.room.authority);
    desk.place(&first);
    assert_eq!(desk.push("https", "--set-secret").await.code, 0);
    desk.place(&identity(&Authority::new("Somebody else")));
    desk.write("root.pem", &desk.room.authority.root_pem());
    let verdict = desk.run("verify chain.pem --trust external-domain=root.pem --json").await;
    assert_eq!(verdict.said["result"], "unverified", "{}", verdict.all);
    let refused = desk.push("https", "").await;
    assert_eq!(refused.code, 1, "{}", refused.all);
    let mut face = Face::socket(&desk.room).await;
    assert_eq!(
        face.external("CertificateChain/Certificate[1]/Fingerprint").await,
        first.fingerprint().as_str()
    );
    assert_eq!(face.external("Status").await, "valid");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_user_of_a_device_replaces_the_administrators_secret() {
    let desk = Desk::open().await;
    desk.place(&identity(&desk.room.authority));
    assert_eq!(desk.push("https", "--set-secret").await.code, 0);
    let drawn = desk.run("secret generate --json --out mine.secret").await;
    assert_eq!((drawn.code, &drawn.said["bits"]), (0, &json!(256)), "{}", drawn.all);
    assert_eq!(desk.run("secret generate --json --out mine.secret").await.code, 1, "nothing is overwritten");
    let connection = |way: &str| {
        let emulator = &desk.room.emulator;
        format!(
            "--json --over {way} --host {} --pin {} --password-file admin.password",
            address(emulator, way),
            pin(emulator, way)
        )
    };
    let change = format!("secret change {} --secret-file room.secret", connection("ssh"));
    let changed = desk.run(&format!("{change} --new-secret-file mine.secret")).await;
    assert_eq!((changed.code, &changed.said["result"]), (0, &json!("changed")), "{}", changed.all);
    let again = desk.run(&format!("{change} --new-secret-file mine.secret")).await;
    assert_eq!((again.code, &again.said["result"]), (0, &json!("unchanged")), "{}", again.all);
    // The administrator's is worth nothing now.
    desk.place(&identity(&desk.room.authority));
    let late = desk.push("https", "").await;
    assert!(late.code == 1 && late.error().1.contains("--secret-file"), "{}", late.all);
    let reset = format!("secret change {} --secret-file mine.secret --reset", connection("wss"));
    let reset = desk.run(&reset).await;
    assert_eq!((reset.code, &reset.said["result"]), (0, &json!("removed")), "{}", reset.all);
    assert_eq!(desk.push("https", "--set-secret").await.code, 0);
}

/// Twenty-five devices and a list of them; every tenth refuses its first certificate.
async fn twenty_five(folder: &Path, authority: &Authority) -> Vec<Emulator> {
    write(folder, "admin.password", ADMIN);
    let mut list = String::from("host,identity,password_file,secret_file,pin,over\n");
    let mut emulators = Vec::new();
    for number in 0..25 {
        let mut builder = real(Emulator::builder())
            .admin_password(certs::key::Secret::new(ADMIN.to_owned()))
            .trust_external(&authority.root_pem())
            .unwrap();
        if number % 10 == 3 {
            builder = builder.spoil(Spoil::refuse(When::Nth(1)).about("Services Add"));
        }
        let emulator = builder.start().await.unwrap();
        write(folder, &format!("{number}.secret"), &Sealer::new().text());
        let way = WAYS[number % 3];
        let (host, pin) = (address(&emulator, way), pin(&emulator, way));
        list.push_str(&format!("{host},,admin.password,{number}.secret,{pin},{way}\n"));
        emulators.push(emulator);
    }
    write(folder, "rooms.csv", &list);
    emulators
}

/// How many devices are done, unchanged and failed.
fn statuses(said: &Value) -> (usize, usize, usize) {
    let devices = said["devices"].as_array().unwrap();
    let count = |status: &str| devices.iter().filter(|device| device["status"] == status).count();
    (count("done"), count("unchanged"), count("failed"))
}

/// How many commands that change something each device was given.
fn changes(emulators: &[Emulator]) -> Vec<usize> {
    let is_change =
        |line: &String| ["Add", "Activate", "Populate", "Delete"].iter().any(|word| line.contains(word));
    let of = |one: &Emulator| one.device().console().lines().iter().filter(|line| is_change(line)).count();
    emulators.iter().map(of).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_five_devices_three_fail_and_the_same_command_finishes_only_those() {
    const PARALLEL: u64 = 4;
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("External root");
    let emulators = twenty_five(folder.path(), &authority).await;
    let first = identity(&authority);
    write(folder.path(), "chain.pem", &first.chain_pem);
    write(folder.path(), "key.pem", &first.key_pem);
    let line = format!(
        "device push --json --list rooms.csv --chain chain.pem --key key.pem --set-secret --parallel {PARALLEL}"
    );
    let command = program(folder.path(), &line);
    let (ended_first, peak) = tokio::task::spawn_blocking(|| measured(command)).await.unwrap();
    let result = (ended_first.code, &ended_first.said["result"]);
    assert_eq!(result, (4, &json!("partly_failed")), "{}", ended_first.all);
    assert_eq!(statuses(&ended_first.said), (22, 0, 3), "{}", ended_first.all);
    for device in ended_first.said["devices"].as_array().unwrap() {
        let reason = device["error"].as_str();
        assert_eq!(device["status"] == "failed", reason.is_some(), "{device}");
        assert!(reason.is_none_or(|reason| reason.contains("a fault of the test")), "{device}");
    }
    let before = changes(&emulators);
    let again = ended(program(folder.path(), &line)).await;
    assert_eq!((again.code, statuses(&again.said)), (0, (3, 22, 0)), "{}", again.all);
    for (number, (before, after)) in before.iter().zip(changes(&emulators)).enumerate() {
        assert_eq!(after > *before, number % 10 == 3, "device {number}: {before} changes, then {after}");
    }
    let bound = (32 * PARALLEL + 50) * 1024;
    let (peak_mib, bound_mib) = (peak / 1024, bound / 1024);
    eprintln!("peak memory of 25 devices, {PARALLEL} at once: {peak_mib} MiB (bound {bound_mib} MiB)");
    assert!((32 * 1024..=bound).contains(&peak), "{peak} KiB, at most {bound}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_a_deploy_hook_it_wants_what_the_agent_tells_it() {
    let desk = Desk::open().await;
    let refused = desk.run("device push --json --hook --host 127.0.0.1 --password-file admin.password").await;
    let (message, hint) = refused.error();
    assert!(message.contains("ROLLCALL_") && hint.contains("--hook"), "{}", refused.all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deploy_hook_finds_its_devices_by_any_name_of_the_certificate_and_says_if_there_is_none() {
    let desk = Desk::open().await;
    let first = identity(&desk.room.authority);
    desk.place(&first);
    let emulator = &desk.room.emulator;
    let hook = |named: &str| {
        let list = format!(
            "host,identity,password_file,secret_file,pin\n{},{named},admin.password,room.secret,{}\n127.0.0.1:1,another,,,\n",
            address(emulator, "https"),
            pin(emulator, "https")
        );
        desk.write("rooms.csv", &list);
        let mut command = program(desk.path(), "device push --json --hook --list rooms.csv --set-secret");
        command.env("ROLLCALL_IDENTITY", "the-rooms");
        command.env("ROLLCALL_FULLCHAIN", desk.path().join("chain.pem"));
        command.env("ROLLCALL_KEY", desk.path().join("key.pem"));
        ended(command)
    };
    let none = hook("somebody").await;
    let (message, hint) = none.error();
    assert!(none.code == 1 && message.contains("the-rooms") && hint.contains("list"), "{}", none.all);
    let by_name = hook("Room-1.example.com").await;
    assert_eq!((by_name.code, &by_name.said["result"]), (0, &json!("done")), "{}", by_name.all);
    assert_eq!(by_name.said["devices"].as_array().unwrap().len(), 1, "{}", by_name.all);
    let by_identity = hook("the-rooms").await;
    assert_eq!(by_identity.said["result"], "unchanged", "{}", by_identity.all);
    assert_eq!(desk.has().await, (vec![first.fingerprint().to_string()], "valid".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_has_too_much_to_do_is_asked_again_as_slowly_as_it_wants() {
    for way in ["https", "wss"] {
        let desk = Desk::open_with(|builder| builder.clock(Arc::new(SystemClock))).await;
        desk.place(&identity(&desk.room.authority));
        let client = reqwest::Client::builder().danger_accept_invalid_certs(true).build().unwrap();
        let url = format!("https://{}/getxml?location=/Status", desk.room.emulator.addresses().https);
        while client.get(&url).basic_auth("admin", Some(ADMIN)).send().await.unwrap().status() != 503 {}
        let done = desk.push(way, "--set-secret").await;
        assert_eq!((done.code, &done.said["result"]), (0, &json!("done")), "{way}: {}", done.all);
    }
}
