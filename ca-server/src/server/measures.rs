//! Everything that the server measures: name, kind, labels and meaning, once. `docs/observability.md`, the dashboard and the alerts are held against it.
//!
//! A metric that is not here is a fault that a test finds. No label may hold what a client chose: each value costs memory for good.

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Values in buckets.
    Histogram,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Its name.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub meaning: &'static str,
}

const fn counter(name: &'static str, labels: &'static [&'static str], meaning: &'static str) -> Measure {
    Measure { name, kind: Kind::Counter, labels, meaning }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], meaning: &'static str) -> Measure {
    Measure { name, kind: Kind::Gauge, labels, meaning }
}

const fn histogram(name: &'static str, labels: &'static [&'static str], meaning: &'static str) -> Measure {
    Measure { name, kind: Kind::Histogram, labels, meaning }
}

/// All of them.
pub const MEASURES: &[Measure] = &[
    counter("rollcall_http_requests_total", &["route", "status"], "Requests answered, by route and status."),
    histogram("rollcall_http_request_seconds", &["route"], "Time to answer a request, by route."),
    counter(
        "rollcall_connections_refused_total",
        &[],
        "Connections closed at once: too many of one address.",
    ),
    counter("rollcall_problems_total", &["kind"], "Problem documents sent, by kind."),
    counter(
        "rollcall_refusals_total",
        &["action"],
        "Requests refused by policy, CAA or lint, by what was asked.",
    ),
    counter(
        "rollcall_refusals_left_out_total",
        &["action"],
        "Refusals that were not journalled, since their account or all together had too many in a minute.",
    ),
    counter(
        "rollcall_repeated_failures_left_out_total",
        &[],
        "Repeated failures that were not journalled, since who asked, or all together, had too many in the window.",
    ),
    counter(
        "rollcall_challenges_total",
        &["kind", "outcome"],
        "Attempts at challenges, by kind and outcome: `valid` and `invalid` decided one, `retry` is tried again, `superseded` came too late.",
    ),
    counter(
        "rollcall_sign_ins_total",
        &["provider", "outcome"],
        "Sign-ins of people, by identity provider and outcome.",
    ),
    counter("rollcall_tokens_refused_total", &["reason"], "Access tokens refused, by reason."),
    counter(
        "rollcall_certificates_issued_total",
        &["authority", "profile"],
        "Certificates issued, by authority and profile.",
    ),
    counter(
        "rollcall_internal_certificates_total",
        &["kind", "front"],
        "Certificates of the internal authority, by kind of holder and by front.",
    ),
    counter(
        "rollcall_journal_acts_total",
        &["act"],
        "What was written into the journal, by act: issued, revoked, abandoned, refused, expiring, failing-repeatedly and others.",
    ),
    gauge("rollcall_queue_length", &["queue"], "What waits, by queue."),
    histogram("rollcall_store_commit_batches", &[], "Batches that one durable commit carried."),
    histogram("rollcall_store_commit_seconds", &[], "Time of one durable commit."),
    histogram(
        "rollcall_store_fold_seconds",
        &[],
        "Time to move what was committed from the write-ahead log into the tree.",
    ),
    counter(
        "rollcall_ocsp_answers_total",
        &["answer"],
        "OCSP answers, by what they said or where they came from.",
    ),
    gauge(
        "rollcall_ocsp_responder_not_after_seconds",
        &["issuer"],
        "End of the certificate that signs an issuer's OCSP answers, in seconds since 1970.",
    ),
    histogram("rollcall_revocation_list_seconds", &[], "Time to read what is revoked and sign the lists."),
    gauge("rollcall_revocation_list_entries", &["issuer"], "Certificates on an issuer's revocation list."),
    gauge(
        "rollcall_revocation_list_this_update_seconds",
        &["issuer"],
        "When the oldest of an issuer's lists was signed, in seconds since 1970.",
    ),
    gauge(
        "rollcall_revocation_list_next_update_seconds",
        &["issuer"],
        "Until when it may be relied on, in seconds since 1970.",
    ),
    gauge(
        "rollcall_issuer_not_after_seconds",
        &["authority"],
        "End of the certificate that an authority issues with, in seconds since 1970.",
    ),
    gauge("rollcall_started_seconds", &[], "When the server began, in seconds since 1970."),
    gauge("rollcall_info", &["version"], "Always 1; the version that runs."),
    gauge(
        "rollcall_webhook_behind_entries",
        &["webhook"],
        "Journal entries that a webhook was not told of yet, or that it does not want.",
    ),
    gauge(
        "rollcall_webhook_behind_seconds",
        &["webhook"],
        "Age of the oldest entry that it was not told yet; 0 if there is none.",
    ),
    gauge("rollcall_webhook_paused", &["webhook"], "1 if a webhook is paused."),
    counter(
        "rollcall_webhook_deliveries_total",
        &["webhook", "outcome"],
        "Deliveries tried, by outcome: delivered, failed or gone.",
    ),
    histogram("rollcall_webhook_delivery_seconds", &["webhook"], "Time of one delivery."),
];
