//! Events: what changed, to whoever asked for it, and to nobody else.

use serde_json::json;
use time::Duration;

use crate::faces::{Face, dig};
use crate::identity::{install, with_secret};
use crate::setting::{ADMIN, Room};
use crate::tshell::TShell;
use crate::websocket::Socket;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_hears_what_it_subscribed_to_until_it_unsubscribes() {
    let room = Room::start().await;
    let mut socket = Socket::open(&room, "admin", ADMIN).await.unwrap();
    let query = json!(["Status", "Conference", "EndToEndEncryption", "ExternalIdentity"]);
    let subscribed =
        socket.ask("xFeedback/Subscribe", json!({"Query": query, "NotifyCurrentValue": true})).await;
    let id = subscribed.unwrap()["result"]["Id"].clone();
    let now = socket.event().await;
    assert_eq!(now["Id"], id);
    let below = "Status/Conference/EndToEndEncryption/ExternalIdentity";
    assert_eq!(dig(&now, &format!("{below}/Valid")).unwrap(), "False");

    let identity = room.authority.identity(&["room-1.example.com"]);
    let (mut face, secret) = with_secret(&room, 1).await;
    install(&mut face, &secret, &identity).await;
    let event = socket.event().await;
    assert_eq!((&event["Id"], dig(&event, &format!("{below}/Status")).unwrap()), (&id, json!("valid")));
    let fingerprint = dig(&event, &format!("{below}/CertInfo[1]/Fingerprint")).unwrap();
    assert_eq!(fingerprint, identity.fingerprint().as_str());

    // Nothing that was not asked for is told; then the time of the certificate is over.
    face.set("Configuration/SystemUnit/Name", "Lobby").await.unwrap();
    room.clock.advance(Duration::days(91));
    room.emulator.tick().await.unwrap();
    let event = socket.event().await;
    assert_eq!(dig(&event, &format!("{below}/Status")).unwrap(), "error", "{event}");
    assert!(dig(&event, &format!("{below}/CertInfo[1]/Fingerprint")).is_none(), "only what changed: {event}");

    socket.ask("xFeedback/Unsubscribe", json!({"Id": id})).await.unwrap();
    let again = socket.ask("xFeedback/Unsubscribe", json!({"Id": id})).await.unwrap();
    assert_eq!(again["error"]["code"], -32_602);
    let subscribed = socket.ask("xFeedback/Subscribe", json!({"Query": ["Configuration"]})).await.unwrap();
    let other = subscribed["result"]["Id"].clone();
    assert_ne!(other, id);
    room.clock.advance(Duration::days(-91));
    room.emulator.tick().await.unwrap();
    face.set("Configuration/SystemUnit/Name", "Attic").await.unwrap();
    let event = socket.event().await;
    let named = json!({"Id": other, "Configuration": {"SystemUnit": {"Name": "Attic"}}});
    assert_eq!(event, named);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_hears_of_what_is_gone_as_a_ghost() {
    let room = Room::start().await;
    let identity = room.authority.identity(&["room-1.example.com"]);
    let (mut face, secret) = with_secret(&room, 0).await;
    install(&mut face, &secret, &identity).await;
    let mut shell = TShell::open(&room, "admin", ADMIN).await.unwrap();
    shell
        .ask("xFeedback register /Status/Conference/EndToEndEncryption/ExternalIdentity", None)
        .await
        .unwrap();
    let blob = secret.deactivate(&identity.fingerprint());
    let parameters = &[("Fingerprint", blob.as_str()), ("Purpose", "WebexIdentity")];
    face.command("Security Certificates Services Deactivate", parameters, None).await.unwrap();
    let event = shell.json().await.unwrap();
    let external = &event["Status"]["Conference"]["EndToEndEncryption"]["ExternalIdentity"];
    assert_eq!(external["Valid"]["Value"], "False", "{event}");
    assert_eq!(external["CertInfo"][0], json!({"id": "1", "ghost": "True"}), "{event}");
    assert!(event.get("ResultId").is_none());
    shell
        .ask("xFeedback deregister /Status/Conference/EndToEndEncryption/ExternalIdentity", None)
        .await
        .unwrap();
    install(&mut face, &secret, &identity).await;
    // What comes next, and after it, is what is asked for, and no event.
    for id in ["quiet", "still quiet"] {
        shell.send(&format!("xStatus SystemUnit ProductId | resultId=\"{id}\"\n")).await;
        let answer = shell.json().await.unwrap();
        assert_eq!(answer["ResultId"], id, "{answer}");
        assert_eq!(answer["Status"]["SystemUnit"]["ProductId"]["Value"], "Room 1", "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_subscribes_without_end() {
    let room = Room::start().await;
    let mut socket = Socket::open(&room, "admin", ADMIN).await.unwrap();
    for _ in 0..50 {
        socket.ask("xFeedback/Subscribe", json!({"Query": ["Status"]})).await.unwrap();
    }
    let refused = socket.ask("xFeedback/Subscribe", json!({"Query": ["Status"]})).await.unwrap();
    assert_eq!(refused["error"]["code"], -31_998);
    let mut shell = Face::shell(&room).await;
    assert_eq!(shell.get("Status/SystemUnit/ProductId").await.unwrap(), "Room 1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_may_leave_steps_open() {
    let room = Room::start().await;
    let mut socket = Socket::open(&room, "admin", ADMIN).await.unwrap();
    let found = socket.ask("xQuery", json!({"Query": ["Status", "**", "Valid"]})).await.unwrap();
    let encryption = &found["result"]["Status"]["Conference"]["EndToEndEncryption"];
    let valid = json!({"Valid": "False"});
    assert_eq!(encryption, &json!({"ExternalIdentity": valid, "InternalIdentity": valid}), "{found}");
    let refused = socket.ask("xQuery", json!({"Query": ["**", "**", "**"]})).await.unwrap();
    assert_eq!(refused["error"]["code"], -32_602);
}
