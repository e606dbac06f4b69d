//! What only a TShell does: the banner, the modes, and the ways to give a body.

use serde_json::Value;

use crate::faces::Face;
use crate::material::Sealer;
use crate::setting::{ADMIN, Room};
use crate::tshell::TShell;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_greets_echoes_until_told_and_answers_in_the_mode_that_is_asked_for() {
    let room = Room::start().await;
    let mut shell = TShell::begin(&room, "admin", ADMIN).await.unwrap();
    assert!(shell.until("OK\n").await.contains("*r Login successful"));
    shell.send("xStatus Conference EndToEndEncryption Availability\n").await;
    let said = shell.until("** end\n").await;
    assert!(said.contains("xStatus Conference"), "echoed: {said}");
    assert!(said.contains("*s Conference EndToEndEncryption Availability: Available\n"), "{said}");
    shell.until("OK\n").await;
    shell.send("echo off\n").await;
    shell.until("OK\n").await;
    shell.send("xconfiguration conference endtoendencryption mode: Off\nxConfiguration Conference\n").await;
    shell.until("OK\n").await;
    let said = shell.until("** end\n").await;
    assert!(
        said.contains("*c Conference EndToEndEncryption Mode: Off") && !said.contains("xConfiguration"),
        "{said}"
    );
    shell.send("xPreferences outputmode xml\nxStatus Conference EndToEndEncryption Availability | resultId=\"a\"\n").await;
    let said = shell.until("</XmlDoc>\n").await;
    assert!(
        said.contains("<XmlDoc resultId=\"a\"><Status><Conference>") && said.contains(">Unavailable<"),
        "{said}"
    );
    shell.send("xPreferences outputmode json\nxCommand Dila Number: \"1\" | resultId=\"b\"\n").await;
    let answer = shell.json().await.unwrap();
    assert_eq!(answer["CommandResponse"]["Result"]["status"], "Error");
    assert_eq!(answer["CommandResponse"]["Result"]["Reason"]["Value"], "Unknown command");
    assert_eq!(answer["CommandResponse"]["Result"]["XPath"]["Value"], "/Dila");
    assert_eq!(answer["ResultId"], "b");
    shell.send("xConfiguration Conference EndToEndEncryption Mode: Maybe\n").await;
    let answer = shell.json().await.unwrap();
    let wrong = &answer["Configuration"]["Conference"]["EndToEndEncryption"]["Mode"];
    assert_eq!(
        (&wrong["error"], &wrong["Code"]["Value"]),
        (&"True".into(), &"illegal-value".into()),
        "{answer}"
    );
    shell.send("xStatus Foo | resultId=\"c\"\nbye\n").await;
    let answer = shell.json().await.unwrap();
    assert_eq!(answer["Status"]["Reason"]["Value"], "No match on address expression");
    assert_eq!(answer["Status"]["XPath"]["Value"], "Status/Foo");
    assert_eq!(shell.rest().await.trim(), "", "bye ends it");
}

/// The guide writes it in three ways, and `jsxapi` in a fourth.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_to_give_a_body_adds_the_certificate() {
    let room = Room::start().await;
    let mut shell = TShell::open(&room, "admin", ADMIN).await.unwrap();
    let secret = Sealer::new();
    shell.command("Security ClientSecret Populate", &[("Secret", &secret.text())], None).await.unwrap();
    let added = async |shell: &mut TShell, form: &dyn Fn(&str) -> String| {
        let identity = room.authority.identity(&["room-1.example.com"]);
        let blob = secret.add(&identity.pem());
        shell.send(&form(&blob)).await;
        let answer = shell.json().await.unwrap();
        let result = answer["CommandResponse"].as_object().unwrap().values().next().unwrap().clone();
        assert_eq!(result["Fingerprint"]["Value"], identity.fingerprint().as_str(), "{answer}");
    };
    let forms: [&dyn Fn(&str) -> String; 6] = [
        &|blob| format!("xCommand Security Certificates Services Add IsEncrypted: True\n{blob}\n.\n"),
        &|blob| format!("xCommand Security Certificates Services Add\r\n{blob}\r\n.\r\n"),
        &|blob| format!("xCommand Security Certificates Services Add {blob}\n"),
        &|blob| format!("xCommand Security Certificates Add {blob}\n"),
        &|blob| format!("xCommand Security Certificates Services Add IsEncrypted: True {blob}\n"),
        &|blob| {
            let inside =
                format!("xCommand Security Certificates Services Add IsEncrypted: \"True\"\n{blob}\n");
            format!("{{{}}} \n{inside}", inside.len())
        },
    ];
    for form in forms {
        added(&mut shell, form).await;
    }
    let plain = room.authority.identity(&["room-2.example.com"]);
    shell.send(&format!("xCommand Security Certificates Services Add\n{}\n.\n", plain.pem())).await;
    assert!(shell.json().await.unwrap()["CommandResponse"]["ServicesAddResult"]["Fingerprint"].is_object());
    let shown = shell.command("Security Certificates Services Show", &[], None).await.unwrap();
    assert_eq!(shown["Details"].as_array().map(Vec::len), Some(7), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_command_needs_no_shell() {
    let room = Room::start().await;
    let shell = TShell::open(&room, "admin", ADMIN).await.unwrap();
    let mut channel = shell.session.channel_open_session().await.unwrap();
    channel.exec(true, "xStatus Conference EndToEndEncryption Availability").await.unwrap();
    let mut said = String::new();
    while let Some(message) = crate::setting::soon(channel.wait()).await {
        if let russh::ChannelMsg::Data { data } = message {
            said.push_str(std::str::from_utf8(&data).unwrap());
        }
    }
    assert!(said.starts_with("*s Conference EndToEndEncryption Availability: Available\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_and_subscriptions_can_be_looked_at() {
    let room = Room::start().await;
    let mut shell = TShell::open(&room, "admin", ADMIN).await.unwrap();
    let line =
        "xDocument Format: \"JSON\" Path: \"Command/Security/Certificates/Services/Show\" Schema: \"True\"";
    let shown = shell.ask(line, None).await.unwrap();
    let show = &shown["Command"]["Security"]["Certificates"]["Services"]["Show"];
    assert_eq!(show["Format"]["ValueSpace"], "Literal Text,PEM", "{shown}");
    shell.ask("xFeedback register /Status/Conference", None).await.unwrap();
    let listed = shell.ask("xFeedback list", None).await.unwrap();
    let queries = &listed["CommandResponse"]["FeedbackListResult"]["Registered"];
    assert_eq!(queries[0]["Query"]["Value"], "/Status/Conference", "{listed}");
    let mut socket = Face::socket(&room).await;
    let Face::Socket(socket) = &mut socket else { unreachable!() };
    let path = serde_json::json!(["Command", "Security", "ClientSecret", "Populate"]);
    let shown: Value = socket.ask("xDoc", serde_json::json!({"Path": path, "Type": "Schema"})).await.unwrap();
    assert_eq!(shown["result"]["Secret"]["required"], "True", "{shown}");
}
