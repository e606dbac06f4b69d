//! The Unix socket: made with mode 0600, owned by one server at a time, removed when the server stops.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use axum::Router;
use axum::routing::{get, post};
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use super::{
    accounts, approvals, authorities, backup, certificates, console, devices, examine, external_keys,
    journal, notifications, organisations, releases, revocations, server_status,
};
use crate::app::App;

/// The admin socket cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another server answers there.
    #[error("another server answers at {0}")]
    Taken(PathBuf),
    /// Something else stands there, which is left as it is.
    #[error("{0} is no socket")]
    NotOurs(PathBuf),
    /// The system says no.
    #[error("cannot open the admin socket {path}: {source}")]
    Failed {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// An open admin socket.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl AdminSocket {
    /// Opens the socket; a dead one left by a crash is replaced, a living one is not.
    ///
    /// # Errors
    /// [`SocketError`].
    pub fn open(path: &Path) -> Result<Self, SocketError> {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(SocketError::Taken(path.to_owned()));
        }
        let failed = |source| SocketError::Failed { path: path.to_owned(), source };
        match std::fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path).map_err(failed)?,
            Ok(_) => return Err(SocketError::NotOurs(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        // The mask closes the moment between bind and chmod.
        let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
        let bound = UnixListener::bind(path);
        rustix::process::umask(before);
        let listener = bound.map_err(failed)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// Answers until `stop`.
    ///
    /// # Errors
    /// If the listener fails.
    pub async fn serve(self, app: App, stop: CancellationToken) -> io::Result<()> {
        let served =
            axum::serve(self.listener, router(app)).with_graceful_shutdown(stop.cancelled_owned()).await;
        // It may be gone already, with its folder.
        let _ = std::fs::remove_file(&self.path);
        served
    }
}

/// Everything an operator can ask.
fn router(app: App) -> Router {
    Router::new()
        .route("/status", get(server_status::show))
        .route("/certificates", get(certificates::list))
        .route("/certificates/{serial}", get(certificates::show))
        .route("/certificates/{serial}/revoke", post(certificates::revoke))
        .route("/revocations", post(revocations::revoke))
        .route("/accounts", get(accounts::list))
        .route("/accounts/{id}", get(accounts::show))
        .route("/accounts/{id}/deactivate", post(accounts::deactivate))
        .route("/external-keys", get(external_keys::list).post(external_keys::create))
        .route("/external-keys/{kid}/revoke", post(external_keys::revoke))
        .route("/approvals", get(approvals::list))
        .route("/approvals/{id}/approve", post(approvals::approve))
        .route("/approvals/{id}/deny", post(approvals::deny))
        .route("/organisations", get(organisations::list).post(organisations::create))
        .route("/organisations/{name}", get(organisations::show))
        .route("/organisations/{name}/token-issuers", post(organisations::token_issuers))
        .route("/organisations/{name}/preferred", post(organisations::prefer))
        .route("/organisations/{name}/domains", post(organisations::claim))
        .route("/organisations/{name}/domains/verify", post(organisations::verify))
        .route("/organisations/{name}/domains/remove", post(organisations::remove))
        .route("/organisations/{name}/release", post(releases::let_go))
        .route("/devices", get(devices::list).post(devices::code))
        .route("/devices/{id}", get(devices::show))
        .route("/devices/{id}/deactivate", post(devices::deactivate))
        .route("/console/links", post(console::open))
        .route("/console/sessions", get(console::sessions))
        .route("/console/close", post(console::close))
        .route("/journal", get(journal::list))
        .route("/journal/verify", get(journal::verify))
        .route("/notifications", get(notifications::list))
        .route("/notifications/{name}/test", post(notifications::test))
        .route("/notifications/{name}/replay", post(notifications::replay))
        .route("/notifications/{name}/pause", post(notifications::pause))
        .route("/notifications/{name}/resume", post(notifications::resume))
        .route("/authorities", get(authorities::list))
        .route("/authorities/reload", post(authorities::reload))
        .route("/store/examine", get(examine::examine))
        .route("/backup", get(backup::backup))
        .route("/reload", post(server_status::reload))
        .with_state(app)
}
