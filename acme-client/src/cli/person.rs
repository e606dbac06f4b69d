//! The person at this terminal: which provider they choose, which browser opens, what they read meanwhile.
//!
//! Everything goes to standard error, also with `--quiet`, since nobody could sign in without it; with `--json` as one line that a
//! program can read. The browser is opened only where there is a screen, or where `BROWSER` names one.

use std::{
    ffi::OsString,
    io::{self, BufRead, IsTerminal, Write},
};

use async_trait::async_trait;
use serde_json::json;
use webbrowser::Browser;

use super::{SignInArguments, output::Output};
use crate::enroll::{Invitation, Person};

/// How often a wrong number may be typed.
const TRIES: usize = 3;

/// Whoever sits at the terminal.
pub(super) struct TerminalPerson {
    json: bool,
    browser: bool,
}

impl TerminalPerson {
    pub(super) fn new(output: Output, arguments: SignInArguments) -> Self {
        let browser =
            !arguments.no_browser && has_screen(|name| std::env::var_os(name)) && Browser::is_available();
        Self { json: output.json, browser }
    }
}

/// Whether a browser that is opened here will be seen.
fn has_screen(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    if cfg!(target_os = "macos") {
        return !is_set("SSH_CONNECTION") || is_set("BROWSER");
    }
    ["BROWSER", "DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| is_set(name))
}

#[async_trait]
impl Person for TerminalPerson {
    fn has_browser(&self) -> bool {
        self.browser
    }

    async fn choose(&self, email: &str, providers: &[String]) -> io::Result<Option<usize>> {
        if self.json || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Ok(None);
        }
        let (question, count) = (question(email, providers), providers.len());
        let asked = tokio::task::spawn_blocking(move || {
            ask(&question, count, &mut io::stdin().lock(), &mut io::stderr().lock())
        });
        asked.await.map_err(io::Error::other)?
    }

    async fn invite(&self, invitation: &Invitation) {
        let text = if self.json { line(invitation) } else { words(invitation, self.browser) };
        // If nobody can be told, the wait ends by itself.
        let _ = writeln!(io::stderr().lock(), "{text}");
        if self.browser {
            let link = invitation.link.as_str().to_owned();
            // Not waited for: a browser in the terminal ends only after it has come back to us.
            tokio::task::spawn_blocking(move || {
                if let Err(error) = webbrowser::open(&link) {
                    tracing::warn!(%error, "no browser could be opened; open the link by hand on this machine");
                }
            });
        }
    }
}

fn question(email: &str, providers: &[String]) -> String {
    let mut text = format!("Several identity providers may sign in {email}:\n");
    for (at, provider) in providers.iter().enumerate() {
        text.push_str(&format!("  {}  {provider}\n", at + 1));
    }
    text
}

/// Asks for a number until one fits.
fn ask(
    question: &str,
    count: usize,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> io::Result<Option<usize>> {
    write!(output, "{question}")?;
    for _ in 0..TRIES {
        write!(output, "Which one [1-{count}]? ")?;
        output.flush()?;
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if let Some(index) = line.trim().parse().ok().and_then(|number: usize| number.checked_sub(1))
            && index < count
        {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

fn line(invitation: &Invitation) -> String {
    let Invitation { email, provider, link, code, key_words, again } = invitation;
    let sign_in = json!({ "email": email, "provider": provider, "url": link, "code": code, "key_words": key_words, "again": again });
    json!({ "sign_in": sign_in }).to_string()
}

fn words(invitation: &Invitation, opens: bool) -> String {
    let Invitation { email, provider: _, link, code, key_words, again } = invitation;
    let begin = if opens {
        format!("Your browser opens to sign in as {email}. If it does not, open this link on this machine:")
    } else {
        format!("To sign in as {email}, open this link in any browser:")
    };
    let mut text = format!("\n{begin}\n\n    {link}\n\n");
    if let Some(code) = code {
        text.push_str(&format!("After signing in, type this code there:\n\n    {code}\n\n"));
    }
    if *again {
        text.push_str(
            "An earlier run has shown this link, and it works once: if the page says that it was used, press Ctrl-C and add `--force`.\n\n",
        );
    }
    text.push_str(&format!(
        "The page must show these words; if it shows others, leave it:\n\n    {key_words}\n"
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation(code: Option<&str>) -> Invitation {
        Invitation {
            email: "bob@example.com".to_owned(),
            provider: Some("corp".to_owned()),
            link: "https://ca.test/sso/start/x".parse().unwrap(),
            code: code.map(str::to_owned),
            key_words: "lusab-babad-gutih-tugad".to_owned(),
            again: false,
        }
    }

    #[test]
    fn a_browser_is_opened_only_where_it_is_seen() {
        let with = |set: &'static str, value: &'static str| {
            has_screen(move |name| (name == set).then(|| OsString::from(value)))
        };
        assert!(with("DISPLAY", ":0") && with("WAYLAND_DISPLAY", "wayland-0") && with("BROWSER", "w3m"));
        assert!(!with("DISPLAY", "") && !with("TERM", "xterm"));
    }

    #[test]
    fn a_provider_is_asked_for_until_a_number_fits() {
        let question = question("bob@example.com", &["corp".to_owned(), "campus".to_owned()]);
        let answer = |typed: &str| {
            let mut shown = Vec::new();
            let chosen = ask(&question, 2, &mut typed.as_bytes(), &mut shown).unwrap();
            (chosen, String::from_utf8(shown).unwrap())
        };
        let (chosen, shown) = answer("0\ncampus\n 2 \n");
        assert_eq!(chosen, Some(1));
        assert!(shown.contains("  1  corp\n  2  campus\n"), "{shown}");
        assert_eq!(shown.matches("Which one [1-2]?").count(), 3);
        assert_eq!(answer("3\n-1\nx\n1\n").0, None);
        assert_eq!(answer("").0, None);
    }

    #[test]
    fn what_is_shown_has_link_and_words_and_where_it_must_be_typed_the_code() {
        let here = words(&invitation(None), true);
        assert!(
            here.contains("https://ca.test/sso/start/x") && here.contains("lusab-babad-gutih-tugad"),
            "{here}"
        );
        assert!(!here.contains("code"), "{here}");
        let elsewhere = words(&invitation(Some("7KQ2-M4XN")), false);
        assert!(elsewhere.contains("any browser") && elsewhere.contains("7KQ2-M4XN"), "{elsewhere}");
        let object: serde_json::Value = serde_json::from_str(&line(&invitation(Some("7KQ2-M4XN")))).unwrap();
        assert_eq!(object["sign_in"]["code"], "7KQ2-M4XN");
        assert_eq!(object["sign_in"]["url"], "https://ca.test/sso/start/x");
    }
}
