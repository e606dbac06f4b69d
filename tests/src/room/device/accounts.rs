//! Who may come in: names, passwords and roles; and sessions, which stand for a password that was shown once.
//!
//! Passwords are compared in constant time, over every account, and wiped when dropped.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use certs::key::Secret;
use parking_lot::Mutex;
use zeroize::Zeroizing;

use crate::room::xapi::schema::Role;

/// Most sessions at once.
const MOST_SESSIONS: usize = 64;
/// Longest name with its password.
const LONGEST: usize = 512;

/// Somebody who came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The account's name.
    pub name: String,
    /// Its role.
    pub role: Role,
}

struct Account {
    name: String,
    password: Secret,
    role: Role,
}

/// The accounts and sessions of a device; clones are the same ones.
#[derive(Clone, Default)]
pub struct Accounts {
    known: Arc<Vec<Account>>,
    sessions: Arc<Mutex<BTreeMap<String, Who>>>,
}

impl Accounts {
    /// These: name, password, role.
    #[must_use]
    pub fn new(accounts: Vec<(String, Secret, Role)>) -> Self {
        let known = accounts.into_iter().map(|(name, password, role)| Account { name, password, role });
        Self { known: Arc::new(known.collect()), sessions: Arc::default() }
    }

    /// Whoever has this name and password.
    #[must_use]
    pub fn sign_in(&self, name: &str, password: &str) -> Option<Who> {
        let given = Secret::new(password.to_owned());
        let mut found = None;
        for account in self.known.iter() {
            let same = account.password == given;
            if same && account.name == name {
                found = Some(Who { name: account.name.clone(), role: account.role });
            }
        }
        found
    }

    /// Whoever an `Authorization: Basic …` is of (RFC 7617 §2).
    #[must_use]
    pub fn basic(&self, header: &str) -> Option<Who> {
        let (scheme, encoded) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > LONGEST {
            return None;
        }
        self.pair(&Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?))
    }

    /// Whoever a WebSocket sub-protocol `auth-…` is of: base64url of name and password, without padding.
    #[must_use]
    pub fn sub_protocol(&self, protocol: &str) -> Option<Who> {
        let encoded = protocol.strip_prefix("auth-").filter(|encoded| encoded.len() <= LONGEST)?;
        self.pair(&Zeroizing::new(URL_SAFE_NO_PAD.decode(encoded).ok()?))
    }

    fn pair(&self, pair: &[u8]) -> Option<Who> {
        let (name, password) = std::str::from_utf8(pair).ok()?.split_once(':')?;
        self.sign_in(name, password)
    }

    /// Begins a session; its token.
    #[must_use]
    pub fn begin_session(&self, who: &Who) -> Option<String> {
        let mut octets = [0; 32];
        aws_lc_rs::rand::fill(&mut octets).ok()?;
        let token = URL_SAFE_NO_PAD.encode(octets);
        let mut sessions = self.sessions.lock();
        if sessions.len() >= MOST_SESSIONS {
            return None;
        }
        sessions.insert(token.clone(), who.clone());
        Some(token)
    }

    /// Whose session it is.
    #[must_use]
    pub fn session(&self, token: &str) -> Option<Who> {
        self.sessions.lock().get(token).cloned()
    }

    /// Ends a session.
    pub fn end_session(&self, token: &str) -> bool {
        self.sessions.lock().remove(token).is_some()
    }
}
