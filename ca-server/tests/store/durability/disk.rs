//! A disk with a cache that power loss empties: what was synced is kept, of the rest any part may be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::trace::Event;

/// Which of the changes not yet synced reached the disk.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss {
    /// None.
    Everything,
    /// All.
    Nothing,
    /// All; of the last write only the first half.
    HalfOfTheLast,
    /// Only the last write.
    AllButTheLast,
    /// Every other write.
    EveryOther,
}

impl Loss {
    pub(crate) const ALL: &'static [Self] =
        &[Self::Everything, Self::Nothing, Self::HalfOfTheLast, Self::AllButTheLast, Self::EveryOther];
}

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// The files under one folder, by their path in it.
pub(crate) struct Disk {
    folder: PathBuf,
    durable: Files,
    waiting: Vec<Event>,
}

impl Disk {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), durable: Files::new(), waiting: Vec::new() }
    }

    /// Takes up an event. A sync makes the file's waiting changes durable, that of a folder the entries in it.
    pub(crate) fn apply(&mut self, event: &Event) {
        let Event::Sync { path: synced } = event else {
            if self.concerns(event) {
                self.waiting.push(event.clone());
            }
            return;
        };
        // Journaling file systems keep the order of changes to entries: a synced file brings along those made before.
        for event in std::mem::take(&mut self.waiting) {
            let kept = match &event {
                Event::Open { .. } | Event::Rename { .. } | Event::Remove { .. } => true,
                Event::Write { path, .. } | Event::Resize { path, .. } => path == synced,
                Event::Sync { .. } => false,
            };
            if kept {
                change(&mut self.durable, &self.folder, &event);
            } else {
                self.waiting.push(event);
            }
        }
    }

    /// The files as this loss leaves them now.
    pub(crate) fn after(&self, loss: Loss) -> Files {
        let mut files = self.durable.clone();
        let last = self.waiting.iter().rposition(|event| matches!(event, Event::Write { .. }));
        for (at, event) in self.waiting.iter().enumerate() {
            let is_last = Some(at) == last;
            match (loss, event) {
                (Loss::Everything, _) => {}
                (Loss::HalfOfTheLast, Event::Write { path, at, data }) if is_last => {
                    let half = data.iter().take(data.len() / 2).copied().collect();
                    let torn = Event::Write { path: path.clone(), at: *at, data: half };
                    change(&mut files, &self.folder, &torn);
                }
                (Loss::AllButTheLast, Event::Write { .. }) if !is_last => {}
                (Loss::EveryOther, Event::Write { .. }) if at % 2 == 0 => {}
                (_, _) => change(&mut files, &self.folder, event),
            }
        }
        files
    }

    fn concerns(&self, event: &Event) -> bool {
        let path = match event {
            Event::Open { path, .. }
            | Event::Write { path, .. }
            | Event::Resize { path, .. }
            | Event::Remove { path }
            | Event::Sync { path }
            | Event::Rename { from: path, .. } => path,
        };
        path.starts_with(&self.folder)
    }
}

fn change(files: &mut Files, folder: &Path, event: &Event) {
    let inside = |path: &Path| path.strip_prefix(folder).map(Path::to_owned).unwrap_or_default();
    match event {
        Event::Open { path, truncate } => {
            let content = files.entry(inside(path)).or_default();
            if *truncate {
                content.clear();
            }
        }
        Event::Write { path, at, data } => {
            let content = files.entry(inside(path)).or_default();
            let at = at.map_or(content.len(), |at| usize::try_from(at).unwrap());
            content.resize(content.len().max(at + data.len()), 0);
            content[at..at + data.len()].copy_from_slice(data);
        }
        Event::Resize { path, len } => {
            files.entry(inside(path)).or_default().resize(usize::try_from(*len).unwrap(), 0)
        }
        Event::Rename { from, to } => {
            let content = files.remove(&inside(from)).unwrap_or_default();
            files.insert(inside(to), content);
        }
        Event::Remove { path } => drop(files.remove(&inside(path))),
        Event::Sync { .. } => {}
    }
}
