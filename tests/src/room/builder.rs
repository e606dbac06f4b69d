//! What can be different about an emulator before it starts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_server::clock::{Clock, SystemClock};
use certs::key::Secret;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::bounds::Bounds;
use super::device::accounts::Accounts;
use super::device::limits::{BASIC, Limiter, SESSION};
use super::device::{Console, Device, Parts, Spoil, Trust};
use super::https::{self, Front};
use super::internal::{Enrolment, OwnIdentity};
use super::xapi::schema::Role;
use super::{Addresses, Emulator, StartError, ssh};

/// How often the real time is looked at: whether something ended, or is to be renewed.
const LOOK: Duration = Duration::from_secs(30);

/// Settings of an emulator that is to be started.
pub struct Builder {
    name: String,
    address: IpAddr,
    ports: (u16, u16, u16),
    passwords: Vec<(String, Secret, Role)>,
    clock: Arc<dyn Clock>,
    trust: Trust,
    tls: Option<(String, Secret)>,
    limits: bool,
    patience: Duration,
    idle: Duration,
    spoils: Vec<Spoil>,
    enrolment: Option<Enrolment>,
    console: Console,
    looks: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            name: "Room 1".to_owned(),
            address: Ipv4Addr::LOCALHOST.into(),
            ports: (0, 0, 0),
            passwords: Vec::new(),
            clock: Arc::new(SystemClock),
            trust: Trust::default(),
            tls: None,
            limits: true,
            patience: Duration::from_secs(10),
            idle: Duration::from_secs(300),
            spoils: Vec::new(),
            enrolment: None,
            console: Console::default(),
            looks: true,
        }
    }
}

impl Builder {
    /// Its name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Where it listens: an address, and the ports for HTTPS, plain HTTP and SSH (0: any that is free).
    #[must_use]
    pub fn listen(mut self, address: IpAddr, https: u16, http: u16, ssh: u16) -> Self {
        (self.address, self.ports) = (address, (https, http, ssh));
        self
    }

    /// The password of `admin`. Drawn at random otherwise.
    #[must_use]
    pub fn admin_password(self, password: Secret) -> Self {
        self.account("admin", password, Role::Admin)
    }

    /// One more account.
    #[must_use]
    pub fn account(mut self, name: &str, password: Secret, role: Role) -> Self {
        self.passwords.push((name.to_owned(), password, role));
        self
    }

    /// Another clock; the device then looks at it when it is told to ([`Emulator::tick`]), and by itself never.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        (self.clock, self.looks) = (clock, false);
        self
    }

    /// Trusts these roots (PEM) as the provider's own authority.
    ///
    /// # Errors
    /// [`StartError::Trust`]
    pub fn trust_internal(mut self, pem: &str) -> Result<Self, StartError> {
        self.trust.add(true, pem)?;
        Ok(self)
    }

    /// Trusts these roots (PEM) for the names of devices.
    ///
    /// # Errors
    /// [`StartError::Trust`]
    pub fn trust_external(mut self, pem: &str) -> Result<Self, StartError> {
        self.trust.add(false, pem)?;
        Ok(self)
    }

    /// The certificate chain and key that it shows in TLS, PEM. Self-signed for `localhost` otherwise.
    #[must_use]
    pub fn tls(mut self, chain: &str, key: Secret) -> Self {
        self.tls = Some((chain.to_owned(), key));
        self
    }

    /// Takes as many requests as come.
    #[must_use]
    pub fn without_limits(mut self) -> Self {
        self.limits = false;
        self
    }

    /// How long handshakes, heads, bodies and sign-ins may take, and how long a connection may say nothing.
    #[must_use]
    pub fn patience(mut self, patience: Duration, idle: Duration) -> Self {
        (self.patience, self.idle) = (patience, idle);
        self
    }

    /// Something that goes wrong.
    #[must_use]
    pub fn spoil(mut self, spoil: Spoil) -> Self {
        self.spoils.push(spoil);
        self
    }

    /// Where it gets its own certificate.
    #[must_use]
    pub fn enrolled(mut self, enrolment: Enrolment) -> Self {
        self.enrolment = Some(enrolment);
        self
    }

    /// Where it writes what happens.
    #[must_use]
    pub fn console(mut self, console: Console) -> Self {
        self.console = console;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// [`StartError`]
    pub async fn start(mut self) -> Result<Emulator, StartError> {
        if !self.passwords.iter().any(|(name, _, _)| name == "admin") {
            self.passwords.push(("admin".to_owned(), drawn()?, Role::Admin));
        }
        let admin = self.passwords.iter().find(|(name, _, _)| name == "admin");
        let admin_password = admin.map(|(_, password, _)| password.clone()).ok_or(StartError::Entropy)?;
        let device = Device::new(Parts {
            name: self.name,
            accounts: Accounts::new(self.passwords),
            trust: self.trust,
            clock: Arc::clone(&self.clock),
            spoils: self.spoils,
            console: self.console,
        });
        let own = match self.enrolment {
            Some(enrolment) => Some(Arc::new(OwnIdentity::begin(device.clone(), enrolment).await?)),
            None => None,
        };
        let limiter = |limit| Arc::new(Limiter::new(self.limits.then_some(limit), Arc::clone(&self.clock)));
        let stop = CancellationToken::new();
        let front = Front {
            device: device.clone(),
            bounds: Bounds::new(self.patience, self.idle),
            basic: limiter(BASIC),
            session: limiter(SESSION),
            stop: stop.clone(),
        };
        let addresses = serve(front, limiter(BASIC), self.tls, (self.address, self.ports)).await?;
        let emulator = Emulator { device, addresses, admin_password, own, _stop: stop.clone().drop_guard() };
        if self.looks {
            tokio::spawn(look(emulator.device.clone(), emulator.own.clone(), stop));
        }
        Ok(emulator)
    }
}

/// Opens the faces.
async fn serve(
    front: Front,
    over_ssh: Arc<Limiter>,
    tls: Option<(String, Secret)>,
    (address, ports): (IpAddr, (u16, u16, u16)),
) -> Result<Addresses, StartError> {
    let (certificate, key) = match tls {
        Some(pair) => pair,
        None => self_signed(address)?,
    };
    let acceptor = https::acceptor(&certificate, key.expose())?;
    let host_key = ssh::host_key()?;
    let (https_listener, https_address) = listen(SocketAddr::new(address, ports.0)).await?;
    let (http_listener, http_address) = listen(SocketAddr::new(address, ports.1)).await?;
    let (ssh_listener, ssh_address) = listen(SocketAddr::new(address, ports.2)).await?;
    let host = ssh::shown(host_key.public_key());
    let (device, bounds, stop) = (front.device.clone(), front.bounds.clone(), front.stop.clone());
    let (secure, plain) = (https::router(front), https::plain_router(https_address));
    tokio::spawn(https::run(https_listener, Some(acceptor), secure, bounds.clone(), stop.clone()));
    tokio::spawn(https::run(http_listener, None, plain, bounds.clone(), stop.clone()));
    tokio::spawn(ssh::run(ssh_listener, host_key, device, over_ssh, bounds, stop));
    Ok(Addresses { https: https_address, http: http_address, ssh: ssh_address, certificate, host_key: host })
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let listener =
        TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })?;
    let bound = listener.local_addr().map_err(|source| StartError::Listen { address, source })?;
    Ok((listener, bound))
}

async fn look(device: Device, own: Option<Arc<OwnIdentity>>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        device.look().await;
        if let Some(own) = &own
            && let Err(error) = own.look().await
        {
            device.console().say(format!("the device's own identity: {error}"));
        }
    }
}

fn drawn() -> Result<Secret, StartError> {
    let mut octets = [0; 15];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| StartError::Entropy)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(octets)))
}

fn self_signed(address: IpAddr) -> Result<(String, Secret), StartError> {
    let names = vec!["localhost".to_owned(), address.to_string()];
    let made = rcgen::generate_simple_self_signed(names);
    let made = made.map_err(|error| StartError::Tls { detail: error.to_string() })?;
    Ok((made.cert.pem(), Secret::new(made.signing_key.serialize_pem())))
}
