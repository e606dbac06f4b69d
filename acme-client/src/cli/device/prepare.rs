//! From arguments and lists to jobs: which certificate, which secret, which password, recognised by what.
//!
//! What is asked of a person is asked once, before any device is spoken to.

use std::{cell::OnceCell, collections::BTreeSet, env, path::Path};

use certs::key::Secret as Password;
use device_jwe::Secret;
use zeroize::Zeroizing;

use super::{
    DeviceFailure,
    credentials::{password, password_file, read, secret, secret_file, weigh},
};
use crate::{
    acme::Roots,
    cli::{CliError, ConnectionArguments, MaterialArguments, PushArguments, Session},
    clock::{Clock as _, SystemClock},
    device::{
        connect::{Limits, Target, Trust},
        fleet::Job,
        list::{self, Entry},
        material::Material,
        place::{Over, Pin, Place},
    },
    enroll::EnrollError,
    state::StateDir,
};

/// A device, and its job unless something is missing for that.
pub(super) struct Prepared {
    pub(super) place: Place,
    pub(super) identity: Option<String>,
    pub(super) job: Result<Job, CliError>,
}

/// The jobs of a command.
pub(super) fn prepare(session: &Session, arguments: &PushArguments) -> Result<Vec<Prepared>, CliError> {
    let mut entries = entries(arguments)?;
    let hook = if arguments.hook { Some(Hook::from_environment()?) } else { None };
    if let (Some(hook), Some(list)) = (&hook, &arguments.list) {
        let material = hook.material()?;
        let wanted = |name: &str| hook.identity == name || material.names(name);
        entries.retain(|(place, entry)| wanted(entry.identity.as_deref().unwrap_or(place.host())));
        if entries.is_empty() {
            return Err(DeviceFailure::NobodysIdentity {
                identity: hook.identity.clone(),
                list: list.clone(),
            }
            .into());
        }
    }
    let shared = Shared { arguments, password: OnceCell::new(), secret: OnceCell::new() };
    let prepared = entries.into_iter().map(|(place, entry)| {
        let named = arguments.material.chain.is_none().then(|| {
            let given = entry.identity.clone().or_else(|| arguments.material.identity.clone());
            given.unwrap_or_else(|| place.host().to_owned())
        });
        let identity = hook.as_ref().map(|hook| hook.identity.clone()).or(named);
        let job = job(session, &shared, hook.as_ref(), &place, &entry, identity.as_deref());
        Prepared { place, identity, job }
    });
    Ok(prepared.collect())
}

/// The devices that are named, each once: two jobs for one would get into each other's way.
fn entries(arguments: &PushArguments) -> Result<Vec<(Place, Entry)>, CliError> {
    let entries = match &arguments.list {
        None => arguments.hosts.iter().map(|place| (place.clone(), bare(place))).collect(),
        Some(path) => {
            let text = file(path)?;
            list::parse(&text, path).map_err(|source| DeviceFailure::List { path: path.clone(), source })?
        }
    };
    let mut seen = BTreeSet::new();
    for (place, entry) in &entries {
        let port = place.port(entry.over.unwrap_or(arguments.connection.over));
        if !seen.insert((place.host(), port)) {
            return Err(DeviceFailure::Twice(place.clone()).into());
        }
    }
    Ok(entries)
}

fn bare(place: &Place) -> Entry {
    Entry {
        host: place.to_string(),
        identity: None,
        over: None,
        user: None,
        password_file: None,
        secret_file: None,
        root: None,
        pin: None,
        preferred_domain: None,
    }
}

/// What serves every device that has nothing of its own.
struct Shared<'a> {
    arguments: &'a PushArguments,
    password: OnceCell<Password>,
    secret: OnceCell<Secret>,
}

impl Shared<'_> {
    fn password(&self) -> Result<Password, CliError> {
        if let Some(password) = self.password.get() {
            return Ok(password.clone());
        }
        let given = password(&self.arguments.connection)?;
        Ok(self.password.get_or_init(|| given).clone())
    }

    fn secret(&self) -> Result<Secret, CliError> {
        if let Some(secret) = self.secret.get() {
            return Ok(secret.clone());
        }
        let given = secret(&self.arguments.secret)?;
        Ok(self.secret.get_or_init(|| given).clone())
    }
}

fn job(
    session: &Session,
    shared: &Shared<'_>,
    hook: Option<&Hook>,
    place: &Place,
    entry: &Entry,
    identity: Option<&str>,
) -> Result<Job, CliError> {
    let arguments = shared.arguments;
    let material = match (hook, identity) {
        (Some(hook), _) => hook.material()?,
        (None, identity) => material(session, &arguments.material, identity)?,
    };
    let secret = match &entry.secret_file {
        Some(path) => secret_file(path)?,
        None => shared.secret()?,
    };
    weigh(&secret, &place.to_string());
    let password = match &entry.password_file {
        Some(path) => password_file(path)?,
        None => shared.password()?,
    };
    let mut connection = arguments.connection.clone();
    connection.over = entry.over.unwrap_or(connection.over);
    connection.user = entry.user.clone().unwrap_or(connection.user);
    if entry.root.is_some() || entry.pin.is_some() {
        (connection.root, connection.pin, connection.known_hosts) =
            (entry.root.clone(), entry.pin.clone(), None);
    }
    Ok(Job {
        target: target(&session.state, place, &connection, password)?,
        material,
        secret,
        preferred_domain: entry.preferred_domain.clone().or_else(|| arguments.preferred_domain.clone()),
        folder: session.state.device(place),
    })
}

/// The certificate and key that arguments name, or that `identity` has.
pub(in crate::cli) fn material(
    session: &Session,
    arguments: &MaterialArguments,
    identity: Option<&str>,
) -> Result<Material, CliError> {
    let now = SystemClock.now();
    let (chain, key) = match (&arguments.chain, &arguments.key, identity.or(arguments.identity.as_deref())) {
        (Some(chain), Some(key), _) => (file(chain)?, read(key)?),
        (None, _, Some(identity)) => {
            let identity = session.state.find_identity(identity)?;
            let current =
                identity.current()?.ok_or_else(|| EnrollError::NoCertificate(identity.name().clone()))?;
            (format!("{}{}", current.certificate, current.chain), current.key)
        }
        (Some(_), None, _) | (None, _, None) => return Err(DeviceFailure::NoMaterial.into()),
    };
    Material::new(&chain, &key, now).map_err(|error| DeviceFailure::Material(error).into())
}

/// A device to connect to: what was said, else what was pinned, else what this machine trusts.
pub(in crate::cli) fn target(
    state: &StateDir,
    place: &Place,
    connection: &ConnectionArguments,
    password: Password,
) -> Result<Target, CliError> {
    let of_kind = |pin: &Pin| match pin {
        Pin::Certificate(_) => connection.over != Over::Ssh,
        Pin::HostKey(_) => connection.over == Over::Ssh,
    };
    let trust = match (&connection.pin, &connection.root, &connection.known_hosts) {
        (Some(pin), _, _) => Trust::Pinned(vec![pin.clone()]),
        (None, Some(path), _) => roots(path)?,
        (None, None, Some(path)) => Trust::KnownHosts(path.clone()),
        (None, None, None) => {
            let pins: Vec<Pin> = state.device(place).record()?.pins.into_iter().filter(of_kind).collect();
            if pins.is_empty() { Trust::System } else { Trust::Pinned(pins) }
        }
    };
    Ok(Target {
        place: place.clone(),
        over: connection.over,
        user: connection.user.clone(),
        password,
        trust,
        limits: Limits::default(),
    })
}

fn roots(path: &Path) -> Result<Trust, CliError> {
    match Roots::from_pem(file(path)?.as_bytes()) {
        Ok(Roots::Only(roots)) => Ok(Trust::Roots(roots)),
        Ok(Roots::System) => Ok(Trust::System),
        Err(source) => Err(CliError::Roots { path: path.to_path_buf(), source }),
    }
}

fn file(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|source| CliError::File { path: path.to_path_buf(), source })
}

/// What a deploy hook is told.
struct Hook {
    identity: String,
    chain: String,
    key: Zeroizing<String>,
}

impl Hook {
    fn from_environment() -> Result<Self, CliError> {
        let variable = |name: &str| env::var(name).map_err(|_| DeviceFailure::Variable(name.to_owned()));
        let chain = variable("ROLLCALL_FULLCHAIN")?;
        let key = variable("ROLLCALL_KEY")?;
        Ok(Self {
            identity: variable("ROLLCALL_IDENTITY")?,
            chain: file(Path::new(&chain))?,
            key: read(Path::new(&key))?,
        })
    }

    fn material(&self) -> Result<Material, CliError> {
        let material = Material::new(&self.chain, &self.key, SystemClock.now());
        material.map_err(|error| DeviceFailure::Material(error).into())
    }
}
