//! Results on standard output, errors on standard error; with `--json` one object on standard output in both cases.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::CliError;

/// Where results go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    /// As JSON.
    pub(super) json: bool,
}

impl Output {
    /// Prints the result: the object, or the text made for people.
    pub(super) fn result<T: Serialize>(
        self,
        object: &T,
        text: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        let written = if self.json {
            serde_json::to_writer_pretty(&mut out, object)
                .map_err(io::Error::from)
                .and_then(|()| writeln!(out))
        } else {
            write!(out, "{}", text())
        };
        match written.and_then(|()| out.flush()) {
            // Whoever reads us has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(CliError::Output),
        }
    }

    /// Prints an error. There is nobody left to tell if that fails too.
    pub(super) fn error(self, error: &CliError) {
        if self.json {
            let object = json!({ "error": { "message": error.to_string(), "hint": error.hint() } });
            let _ = writeln!(io::stdout().lock(), "{object:#}");
            return;
        }
        let mut err = io::stderr().lock();
        let _ = writeln!(err, "error: {error}");
        if let Some(hint) = error.hint() {
            let _ = writeln!(err, "hint: {hint}");
        }
    }
}

/// A moment, as people read it.
pub(super) fn moment(at: OffsetDateTime) -> String {
    let format = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    at.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_else(|_| at.to_string())
}

/// How far away a moment is, in its largest unit: "in 29 days", "3 hours ago".
pub(super) fn distance(from: OffsetDateTime, to: OffsetDateTime) -> String {
    let gap = to - from;
    let (count, unit) = largest_unit(gap.abs());
    let plural = if count == 1 { "" } else { "s" };
    if gap.is_negative() {
        format!("{count} {unit}{plural} ago")
    } else {
        format!("in {count} {unit}{plural}")
    }
}

fn largest_unit(gap: Duration) -> (i64, &'static str) {
    if gap.whole_days() >= 2 {
        (gap.whole_days(), "day")
    } else if gap.whole_hours() >= 2 {
        (gap.whole_hours(), "hour")
    } else if gap.whole_minutes() >= 1 {
        (gap.whole_minutes(), "minute")
    } else {
        (gap.whole_seconds(), "second")
    }
}

/// Columns under headings, as wide as they need to be.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(headings.get(column).map(|heading| heading.len())).max().unwrap_or(0)
    };
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells
            .iter()
            .enumerate()
            .map(|(column, cell)| format!("{cell:<width$}", width = width(column)))
            .collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut text = line(headings.to_vec());
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    text
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_table_is_as_wide_as_its_longest_cell() {
        let rows = vec![vec!["room-1".to_owned(), "x".to_owned()], vec!["a".to_owned(), String::new()]];
        assert_eq!(table(&["NAME", "Y"], &rows), "NAME    Y\nroom-1  x\na\n");
    }

    #[test]
    fn distances_name_their_largest_unit() {
        let now = datetime!(2026-11-22 12:00 UTC);
        for (to, expected) in [
            (now + Duration::days(29), "in 29 days"),
            (now + Duration::hours(47), "in 47 hours"),
            (now - Duration::minutes(1), "1 minute ago"),
            (now, "in 0 seconds"),
        ] {
            assert_eq!(distance(now, to), expected);
        }
    }
}
