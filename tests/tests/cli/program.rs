//! Running the programs.

use std::path::Path;
use std::process::{Command, Output};

/// What a program did.
pub(crate) struct Ran {
    /// Its exit code.
    pub(crate) code: i32,
    /// Its data.
    pub(crate) stdout: String,
    /// Everything else.
    pub(crate) stderr: String,
}

/// `ca-server`, with a terminal of 100 columns.
pub(crate) fn ca_server(arguments: &[&str]) -> Ran {
    run(Command::new(env!("CARGO_BIN_EXE_harness-ca-server")).args(arguments))
}

/// `acme-client`, with a terminal of 100 columns.
pub(crate) fn acme_client(arguments: &[&str]) -> Ran {
    run(Command::new(env!("CARGO_BIN_EXE_harness-acme-client")).args(arguments))
}

fn run(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } =
        command.env("COLUMNS", "100").env_remove("ROLLCALL_CONFIG").env("NO_COLOR", "1").output().unwrap();
    // The tests' builds have names of their own.
    let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap().replace("harness-", "");
    Ran { code: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) }
}

impl Ran {
    /// The error with its hint.
    pub(crate) fn error(&self) -> (&str, &str) {
        assert_eq!(self.code, 1, "{}{}", self.stdout, self.stderr);
        let error = self.stderr.lines().find_map(|line| line.strip_prefix("error: "));
        let hint = self.stderr.lines().find_map(|line| line.strip_prefix("hint: "));
        (error.unwrap_or_else(|| panic!("no error: {}", self.stderr)), hint.unwrap_or_default())
    }

    /// Its data, which is all that there is.
    pub(crate) fn data(&self) -> &str {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        &self.stdout
    }

    /// Its data as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(self.data()).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// A folder made by `init` for a server at `url`.
pub(crate) fn init(folder: &Path, url: &str, more: &[&str]) -> Ran {
    let dir = folder.to_str().unwrap();
    let mut arguments = vec!["init", "--dir", dir, "--url", url, "--domain", "corp.test"];
    arguments.extend(more);
    ca_server(&arguments)
}
