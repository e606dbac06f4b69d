use super::*;

async fn send(port: u16, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    // The other side may have answered and closed before everything is written.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

fn get(port: u16, target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn the_browser_is_thanked_and_nobody_listens_afterwards() {
    let listener = Loopback::open().await.unwrap();
    let (port, path) = (listener.port(), listener.path().to_owned());
    assert_eq!(listener.redirect_uri(), format!("http://127.0.0.1:{port}{path}"));
    assert_eq!(path.len(), 44, "the path holds 256 bits");
    let request = get(port, &format!("{path}?code=secret-code"));
    let (arrival, page) = tokio::join!(listener.arrival(), send(port, &request));
    let Arrival::Completed(code) = arrival.unwrap() else { panic!("no code arrived") };
    assert_eq!(code.as_str(), "secret-code");
    assert!(!format!("{code:?}").contains("secret"));
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("close this window"), "{page}");
    assert!(!page.contains("secret"), "the page repeats the code");
    for header in ["Referrer-Policy: no-referrer", "Cache-Control: no-store", "default-src 'none'"] {
        assert!(page.contains(header), "{header} is missing");
    }
    crate::pretend::nobody_listens(port).await;
}

#[tokio::test]
async fn foreign_requests_are_refused_and_do_not_end_the_wait() {
    let listener = Loopback::open().await.unwrap();
    let (port, path) = (listener.port(), listener.path().to_owned());
    let waiting = tokio::spawn(listener.arrival());
    for (request, status) in [
        (get(port, "/"), "404"),
        (get(port, "/wrong?code=stolen"), "404"),
        (get(port, &format!("{path}?code=a&code=b")), "400"),
        (format!("POST {path}?code=a HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n").into_bytes(), "405"),
        (format!("GET {path}?code=a HTTP/1.1\r\nHost: evil.test\r\n\r\n").into_bytes(), "421"),
        (vec![b'a'; LONGEST_HEAD + 1], "431"),
        (b"\x16\x03\x01\x00\r\n\r\n".to_vec(), "400"),
    ] {
        let answer = send(port, &request).await;
        // Whoever writes on after the refusal may see the connection reset in place of the answer.
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")) || (status == "431" && answer.is_empty()),
            "{answer}"
        );
    }
    // Connections that say nothing do not keep the browser out.
    let mut silent = Vec::new();
    for _ in 0..CONNECTIONS / 2 {
        silent.push(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap());
    }
    assert!(send(port, &get(port, &format!("{path}?code=right"))).await.contains("200 OK"));
    let arrival = waiting.await.unwrap().unwrap();
    assert!(matches!(arrival, Arrival::Completed(code) if code.as_str() == "right"));
}

#[tokio::test]
async fn a_failure_is_told_in_the_servers_word_and_a_later_run_listens_at_the_same_place() {
    let listener = Loopback::open().await.unwrap();
    let (port, path) = (listener.port(), listener.path().to_owned());
    drop(listener);
    crate::pretend::nobody_listens(port).await;
    let listener = Loopback::reopen(port, path.clone()).await.unwrap();
    let request = get(port, &format!("{path}?error=access_denied"));
    let (arrival, page) = tokio::join!(listener.arrival(), send(port, &request));
    assert_eq!(arrival.unwrap(), Arrival::Failed("access_denied".to_owned()));
    assert!(page.contains("did not succeed") && !page.contains("access_denied"), "{page}");
}
