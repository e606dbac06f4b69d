//! The authority: made by the same code as `ca-server init`, run by the same code as `ca-server serve`, admin socket included.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ca_server::admin::client::AdminClient;
use ca_server::admin::listener::AdminSocket;
use ca_server::cli::init::{self, Init, Made};
use ca_server::clock::{Clock as _, SystemClock};
use ca_server::config::{check, load};
use ca_server::server::{self, Parts, Running};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::internal::Tokens;
use super::{Arguments, Failure, People, Place};
use crate::load::process::free_port;

/// The authority that devices reach over ACME.
pub(super) const AUTHORITY: &str = "external";

/// A running server.
pub(super) struct Authority {
    running: Running,
    stop: CancellationToken,
    admin: JoinHandle<std::io::Result<()>>,
    /// The configuration file.
    pub(super) config: PathBuf,
    /// The URL of the ACME directory.
    pub(super) directory: String,
    /// The URL that people give to `--ca`.
    pub(super) url: String,
    /// The file with the root certificate.
    pub(super) root: PathBuf,
    /// Its content.
    pub(super) root_pem: String,
    /// The root certificate of the internal authority.
    pub(super) internal_root_pem: String,
    /// A way to ask it as its operator does.
    pub(super) operator: AdminClient,
}

/// Makes the authority's folder, and lets it ask the DNS server at `resolver` and rely on an identity provider.
pub(super) fn init(
    arguments: &Arguments,
    place: &Place,
    resolver: SocketAddr,
    people: &People,
    tokens: &Tokens,
) -> Result<Made, Failure> {
    let port = match arguments.port {
        Some(port) => port,
        None => free_port().map_err(Failure::System)?,
    };
    let url = format!("https://localhost:{port}");
    let made = init::make(&Init {
        dir: place.join("ca"),
        url: url.parse().map_err(|_| Failure::Url(url.clone()))?,
        domains: vec![arguments.domain.clone()],
        listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        organisation: Some("Rollcall quickstart".to_owned()),
        passphrase_file: None,
        root_passphrase_file: None,
        key_store: "file".to_owned(),
        plain_http: false,
        json: false,
    })?;
    let edited = std::fs::read_to_string(&made.config)
        .map(|text| text.replace("\nresolvers = []", &format!("\nresolvers = [\"{resolver}\"]")))
        .map(|text| {
            text.replace("#guests = false", "guests = true") + &people.config() + &tokens.config(&url)
        })
        .and_then(|text| std::fs::write(&made.config, text));
    edited.map_err(|source| Failure::File { action: "edit", path: made.config.clone(), source })?;
    Ok(made)
}

impl Authority {
    /// Starts the server of that folder.
    pub(super) async fn start(made: &Made) -> Result<Self, Failure> {
        let config = load::load(&made.config)?;
        if let Some(problem) = check::check(&config, SystemClock.now()).first() {
            return Err(Failure::Config { problem: problem.to_string(), hint: problem.hint.clone() });
        }
        let url = config.url.as_str().trim_end_matches('/').to_owned();
        let root = made.folder.join(format!("roots/{AUTHORITY}.pem"));
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path).map_err(|source| Failure::File {
                action: "read",
                path: path.clone(),
                source,
            })
        };
        let root_pem = read(&root)?;
        let internal_root_pem = read(&made.folder.join("roots/internal.pem"))?;
        let operator = AdminClient::new(&config);
        let socket = AdminSocket::open(&config.resolve(&config.admin.socket))?;
        let running = server::start(config, Parts::default()).await?;
        let stop = CancellationToken::new();
        let admin = tokio::spawn(socket.serve(running.app().clone(), stop.clone()));
        let directory = made.directory.clone();
        Ok(Self {
            running,
            stop,
            admin,
            config: made.config.clone(),
            directory,
            url,
            root,
            root_pem,
            internal_root_pem,
            operator,
        })
    }

    /// Recomputes the journal's chain, as `ca-server log verify` does; gives the number of its entries.
    pub(super) async fn verify_journal(&self) -> Result<u64, Failure> {
        let report = ca_server::log::verify::verify(&self.running.app().store, None).await?;
        match report.broken {
            None => Ok(report.verified),
            Some((entry, fault)) => Err(Failure::Broken { entry, fault }),
        }
    }

    /// Stops in order.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.running.shutdown().await;
        // The socket has nothing to lose.
        let _ = self.admin.await;
    }
}
