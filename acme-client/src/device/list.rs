//! A list of devices, as TOML or CSV.
//!
//! Secrets do not stand in it: their files do. A relative path counts from the list's own folder. Unknown columns, and a device that stands there twice, are refused,
//! so that a slip of the pen does not send one room another's identity.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::place::{NotPlace, Over, Pin, Place};

/// Most devices of a list.
const MOST: usize = 10_000;

/// One device of a list. What is absent is as on the command line.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// `HOST` or `HOST:PORT`.
    pub host: String,
    /// The identity of the state directory; the host's name if nothing says otherwise.
    #[serde(default)]
    pub identity: Option<String>,
    /// How it is spoken to.
    #[serde(default)]
    pub over: Option<Over>,
    /// The account.
    #[serde(default)]
    pub user: Option<String>,
    /// File with the account's password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// File with the device's client secret.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// Roots of its TLS certificate.
    #[serde(default)]
    pub root: Option<PathBuf>,
    /// Fingerprint of its TLS certificate or host key.
    #[serde(default)]
    pub pin: Option<Pin>,
    /// What `PreferredDomain` shall be.
    #[serde(default)]
    pub preferred_domain: Option<String>,
}

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// Not TOML, or not of this form.
    #[error("{0}")]
    Toml(Box<toml::de::Error>),
    /// Not CSV, or not of this form.
    #[error("{0}")]
    Csv(csv::Error),
    /// A host is none.
    #[error("device {number}, {host:?}: {source}")]
    Host {
        /// Which, from 1.
        number: usize,
        /// What is written.
        host: String,
        /// What is wrong with it.
        source: NotPlace,
    },
    /// A device stands there twice.
    #[error("{0} stands there twice")]
    Twice(Place),
    /// Nobody stands there.
    #[error("there is no device in it")]
    Empty,
    /// Too many.
    #[error("there are more than {MOST} devices in it")]
    TooMany,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    device: Vec<Entry>,
}

/// Reads a list: CSV if the file's name ends in `.csv`, else TOML.
///
/// # Errors
/// [`ListError`], saying which line.
pub fn parse(text: &str, path: &Path) -> Result<Vec<(Place, Entry)>, ListError> {
    let comma = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let entries: Vec<Entry> = if comma {
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(text.as_bytes());
        reader.deserialize().take(MOST + 1).collect::<Result<_, _>>().map_err(ListError::Csv)?
    } else {
        toml::from_str::<Document>(text).map_err(|error| ListError::Toml(Box::new(error)))?.device
    };
    match entries.len() {
        0 => return Err(ListError::Empty),
        1..=MOST => {}
        _ => return Err(ListError::TooMany),
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut seen = BTreeSet::new();
    let mut devices = Vec::with_capacity(entries.len());
    for (index, mut entry) in entries.into_iter().enumerate() {
        let place: Place = entry.host.parse().map_err(|source| ListError::Host {
            number: index + 1,
            host: entry.host.clone(),
            source,
        })?;
        if !seen.insert(place.clone()) {
            return Err(ListError::Twice(place));
        }
        for file in [&mut entry.password_file, &mut entry.secret_file, &mut entry.root].into_iter().flatten()
        {
            *file = folder.join(&*file);
        }
        devices.push((place, entry));
    }
    Ok(devices)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOML: &str = "[[device]]\nhost = \"room-1.test\"\nsecret_file = \"room-1.secret\"\nover = \"ssh\"\n\n[[device]]\nhost = \"room-2.test:8443\"\nidentity = \"room-2\"\n";
    const CSV: &str = "host, identity, over, secret_file\n# the second floor\nroom-1.test,,ssh,room-1.secret\nroom-2.test:8443,room-2,,\n";

    #[test]
    fn toml_and_csv_say_the_same() {
        let toml = parse(TOML, Path::new("/etc/rooms/list.toml")).unwrap();
        assert_eq!(toml, parse(CSV, Path::new("/etc/rooms/list.csv")).unwrap());
        let (place, first) = &toml[0];
        assert_eq!((place.host(), first.over), ("room-1.test", Some(Over::Ssh)));
        assert_eq!(first.secret_file.as_deref(), Some(Path::new("/etc/rooms/room-1.secret")));
        assert_eq!(toml[1].1.identity.as_deref(), Some("room-2"));
    }

    #[test]
    fn slips_of_the_pen_are_refused() {
        let refused = |text: &str, name: &str| parse(text, Path::new(name)).unwrap_err().to_string();
        assert!(refused("", "l.toml").contains("no device"));
        assert!(refused("[[device]]\nhost = \"a\"\npassword = \"x\"\n", "l.toml").contains("password"));
        assert!(refused("[[device]]\nhost = \"a b\"\n", "l.toml").contains("device 1"));
        assert!(refused("host\nA\na\n", "l.csv").contains("twice"));
        assert!(refused("host,secret\na,b\n", "l.csv").contains("secret"));
        assert!(refused("host,pin\na,b\n", "l.csv").contains("fingerprint"));
        assert!(
            refused(&format!("host\n{}", (0..=MOST).map(|n| format!("a{n}\n")).collect::<String>()), "l.csv")
                .contains("more than")
        );
    }
}
