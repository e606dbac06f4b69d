//! `ca-server org release`: account ids that an organisation lets go, or that are given to another one.
//!
//! Asks page by page where all are meant, so that an organisation of any size can be released; what was printed is done.

use clap::Args;

use super::path;
use crate::admin::internal_views::{Release, ReleasedView};
use crate::admin::views::Page;
use crate::cli::{Asking, Failure, output, serve};
use crate::internal::HolderKind;

/// Which ids, and where they go.
#[derive(Debug, Args)]
pub struct ReleaseIds {
    /// Where to ask.
    #[command(flatten)]
    asking: Asking,
    /// The organisation that has the id now, by name or id.
    organisation: String,
    /// The account id, as it stands in certificates.
    #[arg(required_unless_present = "people")]
    id: Option<String>,
    /// Give the id to this organisation, by name or id, instead of to the first for which it is certified; a device must be given to one.
    #[arg(long, value_name = "NAME")]
    to: Option<String>,
    /// The ids of all its people, as when its token issuer now speaks for another organisation.
    #[arg(long, conflicts_with_all = ["id", "to"])]
    people: bool,
}

/// Asks and prints.
pub(super) fn run(command: &ReleaseIds) -> Result<(), Failure> {
    let ReleaseIds { asking, organisation, id, to, people: _ } = command;
    let path = path(organisation, "/release");
    let mut wanted = Release { id: id.clone(), to: to.clone(), after: None };
    let mut all = Vec::new();
    loop {
        let page: Page<ReleasedView> =
            serve::ask(&asking.file, async |client| client.post(&path, &wanted).await)?;
        if !asking.json {
            page.items.iter().for_each(line);
        }
        all.extend(page.items);
        match page.next {
            Some(next) => wanted.after = Some(next),
            None => break,
        }
    }
    if asking.json {
        output::json(&Page { items: all, next: None });
        return Ok(());
    }
    tell(asking, &all);
    Ok(())
}

fn line(view: &ReleasedView) {
    let now = match &view.to {
        Some(to) => format!("given to {to}"),
        None => "released".to_owned(),
    };
    output::line(&format!("{} {now}", view.id));
}

/// What is still to be done.
fn tell(asking: &Asking, all: &[ReleasedView]) {
    if all.is_empty() {
        output::note("the organisation has no account id of a person");
    }
    let in_force: usize = all.iter().map(|view| view.certificates_in_force).sum();
    if let Some(view) = all.iter().find(|view| view.certificates_in_force > 0) {
        output::note(&format!(
            "{in_force} certificates go on until they end; where that is too long: ca-server certificates list --config {} --identifier {}, and revoke",
            asking.file.config.display(),
            view.id
        ));
    }
    if all.iter().any(|view| view.kind == HolderKind::Device) {
        output::note("the device goes on with its token; its next certificate is of the other organisation");
    }
}
