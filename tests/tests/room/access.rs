//! Who may come in, what each may do, and how often.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::json;
use time::Duration;

use crate::faces::Face;
use crate::setting::{ADMIN, Room, USER};
use crate::tshell::TShell;
use crate::web::{Web, client};
use crate::websocket::Socket;

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_opens_nothing() {
    let room = Room::start().await;
    for (user, password) in [("admin", "wrong"), ("admin", ""), ("nobody", ADMIN), ("user", ADMIN), ("", "")]
    {
        assert_eq!(Socket::open(&room, user, password).await.err(), Some(403), "{user}");
        let header = basic(user, password);
        assert_eq!(Socket::open_with(&room, "authorization", &header).await.err(), Some(403));
        let web = Web::new(&room, user, password);
        for (method, path) in [
            (Method::GET, "/getxml?location=/Status"),
            (Method::POST, "/putxml"),
            (Method::POST, "/xmlapi/session/begin"),
        ] {
            let answer = web.request(method, path).send().await.unwrap();
            assert_eq!(answer.status(), 401, "{path}");
            assert!(answer.headers().contains_key("www-authenticate"));
        }
    }
    assert!(TShell::open(&room, "admin", "wrong").await.is_none());
    assert_eq!(Socket::open_with(&room, "sec-websocket-protocol", "auth-!!!").await.err(), Some(403));
    assert_eq!(Socket::open_with(&room, "x-nothing", "1").await.err(), Some(403), "no password at all");
    let mut socket = Socket::open_with(&room, "authorization", &basic("admin", ADMIN)).await.unwrap();
    assert!(socket.get("Status/SystemUnit").await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plain_port_does_nothing_but_send_people_away() {
    let room = Room::start().await;
    let client =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    let at = room.emulator.addresses();
    let get = async |path: &str| {
        let request =
            client.get(format!("http://{}{path}", at.http)).header("authorization", basic("admin", ADMIN));
        request.send().await.unwrap()
    };
    assert_eq!(get("/ws").await.status(), 401, "use wss");
    let answer = get("/getxml?location=/Status").await;
    assert_eq!(answer.status(), 301);
    let to = format!("https://127.0.0.1:{}/getxml?location=/Status", at.https.port());
    assert_eq!(answer.headers()["location"], to.as_str());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_may_look_and_nothing_more() {
    let room = Room::start().await;
    let socket = Face::Socket(Socket::open(&room, "user", USER).await.unwrap());
    let shell = Face::Shell(TShell::open(&room, "user", USER).await.unwrap());
    for mut face in [Face::web(&room, "user", USER), socket, shell] {
        face.command("Security Certificates Services Show", &[], None).await.unwrap();
        assert!(face.get("Status/Conference").await.is_some());
        for (words, parameters, body) in [
            ("Security ClientSecret Populate", &[("Secret", "b3NzaWZyYWdl")][..], None),
            ("Security Certificates Services Add", &[], Some("x")),
            ("Security Certificates CSR Create", &[("CommonName", "x")], None),
            ("Security Certificates WebexIdentity Show", &[], None),
        ] {
            let refused = face.command(words, parameters, body).await.unwrap_err();
            assert_eq!(refused.code, "permission");
            assert!(refused.rpc.is_none_or(|code| code == -31_999));
        }
        let refused = face.set("Configuration/SystemUnit/Name", "x").await.unwrap_err();
        assert!(refused.contains("ermission"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_stands_for_a_password_until_it_ends() {
    let room = Room::start().await;
    let web = Web::new(&room, "admin", ADMIN);
    let begun = web.request(Method::POST, "/xmlapi/session/begin").send().await.unwrap();
    assert_eq!(begun.status(), 204);
    let cookie = begun.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("Secure") && cookie.contains("HttpOnly"), "{cookie}");
    let pair = cookie.split(';').next().unwrap().to_owned();
    let with = async |method: Method, path: &str| {
        let request = web.client.request(method, format!("{}{path}", web.base)).header("cookie", &pair);
        request.send().await.unwrap()
    };
    let shown = with(Method::GET, "/status.xml").await;
    assert_eq!(shown.status(), 200);
    assert!(shown.text().await.unwrap().contains("<Availability>Available</Availability>"));
    assert_eq!(with(Method::POST, "/xmlapi/session/end").await.status(), 204);
    assert_eq!(with(Method::GET, "/status.xml").await.status(), 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_often_is_told_503_until_time_has_passed() {
    let room = Room::start_with(|builder| builder).await;
    let web = Web::new(&room, "admin", ADMIN);
    let status = async || web.request(Method::GET, "/status.xml").send().await.unwrap().status().as_u16();
    let begun = web.request(Method::POST, "/xmlapi/session/begin").send().await.unwrap();
    let cookie = begun.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    for number in 0..29 {
        assert_eq!(status().await, 200, "{number}");
    }
    assert_eq!(status().await, 503);
    assert_eq!(Socket::open(&room, "admin", ADMIN).await.err(), Some(503), "a WebSocket counts as well");
    room.clock.advance(Duration::seconds(2));
    assert_eq!((status().await, status().await, status().await), (200, 200, 503));

    let with = async || {
        let request = web.client.get(format!("{}/status.xml", web.base)).header("cookie", &cookie);
        request.send().await.unwrap().status().as_u16()
    };
    for number in 0..90 {
        assert_eq!(with().await, 200, "{number}");
    }
    assert_eq!(with().await, 503);
    room.clock.advance(Duration::seconds(1));
    for _ in 0..15 {
        assert_eq!(with().await, 200);
    }
    assert_eq!(with().await, 503);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_guesses_uses_up_what_he_may_ask_and_nobody_elses() {
    let room = Room::start_with(|builder| builder).await;
    let (user, admin) = (Web::new(&room, "user", "a guess"), Web::new(&room, "admin", ADMIN));
    let nobody = Web::new(&room, "nobody", "a guess");
    let mut elsewhere = Web::new(&room, "admin", "a guess");
    elsewhere.client = client(&room, Some([127, 0, 0, 2].into()));
    for guessing in [&user, &nobody, &elsewhere] {
        let status = async || guessing.request(Method::GET, "/status.xml").send().await.unwrap().status();
        for number in 0..30 {
            assert_eq!(status().await, 401, "{number}");
        }
        assert_eq!(status().await, 503);
        assert_eq!(admin.request(Method::GET, "/status.xml").send().await.unwrap().status(), 200);
        assert!(Socket::open(&room, "admin", ADMIN).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_nobody_ended_give_way_to_new_ones() {
    let room = Room::start().await;
    let web = Web::new(&room, "admin", ADMIN);
    let mut cookies = Vec::new();
    for _ in 0..65 {
        let begun = web.request(Method::POST, "/xmlapi/session/begin").send().await.unwrap();
        assert_eq!(begun.status(), 204);
        cookies.push(begun.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned());
    }
    for (at, status) in [(0, 401), (1, 200), (64, 200)] {
        let request = web.client.get(format!("{}/status.xml", web.base)).header("cookie", &cookies[at]);
        assert_eq!(request.send().await.unwrap().status(), status, "{at}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_strict_about_what_is_json_rpc() {
    let room = Room::start().await;
    let mut socket = Socket::open(&room, "admin", ADMIN).await.unwrap();
    for (text, code) in [
        ("{", -32_700),
        ("[]", -32_600),
        ("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"xGet\"}", -32_600),
        ("{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"xGet\"}", -32_600),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"xGet\",\"params\":[]}", -32_600),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"xNothing\"}", -32_601),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"xGet\",\"params\":{}}", -32_602),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"xGet\",\"params\":{\"Path\":[\"Status\",\"Foo\"]}}", 3),
    ] {
        socket.send(text).await;
        let answer = socket.receive().await.unwrap();
        assert_eq!(answer["error"]["code"], code, "{text} {answer}");
    }
    let parameters = json!({"Fingerprint": "a\nb", "Purpose": "HTTPS"});
    let refused = socket.ask("xCommand/Security/Certificates/Services/Activate", parameters).await.unwrap();
    assert_eq!(refused["error"]["code"], -32_602, "a new line stands in a body alone");
}
