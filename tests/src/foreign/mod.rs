//! Programs that nobody here wrote, started for the interop tests: found on this machine, or the test says that it skips.
//!
//! With `ROLLCALL_INTEROP=require` (as `.ci/run` sets it) a missing program is a failure.

pub mod bind;
pub mod chromium;
pub mod oidc_provider;
pub mod relay;
pub mod simplesaml;
pub mod softhsm;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program's path, or `None` with a word on standard error.
///
/// # Panics
/// If the program is missing and interop is required.
#[must_use]
pub fn program(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/bin")])
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        skip(name);
    }
    found
}

/// Says that a test is skipped because something is not here.
///
/// # Panics
/// If interop is required.
pub fn skip(what: &str) {
    let required = std::env::var("ROLLCALL_INTEROP").is_ok_and(|value| value == "require");
    #[expect(clippy::panic, reason = "CI must not pass by skipping")]
    if required {
        panic!("{what} is not on this machine, but interop is required");
    }
    // Not `eprintln!`: the test harness would keep it back with whatever else a test that passes says.
    let _ = writeln!(std::io::stderr(), "skipped: {what} is not on this machine");
}

/// A person who can sign in at a foreign identity provider.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// What is typed as the name.
    pub login: &'a str,
    /// What is typed as the password.
    pub password: &'a str,
    /// The e-mail address that the provider knows.
    pub email: &'a str,
    /// Whether the provider says that it has verified the address.
    pub email_verified: bool,
    /// The person's own name.
    pub name: &'a str,
    /// What the person belongs to.
    pub groups: &'a [&'a str],
}

/// What a finished command said.
#[derive(Debug)]
pub struct Said {
    /// Whether it exited with 0.
    pub success: bool,
    /// Standard output and standard error, one after the other.
    pub text: String,
}

/// Runs a command to its end.
///
/// # Errors
/// If it cannot be started.
pub fn run(command: &mut Command) -> std::io::Result<Said> {
    let output = command.output()?;
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ok(Said { success: output.status.success(), text })
}

/// `openssl verify` of the first certificate in `chain`, with the rest as untrusted intermediates.
///
/// # Errors
/// If openssl cannot be started or the files cannot be read.
pub fn openssl_verify(openssl: &Path, root: &Path, chain: &Path) -> std::io::Result<Said> {
    run(Command::new(openssl)
        .args(["verify", "-x509_strict", "-CAfile"])
        .arg(root)
        .arg("-untrusted")
        .arg(chain)
        .arg(chain))
}
