//! The loop: which identity is worked on now, and until when nothing has to be done.
//!
//! Work on several identities goes on side by side, on one task, a bounded number at once; one that hangs holds up nobody else. The write lock is
//! held while anything is under way and given back in between. Every few seconds the wall clock is compared with what was planned, because
//! a timer stands still while the machine sleeps. Giving work up at any point is safe: that is what the state directory is made for.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
    time::{Duration as StdDuration, Instant},
};

use async_trait::async_trait;
use futures_util::{StreamExt as _, future::LocalBoxFuture, stream::FuturesUnordered};
use time::{Duration, OffsetDateTime};

use super::{
    held::Held,
    metrics,
    overview::{Counts, Overview, Seen},
    service::Service,
};
use crate::{
    deploy::Deployment,
    enroll::Agent,
    renew::{Attempt, Errand, Haste, PassReport, look_at},
    state::{AgentLock, AgentRecord, IdentityName, StateError, StateLock, Subject},
};

/// All identities are looked at this often by the wall clock, whatever was planned.
const LOOK: Duration = Duration::HOUR;
/// The wall clock is compared with the plan this often.
const TICK: StdDuration = StdDuration::from_secs(20);
/// How long whoever else writes to the state directory is given before it is tried again.
const GIVE_WAY: StdDuration = StdDuration::from_secs(5);
/// How long what is under way may go on when the agent is to end.
const GRACE: StdDuration = StdDuration::from_secs(20);
/// How far a clock may go back before what was planned by it is thrown away.
const CLOCK_SLACK: Duration = Duration::seconds(5);
/// Longer than anything with one identity can take, its hooks apart.
const LONGEST_WORK: StdDuration = StdDuration::from_secs(2 * 3600);

/// How the agent runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The most identities that are worked on at once.
    pub parallel: usize,
    /// Where to keep metrics.
    pub metrics_file: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { parallel: 4, metrics_file: None }
    }
}

/// What the agent may be told from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Look at every identity now.
    Check,
    /// End.
    Stop,
}

/// Where signals come from.
#[async_trait(?Send)]
pub trait Signals {
    /// The next one. May be given up at any time without losing one.
    async fn next(&mut self) -> Signal;
}

/// Who is told what happens.
pub trait Tell {
    /// The agent has looked at everything once, and is about to begin.
    fn began(&mut self, _overview: &Overview<'_>) {}
    /// An identity was worked on.
    fn worked(&mut self, _report: &PassReport, _overview: &Overview<'_>) {}
    /// Something is wrong with one identity's files, or all is right with them again.
    fn unreadable(&mut self, _identity: &IdentityName, _problem: Option<&str>) {}
    /// What is ahead of a person has changed.
    fn ahead(&mut self, _identity: &IdentityName, _outlook: crate::renew::Outlook) {}
    /// Nothing could be done because of the state directory; it is tried again.
    fn trouble(&mut self, _error: &StateError) {}
}

type Work<'a> = LocalBoxFuture<'a, PassReport>;

/// Work that is under way.
struct Flight {
    since: Instant,
    longest: StdDuration,
}

/// The agent that runs all the time.
pub struct Daemon<'a> {
    agent: Agent<'a>,
    settings: Settings,
    _only: AgentLock,
    lock: Option<StateLock>,
    busy: FuturesUnordered<Work<'a>>,
    flights: HashMap<IdentityName, Flight>,
    identities: BTreeMap<IdentityName, Seen>,
    held: Held,
    /// Those that somebody wants looked at now.
    wanted: HashSet<IdentityName>,
    counts: Counts,
    started: OffsetDateTime,
    /// When all were looked at last.
    looked: Option<OffsetDateTime>,
    /// The latest moment the clock has shown.
    clock: OffsetDateTime,
    /// Somebody else writes to the state directory, or it fails: nothing is begun before then.
    blocked: Option<Instant>,
    service: Service,
    /// Whether anything was looked at since that was last told.
    changed: bool,
    /// Whether the last metrics file was written; said once per change.
    metrics_fail: bool,
}

impl<'a> Daemon<'a> {
    /// The one agent of a state directory. `agent.connector` should be a [`keeping`](crate::enroll::Connector::keeping) one.
    ///
    /// # Errors
    /// [`StateError::AgentRuns`] if there is one already; anything else if the directory cannot be used.
    pub fn new(agent: Agent<'a>, settings: Settings) -> Result<Self, StateError> {
        let only = agent.state.lock_agent()?;
        let now = agent.clock.now();
        Ok(Self {
            agent,
            settings,
            _only: only,
            lock: None,
            busy: FuturesUnordered::new(),
            flights: HashMap::new(),
            identities: BTreeMap::new(),
            held: Held::default(),
            wanted: HashSet::new(),
            counts: Counts::default(),
            started: now,
            looked: None,
            clock: now,
            blocked: None,
            service: Service::new(),
            changed: true,
            metrics_fail: false,
        })
    }

    /// Does everything that is due, and says when something will be: what a timer would call. Signals, the service manager and the
    /// metrics file have no part in it.
    ///
    /// # Errors
    /// If the state directory cannot be listed or locked.
    pub async fn turn(&mut self, tell: &mut dyn Tell) -> Result<Option<OffsetDateTime>, StateError> {
        self.look_at_all(tell)?;
        loop {
            self.begin_due(tell)?;
            let Some(report) = self.busy.next().await else { break };
            self.settle(&report, tell).await;
        }
        let now = self.agent.clock.now();
        Ok(self.next(now).map(|(at, ..)| at))
    }

    /// Goes on until it is told to stop.
    ///
    /// # Errors
    /// If the state directory cannot even be listed at the beginning. Later it survives that.
    pub async fn run(&mut self, signals: &mut dyn Signals, tell: &mut dyn Tell) -> Result<(), StateError> {
        self.look_at_all(tell)?;
        self.recover(tell);
        tell.began(&self.overview());
        self.service.ready();
        let mut stop: Option<Instant> = None;
        loop {
            self.service_round(stop.is_none(), tell);
            match stop {
                Some(until) if self.busy.is_empty() || Instant::now() >= until => break,
                Some(_) | None => {}
            }
            let pause = self.pause(stop);
            tokio::select! {
                Some(report) = self.busy.next(), if !self.busy.is_empty() => self.settle(&report, tell).await,
                signal = signals.next() => match signal {
                    Signal::Check => self.check_now(tell),
                    Signal::Stop if stop.is_some() => break,
                    Signal::Stop => {
                        tracing::info!(under_way = self.flights.len(), "ending");
                        self.service.stopping();
                        stop = Some(Instant::now() + GRACE);
                    }
                },
                () = tokio::time::sleep(pause) => {}
            }
        }
        if !self.flights.is_empty() {
            tracing::warn!(identities = ?self.flights.keys(), "given up unfinished; the next run goes on with it");
        }
        self.busy.clear();
        self.lock = None;
        if let Err(error) = self.agent.state.forget_agent() {
            tracing::debug!(%error, "the agent's record stays");
        }
        Ok(())
    }

    /// What is done each time round, before waiting.
    fn service_round(&mut self, begin: bool, tell: &mut dyn Tell) {
        if begin {
            let now = self.agent.clock.now();
            if self.must_look(now)
                && let Err(error) = self.look_at_all(tell)
            {
                self.block(GIVE_WAY * 12);
                tell.trouble(&error);
            }
            self.clock = now;
            self.blocked = self.blocked.filter(|until| *until > Instant::now());
            if self.blocked.is_none()
                && let Err(error) = self.begin_due(tell)
            {
                self.block(if matches!(error, StateError::Busy { .. }) { GIVE_WAY } else { GIVE_WAY * 12 });
                tell.trouble(&error);
            }
            self.say();
        }
        if self.flights.values().all(|flight| flight.since.elapsed() < flight.longest) {
            self.service.alive();
        }
    }

    /// Tidies up after a crash, even if nothing is due. Whoever else is writing has done so already.
    fn recover(&mut self, tell: &mut dyn Tell) {
        match self.agent.state.lock() {
            Ok((_lock, recovered)) => recovered.log(),
            Err(StateError::Busy { .. }) => {}
            Err(error) => tell.trouble(&error),
        }
    }

    fn block(&mut self, pause: StdDuration) {
        self.blocked = Some(Instant::now() + pause);
    }

    /// Somebody wants everything looked at, whatever was planned.
    fn check_now(&mut self, tell: &mut dyn Tell) {
        tracing::info!("looking at every identity now");
        self.held.release_all();
        self.blocked = None;
        if let Err(error) = self.look_at_all(tell) {
            tell.trouble(&error);
        }
        self.wanted.extend(self.identities.keys().cloned());
    }

    /// Whether what was planned is to be planned anew.
    pub(super) fn must_look(&mut self, now: OffsetDateTime) -> bool {
        if now < self.clock - CLOCK_SLACK {
            tracing::warn!(from = %self.clock, to = %now, "the clock was set back; looking at every identity anew");
            self.held.release_all();
            return true;
        }
        let since = self.looked.map(|looked| now - looked);
        since.is_none_or(|since| since >= LOOK) || self.others_are_there()
    }

    /// Whether an identity was added or removed since all were looked at.
    fn others_are_there(&self) -> bool {
        // What cannot be listed will be told when all are looked at.
        let Ok(kept) = self.agent.state.identities() else { return true };
        kept.len() != self.identities.len()
            || kept.iter().any(|identity| !self.identities.contains_key(identity.name()))
    }

    fn look_at_all(&mut self, tell: &mut dyn Tell) -> Result<(), StateError> {
        let now = self.agent.clock.now();
        let kept = self.agent.state.identities()?;
        self.identities.retain(|name, _| kept.iter().any(|identity| identity.name() == name));
        for identity in &kept {
            self.look(identity.name(), now, tell);
        }
        (self.looked, self.clock, self.changed) = (Some(now), now, true);
        Ok(())
    }

    /// Looks at one identity, and says what has changed that a person should know.
    fn look(&mut self, name: &IdentityName, now: OffsetDateTime, tell: &mut dyn Tell) {
        let seen = Seen::look(&self.agent.state.identity(name), now);
        let before = self.identities.insert(name.clone(), seen.clone());
        self.changed = true;
        let problem = |seen: &Seen| seen.standing.as_ref().err().cloned();
        let (was, is) = (before.as_ref().and_then(problem), problem(&seen));
        if was != is {
            tell.unreadable(name, is.as_deref());
        }
        let ahead = |seen: &Seen| seen.standing.as_ref().ok().map(|standing| standing.outlook);
        if let Some(outlook) = ahead(&seen)
            && before.as_ref().and_then(ahead).unwrap_or(crate::renew::Outlook::Unattended) != outlook
        {
            tell.ahead(name, outlook);
        }
    }

    /// When this identity is due, memory's pauses included.
    fn due(&self, name: &IdentityName, now: OffsetDateTime) -> Option<(OffsetDateTime, Errand)> {
        if self.wanted.contains(name) {
            return Some((now, Errand::TryAgain));
        }
        let (at, errand) = self.identities.get(name)?.next?;
        Some((self.held.until(name, now).map_or(at, |until| at.max(until)), errand))
    }

    /// What is next of all, work under way apart.
    fn next(&self, now: OffsetDateTime) -> Option<(OffsetDateTime, &IdentityName, Errand)> {
        self.identities
            .keys()
            .filter(|name| !self.flights.contains_key(*name))
            .filter_map(|name| self.due(name, now).map(|(at, errand)| (at, name, errand)))
            .min_by_key(|(at, ..)| *at)
    }

    /// Begins what is due, the longest overdue first, as far as there is room.
    fn begin_due(&mut self, tell: &mut dyn Tell) -> Result<(), StateError> {
        while self.flights.len() < self.settings.parallel.max(1) {
            let now = self.agent.clock.now();
            let Some(name) = self.next(now).filter(|(at, ..)| *at <= now).map(|(_, name, _)| name.clone())
            else {
                return Ok(());
            };
            // Somebody else may have renewed it meanwhile.
            self.look(&name, now, tell);
            if self.due(&name, now).is_none_or(|(at, _)| at > now) {
                self.wanted.remove(&name);
                continue;
            }
            if self.lock.is_none() {
                let (lock, recovered) = self.agent.state.lock()?;
                recovered.log();
                self.lock = Some(lock);
            }
            self.begin(name);
        }
        Ok(())
    }

    fn begin(&mut self, name: IdentityName) {
        let haste = if self.wanted.remove(&name) { Haste::Now } else { Haste::Scheduled };
        let hooks = self.identities.get(&name).and_then(|seen| seen.standing.as_ref().ok());
        let hooks = hooks.map_or(StdDuration::ZERO, |standing| {
            let deploy = standing.settings.deploy.as_ref().map_or(StdDuration::ZERO, |deploy| deploy.timeout);
            let dns = match &standing.settings.subject {
                Subject::Device(device) => {
                    let each = device.dns.hook_timeout.saturating_mul(2).saturating_add(device.dns.timeout);
                    each.saturating_mul(u32::try_from(device.names.len()).unwrap_or(u32::MAX))
                }
                Subject::Person(_) | Subject::Internal(_) | Subject::Est(_) => StdDuration::ZERO,
            };
            deploy.saturating_add(dns)
        });
        let flight = Flight { since: Instant::now(), longest: LONGEST_WORK.saturating_add(hooks) };
        self.flights.insert(name.clone(), flight);
        let agent = self.agent;
        self.busy.push(Box::pin(async move {
            let identity = agent.state.identity(&name);
            look_at(agent, &identity, haste).await
        }));
    }

    /// Work on an identity has ended.
    async fn settle(&mut self, report: &PassReport, tell: &mut dyn Tell) {
        let (now, name) = (self.agent.clock.now(), &report.identity);
        self.flights.remove(name);
        let counts = &mut self.counts;
        counts.renewals += u64::from(matches!(report.attempt, Attempt::Renewed { .. }));
        counts.failures += u64::from(matches!(report.attempt, Attempt::Failed { .. }));
        counts.deploy_failures += u64::from(matches!(report.deployment, Ok(Deployment::Failed(_)) | Err(_)));
        self.look(name, now, tell);
        // Whatever was to be done is done or recorded; if nothing of that shows, the record could not be kept.
        match self.identities.get(name).and_then(|seen| seen.next) {
            Some((at, _)) if at <= now => self.held.hold(name, now),
            Some(_) | None => self.held.release(name),
        }
        if self.busy.is_empty() {
            self.lock = None;
            self.agent.connector.forget().await;
        }
        tell.worked(report, &self.overview());
    }

    fn overview(&self) -> Overview<'_> {
        let now = self.agent.clock.now();
        let (identities, next) = (&self.identities, self.next(now));
        Overview { now, started: self.started, identities, next, counts: self.counts }
    }

    /// Tells the service manager what goes on and, between work, leaves metrics and a record.
    fn say(&mut self) {
        if !self.flights.is_empty() {
            let mut names: Vec<&str> = self.flights.keys().map(IdentityName::as_str).collect();
            names.sort_unstable();
            let text = format!("working on {}", names.join(", "));
            self.service.status(text);
            return;
        }
        if std::mem::take(&mut self.changed) {
            // What is announced can be read by then.
            self.keep();
            let sentence = self.overview().sentence();
            self.service.status(sentence);
        }
    }

    /// Leaves metrics and the agent's record. That either cannot be written is a pity and stops nothing.
    fn keep(&mut self) {
        let overview = self.overview();
        let latest = overview.now + LOOK;
        let next = overview.next.map_or(latest, |(at, ..)| at.clamp(overview.now, latest));
        let looked = self.looked.unwrap_or(overview.now);
        let record = AgentRecord { process: std::process::id(), started: self.started, looked, next };
        if let Err(error) = self.agent.state.store_agent(&record) {
            tracing::debug!(%error, "the agent's record cannot be kept");
        }
        let Some(path) = &self.settings.metrics_file else { return };
        let outcome = metrics::write(path, &overview);
        if let Err(error) = &outcome
            && !self.metrics_fail
        {
            tracing::warn!(path = %path.display(), %error, "the metrics file cannot be written");
        }
        self.metrics_fail = outcome.is_err();
    }

    /// How long to wait at most before looking at the clock again.
    pub(super) fn pause(&self, stop: Option<Instant>) -> StdDuration {
        let now = self.agent.clock.now();
        let mut pause = TICK;
        if let Some(beat) = self.service.beat() {
            pause = pause.min(beat);
        }
        if let Some(until) = stop {
            return pause.min(until.saturating_duration_since(Instant::now()));
        }
        if let Some(until) = self.blocked {
            return pause.min(until.saturating_duration_since(Instant::now()));
        }
        let room = self.flights.len() < self.settings.parallel.max(1);
        if let Some((at, ..)) = self.next(now).filter(|_| room) {
            let until = StdDuration::try_from(at - now).unwrap_or(StdDuration::ZERO);
            // A moment of this second that has not come yet is not asked for a thousand times.
            pause = pause.min(until.max(StdDuration::from_millis(10)));
        }
        pause
    }
}
