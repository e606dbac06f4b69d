//! The follower of one webhook: reads the journal from its place on, tells what is wanted, and moves the place.
//!
//! One event at a time, so their order is kept; a webhook that fails waits, and only it. The place is made durable now and then: after a crash what
//! came after it is told again. Must never wait for anything that issuance waits for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::deliver::{Outcome, deliver};
use super::event::{self, Event};
use super::{Endpoint, Notifications, Place};
use crate::app::App;
use crate::clock;
use crate::ids::{NoEntropy, random_bytes};
use crate::log::chain::Entry;
use crate::log::journal::{self, JournalError, Selection};
use crate::respond::problem::causes;
use crate::store::Batch;

/// Entries read at once.
const PAGE: usize = 200;
/// How often the journal is looked at although nobody of this process wrote into it.
const LOOK: Duration = Duration::from_secs(5);
/// How often a place is made durable while events are delivered.
const SAVE: Duration = Duration::from_secs(1);
/// How often it is while nothing was delivered: reading again what is not told costs nothing.
const SAVE_UNTOLD: Duration = Duration::from_secs(30);

/// What a step came to.
enum Step {
    /// There may be more.
    On,
    /// Nothing more is there.
    Idle,
    /// Nothing is told until an operator says so.
    Paused,
    /// Not before this time has passed.
    Wait(Duration),
}

/// Entries that were read and not looked at yet, and what is owed to the store.
struct Line {
    entries: VecDeque<Entry>,
    /// Of which generation of the place they are.
    generation: u64,
    saved: Instant,
    /// Whether anything was delivered since.
    told: bool,
}

/// Tells a webhook until the server stops.
pub(crate) async fn follow(app: App, endpoint: Arc<Endpoint>, stop: CancellationToken) {
    let mut line = Line { entries: VecDeque::new(), generation: 0, saved: Instant::now(), told: false };
    // From here on its place is known, whatever happens before the first delivery.
    keep(&app, &endpoint, &mut line).await;
    loop {
        let written = app.store.journalled();
        tokio::pin!(written);
        written.as_mut().enable();
        let Some(stepped) = stop.run_until_cancelled(step(&app, &endpoint, &mut line)).await else { break };
        let next = stepped.unwrap_or_else(|error| {
            tracing::error!(webhook = endpoint.name(), error = %causes(&error), "the journal could not be followed");
            Step::Wait(LOOK)
        });
        let owed = if line.told { SAVE } else { SAVE_UNTOLD }.saturating_sub(line.saved.elapsed());
        if owed.is_zero() || matches!(next, Step::Wait(_)) {
            keep(&app, &endpoint, &mut line).await;
            // Also while everything is taken: a receiver may be slower than what happens.
            if matches!(next, Step::On) {
                measure_now(&app, &endpoint, &line).await;
            }
        }
        let owes = line.told && !owed.is_zero();
        let wait = match next {
            Step::On => continue,
            Step::Idle => {
                if owes {
                    owed
                } else {
                    LOOK
                }
            }
            Step::Paused => LOOK,
            Step::Wait(wait) => wait,
        };
        let idle = matches!(next, Step::Idle);
        tokio::select! {
            () = stop.cancelled() => break,
            () = endpoint.bell.notified() => {}
            () = &mut written, if idle => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    keep(&app, &endpoint, &mut line).await;
}

/// Makes the place durable.
async fn keep(app: &App, endpoint: &Endpoint, line: &mut Line) {
    match endpoint.save(&app.store).await {
        Ok(()) => (line.saved, line.told) = (Instant::now(), false),
        Err(error) => {
            line.saved = Instant::now();
            tracing::error!(webhook = endpoint.name(), error = %causes(&error), "its place in the journal could not be stored");
        }
    }
}

async fn step(app: &App, endpoint: &Endpoint, line: &mut Line) -> Result<Step, JournalError> {
    let (seq, generation, paused) =
        endpoint.with(&app.store, |place| (place.seq(), place.generation, place.paused().is_some())).await?;
    metrics::gauge!("rollcall_webhook_paused", "webhook" => endpoint.name().to_owned())
        .set(f64::from(u8::from(paused)));
    if paused {
        measure(app, endpoint, seq, line.entries.front()).await?;
        return Ok(Step::Paused);
    }
    if line.generation != generation {
        line.entries.clear();
        line.generation = generation;
    }
    if line.entries.is_empty() {
        let wanted = Selection { after: Some(seq), ..Selection::default() };
        line.entries.extend(journal::read(&app.store, wanted, PAGE).await?.entries);
    }
    let Some(entry) = line.entries.front() else { return at_the_end(app, endpoint, seq, line).await };
    if entry.seq > seq.saturating_add(1) {
        let missing = (seq.saturating_add(1), entry.seq.saturating_sub(1));
        return missed(app, endpoint, line, missing).await;
    }
    let (at, seq) = (entry.at, entry.seq);
    let Some(event) = event::of(app, endpoint, entry).await? else {
        return arrived(app, endpoint, line, seq, false).await;
    };
    endpoint.seen.lock().waits_since = Some(at);
    match deliver(app, endpoint, &event).await {
        Outcome::Delivered(status) => {
            tracing::debug!(webhook = endpoint.name(), event = %event.id, %status, "delivered");
            arrived(app, endpoint, line, seq, true).await
        }
        outcome => held_up(app, endpoint, line, outcome).await,
    }
}

/// Moves the place past an entry, if no operator moved it meanwhile.
async fn arrived(
    app: &App,
    endpoint: &Endpoint,
    line: &mut Line,
    seq: u64,
    told: bool,
) -> Result<Step, JournalError> {
    let generation = line.generation;
    endpoint
        .with(&app.store, |place| {
            if place.generation == generation {
                place.advance(seq);
            }
        })
        .await?;
    line.entries.pop_front();
    line.told |= told;
    if told {
        let mut seen = endpoint.seen.lock();
        seen.delivered += 1;
        (seen.last, seen.failures, seen.problem, seen.next) = (Some(app.clock.now()), 0, None, None);
    }
    // Others on this thread get their turn here.
    tokio::task::yield_now().await;
    Ok(Step::On)
}

/// There is nothing after the place; unless the journal ends before it, all is told.
async fn at_the_end(app: &App, endpoint: &Endpoint, seq: u64, line: &mut Line) -> Result<Step, JournalError> {
    let newest = journal::newest(&app.store).await?.map_or(0, |entry| entry.seq);
    if newest >= seq {
        if newest == seq {
            endpoint.seen.lock().waits_since = None;
        }
        measure(app, endpoint, seq, None).await?;
        return Ok(if newest == seq { Step::Idle } else { Step::On });
    }
    let why = "the journal ends before what was told already: it was cut off or restored";
    let event = event::gap(app, endpoint, (newest.saturating_add(1), seq), why);
    tell_gap(app, endpoint, line, &event, newest).await
}

/// Entries are gone that should have been told.
async fn missed(
    app: &App,
    endpoint: &Endpoint,
    line: &mut Line,
    missing: (u64, u64),
) -> Result<Step, JournalError> {
    let event = event::gap(app, endpoint, missing, "the journal does not have these entries any more");
    tell_gap(app, endpoint, line, &event, missing.1).await
}

async fn tell_gap(
    app: &App,
    endpoint: &Endpoint,
    line: &mut Line,
    event: &Event,
    seq: u64,
) -> Result<Step, JournalError> {
    tracing::error!(webhook = endpoint.name(), event = %event.id, "entries of the journal are missing and cannot be told");
    match deliver(app, endpoint, event).await {
        Outcome::Delivered(_) => {
            let generation = line.generation;
            let advance = |place: &mut Place| {
                // An operator's word that came meanwhile stands.
                if place.generation == generation {
                    place.advance(seq);
                }
            };
            endpoint.with(&app.store, advance).await?;
            line.told = true;
            Ok(Step::On)
        }
        outcome => held_up(app, endpoint, line, outcome).await,
    }
}

/// A delivery failed: when to try again, or that an operator has to look.
async fn held_up(
    app: &App,
    endpoint: &Endpoint,
    line: &Line,
    outcome: Outcome,
) -> Result<Step, JournalError> {
    let now = app.clock.now();
    let (why, retry_after) = match outcome {
        Outcome::Failed { why, retry_after } => (why, retry_after),
        Outcome::Delivered(_) => return Ok(Step::On),
        Outcome::Gone => {
            let why = "the receiver answered 410 Gone";
            tracing::warn!(
                webhook = endpoint.name(),
                "{why}: it is paused until `ca-server notifications resume`"
            );
            endpoint.seen.lock().problem = Some(why.to_owned());
            endpoint.pause(&app.store, why, now).await?;
            return Ok(Step::On);
        }
    };
    let failures = endpoint.seen.lock().failures.saturating_add(1);
    let wait = endpoint.wait(failures, retry_after.as_deref(), now);
    tracing::warn!(
        webhook = endpoint.name(),
        failures,
        next_in_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        "a notification was not delivered: {why}"
    );
    {
        let mut seen = endpoint.seen.lock();
        (seen.failures, seen.problem, seen.next) = (failures, Some(why), Some(clock::after(now, wait)));
    }
    let seq = endpoint.with(&app.store, |place| place.seq()).await?;
    measure(app, endpoint, seq, line.entries.front()).await?;
    Ok(Step::Wait(wait))
}

async fn measure_now(app: &App, endpoint: &Endpoint, line: &Line) {
    let measured = async {
        let seq = endpoint.with(&app.store, |place| place.seq()).await?;
        measure(app, endpoint, seq, line.entries.front()).await
    };
    if let Err(error) = measured.await {
        tracing::error!(webhook = endpoint.name(), error = %causes(&error), "how far it is behind is not known");
    }
}

/// How far it is behind.
async fn measure(
    app: &App,
    endpoint: &Endpoint,
    seq: u64,
    waiting: Option<&Entry>,
) -> Result<(), JournalError> {
    let newest = journal::newest(&app.store).await?.map_or(0, |entry| entry.seq);
    // What was read at once is told; as far as is known, the next is no older than the one before.
    let since = waiting.map(|entry| entry.at).or_else(|| endpoint.seen.lock().waits_since);
    let since = since.filter(|_| newest > seq);
    let age = since.map_or(0, |since| (app.clock.now() - since).whole_seconds().max(0));
    let gauge = |name: &'static str| metrics::gauge!(name, "webhook" => endpoint.name().to_owned());
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; what is lost is nothing to a reader")]
    {
        gauge("rollcall_webhook_behind_entries").set(newest.saturating_sub(seq) as f64);
        gauge("rollcall_webhook_behind_seconds").set(age as f64);
    }
    Ok(())
}

/// What became of a trial.
#[derive(Clone, Debug)]
pub(crate) struct Tried {
    /// Whether the receiver took it.
    pub delivered: bool,
    /// Its status, or what went wrong.
    pub answer: String,
}

impl Notifications {
    /// Sends an event of no meaning to a webhook, at once and past the queue; also if it is paused.
    ///
    /// # Errors
    /// If there is no entropy for its id.
    pub(crate) async fn try_out(app: &App, endpoint: &Endpoint) -> Result<Tried, NoEntropy> {
        let event = event::test(app, endpoint, u64::from_be_bytes(random_bytes()?));
        Ok(match deliver(app, endpoint, &event).await {
            Outcome::Delivered(status) => Tried { delivered: true, answer: status.to_string() },
            Outcome::Gone => Tried { delivered: false, answer: "it answers 410 Gone".to_owned() },
            Outcome::Failed { why, .. } => Tried { delivered: false, answer: why },
        })
    }
}

/// Writes into the journal who failed again and again.
pub(crate) async fn journal_failures(app: App, stop: CancellationToken) {
    while stop.run_until_cancelled(app.refusals.repeated().found()).await.is_some() {
        let mut batch = Batch::new();
        let found = app.refusals.repeated().take();
        for (at, act) in &found {
            batch.record(*at, act.clone());
        }
        if let Err(error) = app.store.commit(batch).await {
            tracing::error!(error = %causes(&error), "repeated failures could not be journalled");
        }
    }
}
