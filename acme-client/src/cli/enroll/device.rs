//! `enroll device`: names that are proven through the DNS.

use std::{fs, path::Path};

use super::{Session, enroll, settings, tell};
use crate::{
    cli::{CliError, DeviceArguments, DnsArguments, Ending},
    state::{DeviceSettings, DnsSettings, IdentityName, ProviderKind, Subject},
};

/// Enrols a device.
pub(in crate::cli) async fn device(
    session: &Session,
    arguments: &DeviceArguments,
) -> Result<Ending, CliError> {
    let subject = subject(arguments)?;
    let interactive = matches!(subject.dns.provider, ProviderKind::Manual | ProviderKind::Persist);
    let name = match &arguments.common.identity {
        Some(name) => IdentityName::parse(name)?,
        None => IdentityName::for_domain(arguments.names.first().map_or("", String::as_str))?,
    };
    let settings = settings(&arguments.common, Subject::Device(subject))?;
    let _lock = session.lock()?;
    let progress = session.progress(interactive);
    let agent = session.agent(progress.as_ref(), None);
    let view = enroll(session, agent, &arguments.common, &settings, &name).await?;
    tell(session, progress, &view)
}

fn subject(arguments: &DeviceArguments) -> Result<DeviceSettings, CliError> {
    let mut names: Vec<String> = Vec::new();
    for name in &arguments.names {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    Ok(DeviceSettings { names, challenge: arguments.challenge, dns: dns_settings(&arguments.dns)? })
}

fn dns_settings(arguments: &DnsArguments) -> Result<DnsSettings, CliError> {
    let absolute = |path: &Path| {
        // Renewals run elsewhere than where the person typed this.
        fs::canonicalize(path).map_err(|source| CliError::File { path: path.to_path_buf(), source })
    };
    Ok(DnsSettings {
        server: arguments.server.clone(),
        tsig_key_file: arguments.key_file.as_deref().map(absolute).transpose()?,
        zone: arguments.zone.clone(),
        hook: arguments.hook.as_deref().map(absolute).transpose()?,
        hook_timeout: arguments.hook_timeout,
        resolver: arguments.resolver,
        wait: !arguments.no_wait,
        timeout: arguments.timeout,
        ttl: arguments.ttl,
        ..DnsSettings::of(arguments.provider)
    })
}
