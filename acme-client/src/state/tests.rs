//! The state directory under kills: every write sequence is cut after every step, and a reader looks each time.

use time::macros::datetime;
use zeroize::Zeroizing;

use super::{durable::fault, *};

struct Place {
    _folder: tempfile::TempDir,
    state: StateDir,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::at(folder.path().join("state"));
    Place { _folder: folder, state }
}

fn identity(state: &StateDir) -> IdentityDir {
    state.identity(&IdentityName::parse("room-1.example.com").unwrap())
}

/// A pair whose parts carry the same mark, so that a mixed one is seen.
fn pair(mark: u32) -> Issued {
    let block =
        |what: &str| format!("-----BEGIN CERTIFICATE-----\n{what} {mark}\n-----END CERTIFICATE-----\n");
    Issued::from_chain(
        &format!("{}{}", block("leaf"), block("issuer")),
        Zeroizing::new(format!("key {mark}\n")),
    )
    .unwrap()
}

fn mark_of(text: &str) -> u32 {
    text.lines().find_map(|line| line.split_once(' ').and_then(|(_, mark)| mark.parse().ok())).unwrap()
}

fn assert_whole(current: &CurrentPair) -> u32 {
    let mark = mark_of(&current.key);
    assert_eq!(mark_of(current.certificate.lines().nth(1).unwrap()), mark);
    assert_eq!(mark_of(current.chain.lines().nth(1).unwrap()), mark);
    let fullchain = std::fs::read_to_string(current.folder.join("fullchain.pem")).unwrap();
    assert_eq!(fullchain, format!("{}{}", current.certificate, current.chain));
    mark
}

fn order(mark: u32) -> PendingOrder {
    PendingOrder {
        order: format!("https://ca.test/order/{mark}").parse().unwrap(),
        directory: "https://ca.test/directory".parse().unwrap(),
        account: "https://ca.test/account/1".parse().unwrap(),
        names: vec!["room-1.example.com".to_owned()],
        profile: None,
        csr: "MAA".to_owned(),
        created: datetime!(2026-11-22 12:00 UTC),
    }
}

#[test]
fn a_kill_at_any_step_of_an_installation_leaves_a_whole_pair() {
    let mut kills = 0;
    for steps in 0.. {
        let place = place();
        let identity = identity(&place.state);
        identity.install(&pair(1), 2).unwrap();
        identity.install(&pair(2), 2).unwrap();
        let killed = fault::after(steps, || identity.install(&pair(3), 2)).is_err();
        let seen = assert_whole(&identity.current().unwrap().unwrap());
        assert!(seen == 2 || seen == 3, "step {steps}: sees {seen}");
        let (_lock, _) = place.state.lock().unwrap();
        assert_eq!(assert_whole(&identity.current().unwrap().unwrap()), seen, "recovery changed the pair");
        assert!(leftovers(identity.path()).is_empty(), "step {steps}: {:?}", leftovers(identity.path()));
        identity.install(&pair(4), 2).unwrap();
        assert_eq!(assert_whole(&identity.current().unwrap().unwrap()), 4);
        assert_eq!(identity.generations().unwrap().len(), 2, "step {steps}");
        if !killed {
            break;
        }
        kills += 1;
    }
    assert!(kills > 20, "only {kills} steps were cut");
}

#[test]
fn however_often_a_writer_is_killed_the_last_pair_that_was_current_is_kept() {
    let place = place();
    let identity = identity(&place.state);
    identity.install(&pair(1), 2).unwrap();
    identity.install(&pair(2), 2).unwrap();
    let held = identity.current().unwrap().unwrap();
    let unseen = |mark: u32| {
        let generations = identity.path().join("generations");
        let key = |one: Generation| {
            std::fs::read_to_string(generations.join(one.to_string()).join("key.pem")).unwrap()
        };
        identity
            .generations()
            .unwrap()
            .into_iter()
            .any(|one| one > held.generation && mark_of(&key(one)) == mark)
    };
    for mark in 10..15 {
        // The first number of steps that finishes a generation without making it current.
        let attempt =
            |steps: &u32| fault::after(*steps, || identity.install(&pair(mark), 2)).is_err() && unseen(mark);
        assert!((0..40).any(|steps| attempt(&steps)));
        assert_eq!(identity.current().unwrap().unwrap().generation, held.generation);
    }
    let renewed = identity.install(&pair(4), 2).unwrap();
    assert_eq!(identity.generations().unwrap(), [held.generation, renewed]);
    assert_eq!(renewed.number(), 3);
}

#[test]
fn a_kill_while_storing_a_pending_order_leaves_the_old_one_none_or_the_new_one() {
    let mut kills = 0;
    for steps in 0.. {
        let place = place();
        let identity = identity(&place.state);
        identity.store_pending(&order(1), "key 1").unwrap();
        let killed = fault::after(steps, || identity.store_pending(&order(2), "key 2")).is_err();
        let (_lock, _) = place.state.lock().unwrap();
        match identity.pending().unwrap() {
            None => assert!(killed),
            Some((found, key)) => {
                assert!(found == order(1) || found == order(2));
                assert_eq!(key.as_str(), if found == order(1) { "key 1" } else { "key 2" });
                assert!(killed || found == order(2));
            }
        }
        if !killed {
            break;
        }
        kills += 1;
    }
    assert!(kills > 8, "only {kills} steps were cut");
}

#[test]
fn a_kill_during_a_rollover_never_loses_the_old_key_before_the_new_one_is_there() {
    for steps in 0.. {
        let place = place();
        let account = place.state.account(&ServerLabel::of(&"https://ca.test/directory".parse().unwrap()));
        account.store_key("old").unwrap();
        let killed =
            fault::after(steps, || account.store_next_key("new").and_then(|()| account.promote_next_key()))
                .is_err();
        let key = account.key().unwrap().unwrap();
        let next = account.next_key().unwrap();
        match key.as_str() {
            "old" => assert!(killed && next.is_none_or(|next| next.as_str() == "new")),
            "new" => assert!(next.is_none()),
            other => panic!("step {steps}: key is {other:?}"),
        }
        if !killed {
            break;
        }
    }
}

#[test]
fn a_pending_order_that_was_installed_is_forgotten_at_the_next_start() {
    let place = place();
    let identity = identity(&place.state);
    identity.install(&pair(7), 5).unwrap();
    identity.store_pending(&order(7), "key 7\n").unwrap();
    let (_lock, recovered) = place.state.lock().unwrap();
    assert_eq!(recovered.finished, [identity.name().clone()]);
    assert!(identity.pending().unwrap().is_none());
}

#[test]
fn a_pending_order_that_was_not_installed_survives_recovery() {
    let place = place();
    let identity = identity(&place.state);
    identity.install(&pair(7), 5).unwrap();
    identity.store_pending(&order(8), "key 8\n").unwrap();
    let (_lock, recovered) = place.state.lock().unwrap();
    assert!(recovered.finished.is_empty());
    assert_eq!(identity.pending().unwrap().unwrap().0, order(8));
}

#[test]
fn a_damaged_pending_order_is_set_aside_and_stops_nobody() {
    let place = place();
    let identity = identity(&place.state);
    identity.install(&pair(7), 5).unwrap();
    let other = place.state.identity(&IdentityName::parse("room-2.example.com").unwrap());
    other.store_pending(&order(3), "key 3\n").unwrap();
    for damage in ["", "{\"order\": 7}", "\0\0\0"] {
        identity.store_pending(&order(8), "key 8\n").unwrap();
        std::fs::write(identity.path().join("pending/order.json"), damage).unwrap();
        let (_lock, recovered) = place.state.lock().unwrap();
        assert_eq!(recovered.set_aside.len(), 1);
        assert_eq!(recovered.set_aside[0].0, *identity.name());
        assert!(identity.pending().unwrap().is_none());
        let aside = identity.path().join("pending.damaged");
        assert_eq!(std::fs::read_to_string(aside.join("order.json")).unwrap(), damage);
        assert_eq!(std::fs::read_to_string(aside.join("key.pem")).unwrap(), "key 8\n");
    }
    assert_eq!(other.pending().unwrap().unwrap().0, order(3), "another identity's order was touched");
    assert_eq!(assert_whole(&identity.current().unwrap().unwrap()), 7);
}

#[test]
fn a_pending_order_beside_a_broken_generation_does_not_stop_the_others() {
    let place = place();
    let identity = identity(&place.state);
    identity.install(&pair(7), 5).unwrap();
    identity.store_pending(&order(8), "key 8\n").unwrap();
    std::fs::remove_file(identity.path().join("generations/1/key.pem")).unwrap();
    place.state.lock().unwrap();
    assert!(identity.pending().unwrap().is_some());
}

#[test]
fn a_damaged_record_counts_as_lost_and_is_replaced() {
    let place = place();
    let identity = identity(&place.state);
    identity.install(&pair(7), 5).unwrap();
    for name in ["renewal.json", "deploy.json"] {
        std::fs::write(identity.path().join(name), "{\"failures\": ").unwrap();
    }
    assert_eq!(identity.renewal().unwrap(), RenewalRecord::default());
    assert_eq!(identity.deploy().unwrap(), None);
    let known = RenewalRecord { failures: 2, ..RenewalRecord::default() };
    identity.store_renewal(&known).unwrap();
    assert_eq!(identity.renewal().unwrap(), known);
}

#[test]
fn the_lock_names_its_holder_and_is_free_when_dropped() {
    let place = place();
    let (lock, _) = place.state.lock().unwrap();
    let busy = place.state.lock().unwrap_err();
    assert!(
        matches!(busy, StateError::Busy { holder: Some(pid), .. } if pid == std::process::id()),
        "{busy}"
    );
    drop(lock);
    place.state.lock().unwrap();
}

#[test]
fn nothing_is_readable_by_others() {
    use std::os::unix::fs::PermissionsExt;
    let place = place();
    let identity = identity(&place.state);
    identity.install(&pair(1), 5).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = identity.current().unwrap().unwrap().folder;
    assert_eq!(mode(&folder), 0o700);
    for name in ["key.pem", "cert.pem", "chain.pem", "fullchain.pem"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
    assert_eq!(mode(place.state.path()), 0o700);
}

#[test]
fn settings_survive_a_round_trip_and_unknown_keys_are_refused() {
    let place = place();
    let identity = identity(&place.state);
    let mut dns = DnsSettings::of(ProviderKind::Rfc2136);
    dns.server = Some("127.0.0.1:5353".to_owned());
    let settings = IdentitySettings {
        subject: Subject::Device(DeviceSettings {
            names: vec!["room-1.example.com".to_owned()],
            challenge: ChallengeChoice::DnsAccount01,
            dns,
        }),
        directory: "https://ca.test/directory".parse().unwrap(),
        profile: Some("device".to_owned()),
        key_type: KeyType::P256,
        key_store: tokens::KeyStore::File,
        keep: 5,
        deploy: Some(DeploySettings::new("systemctl reload door".to_owned())),
    };
    identity.store_settings(&settings).unwrap();
    assert_eq!(identity.settings().unwrap(), settings);
    assert_eq!(place.state.find_identity("room-1.example.com").unwrap().name(), identity.name());
    let path = identity.path().join("identity.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace("keep = 5", "keap = 5");
    std::fs::write(&path, text).unwrap();
    let error = identity.settings().unwrap_err().to_string();
    assert!(error.contains("keap"), "{error}");
}

#[test]
fn a_person_is_found_by_address_and_a_begun_sign_in_leaves_with_its_order() {
    let place = place();
    let email = EmailAddress::parse("b/ob@example.com").unwrap();
    let identity = place.state.identity(&IdentityName::for_email(&email).unwrap());
    let person = PersonSettings { email, provider: None };
    let settings = IdentitySettings {
        subject: Subject::Person(person),
        directory: "https://ca.test/directory".parse().unwrap(),
        profile: None,
        key_type: KeyType::P256,
        key_store: tokens::KeyStore::File,
        keep: 5,
        deploy: None,
    };
    identity.store_settings(&settings).unwrap();
    assert_eq!(place.state.find_identity("b/ob@EXAMPLE.com").unwrap().name(), identity.name());
    assert!(place.state.find_identity("B/ob@example.com").is_err());
    assert_eq!(place.state.identities().unwrap().len(), 1);
    identity.store_pending(&order(1), "key").unwrap();
    assert_eq!(identity.sign_in().unwrap(), None);
    let begun = BegunSignIn {
        challenge: "https://ca.test/challenge/1".parse().unwrap(),
        way: SignInWay::Redirect { port: 4711, path: "/x".to_owned() },
    };
    identity.store_sign_in(&begun).unwrap();
    assert_eq!(identity.sign_in().unwrap(), Some(begun));
    identity.store_pending(&order(2), "key").unwrap();
    assert_eq!(identity.sign_in().unwrap(), None);
}

#[test]
fn a_chain_without_a_certificate_cannot_be_installed() {
    assert!(Issued::from_chain("", Zeroizing::new(String::new())).is_none());
    let alone = Issued::from_chain(
        "-----BEGIN CERTIFICATE-----\nleaf\n-----END CERTIFICATE-----",
        Zeroizing::new("k".into()),
    );
    assert_eq!(alone.unwrap().chain(), "");
    let misleading =
        "-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nleaf\n-----END CERTIFICATE-----\n";
    let issued = Issued::from_chain(misleading, Zeroizing::new("k".into())).unwrap();
    assert_eq!((issued.certificate().lines().nth(1), issued.chain()), (Some("leaf"), ""));
}

fn leftovers(folder: &Path) -> Vec<String> {
    let mut all = durable::entries(folder).unwrap();
    all.extend(durable::entries(&folder.join("generations")).unwrap());
    all.retain(|name| name.starts_with(durable::TEMPORARY));
    all
}

#[test]
fn an_activation_that_is_killed_anywhere_leaves_the_old_pair_or_the_new_one_and_the_next_key_until_then() {
    let record = |token: &str| MachineRecord {
        account: format!("urn:uuid:{token}"),
        organisation: None,
        token: crate::internal::Token::new(Zeroizing::new(token.to_owned())).unwrap(),
        since: datetime!(2026-11-22 12:00 UTC),
        expires: datetime!(2026-11-22 12:00 UTC),
    };
    for had in [false, true] {
        let (mut kept, mut finished) = (0, 0);
        for steps in 0.. {
            let place = place();
            let identity = identity(&place.state);
            if had {
                identity.store_next_machine_key("old key").unwrap();
                identity.activate_machine(&record("old")).unwrap();
            }
            identity.store_next_machine_key("new key").unwrap();
            let killed = fault::after(steps, || identity.activate_machine(&record("new"))).is_err();
            drop(place.state.lock().unwrap());
            let found = identity.machine().unwrap();
            let old = had.then(|| (record("old"), Zeroizing::new("old key".to_owned())));
            if identity.next_machine_key().unwrap().is_some() {
                assert_eq!(found, old, "{steps}: the code can be typed again");
                kept += 1;
            } else {
                assert_eq!(found, Some((record("new"), Zeroizing::new("new key".to_owned()))), "{steps}");
                finished += 1;
            }
            if !killed {
                break;
            }
        }
        assert!(kept > 2 && finished > 2, "{kept} {finished}");
    }
}

#[test]
fn a_folder_that_several_make_at_once_is_there_for_each_of_them() {
    for _ in 0..50 {
        let Place { _folder: root, .. } = place();
        let (path, together) = (root.path().join("state/devices/room-1"), std::sync::Barrier::new(8));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    together.wait();
                    durable::create_dir(&path).unwrap();
                });
            }
        });
        assert!(path.is_dir());
    }
}
