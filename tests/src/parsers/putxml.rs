//! What a room device takes over `putxml`, as the emulator reads it.

use super::Outcome;
use crate::room::putxml::{Document, parse};
use crate::room::xapi::Path;
use crate::room::xapi::path::is_word;

/// Commands and settings are few, their names are names, and what is shown of a command is none of its values.
pub fn check(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else { return Outcome::Refused };
    match parse(text) {
        Err(error) => {
            assert!(!error.to_string().is_empty());
            Outcome::Refused
        }
        Ok(Document::Commands(calls)) => {
            assert!((1..=20).contains(&calls.len()));
            for call in &calls {
                assert!((1..=16).contains(&call.words.len()) && call.words.iter().all(|word| is_word(word)));
                assert!(call.parameters.iter().all(|(name, _)| is_word(name) && name != "body"));
                let shown = format!("{call:?}");
                assert!(shown.chars().all(|c| c.is_ascii_graphic() || c == ' ' || c == '…'), "{shown}");
                assert!(shown.len() <= 2_048, "{} octets", shown.len());
                let size: usize = call.parameters.iter().map(|(_, value)| value.len()).sum();
                assert!(size + call.body.as_ref().map_or(0, |body| body.len()) <= text.len());
            }
            Outcome::Accepted
        }
        Ok(Document::Settings(settings)) => {
            assert!((1..=20).contains(&settings.len()));
            for (path, _) in &settings {
                assert!(path.is_within(&Path::parse("Configuration").unwrap_or_default()));
                assert_eq!(Path::parse(&path.to_string()).as_ref(), Some(path));
            }
            Outcome::Accepted
        }
    }
}
