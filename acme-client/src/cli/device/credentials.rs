//! Where passwords and client secrets come from: a file, a variable, or the terminal without echo. Never an argument.

use std::{env, fs, io, os::unix::fs::PermissionsExt, path::Path};

use certs::key::Secret as Password;
use device_jwe::{STRONG_BITS, Secret};
use zeroize::Zeroizing;

use super::DeviceFailure;
use crate::cli::{CliError, ConnectionArguments, SecretArguments};

/// No file of a secret is longer.
const LONGEST: u64 = 64 * 1024;

/// The password of the account, asked for if nothing names it.
pub(in crate::cli) fn password(arguments: &ConnectionArguments) -> Result<Password, CliError> {
    let text = match (&arguments.password_file, &arguments.password_env) {
        (Some(path), _) => return password_file(path),
        (None, Some(name)) => variable(name)?,
        (None, None) => ask("password", &format!("Password of {}: ", arguments.user))?,
    };
    Ok(Password::new(text.to_string()))
}

/// The password in a file: its first line.
pub(in crate::cli) fn password_file(path: &Path) -> Result<Password, CliError> {
    Ok(Password::from_file_text(read(path)?.to_string()))
}

/// The client secret, asked for if nothing names it.
pub(in crate::cli) fn secret(arguments: &SecretArguments) -> Result<Secret, CliError> {
    match named(arguments.secret_file.as_deref(), arguments.secret_env.as_deref())? {
        Some(secret) => Ok(secret),
        None => parse(&ask("client secret", "Client secret: ")?, "what was typed"),
    }
}

/// The client secret of a file or a variable; `None` if neither is named.
pub(in crate::cli) fn named(file: Option<&Path>, name: Option<&str>) -> Result<Option<Secret>, CliError> {
    match (file, name) {
        (Some(path), _) => secret_file(path).map(Some),
        (None, Some(name)) => parse(&variable(name)?, name).map(Some),
        (None, None) => Ok(None),
    }
}

/// The client secret in a file.
pub(in crate::cli) fn secret_file(path: &Path) -> Result<Secret, CliError> {
    parse(&read(path)?, &path.display().to_string())
}

/// Warns of a secret that could be guessed; `of` says whose it is.
pub(in crate::cli) fn weigh(secret: &Secret, of: &str) {
    if !secret.may_be_strong() {
        tracing::warn!(
            %of,
            "the client secret can be worth {} bits at most, {STRONG_BITS} are wanted: whoever sees one blob can try secrets at leisure; draw one with `acme-client secret generate`",
            secret.estimated_bits()
        );
    }
}

fn parse(text: &str, place: &str) -> Result<Secret, CliError> {
    Secret::from_text(text).map_err(|source| DeviceFailure::Secret { place: place.to_owned(), source }.into())
}

/// Reads a small file, and says so if others can read it too.
pub(in crate::cli) fn read(path: &Path) -> Result<Zeroizing<String>, CliError> {
    let failed = |source| CliError::File { path: path.to_path_buf(), source };
    let metadata = fs::metadata(path).map_err(failed)?;
    if metadata.len() > LONGEST {
        return Err(failed(io::Error::other("it is too long to be that")));
    }
    if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
        tracing::warn!(file = %path.display(), "others on this machine can read it; `chmod 600` helps");
    }
    fs::read_to_string(path).map(Zeroizing::new).map_err(failed)
}

fn variable(name: &str) -> Result<Zeroizing<String>, DeviceFailure> {
    env::var(name).map(Zeroizing::new).map_err(|_| DeviceFailure::Variable(name.to_owned()))
}

fn ask(what: &'static str, question: &str) -> Result<Zeroizing<String>, DeviceFailure> {
    let typed = rpassword::prompt_password(question);
    typed.map(Zeroizing::new).map_err(|source| DeviceFailure::Unasked { what, source })
}
