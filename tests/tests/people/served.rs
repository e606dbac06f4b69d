//! A page of the test's own, on loopback.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};

/// Answers every request with these octets, as long as this process lives; gives the origin.
pub(crate) fn serve(answer: String) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = answer.clone();
            // A browser opens connections that it may not use.
            std::thread::spawn(move || {
                if stream.read(&mut [0; 16 * 1024]).is_ok_and(|octets| octets > 0) {
                    let _ = stream.write_all(answer.as_bytes());
                }
            });
        }
    });
    format!("http://{address}")
}
