//! Sessions with a token: opened when they are needed, logged in once, used again and again, and opened anew when the token was away.
//!
//! A failure that new sessions may mend is tried again, [`TRIES`] times in all and at once; the last time with the module initialised again.
//! What is wrong with a name, a key or a PIN is not tried again.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};

use cryptoki::session::Session;
use cryptoki::slot::{Limit, Slot, TokenInfo};

use super::fault::{Fault, reason};
use super::module::{Module, Running};
use super::pin::Door;
use super::{TokenError, TokenUri};

/// How often an operation is tried in all.
const TRIES: usize = 3;
/// Most sessions at once: more do not make a token faster.
const MOST: usize = 16;

static TOKENS: LazyLock<Mutex<HashMap<TokenUri, Arc<Token>>>> = LazyLock::new(Mutex::default);

/// One token, with its sessions.
pub(crate) struct Token {
    uri: TokenUri,
    module: Arc<Module>,
    door: Door,
    pool: Mutex<Pool>,
    freed: Condvar,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Session>,
    /// Idle ones and those in use.
    open: usize,
    most: Option<usize>,
    age: Age,
}

/// Which initialisation of the module, and which of the pool: handles of objects are good within one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Age {
    run: u64,
    pool: u64,
}

impl Token {
    /// The token of a URI.
    pub(crate) fn of(uri: &TokenUri) -> Result<Arc<Self>, TokenError> {
        let path = uri.module().ok_or_else(|| TokenError::NoModule(Box::new(uri.clone())))?;
        let module = Module::at(&path)?;
        let mut tokens = TOKENS.lock().unwrap_or_else(PoisonError::into_inner);
        let token = tokens.entry(uri.store()).or_insert_with(|| {
            let (pool, freed, door) = (Mutex::default(), Condvar::new(), Door::default());
            Arc::new(Self { uri: uri.store(), module, door, pool, freed })
        });
        Ok(Arc::clone(token))
    }

    /// Does something in a session that reads and signs.
    pub(crate) fn with<T>(
        &self,
        (doing, uri): (&'static str, &TokenUri),
        act: impl Fn(&Session, Age) -> Result<T, Fault>,
    ) -> Result<T, TokenError> {
        self.tried((doing, uri), |running| self.pooled(running, &act))
    }

    /// Does something in a session of its own that may write.
    pub(crate) fn writing<T>(
        &self,
        (doing, uri): (&'static str, &TokenUri),
        act: impl Fn(&Session) -> Result<T, Fault>,
    ) -> Result<T, TokenError> {
        self.tried((doing, uri), |running| {
            let (slot, info) = self.slot(running)?;
            let session = running.library.open_rw_session_no_drop(slot)?;
            let outcome = self.door.log_in(&session, &info, &self.uri).and_then(|()| act(&session));
            close(session);
            outcome
        })
    }

    fn tried<T>(
        &self,
        (doing, uri): (&'static str, &TokenUri),
        once: impl Fn(&Running) -> Result<T, Fault>,
    ) -> Result<T, TokenError> {
        let failed = |reason| TokenError::Failed { act: doing, uri: Box::new(uri.clone()), reason };
        let mut last = String::new();
        for attempt in 1..=TRIES {
            let (run, outcome) = {
                let running = self.module.running();
                (running.run, once(&running))
            };
            match outcome {
                Ok(value) => return Ok(value),
                Err(Fault::Known(error @ TokenError::NoToken { .. })) if attempt == TRIES => {
                    return Err(error);
                }
                Err(Fault::Known(error)) if !matches!(error, TokenError::NoToken { .. }) => {
                    return Err(error);
                }
                Err(Fault::Refused(reason)) => return Err(failed(reason)),
                Err(Fault::Known(error)) => last = error.to_string(),
                Err(Fault::Passing(reason)) => last = reason,
            }
            tracing::debug!(reason = last, attempt, "the token failed");
            if attempt + 1 == TRIES {
                self.module.restart(run)?;
            }
        }
        Err(failed(last))
    }

    fn pooled<T>(
        &self,
        running: &Running,
        act: &impl Fn(&Session, Age) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let (session, age) = self.take(running)?;
        let outcome = act(&session, age);
        let mut pool = self.pool();
        match &outcome {
            Err(Fault::Passing(_)) => {
                // The others are of the same time; each is found out where it is used, the idle ones here.
                pool.age.pool += 1;
                let idle = std::mem::take(&mut pool.idle);
                pool.open = pool.open.saturating_sub(idle.len() + 1);
                idle.into_iter().chain([session]).for_each(close);
            }
            Ok(_) | Err(Fault::Refused(_) | Fault::Known(_)) if pool.age == age => pool.idle.push(session),
            Ok(_) | Err(Fault::Refused(_) | Fault::Known(_)) => {
                pool.open = pool.open.saturating_sub(1);
                close(session);
            }
        }
        drop(pool);
        self.freed.notify_all();
        outcome
    }

    /// A session, as soon as there is one.
    fn take(&self, running: &Running) -> Result<(Session, Age), Fault> {
        let mut pool = self.pool();
        if pool.age.run != running.run {
            // Sessions of another initialisation: their numbers are others' now, so they are not closed.
            let most = pool.most;
            *pool = Pool { age: Age { run: running.run, pool: pool.age.pool + 1 }, most, ..Pool::default() };
        }
        loop {
            let age = pool.age;
            if let Some(session) = pool.idle.pop() {
                return Ok((session, age));
            }
            if pool.open < pool.most.unwrap_or(1) {
                pool.open += 1;
                drop(pool);
                let opened = self.open(running);
                if opened.is_err() {
                    let mut pool = self.pool();
                    pool.open = pool.open.saturating_sub(1);
                    drop(pool);
                    self.freed.notify_all();
                }
                return opened.map(|session| (session, age));
            }
            pool = self.freed.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn open(&self, running: &Running) -> Result<Session, Fault> {
        let (slot, info) = self.slot(running)?;
        let session = running.library.open_ro_session_no_drop(slot)?;
        if let Err(fault) = self.door.log_in(&session, &info, &self.uri) {
            close(session);
            return Err(fault);
        }
        let most = match info.max_session_count() {
            // One stays for what writes.
            Limit::Max(most) => usize::try_from(most).unwrap_or(MOST).saturating_sub(1).clamp(1, MOST),
            Limit::Unavailable | Limit::Infinite => MOST,
        };
        self.pool().most = Some(most);
        Ok(session)
    }

    /// Where the token is now.
    fn slot(&self, running: &Running) -> Result<(Slot, TokenInfo), Fault> {
        let (mut found, mut names) = (Vec::new(), Vec::new());
        for slot in running.library.get_slots_with_token()? {
            // One that cannot be asked is not the one.
            let Ok(info) = running.library.get_token_info(slot) else { continue };
            if !info.token_initialized() {
                continue;
            }
            let (label, serial) = (info.label().to_owned(), info.serial_number().to_owned());
            if self.uri.is_token(&label, &serial, info.manufacturer_id(), info.model()) {
                found.push((slot, info));
            }
            names.push(label);
        }
        let wanted = || Box::new(self.uri.clone());
        let count = found.len();
        match (found.pop(), count) {
            (Some(one), 1) => Ok(one),
            (Some(_), count) => Err(TokenError::SeveralTokens { wanted: wanted(), count }.into()),
            (None, _) => Err(TokenError::NoToken { wanted: wanted(), found: names }.into()),
        }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn close(session: Session) {
    if let Err(error) = session.close() {
        tracing::trace!(reason = reason(&error), "a session was not closed");
    }
}
