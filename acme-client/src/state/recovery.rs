//! What is done at start, under the lock, about a writer that was killed.
//!
//! Removes entries that carry a temporary name, and nothing else, with one exception: a pending order whose key is already
//! the current key was installed and only not forgotten. Must never touch a complete generation.

use std::path::{Path, PathBuf};

use super::{IdentityDir, IdentityName, StateError, durable};

/// What recovery did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Half-made entries that were removed.
    pub removed: Vec<PathBuf>,
    /// Identities whose pending order turned out to be installed.
    pub finished: Vec<IdentityName>,
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
        if is_installed(&identity)? {
            identity.clear_pending()?;
            recovered.finished.push(name);
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
    let Some((_, key)) = identity.pending()? else { return Ok(false) };
    Ok(identity.current()?.is_some_and(|current| *current.key == *key))
}
