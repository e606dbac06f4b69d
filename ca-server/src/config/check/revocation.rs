//! Whether `[revocation]` makes sense: addresses that relying parties can use, and times that leave room for a signature.

use std::time::Duration;

use certs::name::DnsName;

use super::super::Config;
use super::super::load::ConfigProblem;

/// Clocks differ, and what is signed must outlast the way to whoever asked.
const SHORTEST: Duration = Duration::from_secs(600);
/// A month: longer than a relying party should believe anything.
const LONGEST: Duration = Duration::from_secs(31 * 86_400);
/// Fewer entries would split lists that nobody needs split.
const FEWEST_ENTRIES: usize = 100;
/// A gibibyte.
const MOST_CACHE: usize = 1024;

pub(super) fn check(config: &Config, found: &mut Vec<ConfigProblem>) {
    let section = &config.revocation;
    let mut add = |key: &str, message: String, hint: &str| {
        found.push(ConfigProblem::new(format!("revocation.{key}"), message, hint));
    };
    if section.listen.is_some_and(|listen| listen.port() != 0 && listen == config.listen) {
        add("listen", "is the same address as `listen`".to_owned(), "choose another port, such as 14080");
    }
    if let Some(url) = &section.url {
        let hint = "write a URL such as http://ca.example.com:14080";
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            add("url", format!("{url} is not one that relying parties can use"), hint);
        } else if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            add("url", format!("{url} has more than host, port and path"), hint);
        }
    }
    let host = config.url.host_str().unwrap_or_default();
    if section.answers_ocsp() && DnsName::parse_allowing_single_label(host).is_err() {
        let message = format!("the responder's certificate needs a host name, and `url` has {host:?}");
        add("ocsp", message, "write a host name in `url`, or ocsp = false");
    }
    for (key, time) in [("ocsp_lifetime", section.ocsp_lifetime), ("list_lifetime", section.list_lifetime)] {
        if !(SHORTEST..=LONGEST).contains(&time) {
            add(key, "must be from 10min to 31days".to_owned(), "leave the key out for its default");
        }
    }
    if section.list_entries < FEWEST_ENTRIES {
        add(
            "list_entries",
            format!("must be at least {FEWEST_ENTRIES}"),
            "leave the key out for its default",
        );
    }
    if !(1..=MOST_CACHE).contains(&section.ocsp_cache_mib) {
        add("ocsp_cache_mib", format!("must be from 1 to {MOST_CACHE}"), "leave the key out for its default");
    }
    if config.store.keep_expired_certificates < section.list_lifetime {
        // Else an entry would leave the list before it stood on one that was made after its certificate's end (RFC 5280 §3.3).
        let message = "must be at least `list_lifetime` of [revocation]".to_owned();
        found.push(ConfigProblem::new(
            "store.keep_expired_certificates".to_owned(),
            message,
            "keep them for as long as lists are relied on, or longer",
        ));
    }
}
