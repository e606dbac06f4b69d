//! `acme-client jwe` as a program: what it seals is opened by it and by the device, and what cannot be right is said with a hint.
//!
//! For whoever carries commands to a device by hand. The device is the emulator, at the real time.

use std::fs;

use crate::desk::{Desk, ended, identity, program};
use crate::faces::Face;
use crate::material::{Identity, Sealer};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sealed_by_hand_is_opened_by_hand_and_by_the_device() {
    let desk = Desk::open().await;
    let first = identity(&desk.room.authority);
    desk.place(&first);
    let secret = fs::read_to_string(desk.path().join("room.secret")).unwrap();
    let mut face = Face::socket(&desk.room).await;
    face.command("Security ClientSecret Populate", &[("Secret", &secret)], None).await.unwrap();
    let sealed = desk
        .run("jwe seal --json --action add --chain chain.pem --key key.pem --secret-file room.secret")
        .await;
    let blob = sealed.said["blob"].as_str().unwrap();
    face.command("Security Certificates Services Add", &[("IsEncrypted", "True")], Some(blob)).await.unwrap();
    assert_eq!(desk.has().await.0, [first.fingerprint().to_string()]);
    desk.write("add.jwe", &format!("{blob}\n"));
    let opened =
        desk.run("jwe open add.jwe --json --action add --secret-file room.secret --out both.pem").await;
    assert_eq!(opened.code, 0, "{}", opened.all);
    let both = fs::read_to_string(desk.path().join("both.pem")).unwrap();
    assert!(both.starts_with(&first.chain_pem) && both.contains("PRIVATE KEY"));
    let wrong = desk.run("jwe open add.jwe --json --action populate --secret-file room.secret").await;
    assert!(wrong.error().0.contains("for `add`, not for `populate`"), "{}", wrong.all);
    assert!(wrong.error().1.contains("--action"), "{}", wrong.all);
    by_hand_refused(&desk, blob).await;
    by_hand_the_rest(&desk, &first, &mut face).await;
    desk.write("weak.secret", "b3NzaWZyYWdl");
    let weak = desk.run("jwe seal --json --action populate --reset --secret-file weak.secret").await;
    assert!(weak.code == 0 && weak.all.contains("128 are wanted"), "{}", weak.all);
    let transposed = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/jwe/no-transposed-nine.jwe");
    let printed =
        desk.run(&format!("jwe open {transposed} --json --action add --secret-file weak.secret")).await;
    assert!(printed.error().1.contains("move the `9`"), "{}", printed.all);
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/jwe/ok-worked-example.jwe");
    let example =
        desk.run(&format!("jwe open {example} --json --action add --secret-file weak.secret")).await;
    assert_eq!(example.said["content"], "this is a PEM file", "{}", example.all);
}

/// What is wrong with a blob, a secret or an argument is said, with what to do.
async fn by_hand_refused(desk: &Desk, blob: &str) {
    let open = "jwe open changed.jwe --json --action add --secret-file";
    let tampered = |at: usize| {
        let mut octets = blob.as_bytes().to_vec();
        octets[at] = if octets[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(octets).unwrap()
    };
    let last = blob.rfind('.').unwrap();
    for (what, changed) in
        [("header", tampered(3)), ("ciphertext", tampered(last - 9)), ("tag", tampered(last + 3))]
    {
        desk.write("changed.jwe", &changed);
        let refused = desk.run(&format!("{open} room.secret")).await;
        assert!(refused.code == 1 && !refused.error().1.is_empty(), "{what}: {}", refused.all);
    }
    desk.write("changed.jwe", blob);
    desk.write("other.secret", &Sealer::new().text());
    let other = desk.run(&format!("{open} other.secret")).await;
    assert!(other.code == 1 && other.error().1.contains("secret"), "{}", other.all);
    for (action, unused) in [
        ("activate", "--reset"),
        ("add", "--new-secret-file"),
        ("populate", "--chain"),
        ("populate", "--fingerprint"),
    ] {
        let value = match unused {
            "--reset" => "",
            "--fingerprint" => "ce4eb947aabbccddeeff00112233445566778899",
            _ => "chain.pem",
        };
        let line = format!("jwe seal --json --action {action} {unused} {value} --secret-file room.secret");
        let refused = desk.run(&line).await;
        assert!(refused.code == 1 && refused.error().0.contains(unused), "{line}: {}", refused.all);
    }
}

/// Activated, with a new secret, deactivated: by blobs alone.
async fn by_hand_the_rest(desk: &Desk, first: &Identity, face: &mut Face) {
    let sealed = async |arguments: &str| {
        let sealed = desk.run(&format!("jwe seal --json {arguments}")).await;
        assert_eq!(sealed.code, 0, "{}", sealed.all);
        sealed.said["blob"].as_str().unwrap().to_owned()
    };
    let activate =
        sealed("--action activate --chain chain.pem --enc A128GCM --secret-file room.secret").await;
    let purpose = ("Purpose", "WebexIdentity");
    face.command("Security Certificates Services Activate", &[purpose, ("Fingerprint", &activate)], None)
        .await
        .unwrap();
    assert_eq!(face.external("Status").await, "valid");
    desk.write("next.secret", &Sealer::new().text());
    let populate = sealed("--action populate --new-secret-file next.secret --secret-file room.secret").await;
    face.command("Security ClientSecret Populate", &[("Secret", &populate)], None).await.unwrap();
    let fingerprint = first.fingerprint().to_string();
    let line =
        format!("jwe seal --json --action deactivate --fingerprint {fingerprint} --secret-env ROOM_SECRET");
    let mut command = program(desk.path(), &line);
    command.env("ROOM_SECRET", fs::read_to_string(desk.path().join("next.secret")).unwrap());
    let deactivate = ended(command).await;
    let blob = deactivate.said["blob"].as_str().unwrap();
    face.command("Security Certificates Services Deactivate", &[purpose, ("Fingerprint", blob)], None)
        .await
        .unwrap();
    assert_ne!(face.external("Status").await, "valid");
}
