//! `acme-client device push` and `secret change` where something is not as it was left: secrets that are gone, accounts that may not, devices that lie; and each way to know a device.

use std::fs;

use acme_client::device::connect::XapiError;
use acme_client::device::provision::{ProvisionError, Step};
use acme_client::device::xapi::Refusal as Said;
use certs::key::Secret as Password;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rollcall_tests::room::device::{Spoil, When};
use rollcall_tests::room::xapi::{Fault, Path, Refusal};
use serde_json::json;

use crate::desk::{Desk, WAYS, address, identity, pin, real};
use crate::faces::Face;
use crate::material::{Authority, Sealer};
use crate::setting::USER;

/// How often somebody gave a client secret; with `push` that is always in the clear.
fn populated(desk: &Desk) -> usize {
    let lines = desk.room.emulator.device().console().lines();
    lines.iter().filter(|line| line.contains("ClientSecret Populate")).count()
}

/// A desk whose device has an identity, and the secret of the desk.
async fn provisioned() -> (Desk, Sealer) {
    let desk = Desk::open().await;
    let secret = Sealer::new();
    desk.write("room.secret", &secret.text());
    desk.place(&identity(&desk.room.authority));
    let done = desk.push("wss", "--set-secret").await;
    assert_eq!(done.code, 0, "{}", done.all);
    (desk, secret)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_whose_secret_was_taken_away_is_given_it_again() {
    for way in WAYS {
        let (desk, secret) = provisioned().await;
        let mut face = Face::socket(&desk.room).await;
        // By somebody else, so that nothing here knows of it.
        let none = secret.populate(None);
        face.command("Security ClientSecret Populate", &[("Secret", &none)], None).await.unwrap();
        let next = identity(&desk.room.authority);
        desk.place(&next);
        let refused = desk.push(way, "").await;
        assert!(refused.error().1.contains("--set-secret"), "{way}: {}", refused.all);
        let planned = desk.push(way, "--set-secret --dry-run").await;
        assert_eq!(planned.said["devices"][0]["steps"][0], "giving the client secret if it has none");
        let done = desk.push(way, "--set-secret").await;
        assert_eq!((done.code, &done.said["result"]), (0, &json!("done")), "{way}: {}", done.all);
        assert_eq!(desk.has().await, (vec![next.fingerprint().to_string()], "valid".to_owned()), "{way}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_has_its_secret_never_gets_it_in_the_clear_whatever_is_remembered() {
    let (desk, _) = provisioned().await;
    assert_eq!(populated(&desk), 1);
    for way in WAYS {
        fs::remove_dir_all(desk.path().join("state")).unwrap();
        let unchanged = desk.push(way, "--set-secret").await;
        assert_eq!(
            (unchanged.code, &unchanged.said["result"]),
            (0, &json!("unchanged")),
            "{}",
            unchanged.all
        );
        desk.place(&identity(&desk.room.authority));
        let done = desk.push(way, "--set-secret").await;
        assert_eq!((done.code, &done.said["result"]), (0, &json!("done")), "{way}: {}", done.all);
        let steps = done.said["devices"][0]["steps"].as_array().unwrap();
        assert!(!steps.iter().any(|step| step.as_str().unwrap().contains("secret")), "{}", done.all);
    }
    desk.write("room.secret", &Sealer::new().text());
    desk.place(&identity(&desk.room.authority));
    let other = desk.push("https", "--set-secret").await;
    assert!(other.error().1.contains("--secret-file"), "{}", other.all);
    assert_eq!(populated(&desk), 1, "given once, to the empty device");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_may_not_is_told_so_and_nothing_is_in_the_way_once_it_may() {
    for way in WAYS {
        let desk = Desk::open().await;
        desk.write("user.password", USER);
        let first = identity(&desk.room.authority);
        desk.place(&first);
        let line = desk.push_line(way, "--set-secret --user user").replace("admin.password", "user.password");
        let refused = desk.run(&line).await;
        assert_eq!(refused.code, 1, "{way}: {}", refused.all);
        assert!(refused.error().1.contains("role Admin"), "{way}: {}", refused.all);
        assert_eq!(populated(&desk), 0, "{way}: nothing goes out in the clear that cannot be taken");
        let done = desk.push(way, "--set-secret").await;
        assert_eq!((done.code, &done.said["result"]), (0, &json!("done")), "{way}: {}", done.all);
        assert_eq!(desk.has().await.0, [first.fingerprint().to_string()], "{way}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_run_that_was_cut_off_took_out_of_use_comes_back_if_the_new_one_is_not_believed() {
    let spoil = Spoil::lose_answer(When::Nth(2)).about("Services Activate");
    let desk = Desk::open_with(|builder| real(builder).spoil(spoil)).await;
    let first = identity(&desk.room.authority);
    desk.place(&first);
    assert_eq!(desk.push("https", "--set-secret").await.code, 0);
    desk.place(&identity(&Authority::new("Somebody else")));
    let cut = desk.push("https", "").await;
    assert_eq!(cut.code, 1, "{}", cut.all);
    assert_eq!(desk.has().await.1, "error", "the new one is in use: {}", cut.all);
    let refused = desk.push("https", "").await;
    assert!(refused.error().0.contains("the old certificate is in use again"), "{}", refused.all);
    let mut face = Face::socket(&desk.room).await;
    let used = face.external("CertificateChain/Certificate[1]/Fingerprint").await;
    assert_eq!((used.as_str(), desk.has().await.1.as_str()), (first.fingerprint().as_str(), "valid"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_lying_device_says_reaches_neither_terminal_nor_file_as_it_is() {
    let said = "\u{1b}]0;gone\u{7}\u{202e}".to_owned() + &"x".repeat(50_000);
    let spoil = Spoil::lie("EndToEndEncryption/ExternalIdentity/Status", &said);
    let desk = Desk::open_with(|builder| real(builder).spoil(spoil)).await;
    desk.place(&identity(&desk.room.authority));
    let refused = desk.push("wss", "--set-secret").await;
    assert_eq!(refused.code, 1, "{}", refused.all);
    let message = refused.error().0.to_owned();
    assert!(message.contains("]0;gone") && message.len() < 1_000, "{}", message.len());
    let files = fs::read_dir(desk.path().join("state/devices")).unwrap();
    let record = files.map(|entry| entry.unwrap().path().join("device.json")).find(|path| path.exists());
    let record = fs::read_to_string(record.unwrap()).unwrap();
    assert!(record.contains("]0;gone") && record.len() < 2_000, "{}", record.len());
    for text in [message.as_str(), refused.all.as_str(), record.as_str()] {
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']) && !text.contains("\\u001b"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_is_not_changed_says_which_trouble_it_is() {
    let (desk, _) = provisioned().await;
    desk.write("user.password", USER);
    desk.write("other.secret", &Sealer::new().text());
    desk.write("new.secret", &Sealer::new().text());
    let change = |desk: &Desk, rest: &str| {
        let emulator = &desk.room.emulator;
        let host = format!("--host {} --pin {}", address(emulator, "wss"), pin(emulator, "wss"));
        format!("secret change --json --over wss {host} {rest}")
    };
    let user = "--user user --password-file user.password --secret-file room.secret";
    let may_not = desk.run(&change(&desk, &format!("{user} --new-secret-file new.secret"))).await;
    assert!(may_not.error().1.contains("role Admin"), "{}", may_not.all);
    let wrong = "--password-file admin.password --secret-file other.secret";
    let reset = desk.run(&change(&desk, &format!("{wrong} --reset"))).await;
    assert!(reset.error().1.contains("--secret-file"), "{}", reset.all);
    let neither = desk.run(&change(&desk, &format!("{wrong} --new-secret-file new.secret"))).await;
    assert!(neither.error().0.contains("neither the old nor the new"), "{}", neither.all);
    let empty = Desk::open().await;
    empty.write("new.secret", &Sealer::new().text());
    let own = "--password-file admin.password --secret-file room.secret";
    for what in ["--new-secret-file new.secret", "--reset"] {
        let none = empty.run(&change(&empty, &format!("{own} {what}"))).await;
        assert!(none.error().1.contains("--set-secret"), "{what}: {}", none.all);
    }
}

#[test]
fn every_refusal_of_the_emulator_says_what_to_do() {
    let others = [
        Refusal::UnknownCommand { path: String::new() },
        Refusal::UnknownPath { path: String::new() },
        Refusal::Parameter { name: String::new() },
        Refusal::IllegalValue { path: Path::default() },
        Refusal::Permission,
        Refusal::Subscriptions,
    ];
    // `no-request`: this program never links a certificate to a request of the device's. `subscriptions`: it never subscribes.
    let never = ["no-request", "subscriptions"];
    let all = Fault::ALL.map(Refusal::Failed).into_iter().chain(others);
    for refusal in all.filter(|refusal| !never.contains(&refusal.code())) {
        let code = Some(refusal.code().to_owned());
        let said = Said { reason: refusal.to_string(), code, parameter: false };
        let error = ProvisionError::Xapi { step: Step::Add, source: XapiError::Refused(said) };
        assert!(error.hint().is_some(), "{}", refusal.code());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_is_known_by_the_root_of_its_certificate() {
    let root_key = KeyPair::generate().unwrap();
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let chain = leaf.signed_by(&key, &Issuer::new(root, root_key)).unwrap().pem();
    let shown = Password::new(key.serialize_pem());
    let desk = Desk::open_with(|builder| real(builder).tls(&chain, shown)).await;
    desk.write("root.pem", &root_pem);
    desk.write("other.pem", &desk.room.authority.root_pem());
    desk.place(&identity(&desk.room.authority));
    for way in ["https", "wss"] {
        let line = desk.push_line(way, "--set-secret");
        let pinned = format!("--pin {}", pin(&desk.room.emulator, way));
        let other = desk.run(&line.replace(&pinned, "--root other.pem")).await;
        assert!(other.code == 1 && other.error().0.contains("no TLS with"), "{way}: {}", other.all);
        let done = desk.run(&line.replace(&pinned, "--root root.pem")).await;
        assert_eq!(done.code, 0, "{way}: {}", done.all);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_is_known_by_its_host_key_unless_that_is_revoked() {
    let desk = Desk::open().await;
    desk.place(&identity(&desk.room.authority));
    let emulator = &desk.room.emulator;
    let host = format!("[127.0.0.1]:{}", emulator.addresses().ssh.port());
    let own = &emulator.addresses().host_key;
    let other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    let pinned = format!("--pin {}", pin(emulator, "ssh"));
    let line = desk.push_line("ssh", "--set-secret").replace(&pinned, "--known-hosts known");
    for (list, word) in [
        (String::new(), "is not known"),
        (format!("{host} {other}\n"), "has changed"),
        (format!("{host} {own}\n@revoked * {own}\n"), "is revoked"),
    ] {
        desk.write("known", &list);
        let refused = desk.run(&line).await;
        assert!(refused.code == 1 && refused.error().0.contains(word), "{word}: {}", refused.all);
        assert!(!refused.error().1.is_empty(), "{word}: {}", refused.all);
    }
    let missing = desk.run(&line.replace("--known-hosts known", "--known-hosts nowhere")).await;
    assert!(missing.error().0.contains("cannot read nowhere"), "{}", missing.all);
    desk.write("known", &format!("{host} {other}\n{host} {own}\n"));
    let done = desk.run(&line).await;
    assert_eq!(done.code, 0, "{}", done.all);
}
