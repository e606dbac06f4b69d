//! `secret generate` and `secret change`: client secrets of room devices.

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use device_jwe::Secret;
use serde::Serialize;

use super::{
    ChangeArguments, CliError, DeviceFailure, Ending, GenerateArguments, SecretCommand, Session,
    device::{named, password, secret as present, target, weigh},
};
use crate::device::{
    connect::connect,
    provision::{Changed, NewSecret, Sealer, change_secret},
};

/// Runs a command about secrets.
pub(super) async fn secret(session: &Session, what: &SecretCommand) -> Result<Ending, CliError> {
    match what {
        SecretCommand::Generate(arguments) => generate(session, arguments),
        SecretCommand::Change(arguments) => change(session, arguments).await,
    }
}

#[derive(Serialize)]
struct Generated {
    bits: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

fn generate(session: &Session, arguments: &GenerateArguments) -> Result<Ending, CliError> {
    let secret = Secret::generate().map_err(DeviceFailure::from)?;
    let text = secret.to_text();
    if let Some(path) = &arguments.out {
        let mut line = text.clone();
        line.push('\n');
        write_new(path, line.as_bytes())?;
    }
    let view = Generated {
        bits: Secret::GENERATED * 8,
        file: arguments.out.as_ref().map(|path| path.display().to_string()),
        secret: arguments.out.is_none().then(|| text.to_string()),
    };
    session.output.result(&view, || match &view.file {
        Some(file) => format!("a client secret of {} bits is in {file}\n", view.bits),
        None => format!("{}\n", text.as_str()),
    })?;
    Ok(Ending::Done)
}

/// Writes a file that is not there yet and that only its owner can read.
pub(super) fn write_new(path: &Path, octets: &[u8]) -> Result<(), CliError> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(octets)?;
        file.sync_all()
    };
    write().map_err(|source| DeviceFailure::Write { path: path.to_path_buf(), source }.into())
}

#[derive(Serialize)]
struct Replaced {
    host: String,
    /// `changed`, `removed` or `unchanged`.
    result: &'static str,
}

async fn change(session: &Session, arguments: &ChangeArguments) -> Result<Ending, CliError> {
    let old = present(&arguments.secret)?;
    let new = named(arguments.new.new_secret_file.as_deref(), arguments.new.new_secret_env.as_deref())?;
    let removed = new.is_none();
    let new = match new {
        Some(new) => {
            weigh(&new, &arguments.host.to_string());
            NewSecret::Secret(new)
        }
        None if arguments.new.reset => NewSecret::None,
        None => return Err(DeviceFailure::NoNewSecret.into()),
    };
    let place = &arguments.host;
    let target = target(&session.state, place, &arguments.connection, password(&arguments.connection)?)?;
    let _lock = session.state.device(place).lock()?;
    let progress = session.progress(false);
    progress.step(&format!("changing the client secret of {place}"));
    let mut xapi = connect(&target).await.map_err(DeviceFailure::from)?;
    let changed = change_secret(xapi.as_mut(), &old, new, &Sealer::new(1)).await;
    xapi.close().await;
    drop(progress);
    let changed = changed.map_err(DeviceFailure::from)?;
    let result = match (changed, removed) {
        (Changed::Before, _) => "unchanged",
        (Changed::Now, true) => "removed",
        (Changed::Now, false) => "changed",
    };
    let view = Replaced { host: place.to_string(), result };
    session.output.result(&view, || match changed {
        Changed::Now if removed => format!("{place} has no client secret any more; the next is its first\n"),
        Changed::Now => format!("{place} has the new client secret; the old one is worth nothing any more\n"),
        Changed::Before => format!("{place} has the new client secret already\n"),
    })?;
    Ok(Ending::Done)
}
