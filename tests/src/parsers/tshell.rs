//! What is typed into the TShell of a room device, as the emulator reads it: octets into lines and bodies, lines into orders.

use super::Outcome;
use super::support::accepted_if;
use crate::room::line::{Order, Piece, Reader, Unreadable, parse};
use crate::room::xapi::Path;
use crate::room::xapi::path::is_word;

/// How octets arrive makes no difference; whole lines hold no line end; what an order names is a name.
pub fn check(input: &[u8]) -> Outcome {
    let whole = pieces(input, input.len().max(1));
    assert!(whole == pieces(input, 1), "octet by octet it is something else");
    let Ok(pieces) = whole else { return Outcome::Refused };
    let mut understood = false;
    for piece in &pieces {
        let line = match piece {
            Piece::Line(line) => {
                assert!(!line.contains(['\n', '\r']));
                line.as_str()
            }
            Piece::Framed(text) => text.split_once('\n').map_or(text.as_str(), |(line, _)| line),
        };
        understood |= check_line(line);
    }
    accepted_if(understood)
}

type Cut = (Vec<Piece>, Option<Unreadable>);

fn pieces(input: &[u8], size: usize) -> Result<Vec<Piece>, Cut> {
    let (mut reader, mut found) = (Reader::default(), Vec::new());
    for part in input.chunks(size) {
        reader.feed(part);
        loop {
            match reader.next_piece() {
                Ok(Some(piece)) => found.push(piece),
                Ok(None) => break,
                Err(error) => return Err((found, Some(error))),
            }
        }
    }
    Ok(found)
}

fn check_line(line: &str) -> bool {
    let read = parse(line);
    assert!(read.result_id.as_ref().is_none_or(|id| id.len() <= 128));
    let is_path = |path: &Path| assert_eq!(Path::parse(&path.to_string()).as_ref(), Some(path));
    match &read.order {
        Order::Command(call) => {
            assert!(!call.words.is_empty() && call.words.iter().all(|word| !word.contains('/')));
            assert!(call.parameters.iter().all(|(name, _)| is_word(name)));
        }
        Order::Get(path)
        | Order::Set(path, _)
        | Order::Register(path)
        | Order::Deregister(path)
        | Order::GetXml(path)
        | Order::Document(path) => is_path(path),
        Order::DeregisterAll
        | Order::Subscriptions
        | Order::Echo(_)
        | Order::Preferences(_)
        | Order::Help
        | Order::Bye
        | Order::Nothing => {}
        Order::Unknown => return false,
    }
    true
}
