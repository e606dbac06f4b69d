//! Bodies that do not arrive: given up in time, with the same care as every refusal.

use std::time::Duration;

use ca_server::config::TlsMode;
use rollcall_tests::ca::TestCa;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends the head of a POST and this much of its body, and reads what comes.
async fn send(ca: &TestCa, headers: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(ca.running().address()).await.unwrap();
    let head = format!(
        "POST /acme/external/new-account HTTP/1.1\r\nhost: ca.test\r\ncontent-type: application/jose+json\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    let reading = async {
        while !String::from_utf8_lossy(&answer).contains("\"status\"") {
            match stream.read(&mut buffer).await {
                Ok(count) if count > 0 => answer.extend_from_slice(&buffer[..count]),
                Ok(_) | Err(_) => break,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reading).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// What a client is answered that sends one octet of a hundred.
pub(crate) async fn given_up() -> String {
    send(&plain().await, "content-length: 100\r\n", b"{").await
}

async fn plain() -> TestCa {
    TestCa::builder()
        .configure(|config| {
            config.tls.mode = TlsMode::Off;
            config.limits.request_timeout = Duration::from_secs(2);
        })
        .start()
        .await
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up() {
    let answer = given_up().await.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 408"), "{answer}");
    for part in ["application/problem+json", "replay-nonce: ", "error:malformed", "\"status\":408"] {
        assert!(answer.contains(part), "{part} is not in {answer}");
    }
}

#[tokio::test]
async fn a_body_announced_as_too_large_is_refused_before_an_octet_of_it_is_sent() {
    let ca = plain().await;
    let answer = send(&ca, "content-length: 65537\r\n", b"").await.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 413"), "{answer}");
    assert!(answer.contains("replay-nonce: "), "{answer}");
}

#[tokio::test]
async fn a_body_of_unknown_length_is_cut_off_at_the_limit() {
    let ca = plain().await;
    let chunk = [b"10001\r\n".to_vec(), vec![b' '; 65_537], b"\r\n".to_vec()].concat();
    let answer = send(&ca, "transfer-encoding: chunked\r\n", &chunk).await.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 413"), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
}
