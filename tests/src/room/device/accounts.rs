//! Who may come in: names, passwords and roles; and sessions, which stand for a password that was shown once.
//!
//! Passwords are compared in constant time, over every account, and wiped when dropped.

use std::collections::VecDeque;
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

/// Who somebody says to be, and the password that is to show it.
pub struct Claim {
    /// The account's name.
    pub name: String,
    password: Zeroizing<String>,
}

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
    /// Tokens and whose they are, oldest first.
    sessions: Arc<Mutex<VecDeque<(String, Who)>>>,
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

    /// The name of the account of this name, if there is one.
    #[must_use]
    pub fn known(&self, name: &str) -> Option<&str> {
        self.known.iter().map(|account| account.name.as_str()).find(|known| *known == name)
    }

    /// Whoever a claim is of, if it is true.
    #[must_use]
    pub fn believe(&self, claim: &Claim) -> Option<Who> {
        self.sign_in(&claim.name, &claim.password)
    }
}

impl Claim {
    /// What an `Authorization: Basic …` says (RFC 7617 §2).
    #[must_use]
    pub fn basic(header: &str) -> Option<Self> {
        let (scheme, encoded) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > LONGEST {
            return None;
        }
        Self::pair(&Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?))
    }

    /// What a WebSocket sub-protocol `auth-…` says: base64url of name and password, without padding.
    #[must_use]
    pub fn sub_protocol(protocol: &str) -> Option<Self> {
        let encoded = protocol.strip_prefix("auth-").filter(|encoded| encoded.len() <= LONGEST)?;
        Self::pair(&Zeroizing::new(URL_SAFE_NO_PAD.decode(encoded).ok()?))
    }

    fn pair(pair: &[u8]) -> Option<Self> {
        let (name, password) = std::str::from_utf8(pair).ok()?.split_once(':')?;
        Some(Self { name: name.to_owned(), password: Zeroizing::new(password.to_owned()) })
    }
}

impl Accounts {
    /// Begins a session; its token. Past the most that there may be, the oldest ends.
    #[must_use]
    pub fn begin_session(&self, who: &Who) -> Option<String> {
        let mut octets = [0; 32];
        aws_lc_rs::rand::fill(&mut octets).ok()?;
        let token = URL_SAFE_NO_PAD.encode(octets);
        let mut sessions = self.sessions.lock();
        if sessions.len() >= MOST_SESSIONS {
            sessions.pop_front();
        }
        sessions.push_back((token.clone(), who.clone()));
        Some(token)
    }

    /// Whose session it is.
    #[must_use]
    pub fn session(&self, token: &str) -> Option<Who> {
        self.sessions.lock().iter().find(|(known, _)| known == token).map(|(_, who)| who.clone())
    }

    /// Ends a session.
    pub fn end_session(&self, token: &str) -> bool {
        let mut sessions = self.sessions.lock();
        let before = sessions.len();
        sessions.retain(|(known, _)| known != token);
        sessions.len() < before
    }
}
