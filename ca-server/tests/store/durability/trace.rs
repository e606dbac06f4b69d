//! Reads the output of `strace -f -xx`: which bytes went into which file, and when files were synced, renamed or removed.

use std::collections::HashMap;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// What happened to a file.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// Opened; `truncate`: emptied as well.
    Open { path: PathBuf, truncate: bool },
    /// Written at an offset; `None`: at the end.
    Write { path: PathBuf, at: Option<u64>, data: Vec<u8> },
    /// Cut or lengthened.
    Resize { path: PathBuf, len: u64 },
    /// Renamed.
    Rename { from: PathBuf, to: PathBuf },
    /// Removed.
    Remove { path: PathBuf },
    /// Synced, itself and everything written to it before.
    Sync { path: PathBuf },
}

/// The events in the order in which the calls returned; a file is closed where that begins.
pub(crate) fn parse(text: &str) -> Vec<Event> {
    let (mut files, mut unfinished, mut events) = (HashMap::new(), HashMap::new(), Vec::new());
    for line in text.lines() {
        let (process, rest) = line.split_once(' ').unwrap_or(("", line));
        let rest = rest.trim_start();
        if let Some(begin) = rest.strip_suffix(" <unfinished ...>") {
            if begin.starts_with("close(") {
                // Another thread may be given its number before the call returns.
                events.extend(event(&format!("{begin}) = 0"), &mut files));
            } else {
                unfinished.insert(process.to_owned(), begin.to_owned());
            }
            continue;
        }
        let call = match rest.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
            Some((_, end)) => unfinished.remove(process).unwrap_or_default() + end,
            None => rest.to_owned(),
        };
        events.extend(event(&call, &mut files));
    }
    events
}

/// The event of one whole line such as `openat(AT_FDCWD, "\x61", O_RDWR|O_CREAT, 0666) = 3`.
fn event(call: &str, files: &mut HashMap<i64, PathBuf>) -> Option<Event> {
    let (name, rest) = call.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(") ").or_else(|| rest.rsplit_once(')'))?;
    let result: i64 = result.trim_start().strip_prefix("= ")?.split(' ').next()?.parse().ok()?;
    if result < 0 {
        return None;
    }
    let arguments: Vec<&str> = arguments.split(", ").collect();
    let file =
        |files: &HashMap<i64, PathBuf>, at: usize| files.get(&arguments.get(at)?.parse().ok()?).cloned();
    let text = |at: usize| quoted(arguments.get(at)?);
    let path = |at: usize| text(at).map(|octets| PathBuf::from(std::ffi::OsString::from_vec(octets)));
    match name {
        "openat" | "open" => {
            let at = usize::from(name == "openat");
            let (path, flags) = (path(at)?, *arguments.get(at + 1)?);
            files.insert(result, path.clone());
            let made = flags.contains("O_CREAT") || flags.contains("O_TRUNC");
            made.then(|| Event::Open { path, truncate: flags.contains("O_TRUNC") })
        }
        "close" => {
            files.remove(&arguments.first()?.parse().ok()?);
            None
        }
        "write" => written(file(files, 0)?, None, text(1)?, result),
        "pwrite64" => written(file(files, 0)?, Some(arguments.get(3)?.parse().ok()?), text(1)?, result),
        "ftruncate" => Some(Event::Resize { path: file(files, 0)?, len: arguments.get(1)?.parse().ok()? }),
        "rename" => Some(Event::Rename { from: path(0)?, to: path(1)? }),
        "renameat" | "renameat2" => Some(Event::Rename { from: path(1)?, to: path(3)? }),
        "unlink" => Some(Event::Remove { path: path(0)? }),
        "unlinkat" => Some(Event::Remove { path: path(1)? }),
        "fsync" | "fdatasync" => Some(Event::Sync { path: file(files, 0)? }),
        "writev" | "pwritev" | "fallocate" | "creat" if file(files, 0).is_some() => {
            panic!("the trace has a call that is not rebuilt: {name}")
        }
        // `sync_file_range` promises nothing.
        _ => None,
    }
}

fn written(path: PathBuf, at: Option<u64>, mut data: Vec<u8>, result: i64) -> Option<Event> {
    data.truncate(usize::try_from(result).ok()?);
    Some(Event::Write { path, at, data })
}

/// The octets of `"\x61\x62"`.
fn quoted(argument: &str) -> Option<Vec<u8>> {
    let text = argument.strip_prefix('"')?;
    assert!(!text.ends_with("..."), "strace cut a write short");
    let hex: Vec<u8> =
        text.strip_suffix('"')?.bytes().filter(|octet| !matches!(octet, b'\\' | b'x')).collect();
    data_encoding::HEXLOWER.decode(&hex).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_given_away_before_its_close_returns_is_the_new_files() {
        let events = parse(
            r#"1 openat(AT_FDCWD, "\x61", O_RDWR|O_CREAT, 0666) = 3
1 close(3 <unfinished ...>
2 openat(AT_FDCWD, "\x62", O_RDWR|O_CREAT, 0666) = 3
1 <... close resumed>) = 0
2 write(3, "\x63", 1) = 1
"#,
        );
        let [Event::Open { .. }, Event::Open { .. }, Event::Write { path, data, .. }] = &*events else {
            panic!("{events:?}")
        };
        assert_eq!((path.to_str(), &**data), (Some("b"), &b"c"[..]));
    }
}
