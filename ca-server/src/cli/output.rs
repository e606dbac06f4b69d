//! What people and scripts see: tables, JSON, errors. The only place of this crate that writes to the terminal.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this file is the program's voice")]

use serde::Serialize;
use time::{OffsetDateTime, UtcOffset};

/// A time as people read it: `2026-11-22 10:56:14 UTC`.
pub(super) fn time(at: OffsetDateTime) -> String {
    let at = at.to_offset(UtcOffset::UTC);
    let (hour, minute, second) = at.to_hms();
    format!("{} {hour:02}:{minute:02}:{second:02} UTC", at.date())
}

/// Prints a line of data.
pub(super) fn line(text: &str) {
    println!("{text}");
}

/// Prints something that is not data: progress, notes.
pub(super) fn note(text: &str) {
    eprintln!("{text}");
}

/// Prints an error and what to do about it.
pub(super) fn complain(error: &str, hint: &str) {
    eprintln!("error: {error}");
    if !hint.is_empty() {
        eprintln!("hint: {hint}");
    }
}

/// Prints a value as JSON, indented.
pub(super) fn json<T: Serialize>(value: &T) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => println!("{text}"),
        Err(error) => complain(&format!("cannot print JSON: {error}"), ""),
    }
}

/// Prints rows under a head, columns as wide as they need to be.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let render = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> =
            cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}", width = *width)).collect();
        padded.join("  ").trim_end().to_owned()
    };
    println!("{}", render(&mut head.iter().copied()));
    for row in rows {
        println!("{}", render(&mut row.iter().map(String::as_str)));
    }
}
