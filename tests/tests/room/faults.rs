//! Devices that fail and lie, for the tests of those who provision them.

use std::time::Duration;

use rollcall_tests::room::device::{Spoil, When};

use crate::identity::{install, with_secret};
use crate::material::Sealer;
use crate::setting::Room;

const POPULATE: &str = "Security ClientSecret Populate";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_that_is_meant_fails_and_no_other() {
    let room = Room::spoiled(Spoil::refuse(When::Nth(2)).about("ClientSecret")).await;
    let (mut face, secret) = with_secret(&room, 0).await;
    let parameters = &[("Secret", &*secret.populate(None))];
    assert_eq!(face.command(POPULATE, parameters, None).await.unwrap_err().code, "injected");
    face.command(POPULATE, parameters, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_can_say_yes_and_do_nothing_or_do_it_and_say_no() {
    let text = Sealer::new().text();
    for (spoil, said, done) in [
        (Spoil::pretend(When::Nth(1)), true, false),
        (Spoil::deny(When::Nth(1)), false, true),
        (Spoil::refuse(When::Nth(1)), false, false),
        (Spoil::delay(When::Nth(1), Duration::from_millis(1)), true, true),
    ] {
        let room = Room::spoiled(spoil).await;
        let mut face = room.face(1).await;
        let first = face.command(POPULATE, &[("Secret", &text)], None).await;
        assert_eq!(first.is_ok(), said);
        // A second one in the clear is taken only if the first was not.
        let second = face.command(POPULATE, &[("Secret", &text)], None).await;
        assert_eq!(second.is_err(), done);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_can_be_cut_before_and_after_the_deed() {
    let text = Sealer::new().text();
    for number in 0..2 {
        for (spoil, done) in [(Spoil::cut_off(When::Nth(1)), false), (Spoil::lose_answer(When::Nth(1)), true)]
        {
            let room = Room::spoiled(spoil).await;
            let mut face = room.face(number).await;
            assert_eq!(face.command(POPULATE, &[("Secret", &text)], None).await.unwrap_err().code, "cut-off");
            let mut again = room.face(number).await;
            assert_eq!(again.command(POPULATE, &[("Secret", &text)], None).await.is_err(), done);
        }
    }
    let room = Room::spoiled(Spoil::cut_off(When::Nth(1))).await;
    let web = crate::web::Web::new(&room, "admin", crate::setting::ADMIN);
    let xml = "<Command><Security><Certificates><Services><Show command=\"True\"/></Services></Certificates></Security></Command>";
    let request = web.request(reqwest::Method::POST, "/putxml").body(xml);
    let cut = match request.send().await {
        Ok(answer) => answer.text().await.is_err(),
        Err(_) => true,
    };
    assert!(cut, "the answer breaks off");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_can_lie_about_its_status() {
    let room = Room::spoiled(Spoil::lie("EndToEndEncryption/ExternalIdentity/Status", "valid")).await;
    let (mut face, secret) = with_secret(&room, 0).await;
    assert_eq!(face.external("Status").await, "valid");
    assert_eq!(face.external("Valid").await, "False");
    install(&mut face, &secret, &room.authority.identity(&["room-1.example.com"])).await;
    assert_eq!(face.external("Valid").await, "True");
}
