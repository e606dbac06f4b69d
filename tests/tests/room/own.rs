//! The device's own certificate of the provider's authority: obtained at the start with an activation code, renewed when it is time, shown beside the external one.

use std::path::PathBuf;
use std::sync::Arc;

use ca_server::clock::{Clock as _, FixedClock};
use certs::key::Secret as Password;
use rollcall_tests::internal::InternalCa;
use rollcall_tests::room::xapi::{Node, Path};
use rollcall_tests::room::{Builder, Emulator, Enrolment};
use serde_json::Value;
use time::Duration;

use crate::faces::Face;
use crate::identity::install;
use crate::material::{Authority, Sealer};
use crate::setting::{ADMIN, Room};

const ENCRYPTION: &str = "Status/Conference/EndToEndEncryption";

async fn enrolled(ca: &InternalCa) -> Room {
    let code = code(ca).await;
    let (builder, authority) = builder(ca, Some(code), None);
    let emulator = builder.clock(Arc::new(ca.ca.clock.clone())).start().await.unwrap();
    Room { emulator, clock: ca.ca.clock.clone(), authority }
}

async fn code(ca: &InternalCa) -> Password {
    let code = ca.device_code("Corp").await;
    Password::new(code["code"].as_str().unwrap().to_owned())
}

fn builder(ca: &InternalCa, code: Option<Password>, folder: Option<PathBuf>) -> (Builder, Authority) {
    let addresses = vec![(ca.ca.host().to_owned(), ca.ca.running().address())];
    let url = format!("https://{}", ca.ca.host());
    let enrolment = Enrolment { url, roots: ca.ca.tls_pem().to_owned(), code, folder, addresses };
    let authority = Authority::new("External root");
    let builder = Emulator::builder()
        .without_limits()
        .admin_password(Password::new(ADMIN.to_owned()))
        .trust_internal(ca.ca.root_pem())
        .unwrap()
        .trust_external(&authority.root_pem())
        .unwrap()
        .enrolled(enrolment);
    (builder, authority)
}

async fn organisation() -> InternalCa {
    let ca = InternalCa::start().await;
    ca.organisation("Corp").await;
    ca.verified_domain("Corp", "corp.test").await;
    ca.prefer("Corp", "corp.test").await;
    ca
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_shows_its_own_identity_beside_the_one_it_was_given() {
    let ca = organisation().await;
    let room = enrolled(&ca).await;
    let mut face = Face::socket(&room).await;
    let own = face.get(&format!("{ENCRYPTION}/InternalIdentity")).await.unwrap();
    for (field, value) in [
        ("Status", "valid"),
        ("Verification", "Webex verified"),
        ("Identity", "corp.test"),
        ("Valid", "True"),
    ] {
        assert_eq!(own[field], value, "{own:#}");
    }
    let secret = Sealer::new();
    face.command("Security ClientSecret Populate", &[("Secret", &secret.text())], None).await.unwrap();
    install(&mut face, &secret, &room.authority.identity(&["room-1.corp.test"])).await;
    let both = face.get(ENCRYPTION).await.unwrap();
    assert_eq!(both["ExternalIdentity"]["Identity"], "room-1.corp.test");
    assert_eq!(both["InternalIdentity"], own);

    let roots = async |face: &mut Face, filter: &str| -> Vec<Value> {
        let words = "Security Certificates WebexIdentity Show";
        let shown = face.command(words, &[("Filter", filter)], None).await.unwrap();
        shown["Details"].as_array().unwrap().clone()
    };
    let (internal, external) = (roots(&mut face, "Internal").await, roots(&mut face, "External").await);
    assert_eq!((internal.len(), external.len()), (1, 1));
    assert_eq!(external[0]["SubjectName"], "/CN=External root");
    assert_eq!(internal[0]["Kind"], "Internal");
}

/// An activation code works once; what it gave is kept, and a start that was cut short is gone on with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_that_got_an_account_and_no_certificate_goes_on_without_a_code() {
    let ca = organisation().await;
    let folder = tempfile::tempdir().unwrap();
    let start = async |code: Option<Password>, clock: FixedClock| {
        let (builder, _) = builder(&ca, code, Some(folder.path().to_owned()));
        builder.clock(Arc::new(clock)).start().await
    };
    // By this clock the certificate that comes is over already.
    let wrong = FixedClock::at(ca.ca.clock.now() + Duration::days(400));
    assert!(start(Some(code(&ca).await), wrong).await.is_err());
    let emulator = start(None, ca.ca.clock.clone()).await.unwrap();
    let own = Path::parse(&format!("{ENCRYPTION}/InternalIdentity/Status")).unwrap();
    let (_, status) = emulator.device().get(&own).await.unwrap();
    assert_eq!(status, Node::leaf("valid"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_own_certificate_is_renewed_before_it_ends() {
    let ca = organisation().await;
    let room = enrolled(&ca).await;
    let mut face = Face::shell(&room).await;
    let fingerprint = format!("{ENCRYPTION}/InternalIdentity/CertInfo[1]/Fingerprint");
    let first = face.get(&fingerprint).await.unwrap();
    room.emulator.tick().await.unwrap();
    assert_eq!(face.get(&fingerprint).await.unwrap(), first, "it is not time yet");
    for _ in 0..3 {
        room.clock.advance(Duration::days(6));
        // The server looks for the domain's record again by itself; here nobody waits for that.
        ca.tell("/organisations/Corp/domains/verify", serde_json::json!({"domain": "corp.test"})).await;
        room.emulator.tick().await.unwrap();
        let status = face.get(&format!("{ENCRYPTION}/InternalIdentity/Status")).await.unwrap();
        assert_eq!(status, "valid");
    }
    assert_ne!(face.get(&fingerprint).await.unwrap(), first);
    let lines = room.emulator.device().console().lines();
    assert!(lines.iter().any(|line| line.contains("renewed this device's certificate")), "{lines:?}");
}
