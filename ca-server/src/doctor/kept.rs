//! What the store holds: whether it works, its records fit together, and its journal is whole and not ahead of the clock.

use std::path::Path;

use data_encoding::HEXLOWER;
use time::OffsetDateTime;

use super::Findings;
use crate::admin::client::AdminClient;
use crate::admin::examine::{ExaminedView, PAGE};
use crate::admin::views::{EntryView, Page, VerificationView};
use crate::config::Config;
use crate::log::{journal, verify};
use crate::respond::problem::causes;
use crate::store::consistency::{self, Examined};
use crate::store::{Store, Table, open};

/// Misfits that are told of one by one.
const TOLD: usize = 10;
/// How far the journal may be ahead of the clock, in seconds.
const AHEAD: i64 = 60;

const RESTORE: &str = "keep a copy of the store for inquiry; if it matters, restore the last backup";
const JOURNAL: &str = "stop the server, keep a copy of the store, and compare with your last backup";

/// Asks the running server.
pub(super) async fn of_running(
    client: &AdminClient,
    now: OffsetDateTime,
    tell: &mut dyn FnMut(&str),
    found: &mut Findings,
) {
    let mut sum = Sum::default();
    for table in consistency::TABLES {
        let mut after = String::new();
        loop {
            tell(&format!("{table:?}, {} rows so far", sum.rows));
            let path = format!("/store/examine?table={}&after={after}", table.number());
            match client.get::<ExaminedView>(&path).await {
                Ok(view) => {
                    sum.rows += view.rows;
                    sum.misfits.extend(view.misfits);
                    match view.next {
                        Some(next) => after = next,
                        None => break,
                    }
                }
                Err(error) => return found.wrong("store", error.to_string(), error.hint()),
            }
        }
    }
    sum.tell(found);
    tell("journal");
    match client.get::<VerificationView>("/journal/verify").await {
        Ok(view) => {
            let last = view.entries.saturating_sub(1);
            chain(view.entries, view.broken, found);
            let newest: Result<Page<EntryView>, _> =
                client.get(&format!("/journal?limit=1&after={last}")).await;
            clock(newest.ok().and_then(|page| Some(page.items.last()?.at)), now, found);
        }
        Err(error) => found.wrong("journal", error.to_string(), error.hint()),
    }
}

/// Opens the store of a server that does not run, as its next start would.
pub(super) async fn of_stopped(
    config: &Config,
    now: OffsetDateTime,
    tell: &mut dyn FnMut(&str),
    found: &mut Findings,
) {
    use std::os::unix::fs::MetadataExt as _;
    let place = config.store.url.strip_prefix("sled:").map(|path| config.resolve(Path::new(path)));
    let Some(owner) = place.as_ref().and_then(|place| std::fs::metadata(place).ok()).map(|data| data.uid())
    else {
        return found.fine("store", "there is none yet");
    };
    if owner != rustix::process::geteuid().as_raw() {
        let hint = "run it as the user that the server runs as";
        return found.warning("store", "it belongs to another user and was not opened", hint);
    }
    let store = match open(&config.store, &config.folder) {
        Ok(store) => store,
        Err(error) => return found.wrong("store", causes(&error), error.hint()),
    };
    if let Err(error) = look(&store, now, tell, found).await {
        found.wrong("store", causes(&error), RESTORE);
    }
    store.close().await;
}

async fn look(
    store: &Store,
    now: OffsetDateTime,
    tell: &mut dyn FnMut(&str),
    found: &mut Findings,
) -> Result<(), journal::JournalError> {
    let mut sum = Sum::default();
    for table in consistency::TABLES {
        let mut after = None;
        loop {
            tell(&format!("{table:?}, {} rows so far", sum.rows));
            let Examined { misfits, rows, next } = consistency::examine(store, *table, after, PAGE).await?;
            sum.rows += rows;
            sum.misfits.extend(misfits.iter().map(|misfit| text(misfit.table, &misfit.key, &misfit.what)));
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
    }
    sum.tell(found);
    tell("journal");
    let report = verify::verify(store, None).await?;
    chain(report.verified, report.broken.map(|(entry, fault)| (entry, fault.to_string())), found);
    clock(journal::newest(store).await.ok().flatten().map(|entry| entry.at), now, found);
    Ok(())
}

/// A misfit for people.
pub(crate) fn text(table: Table, key: &str, what: &str) -> String {
    format!("{table:?} {key}: {what}")
}

#[derive(Default)]
struct Sum {
    rows: u64,
    misfits: Vec<String>,
}

impl Sum {
    fn tell(self, found: &mut Findings) {
        if self.misfits.is_empty() {
            found.fine("store", format!("{} rows fit together", self.rows));
        }
        for misfit in self.misfits.iter().take(TOLD) {
            found.wrong("store", misfit.clone(), RESTORE);
        }
        if let Some(more) = self.misfits.len().checked_sub(TOLD).filter(|more| *more > 0) {
            found.wrong("store", format!("{more} more rows do not fit"), RESTORE);
        }
    }
}

fn chain(entries: u64, broken: Option<(u64, String)>, found: &mut Findings) {
    match broken {
        None => found.fine("journal", format!("{entries} entries, an unbroken chain")),
        Some((entry, fault)) => found.wrong("journal", format!("entry {entry} {fault}"), JOURNAL),
    }
}

/// Nothing can have happened in the future.
fn clock(newest: Option<OffsetDateTime>, now: OffsetDateTime, found: &mut Findings) {
    let Some(newest) = newest else { return found.fine("clock", format!("it shows {now}")) };
    let ahead = (newest - now).whole_seconds();
    if ahead > AHEAD {
        let what = format!("the last journal entry is from {newest}, {ahead} seconds from now");
        found.wrong(
            "clock",
            what,
            "set this machine's clock; certificates were issued, or will be, with wrong times",
        );
    } else {
        found.fine("clock", format!("it shows {now}, after everything in the journal"));
    }
}

/// The key of a row from its text in a question.
pub(crate) fn key_of(text: &str) -> Option<Option<Vec<u8>>> {
    if text.is_empty() {
        return Some(None);
    }
    HEXLOWER.decode(text.as_bytes()).ok().map(Some)
}
