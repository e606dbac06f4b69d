//! The Unix socket: made with mode 0600, owned by one server at a time, removed when the server stops.

use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use axum::Router;
use axum::routing::{get, post};
use rustix::fs::Mode;
use tokio::net::{UnixListener, UnixSocket};
use tokio_util::sync::CancellationToken;

use super::{
    accounts, approvals, authorities, backup, certificates, console, devices, examine, external_keys,
    journal, notifications, organisations, releases, revocations, server_status,
};
use crate::app::App;

/// How many callers may wait to be let in.
const BACKLOG: u32 = 128;

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
        let listener = listen(path).map_err(failed)?;
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

/// Listens on a socket that nobody else could open at any moment.
///
/// The mode is given before there is a name, which Linux carries over. The process's mask would do the same, and is everybody's: two that set
/// it at once leave the wrong one behind.
fn listen(path: &Path) -> io::Result<UnixListener> {
    let socket = UnixSocket::new_stream()?;
    rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    socket.bind(path)?;
    socket.listen(BACKLOG)
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::AdminSocket;

    fn mask() -> String {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        status.lines().find(|line| line.starts_with("Umask:")).unwrap().to_owned()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 8)]
    async fn sockets_opened_at_once_are_their_owners_alone_and_leave_the_process_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let before = mask();
        let sockets = (0..256).map(|number| {
            let path = folder.path().join(format!("{number}.sock"));
            tokio::spawn(async move { AdminSocket::open(&path) })
        });
        for socket in sockets.collect::<Vec<_>>() {
            let socket = socket.await.unwrap().unwrap();
            let mode = std::fs::metadata(&socket.path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(mask(), before);
    }
}
