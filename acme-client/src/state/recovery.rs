//! What is done at start, under the lock, about a writer that was killed.
//!
//! Removes entries that carry a temporary name, and nothing else, with two exceptions: a pending order whose key is already
//! the current key was installed and only not forgotten; one that cannot be read is set aside, for a person to look at. What is wrong
//! with one identity must never stop the others. Must never touch a complete generation.

use std::path::{Path, PathBuf};

use super::{IdentityDir, IdentityName, StateError, durable};

/// What recovery did.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Half-made entries that were removed.
    pub removed: Vec<PathBuf>,
    /// Identities whose pending order turned out to be installed.
    pub finished: Vec<IdentityName>,
    /// Identities whose pending order cannot be read, with what is wrong with it. It was set aside; the next run orders anew.
    pub set_aside: Vec<(IdentityName, StateError)>,
}

impl Recovered {
    /// Logs it.
    pub fn log(&self) {
        for (identity, damage) in &self.set_aside {
            tracing::warn!(%identity, %damage, "a pending order was set aside as `pending.damaged`, a new one will be made");
        }
        for path in &self.removed {
            tracing::info!(path = %path.display(), "removed what an earlier run left half-made");
        }
        for identity in &self.finished {
            tracing::info!(%identity, "the order of an earlier run is installed already");
        }
    }
}

pub(super) fn recover(root: &Path) -> Result<Recovered, StateError> {
    let mut recovered = Recovered::default();
    let accounts = root.join("accounts");
    for server in durable::entries(&accounts)? {
        sweep(&accounts.join(server), &mut recovered)?;
    }
    let identities = root.join("identities");
    sweep(&identities, &mut recovered)?;
    for name in durable::entries(&identities)? {
        let folder = identities.join(&name);
        sweep(&folder, &mut recovered)?;
        sweep(&folder.join("generations"), &mut recovered)?;
        let Ok(name) = IdentityName::parse(&name) else { continue };
        let identity = IdentityDir::at(folder, name.clone());
        match is_installed(&identity) {
            Ok(false) => {}
            Ok(true) => {
                identity.clear_pending()?;
                recovered.finished.push(name);
            }
            Err(damage @ StateError::Malformed { .. }) => {
                identity.set_pending_aside()?;
                recovered.set_aside.push((name, damage));
            }
            // Whatever is done with this identity will meet it again, and tell.
            Err(error) => tracing::warn!(identity = %name, %error, "the pending order cannot be looked at"),
        }
    }
    Ok(recovered)
}

fn sweep(folder: &Path, recovered: &mut Recovered) -> Result<(), StateError> {
    if !folder.is_dir() {
        return Ok(());
    }
    for name in durable::entries(folder)? {
        if name.starts_with(durable::TEMPORARY) {
            let path = folder.join(name);
            durable::remove_if_present(&path)?;
            recovered.removed.push(path);
        }
    }
    Ok(())
}

fn is_installed(identity: &IdentityDir) -> Result<bool, StateError> {
    // Whether that is of use still, its own serial says; here it only has to be readable.
    identity.enrolment()?;
    let Some((_, key)) = identity.pending()? else { return Ok(false) };
    Ok(identity.current()?.is_some_and(|current| *current.key == *key))
}
