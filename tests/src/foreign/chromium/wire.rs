//! One HTTP/1.1 exchange with a driver on this machine: a JSON body there, a JSON body back, a connection for each.
//!
//! By hand, because it is also needed where nothing may be awaited: when a browser is dropped.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use super::BrowserError;

/// How long one command may take; a page that does not load ends earlier, by the driver's own limits.
const PATIENCE: Duration = Duration::from_secs(200);

/// Longest answer: a screenshot of a long page is the largest.
const MAX_ANSWER: u64 = 64 * 1024 * 1024;

/// Sends a command; gives the answer's `value`.
pub(super) fn exchange(
    driver: SocketAddr,
    method: &str,
    path: &str,
    body: &Value,
) -> Result<Value, BrowserError> {
    let mut stream = TcpStream::connect(driver)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let body = if method == "POST" { body.to_string() } else { String::new() };
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {driver}\r\nContent-Type: application/json; charset=utf-8\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    let mut answer: Value = serde_json::from_slice(&read(stream)?)?;
    let value = answer.get_mut("value").map(Value::take).unwrap_or_default();
    match value.get("error").and_then(Value::as_str) {
        Some(error) => Err(BrowserError::Refused {
            command: path.rsplit('/').next().unwrap_or_default().to_owned(),
            error: error.to_owned(),
            message: value.get("message").and_then(Value::as_str).unwrap_or_default().to_owned(),
        }),
        None => Ok(value),
    }
}

/// The body of an answer. The status says nothing that the body does not.
fn read(stream: TcpStream) -> Result<Vec<u8>, BrowserError> {
    let mut reader = BufReader::new(stream.take(MAX_ANSWER));
    let mut length = None;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(BrowserError::CutOff);
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse::<usize>().ok();
        }
    }
    let mut body = vec![0; length.ok_or(BrowserError::CutOff)?];
    reader.read_exact(&mut body)?;
    Ok(body)
}
