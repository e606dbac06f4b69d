//! What the server leans on: the name servers that it asks, and the disk under its store.

use std::net::SocketAddr;
use std::path::Path;

use super::{Findings, PATIENCE};
use crate::challenge::resolver::{Resolve as _, StubResolver};
use crate::config::{Config, DnsConfig};

/// Free space below which a disk is called short, in octets.
const SHORT: u64 = 1 << 30;
/// Free space below which the store commits nothing.
const RESERVE: u64 = 64 << 20;

/// Asks each name server, as a validation would, for something that need not be there.
pub(super) async fn resolvers(config: &Config, found: &mut Findings) {
    let one = |resolvers: Vec<SocketAddr>| DnsConfig { resolvers, ..config.dns.clone() };
    let each: Vec<_> = match config.dns.resolvers.as_slice() {
        [] => vec![("the system's name servers".to_owned(), one(Vec::new()))],
        some => some.iter().map(|address| (address.to_string(), one(vec![*address]))).collect(),
    };
    let name = config.url.domain().unwrap_or("localhost").to_owned();
    for (server, settings) in each {
        // What is wrong with the settings is told of by the check of the configuration.
        let Ok(resolver) = StubResolver::new(&settings, &config.folder) else { continue };
        let hint = "look at dns.resolvers, and at the network between";
        match tokio::time::timeout(PATIENCE, resolver.txt(&name)).await {
            Ok(Ok(_)) => found.fine("dns", format!("{server} answers")),
            // Whoever refuses a name is there; whether he should is for whoever ordered names below it.
            Ok(Err(failure)) if is_an_answer(&failure.reason) => {
                found.fine("dns", format!("{server} answers {} when asked for {name}", failure.reason));
            }
            Ok(Err(failure)) => found.wrong("dns", format!("{server}: {}", failure.reason), hint),
            Err(_) => found.wrong("dns", format!("{server} does not answer"), hint),
        }
    }
}

/// Whether a reason is the name of an answer, such as `REFUSED`.
fn is_an_answer(reason: &str) -> bool {
    let first = reason.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    first.len() > 1 && first.chars().all(|c| c.is_ascii_uppercase())
}

/// Free space under the store.
pub(super) fn disk(config: &Config, found: &mut Findings) {
    let Some(path) = config.store.url.strip_prefix("sled:") else { return };
    let place = config.resolve(Path::new(path));
    let place = place.ancestors().find(|path| path.exists()).unwrap_or(&config.folder);
    let Ok(disk) = rustix::fs::statvfs(place) else {
        return found.warning(
            "disk",
            format!("the disk of {} does not say how full it is", place.display()),
            "",
        );
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let what = format!("{} MiB are free under {}", free >> 20, place.display());
    if free < RESERVE {
        found.wrong("disk", what, "free some space: the store commits nothing with less than 64 MiB");
    } else if free < SHORT {
        found.warning("disk", what, "free some space before it is less than 64 MiB: then nothing is issued");
    } else {
        found.fine("disk", what);
    }
    if disk.f_files > 0 && disk.f_favail < 1000 {
        found.warning(
            "disk",
            format!("only {} files can still be made", disk.f_favail),
            "remove files that are not needed",
        );
    }
}
