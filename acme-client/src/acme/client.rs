//! The client of one authority: its directory, and the way to it. Accounts, orders and the rest hang off it in their own files.

use std::sync::Arc;
use std::time::Duration;

use tracing::debug;

use super::directory::Directory;
use super::jws::{Payload, Signer};
use super::nonce::NoncePool;
use super::poll::PollPolicy;
use super::request::{Accept, Answer, Call, RequestError, Signed, Wire};
use super::resource_url::ResourceUrl;
use super::retry::{Clock, RetryPolicy, SystemClock};
use super::transport::{HttpsConfig, HttpsTransport, RootsError, Transport};

/// How patient the client is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patience {
    /// With one request.
    pub retry: RetryPolicy,
    /// With a resource that is being worked on.
    pub poll: PollPolicy,
}

/// Everything needed to reach an authority.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The directory URL.
    pub directory: ResourceUrl,
    /// Trust and limits of the connection.
    pub https: HttpsConfig,
    /// How patient to be.
    pub patience: Patience,
}

/// An authority could not be reached or is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The roots or TLS settings are unusable.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// The directory could not be read.
    #[error("{0}")]
    Request(#[from] RequestError),
}

/// The client of one authority. Cloning shares connections and nonces.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    wire: Wire,
    directory: Directory,
    directory_url: ResourceUrl,
    poll: PollPolicy,
}

impl Client {
    /// Reads the authority's directory over HTTPS.
    ///
    /// # Errors
    /// If the roots are unusable or the directory cannot be read.
    pub async fn connect(config: ClientConfig) -> Result<Self, ConnectError> {
        let transport = Arc::new(HttpsTransport::new(&config.https)?);
        let clock = Arc::new(SystemClock::default());
        Ok(Self::connect_over(config.directory, transport, clock, config.patience).await?)
    }

    /// Reads the authority's directory over a transport and clock of the caller's.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub async fn connect_over(
        directory_url: ResourceUrl,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        patience: Patience,
    ) -> Result<Self, RequestError> {
        let wire = Wire { transport, clock, nonces: NoncePool::default(), retry: patience.retry };
        let answer = wire.perform(Call { url: &directory_url, accept: Accept::Json, signed: None }).await?;
        let directory: Directory = answer.json("directory")?;
        debug!(url = %directory_url, profiles = directory.meta.profiles.len(), "directory read");
        Ok(Self { shared: Arc::new(Shared { wire, directory, directory_url, poll: patience.poll }) })
    }

    /// What the authority offers.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.shared.directory
    }

    /// Where the directory was read.
    #[must_use]
    pub fn directory_url(&self) -> &ResourceUrl {
        &self.shared.directory_url
    }

    /// How patient it is with a resource that is being worked on.
    #[must_use]
    pub fn poll_policy(&self) -> PollPolicy {
        self.shared.poll
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.shared.wire.clock.elapsed()
    }

    pub(super) async fn sleep(&self, duration: Duration) {
        self.shared.wire.clock.sleep(duration).await;
    }

    /// An unsigned GET.
    pub(super) async fn read(&self, url: &ResourceUrl) -> Result<Answer, RequestError> {
        self.shared.wire.perform(Call { url, accept: Accept::Json, signed: None }).await
    }

    /// A signed POST.
    pub(super) async fn post(
        &self,
        signer: Signer<'_>,
        url: &ResourceUrl,
        payload: &Payload,
        accept: Accept,
    ) -> Result<Answer, RequestError> {
        let signed = Some(Signed { signer, payload, new_nonce: &self.shared.directory.new_nonce });
        self.shared.wire.perform(Call { url, accept, signed }).await
    }
}
