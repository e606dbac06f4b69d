//! One device: its vault, its settings, its tree, and everybody who listens to it.
//!
//! Every face ends here. One command runs at a time, off the threads that serve sockets, because opening a JWE costs 32 MiB and a tenth of a second. What
//! changes is told to whoever subscribed, after the command that changed it.

pub mod accounts;
mod clock;
mod console;
mod faults;
mod identity;
pub mod limits;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

use certs::chain::{TrustSetName, TrustSets};
use parking_lot::Mutex;
use rustls_pki_types::CertificateDer;
use tokio::sync::{Semaphore, broadcast};

use super::security::{self, Vault};
use super::xapi::schema::{Command, Role, Verb, check, document, result_name};
use super::xapi::tree::changes;
use super::xapi::{Call, Fault, Node, Path, Refusal};
use accounts::Accounts;
use settings::Settings;

pub use clock::AgentClock;
pub use console::{Console, Said};
pub use faults::{Spoil, When};
pub use identity::judged;

/// Most events that wait for a slow subscriber.
const EVENTS_KEPT: usize = 256;

/// What changed: values by path. Items of lists that are gone have the mark `ghost`.
pub type Change = BTreeMap<Path, String>;

/// What a command came to.
#[derive(Debug)]
pub enum Outcome {
    /// Its result, under its name: `ServicesShowResult`.
    Done {
        /// The name of the result.
        name: String,
        /// The result, with its `status`.
        result: Node,
    },
    /// It was refused.
    Refused {
        /// The name of the result.
        name: String,
        /// Why.
        refusal: Refusal,
    },
    /// A test wants the connection cut.
    CutOff,
}

/// Whom the device believes.
#[derive(Clone, Default)]
pub struct Trust {
    /// The sets that chains are judged by.
    pub sets: TrustSets,
    /// Their roots, to be shown: `Internal` or `External`.
    pub roots: Vec<(&'static str, CertificateDer<'static>)>,
}

impl Trust {
    /// Adds the roots of a PEM text.
    ///
    /// # Errors
    /// If they cannot be roots.
    pub fn add(&mut self, internal: bool, pem: &str) -> Result<(), certs::chain::TrustError> {
        let name = if internal { TrustSetName::internal() } else { TrustSetName::external_domain() };
        self.sets.insert_pem(name, pem)?;
        let kind = if internal { "Internal" } else { "External" };
        let roots = certs::pem::parse_certificates(pem).unwrap_or_default();
        self.roots.extend(roots.into_iter().map(|root| (kind, root)));
        Ok(())
    }
}

/// What can change.
struct State {
    vault: Vault,
    settings: Settings,
    internal: Vec<CertificateDer<'static>>,
    shown: BTreeMap<Path, String>,
}

/// What a device is made of.
pub struct Parts {
    /// Its name.
    pub name: String,
    /// Who may come in.
    pub accounts: Accounts,
    /// Whom it believes.
    pub trust: Trust,
    /// Its clock.
    pub clock: Arc<dyn ca_server::clock::Clock>,
    /// What goes wrong, for tests.
    pub spoils: Vec<Spoil>,
    /// Where it writes what happens.
    pub console: Console,
}

/// One device; clones are the same one.
#[derive(Clone)]
pub struct Device(Arc<Inside>);

struct Inside {
    name: String,
    accounts: Accounts,
    trust: Trust,
    clock: Arc<dyn ca_server::clock::Clock>,
    spoils: faults::Spoils,
    console: Console,
    state: Mutex<State>,
    turn: Arc<Semaphore>,
    events: broadcast::Sender<Arc<Change>>,
}

impl Device {
    /// A device after a factory reset.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { name, accounts, trust, clock, spoils, console } = parts;
        let state = State {
            vault: Vault::default(),
            settings: Settings::default(),
            internal: Vec::new(),
            shown: BTreeMap::new(),
        };
        let inside = Inside {
            name,
            accounts,
            trust,
            clock,
            spoils: faults::Spoils::new(spoils),
            console,
            state: Mutex::new(state),
            turn: Arc::new(Semaphore::new(1)),
            events: broadcast::Sender::new(EVENTS_KEPT),
        };
        let device = Self(Arc::new(inside));
        device.refresh();
        device
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Who may come in.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn ca_server::clock::Clock> {
        &self.0.clock
    }

    /// Where it writes what happens.
    #[must_use]
    pub fn console(&self) -> &Console {
        &self.0.console
    }

    /// What goes wrong from now on.
    pub fn spoil(&self, spoil: Spoil) {
        self.0.spoils.add(spoil);
    }

    /// Whoever wants to hear of changes.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Arc<Change>> {
        self.0.events.subscribe()
    }

    /// Does what a command says, for somebody with this role.
    pub async fn execute(&self, who: &str, role: Role, call: Call) -> Outcome {
        let name = result_name(&call.words);
        let spoiled = self.0.spoils.next(&call);
        self.0.console.say(format!("{who}: {call:?}"));
        match faults::before(spoiled).await {
            faults::Fate::Run | faults::Fate::Deny | faults::Fate::LoseAnswer => {}
            faults::Fate::Refuse => return self.refused(name, Fault::Injected.into()),
            faults::Fate::Pretend => return Outcome::Done { name, result: ok(Node::empty()) },
            faults::Fate::CutOff => return Outcome::CutOff,
        }
        let done = self.run(role, call).await;
        match (spoiled.map(faults::fate), done) {
            (Some(faults::Fate::LoseAnswer), _) => Outcome::CutOff,
            (Some(faults::Fate::Deny), _) => self.refused(name, Fault::Injected.into()),
            (_, Ok((name, result))) => Outcome::Done { name, result: ok(result) },
            (_, Err(refusal)) => self.refused(name, refusal),
        }
    }

    fn refused(&self, name: String, refusal: Refusal) -> Outcome {
        self.0.console.say(format!("refused: {refusal} ({})", refusal.code()));
        Outcome::Refused { name, refusal }
    }

    async fn run(&self, role: Role, call: Call) -> Result<(String, Node), Refusal> {
        let command = check(call, role)?;
        let turn = Arc::clone(&self.0.turn).acquire_owned().await;
        let turn = turn.map_err(|_| Fault::Internal)?;
        let device = self.clone();
        let ran = tokio::task::spawn_blocking(move || {
            // Whoever asked may be gone: the turn is over when the command is.
            let _turn = turn;
            let result = device.apply(&command);
            device.refresh();
            result.map(|node| (command.result_name(), node))
        });
        ran.await.unwrap_or(Err(Fault::Internal.into()))
    }

    fn apply(&self, command: &Command) -> Result<Node, Refusal> {
        let now = self.0.clock.now();
        let mut state = self.0.state.lock();
        let vault = &mut state.vault;
        match command.verb() {
            Verb::SecretPopulate => security::populate(vault, command),
            Verb::CertificateAdd => security::add(vault, command, now),
            Verb::CertificateShow => security::show(vault, command),
            Verb::CertificateActivate => security::activate(vault, command, now),
            Verb::CertificateDeactivate => security::deactivate(vault, command),
            Verb::CertificateDelete => security::delete(vault, command),
            Verb::RequestCreate => security::create(vault, command),
            Verb::RequestLink => security::link(vault, command, now),
            Verb::RootsShow => {
                let roots = self.0.trust.roots.iter().map(|(kind, root)| (*kind, root));
                Ok(security::roots(roots, command))
            }
        }
    }

    /// What is at a path of `Status` or `Configuration`, with the path as it is spelled here.
    ///
    /// # Errors
    /// [`Refusal::UnknownPath`]
    pub async fn get(&self, path: &Path) -> Result<(Path, Node), Refusal> {
        let tree = self.tree().await;
        let found = tree.find(path).map(|(path, node)| (path, node.clone()));
        found.ok_or_else(|| Refusal::UnknownPath { path: path.to_string() })
    }

    /// Sets a configuration.
    ///
    /// # Errors
    /// [`Refusal`]; it is as it was.
    pub async fn set(&self, who: &str, role: Role, path: &Path, value: &str) -> Result<(), Refusal> {
        self.set_all(who, role, &[(path.clone(), value.to_owned())]).await
    }

    /// Sets several configurations, or none.
    ///
    /// # Errors
    /// [`Refusal`] of the first that is refused; all are as they were.
    pub async fn set_all(&self, who: &str, role: Role, wanted: &[(Path, String)]) -> Result<(), Refusal> {
        if role < Role::Admin {
            return Err(Refusal::Permission);
        }
        for (path, _) in wanted {
            self.0.console.say(format!("{who}: {path}"));
        }
        let _turn = self.0.turn.acquire().await;
        let mut settings = self.0.state.lock().settings.clone();
        for (path, value) in wanted {
            settings.set(path, value)?;
        }
        self.0.state.lock().settings = settings;
        self.refresh();
        Ok(())
    }

    /// The commands there are, and the tree.
    pub async fn document(&self) -> Node {
        let mut whole = document();
        if let Node::Branch(children) = self.tree().await {
            children.into_iter().for_each(|(name, node)| whole.push(&name, node));
        }
        whole
    }

    /// Puts the certificate of the provider's own authority in place.
    pub async fn set_internal(&self, chain: Vec<CertificateDer<'static>>) {
        let _turn = self.0.turn.acquire().await;
        self.0.state.lock().internal = chain;
        self.refresh();
    }

    /// Looks at the clock: what is no longer as it was is told to whoever subscribed.
    pub async fn look(&self) {
        let _turn = self.0.turn.acquire().await;
        self.refresh();
    }

    /// `Status` and `Configuration`, as they are now. Waits for the command that runs, which holds the state for as long as it derives a key.
    pub async fn tree(&self) -> Node {
        let _turn = self.0.turn.acquire().await;
        self.tree_of(&self.0.state.lock())
    }

    fn tree_of(&self, state: &State) -> Node {
        let now = self.0.clock.now();
        let conference = identity::conference(state, &self.0.trust.sets, now);
        let mut conference = conference;
        if let Some((path, value)) = self.0.spoils.lie() {
            conference = identity::lie(conference, &path, &value);
        }
        Node::branch([
            ("Status", Node::branch([("Conference", conference), ("SystemUnit", self.system_unit())])),
            ("Configuration", state.settings.tree()),
        ])
    }

    fn system_unit(&self) -> Node {
        Node::leaves([
            ("ProductPlatform", "Rollcall room emulator".to_owned()),
            ("ProductId", self.0.name.clone()),
        ])
    }

    /// Looks at the clock and the vault anew, and tells subscribers what is no longer as it was.
    fn refresh(&self) {
        let mut state = self.0.state.lock();
        let shown = self.tree_of(&state).flatten();
        let changed = changes(&state.shown, &shown);
        state.shown = shown;
        if !changed.is_empty() {
            // Nobody may be listening.
            let _ = self.0.events.send(Arc::new(changed));
        }
    }
}

fn ok(result: Node) -> Node {
    let mut node = Node::branch([("status", Node::leaf("OK"))]);
    if let Node::Branch(children) = result {
        children.into_iter().for_each(|(name, child)| node.push(&name, child));
    }
    node
}
