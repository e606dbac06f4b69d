//! Reaching a server: which URL its directory has, whom to trust for its TLS certificate, how patient to be.
//!
//! Trusts exactly the roots that were stored for that server; the machine's own only if none were.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Mutex, MutexGuard};
use url::Url;

use super::EnrollError;
use crate::{
    acme::{
        self, Client, ClientConfig, ClientIdentity, ConnectError, HttpsConfig, HttpsTransport, Patience,
        PlainHttp, ResourceUrl, Roots, RootsError, Transport,
    },
    internal::InternalError,
    state::{ServerLabel, StateDir},
};

/// The directory of a `ca-server` whose URL was given without a path.
const DEFAULT_DIRECTORY: &str = "/acme/external/directory";

/// How long a server's directory is believed when it is kept at all.
const KEEP_CLIENT: Duration = Duration::from_secs(600);
/// How long a server that could not be reached is left alone for other identities.
const KEEP_FAILURE: Duration = Duration::from_secs(60);

/// How servers are reached.
#[derive(Clone, Debug)]
pub struct Connector {
    /// How patient to be.
    pub patience: Patience,
    /// Where plain HTTP is allowed. Default: to this machine itself.
    pub plain_http: PlainHttp,
    /// Addresses to use instead of asking DNS, by host name.
    pub addresses: Vec<(String, SocketAddr)>,
    /// Use the proxy that the environment names. Default: yes.
    pub environment_proxy: bool,
    over: Option<(Arc<dyn Transport>, Arc<dyn acme::Clock>)>,
    /// The servers reached so far, if they are kept.
    kept: Option<Arc<Kept>>,
    /// Whoever looks for, registers or settles an account waits for whoever does so.
    accounts: Arc<Mutex<()>>,
}

impl Default for Connector {
    fn default() -> Self {
        Self {
            patience: Patience::default(),
            plain_http: PlainHttp::Loopback,
            addresses: Vec::new(),
            environment_proxy: true,
            over: None,
            kept: None,
            accounts: Arc::default(),
        }
    }
}

/// A server that was asked for its directory, or could not be.
type Reached = Arc<Mutex<Option<(Instant, Result<Client, Away>)>>>;

/// Servers by the URL of their directory.
#[derive(Debug, Default)]
struct Kept(Mutex<HashMap<Url, Reached>>);

/// Why a server was not reached.
#[derive(Clone, Debug)]
struct Away {
    reason: String,
    retry_after: Option<Duration>,
}

impl Connector {
    /// Over a transport and clock of the caller's, in place of HTTPS and the machine's clock.
    pub fn over(transport: Arc<dyn Transport>, clock: Arc<dyn acme::Clock>, patience: Patience) -> Self {
        Self { patience, over: Some((transport, clock)), ..Self::default() }
    }

    /// Keeps servers for a while once they were reached, or could not be: many identities that are due at once read one directory, share
    /// connections and nonces, and do not wait one after the other for a server that is away.
    #[must_use]
    pub fn keeping(self) -> Self {
        Self { kept: Some(Arc::default()), ..self }
    }

    /// Forgets the servers that were kept.
    pub async fn forget(&self) {
        if let Some(kept) = &self.kept {
            kept.0.lock().await.clear();
        }
    }

    /// Held while an account is looked for, registered or settled.
    pub(super) async fn accounts(&self) -> MutexGuard<'_, ()> {
        self.accounts.lock().await
    }

    /// Reads the directory at `directory`, trusting the roots stored for that server; or takes what was kept of it.
    pub async fn connect(&self, state: &StateDir, directory: &Url) -> Result<Client, EnrollError> {
        let Some(kept) = &self.kept else { return self.connect_anew(state, directory).await };
        let reached: Reached = kept.0.lock().await.entry(directory.clone()).or_default().clone();
        let mut reached = reached.lock().await;
        match &*reached {
            Some((since, Ok(client))) if since.elapsed() < KEEP_CLIENT => return Ok(client.clone()),
            Some((since, Err(away))) if since.elapsed() < KEEP_FAILURE => {
                let Away { reason, retry_after } = away.clone();
                return Err(EnrollError::Away { server: directory.to_string(), reason, retry_after });
            }
            Some(_) | None => {}
        }
        let made = self.connect_anew(state, directory).await;
        let outcome = made.as_ref().map(Client::clone);
        let outcome =
            outcome.map_err(|error| Away { reason: error.to_string(), retry_after: error.retry_after() });
        *reached = Some((Instant::now(), outcome));
        made
    }

    async fn connect_anew(&self, state: &StateDir, directory: &Url) -> Result<Client, EnrollError> {
        let roots = state.account(&ServerLabel::of(directory)).roots()?;
        self.connect_trusting(directory, roots.as_deref()).await
    }

    /// The way to a server that is no ACME server, trusting the roots stored for it.
    pub fn transport(&self, state: &StateDir, address: &Url) -> Result<Arc<dyn Transport>, EnrollError> {
        let roots = state.account(&ServerLabel::of(address)).roots()?;
        self.transport_trusting(roots.as_deref())
    }

    /// The way to a server that is no ACME server, trusting these roots (PEM), or the machine's own without any.
    pub fn transport_trusting(&self, roots: Option<&[u8]>) -> Result<Arc<dyn Transport>, EnrollError> {
        self.transport_showing(roots, None)
    }

    /// The same, with a certificate of our own for a server that asks for one.
    pub fn transport_showing(
        &self,
        roots: Option<&[u8]>,
        shown: Option<ClientIdentity>,
    ) -> Result<Arc<dyn Transport>, EnrollError> {
        if let Some((transport, _)) = &self.over {
            return Ok(Arc::clone(transport));
        }
        let mut https = self.https(roots).map_err(InternalError::from)?;
        https.client_identity = shown;
        let transport = HttpsTransport::new(&https);
        Ok(Arc::new(transport.map_err(InternalError::from)?))
    }

    fn https(&self, roots: Option<&[u8]>) -> Result<HttpsConfig, RootsError> {
        let roots = match roots {
            Some(pem) => Roots::from_pem(pem)?,
            None => Roots::System,
        };
        let mut https = HttpsConfig::new(roots);
        https.plain_http = self.plain_http;
        https.addresses.clone_from(&self.addresses);
        https.environment_proxy = self.environment_proxy;
        Ok(https)
    }

    /// Reads the directory at `directory`, trusting these roots (PEM), or the machine's own without any.
    pub async fn connect_trusting(
        &self,
        directory: &Url,
        roots: Option<&[u8]>,
    ) -> Result<Client, EnrollError> {
        if let Some((transport, clock)) = &self.over {
            let (transport, clock) = (Arc::clone(transport), Arc::clone(clock));
            let url = resource_url(directory.as_str())?;
            return Ok(Client::connect_over(url, transport, clock, self.patience).await?);
        }
        let https = self.https(roots).map_err(ConnectError::from)?;
        let config =
            ClientConfig { directory: resource_url(directory.as_str())?, https, patience: self.patience };
        Ok(Client::connect(config).await?)
    }
}

/// The directory that `--ca` means: the URL itself, or for a server's bare URL its external authority's directory.
pub fn directory_url(text: &str) -> Result<Url, EnrollError> {
    let mut url = resource_url(text)?.url().clone();
    if matches!(url.path(), "" | "/") {
        url.set_path(DEFAULT_DIRECTORY);
    }
    Ok(url)
}

pub(crate) fn resource_url(text: &str) -> Result<ResourceUrl, EnrollError> {
    text.parse().map_err(|source| EnrollError::Url { url: text.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_server_url_means_its_external_directory() {
        for (given, expected) in [
            ("https://ca.test:14000", "https://ca.test:14000/acme/external/directory"),
            ("https://ca.test/", "https://ca.test/acme/external/directory"),
            ("https://ca.test/acme/internal/directory", "https://ca.test/acme/internal/directory"),
            ("https://acme.test/v2", "https://acme.test/v2"),
        ] {
            assert_eq!(directory_url(given).unwrap().as_str(), expected);
        }
        for bad in ["ca.test", "ftp://ca.test", ""] {
            assert!(matches!(directory_url(bad), Err(EnrollError::Url { .. })), "{bad}");
        }
    }
}
