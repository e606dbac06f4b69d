//! What a device says of its external identity, in the words of 2021 and of today; and that the product's own judgement is the same.

use std::process::Command;

use certs::chain::{TrustSetName, TrustSets};
use certs::verdict::{State, verdict};
use serde_json::Value;
use time::Duration;

use crate::faces::Face;
use crate::material::{Authority, Identity, Sealer};
use crate::setting::{ADMIN, Room};
use crate::web::Web;

const EXTERNAL: &str = "Status/Conference/EndToEndEncryption/ExternalIdentity";

/// Puts an identity in use.
pub(crate) async fn install(face: &mut Face, secret: &Sealer, identity: &Identity) {
    let encrypted = &[("IsEncrypted", "True")];
    let blob = secret.add(&identity.pem());
    face.command("Security Certificates Services Add", encrypted, Some(&blob)).await.unwrap();
    let blob = secret.activate(&identity.fingerprint());
    let parameters = &[("Fingerprint", blob.as_str()), ("Purpose", "WebexIdentity")];
    face.command("Security Certificates Services Activate", parameters, None).await.unwrap();
}

/// A room with a secret.
pub(crate) async fn with_secret(room: &Room, number: usize) -> (Face, Sealer) {
    let (mut face, secret) = (room.face(number).await, Sealer::new());
    face.command("Security ClientSecret Populate", &[("Secret", &secret.text())], None).await.unwrap();
    (face, secret)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_is_shown_in_the_words_of_both_times_through_each_face() {
    let room = Room::start().await;
    let identity = room.authority.identity(&["room-1.example.com", "room-1.example.net"]);
    let (mut face, secret) = with_secret(&room, 0).await;
    install(&mut face, &secret, &identity).await;
    let mut seen: Vec<Value> = Vec::new();
    for mut face in room.faces().await {
        seen.push(face.get(EXTERNAL).await.unwrap());
        assert_eq!(face.get("Status/Nonsense").await, None);
        let path = "Status/Conference/EndToEndEncryption/Availability";
        assert_eq!(face.get(path).await.unwrap(), "Available");
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:#?}");
    let shown = &seen[0];
    for (field, value) in [
        ("Valid", "True"),
        ("Status", "valid"),
        ("Verification", "external"),
        ("Identity", "room-1.example.com"),
    ] {
        assert_eq!(shown[field], value, "{shown:#}");
    }
    assert_eq!(shown["CertInfo"], shown["CertificateChain"]["Certificate"]);
    let leaf = &shown["CertInfo"][0];
    assert_eq!(leaf["Fingerprint"], identity.fingerprint().as_str());
    assert_eq!((&leaf["Validity"], &leaf["PublicKeyAlgorithm"]), (&"valid".into(), &"id-ecPublicKey".into()));
    assert_eq!(leaf["Subject"][1]["Name"], "room-1.example.net");
    assert_eq!(shown["CertInfo"][1]["PrimaryName"], "CN=External root");

    let preferred = "Configuration/Conference/EndToEndEncryption/Identity/PreferredDomain";
    face.set(preferred, "room-1.example.net").await.unwrap();
    assert_eq!(face.external("Identity").await, "room-1.example.net");
    face.set(preferred, "elsewhere.example.com").await.unwrap();
    assert_eq!(face.external("Identity").await, "room-1.example.com", "only what the certificate names");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_take_what_they_may_have_through_each_face() {
    let room = Room::start().await;
    let mode = "Configuration/Conference/EndToEndEncryption/Mode";
    for mut face in room.faces().await {
        for value in ["Off", "On"] {
            face.set(mode, value).await.unwrap();
            assert_eq!(face.get(mode).await.unwrap(), value);
        }
        let available = "Status/Conference/EndToEndEncryption/Availability";
        face.set(mode, "off").await.unwrap();
        assert_eq!(face.get(available).await.unwrap(), "Unavailable");
        assert!(face.set(mode, "Sometimes").await.unwrap_err().contains("llegal"));
        assert!(face.set("Configuration/Nonsense", "On").await.unwrap_err().contains("No match"));
        assert_eq!(face.get(mode).await.unwrap(), "Off", "as it was");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_come_together_are_all_taken_or_none_is() {
    let room = Room::start().await;
    let web = Web::new(&room, "admin", ADMIN);
    let name = "<SystemUnit><Name>Lobby</Name></SystemUnit>";
    let mode = |mode: &str| {
        format!("<Conference><EndToEndEncryption><Mode>{mode}</Mode></EndToEndEncryption></Conference>")
    };
    for (second, code, left) in [
        (mode("Maybe"), "illegal-value", ""),
        ("<Nonsense/>".to_owned(), "unknown-path", ""),
        (mode("Off"), "", "Lobby"),
    ] {
        let said = web.put(&format!("<Configuration>{name}{second}</Configuration>")).await;
        let said = said.text().await.unwrap();
        assert!(said.contains(if code.is_empty() { "<Success" } else { code }), "{said}");
        assert_eq!(web.get("Configuration/SystemUnit/Name").await.unwrap(), left);
    }
}

/// What the device says of a chain, what the library says, and what the program says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_says_what_the_product_says() {
    let room = Room::start().await;
    let (mut face, secret) = with_secret(&room, 2).await;
    let stranger = Authority::new("Somebody else's root");
    let good = room.authority.identity(&["room-1.example.com"]);
    let unknown = stranger.identity(&["room-1.example.com"]);
    let ends = {
        let key = rcgen::KeyPair::generate().unwrap();
        room.authority.issue(&["room-1.example.com"], &key, room.now(), room.now() + Duration::days(5))
    };
    for (identity, later, status, validity) in [
        (&good, 0, "valid", "valid"),
        (&unknown, 0, "error", "unknown issuer"),
        (&ends, 0, "valid", "valid"),
        (&ends, 6, "error", "expired"),
    ] {
        if later == 0 {
            install(&mut face, &secret, identity).await;
        }
        room.clock.advance(Duration::days(later));
        assert_eq!(face.external("Status").await, status);
        assert_eq!(face.external("CertInfo[1]/Validity").await, validity);
        assert_eq!(face.external("Valid").await, if status == "valid" { "True" } else { "False" });
        assert_eq!(face.external("Identity").await.is_empty(), status != "valid", "claims are not shown");

        let mut trust = TrustSets::new();
        trust.insert_pem(TrustSetName::external_domain(), &room.authority.root_pem()).unwrap();
        let judged = verdict(&identity.chain, &trust, None, &[], room.now());
        assert_eq!(judged.state == State::Unverified, status != "valid", "{judged}");
        assert_eq!(program_believes(&room, identity), status == "valid");
    }
}

/// `acme-client verify`
fn program_believes(room: &Room, identity: &Identity) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let (chain, root) = (folder.path().join("chain.pem"), folder.path().join("root.pem"));
    std::fs::write(&chain, &identity.chain_pem).unwrap();
    std::fs::write(&root, room.authority.root_pem()).unwrap();
    let at = room.now().format(&time::format_description::well_known::Rfc3339).unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_harness-acme-client"))
        .args(["verify", "--json", "--at", &at, "--trust"])
        .arg(format!("external-domain={}", root.display()))
        .arg(&chain)
        .output()
        .unwrap();
    let said: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let state = &said["chains"][0]["state"];
    assert_eq!(ended.status.success(), state != "unverified", "{said:#}");
    state != "unverified"
}
