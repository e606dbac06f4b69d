//! `identity.toml` as it stands on disk: one flat table, so that files of earlier versions, which knew devices only, still read.
//!
//! Decides which keys belong together; the types above hold only what fits.

use std::path::PathBuf;

use certs::name::EmailAddress;
use serde::{Deserialize, Serialize};
use tokens::KeyStore;
use url::Url;

use super::{
    ChallengeChoice, Credential, DeploySettings, DeviceSettings, DnsSettings, EstSettings, IdentitySettings,
    KeyType, PersonSettings, Subject,
};

/// Keys that do not belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Mixed {
    /// Nobody is named.
    #[error("`names` of a device, the `email` of a person, or what to show an internal authority is missing")]
    Nobody,
    /// A device and a person are named.
    #[error("`names` is for a device and `email` for a person; an identity is one of them")]
    Both,
    /// A device that does not say how it publishes records.
    #[error("the table `[dns]` is missing, which says how a device proves its names")]
    NoDns,
    /// A key of a device in a person's identity.
    #[error("`{0}` is for devices, not for an `email`")]
    ForDevices(&'static str),
    /// A key of a person in a device's identity.
    #[error("`provider` is for an `email`, not for `names`")]
    ForPeople,
    /// Something else beside what is shown to an internal authority.
    #[error(
        "`token_file`, `machine_account` and `guest` are for an internal authority and stand alone, without {0}"
    )]
    ForInternal(&'static str),
    /// A token for keys that are bound to a file.
    #[error(
        "`key_store` is not for `machine_account` without `est`: the device's token and certificates are bound to one key in a file"
    )]
    BoundKey,
    /// EST for somebody it is not for.
    #[error("`est` and `est_user` are for an internal authority, with `token_file` or `machine_account`")]
    ForEst,
}

/// The file. Plain values first, since TOML wants tables last.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<EmailAddress>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "is_false")]
    machine_account: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    guest: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    est: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    est_user: Option<String>,
    directory: Url,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    challenge: Option<ChallengeChoice>,
    #[serde(default)]
    key_type: KeyType,
    #[serde(default, skip_serializing_if = "KeyStore::is_file")]
    key_store: KeyStore,
    #[serde(default = "default_keep")]
    keep: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dns: Option<DnsSettings>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deploy: Option<DeploySettings>,
}

fn default_keep() -> u32 {
    5
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Stored {
    fn showing(self, credential: Credential) -> Self {
        match credential {
            Credential::TokenFile(path) => Self { token_file: Some(path), ..self },
            Credential::MachineAccount => Self { machine_account: true, ..self },
            Credential::Guest => Self { guest: true, ..self },
        }
    }

    /// What is shown to an internal authority, if this is one's identity.
    fn credential(&self) -> Result<Option<Credential>, Mixed> {
        let credential = match (&self.token_file, self.machine_account, self.guest) {
            (None, false, false) => return Ok(None),
            (Some(path), false, false) => Credential::TokenFile(path.clone()),
            (None, true, false) => Credential::MachineAccount,
            (None, false, true) => Credential::Guest,
            (_, _, _) => return Err(Mixed::ForInternal("one another")),
        };
        let others = [
            (!self.names.is_empty(), "`names`"),
            (self.email.is_some(), "`email`"),
            (self.provider.is_some(), "`provider`"),
            (self.profile.is_some(), "`profile`"),
            (self.challenge.is_some(), "`challenge`"),
            (self.dns.is_some(), "`[dns]`"),
        ];
        match others.into_iter().find(|(there, _)| *there) {
            Some((_, other)) => Err(Mixed::ForInternal(other)),
            None => Ok(Some(credential)),
        }
    }
}

/// Whoever is shown to an internal authority, and how.
fn internal(credential: Credential, est: bool, user: Option<String>) -> Result<Subject, Mixed> {
    match (est, user) {
        (true, _) if credential == Credential::Guest => Err(Mixed::ForEst),
        (true, user) => Ok(Subject::Est(EstSettings { credential, user })),
        (false, Some(_)) => Err(Mixed::ForEst),
        (false, None) => Ok(Subject::Internal(credential)),
    }
}

impl TryFrom<Stored> for IdentitySettings {
    type Error = Mixed;

    fn try_from(stored: Stored) -> Result<Self, Mixed> {
        let credential = stored.credential()?;
        if credential == Some(Credential::MachineAccount) && !stored.est && !stored.key_store.is_file() {
            return Err(Mixed::BoundKey);
        }
        let subject = match (stored.email, stored.names) {
            (_, _) if credential.is_some() => {
                internal(credential.ok_or(Mixed::Nobody)?, stored.est, stored.est_user)?
            }
            (_, _) if stored.est || stored.est_user.is_some() => return Err(Mixed::ForEst),
            (Some(_), names) if !names.is_empty() => return Err(Mixed::Both),
            (None, names) if names.is_empty() => return Err(Mixed::Nobody),
            (Some(_), _) if stored.challenge.is_some() => return Err(Mixed::ForDevices("challenge")),
            (Some(_), _) if stored.dns.is_some() => return Err(Mixed::ForDevices("[dns]")),
            (Some(email), _) => Subject::Person(PersonSettings { email, provider: stored.provider }),
            (None, _) if stored.provider.is_some() => return Err(Mixed::ForPeople),
            (None, names) => Subject::Device(DeviceSettings {
                names,
                challenge: stored.challenge.unwrap_or_default(),
                dns: stored.dns.ok_or(Mixed::NoDns)?,
            }),
        };
        Ok(Self {
            subject,
            directory: stored.directory,
            profile: stored.profile,
            key_type: stored.key_type,
            key_store: stored.key_store,
            keep: stored.keep,
            deploy: stored.deploy,
        })
    }
}

impl From<IdentitySettings> for Stored {
    fn from(settings: IdentitySettings) -> Self {
        let IdentitySettings { subject, directory, profile, key_type, key_store, keep, deploy } = settings;
        let nobody = Self {
            names: Vec::new(),
            email: None,
            provider: None,
            token_file: None,
            machine_account: false,
            guest: false,
            est: false,
            est_user: None,
            directory,
            profile,
            challenge: None,
            key_type,
            key_store,
            keep,
            dns: None,
            deploy,
        };
        match subject {
            Subject::Device(DeviceSettings { names, challenge, dns }) => {
                Self { names, challenge: Some(challenge), dns: Some(dns), ..nobody }
            }
            Subject::Person(PersonSettings { email, provider }) => {
                Self { email: Some(email), provider, ..nobody }
            }
            Subject::Internal(credential) => nobody.showing(credential),
            Subject::Est(EstSettings { credential, user }) => {
                Self { est: true, est_user: user, ..nobody.showing(credential) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the version before people were known wrote it.
    const DEVICE: &str = r#"
names = ["room-1.example.com"]
directory = "https://ca.test/directory"
challenge = "auto"
key_type = "p256"
keep = 5

[dns]
provider = "manual"
hook_timeout = "2m"
wait = true
timeout = "3m"
ttl = 60
"#;

    const PERSON: &str =
        "email = \"bob@example.com\"\nprovider = \"corp\"\ndirectory = \"https://ca.test/directory\"\n";

    fn read(text: &str) -> Result<IdentitySettings, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_devices_file_of_an_earlier_version_reads_and_is_written_as_before() {
        let settings = read(DEVICE).unwrap();
        assert_eq!(settings.names(), ["room-1.example.com"]);
        assert!(settings.person().is_none());
        assert_eq!(toml::to_string_pretty(&settings).unwrap().trim(), DEVICE.trim());
    }

    #[test]
    fn a_persons_file_reads_back() {
        let settings = read(PERSON).unwrap();
        let person = settings.person().unwrap();
        assert_eq!(
            (person.email.to_string().as_str(), person.provider.as_deref()),
            ("bob@example.com", Some("corp"))
        );
        let written = toml::to_string_pretty(&settings).unwrap();
        assert_eq!(read(&written).unwrap(), settings);
        assert!(!written.contains("dns") && !written.contains("names"), "{written}");
    }

    #[test]
    fn an_identity_at_an_internal_authority_reads_back_and_says_nothing_else() {
        let directory = "directory = \"https://ca.test/internal/\"\n";
        for (line, expected) in [
            ("token_file = \"/run/token\"\n", Credential::TokenFile("/run/token".into())),
            ("machine_account = true\n", Credential::MachineAccount),
            ("guest = true\n", Credential::Guest),
        ] {
            let settings = read(&format!("{line}{directory}")).unwrap();
            assert_eq!(settings.internal(), Some(&expected));
            assert!(settings.person().is_none() && settings.identifiers().is_empty());
            assert_eq!(read(&toml::to_string_pretty(&settings).unwrap()).unwrap(), settings);
            for other in
                ["guest = true\nmachine_account = true\n", "profile = \"device\"\n", "names = [\"a.test\"]\n"]
            {
                let error = read(&format!("{line}{other}{directory}")).unwrap_err();
                assert!(error.contains("stand alone") || error.contains("duplicate"), "{error}");
            }
        }
    }

    #[test]
    fn an_identity_over_est_reads_back_and_is_nobodys_but_an_internal_authoritys() {
        let directory = "directory = \"https://ca.test/.well-known/est/\"\n";
        for (lines, user) in [
            ("token_file = \"/run/token\"\nest = true\n", None),
            ("machine_account = true\nest = true\nest_user = \"room\"\n", Some("room")),
        ] {
            let settings = read(&format!("{lines}{directory}")).unwrap();
            assert_eq!(settings.est().unwrap().user.as_deref(), user);
            assert!(settings.internal().is_some());
            assert_eq!(read(&toml::to_string_pretty(&settings).unwrap()).unwrap(), settings);
        }
        for lines in [
            "guest = true\nest = true\n",
            "guest = true\nest_user = \"a\"\n",
            "email = \"bob@example.com\"\nest = true\n",
        ] {
            let error = read(&format!("{lines}{directory}")).unwrap_err();
            assert!(error.contains("`est`"), "{error}");
        }
    }

    #[test]
    fn keys_that_do_not_belong_together_are_refused_by_name() {
        for (text, expected) in [
            (format!("{PERSON}names = [\"a.test\"]\n"), "`names` is for a device"),
            (format!("{PERSON}challenge = \"dns-01\"\n"), "`challenge` is for devices"),
            (format!("{PERSON}[dns]\nprovider = \"manual\"\n"), "`[dns]` is for devices"),
            (format!("provider = \"corp\"\n{}", DEVICE.trim_start()), "`provider` is for an `email`"),
            ("directory = \"https://ca.test\"\n".to_owned(), "is missing"),
            ("names = [\"a.test\"]\ndirectory = \"https://ca.test\"\n".to_owned(), "`[dns]` is missing"),
            (format!("{PERSON}colour = 1\n"), "colour"),
            ("email = \"bob\"\ndirectory = \"https://ca.test\"\n".to_owned(), "@"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
