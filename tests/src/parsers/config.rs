//! The configuration file `ca.toml`, as `ca-server` reads it.

use std::path::Path;

use ca_server::config::Config;
use ca_server::config::load::{ConfigProblem, parse};

use super::Outcome;

/// A file that is taken means the same with a comment above or when its tables are written anew, and is refused with a key that
/// nobody knows; every problem names its key and what to do.
pub fn check(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else { return Outcome::Refused };
    let config = match read(text) {
        Ok(config) => config,
        Err(problems) => {
            check_problems(text, &problems);
            return Outcome::Refused;
        }
    };
    assert_eq!(config.folder, Path::new("/etc/rollcall"));
    assert_eq!(config.resolve(Path::new("x.pem")), Path::new("/etc/rollcall/x.pem"));
    assert!(!config.authority.is_empty(), "a server without authority");
    for name in config.authority.keys() {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        assert!(name.as_str().bytes().all(plain), "{name} cannot stand in a URL");
    }
    check_again(text, &config);
    Outcome::Accepted
}

fn read(text: &str) -> Result<Config, Vec<ConfigProblem>> {
    parse(text, Path::new("/etc/rollcall"))
}

fn check_again(text: &str, config: &Config) {
    let same = |written: &str| {
        let again = read(written);
        assert_eq!(again.map(|again| format!("{again:?}")).as_ref(), Ok(&format!("{config:?}")), "{written}");
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    same(&format!("# a comment\n{text}"));
    if let Ok(table) = text.parse::<toml::Table>()
        && let Ok(written) = toml::to_string(&table)
    {
        same(&written);
    }
    let Err(problems) = read(&format!("color = \"red\"\n{text}")) else {
        unreachable!("an unknown key must be refused");
    };
    assert_eq!(problems.iter().map(|problem| problem.key.as_str()).collect::<Vec<_>>(), ["color"]);
}

fn check_problems(text: &str, problems: &[ConfigProblem]) {
    assert!(!problems.is_empty(), "refused without a reason");
    for problem in problems {
        assert!(!problem.message.is_empty() && !problem.hint.is_empty(), "{problem:?}");
        assert!(!problem.message.contains('\n') && !problem.hint.contains('\n'), "{problem:?}");
        // That key is the last resort, for what reading key by key did not find.
        assert!(problem.key != "ca.toml" || text.contains("ca.toml"), "no key is named: {problem:?}");
    }
}
