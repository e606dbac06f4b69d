//! `jwe seal` and `jwe open`: blobs for devices, made and read without one. For whoever carries commands to a device by hand.

use std::{
    fs,
    io::{self, Read as _},
};

use device_jwe::{Action, Blob, Fingerprint, Fresh, MAX_BLOB, Payload};
use serde::Serialize;

use super::{
    CliError, DeviceFailure, Ending, JweCommand, OpenArguments, SealArguments, Session,
    device::{material, named, secret, weigh},
    secret::write_new,
};
use crate::device::material::MaterialError;

/// Runs a command about blobs.
pub(super) fn jwe(session: &Session, what: &JweCommand) -> Result<Ending, CliError> {
    match what {
        JweCommand::Seal(arguments) => seal(session, arguments),
        JweCommand::Open(arguments) => open(session, arguments),
    }
}

#[derive(Serialize)]
struct Sealed {
    action: &'static str,
    enc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    blob: String,
}

fn seal(session: &Session, arguments: &SealArguments) -> Result<Ending, CliError> {
    let action = Action::from(arguments.action);
    refuse_unused(arguments, action)?;
    let payload = payload(session, arguments, action)?;
    let secret = secret(&arguments.secret)?;
    weigh(&secret, "the blob");
    let fresh = Fresh::draw().map_err(DeviceFailure::from)?;
    let blob = Blob::seal(&secret, action, &payload.to_octets(), arguments.enc, fresh);
    let view = Sealed {
        action: action.name(),
        enc: arguments.enc.name(),
        fingerprint: match &payload {
            Payload::Certificate(fingerprint) => Some(fingerprint.to_string()),
            Payload::Pem(_) | Payload::NewSecret(_) => None,
        },
        blob: blob.map_err(DeviceFailure::from)?.to_string(),
    };
    session.output.result(&view, || format!("{}\n", view.blob))?;
    Ok(Ending::Done)
}

/// What an action has no use for is a slip of the pen: the blob would not be what was meant.
fn refuse_unused(arguments: &SealArguments, action: Action) -> Result<(), DeviceFailure> {
    let material = &arguments.material;
    let of_certificates = [
        ("--identity", material.identity.is_some()),
        ("--chain", material.chain.is_some()),
        ("--key", material.key.is_some()),
    ];
    let of_secrets = [
        ("--new-secret-file", arguments.new_secret_file.is_some()),
        ("--new-secret-env", arguments.new_secret_env.is_some()),
        ("--reset", arguments.reset),
    ];
    let fingerprint = [("--fingerprint", arguments.fingerprint.is_some())];
    let unused = match action {
        Action::Add => [of_secrets.as_slice(), &fingerprint].concat(),
        Action::Activate | Action::Deactivate => of_secrets.to_vec(),
        Action::Populate => [of_certificates.as_slice(), &fingerprint].concat(),
    };
    match unused.into_iter().find(|(_, given)| *given) {
        Some((argument, _)) => Err(DeviceFailure::Unused { argument, action: action.name() }),
        None => Ok(()),
    }
}

fn payload(session: &Session, arguments: &SealArguments, action: Action) -> Result<Payload, CliError> {
    match action {
        Action::Add => Ok(material(session, &arguments.material, None)?.payload()),
        Action::Activate | Action::Deactivate => Ok(Payload::Certificate(fingerprint(session, arguments)?)),
        Action::Populate if arguments.reset => Ok(Payload::NewSecret(None)),
        Action::Populate => {
            let new = named(arguments.new_secret_file.as_deref(), arguments.new_secret_env.as_deref())?;
            let new = new.ok_or(DeviceFailure::NoNewSecret)?;
            weigh(&new, "what is sealed");
            Ok(Payload::NewSecret(Some(new)))
        }
    }
}

/// That of the certificate that is named. Of a chain the key is not needed.
fn fingerprint(session: &Session, arguments: &SealArguments) -> Result<Fingerprint, CliError> {
    if let Some(fingerprint) = &arguments.fingerprint {
        return Ok(fingerprint.clone());
    }
    let Some(path) = &arguments.material.chain else {
        return Ok(material(session, &arguments.material, None)?.fingerprint().clone());
    };
    let text = fs::read_to_string(path).map_err(|source| CliError::File { path: path.clone(), source })?;
    let chain = certs::pem::parse_certificates(&text);
    let chain = chain.map_err(|error| DeviceFailure::Material(MaterialError::Chain(error)))?;
    let first = chain.first().ok_or(DeviceFailure::Material(MaterialError::Empty))?;
    Ok(Fingerprint::of(first))
}

#[derive(Serialize)]
struct Opened {
    action: &'static str,
    enc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
}

fn open(session: &Session, arguments: &OpenArguments) -> Result<Ending, CliError> {
    let failed = |source| CliError::File { path: arguments.blob.clone(), source };
    let limit = u64::try_from(MAX_BLOB).unwrap_or(u64::MAX) + 2;
    let mut text = String::new();
    if arguments.blob.as_os_str() == "-" {
        io::stdin().lock().take(limit).read_to_string(&mut text).map_err(failed)?;
    } else {
        fs::File::open(&arguments.blob)
            .and_then(|file| file.take(limit).read_to_string(&mut text))
            .map_err(failed)?;
    }
    let action = Action::from(arguments.action);
    let blob = Blob::parse(text.trim_ascii()).map_err(DeviceFailure::from)?;
    let content = blob.open(&secret(&arguments.secret)?, action).map_err(DeviceFailure::from)?;
    if let Some(path) = &arguments.out {
        write_new(path, &content)?;
    }
    let shown = arguments.out.is_none().then(|| String::from_utf8_lossy(&content).into_owned());
    let view = Opened {
        action: action.name(),
        enc: blob.encryption().name(),
        file: arguments.out.as_ref().map(|path| path.display().to_string()),
        content: shown,
    };
    session.output.result(&view, || match (&view.file, &view.content) {
        (Some(file), _) => format!("what it holds is in {file}\n"),
        (None, Some(content)) => format!("{}{}", content, if content.ends_with('\n') { "" } else { "\n" }),
        (None, None) => String::new(),
    })?;
    Ok(Ending::Done)
}
