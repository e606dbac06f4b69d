//! The load generator: whole ACME flows against a server in another process, and what they cost it.
//!
//! It signs and parses as little as it can, so that on a shared machine most of the time goes to the server.

pub mod flow;
pub mod person;
pub mod process;
pub mod report;
pub mod session;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::dns::FakeDns;
use flow::{Flow, FlowError};
use report::Report;

/// How much load, for how long.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Workers that run flows at the same time, each with a connection and an account of its own.
    pub workers: usize,
    /// How long to warm up before counting.
    pub warm_up: Duration,
    /// How long to count.
    pub count: Duration,
    /// Names are made in this domain.
    pub domain: String,
}

/// Runs the plan and reports.
///
/// # Errors
/// The first flow that failed: a load test with failures measures something else.
pub async fn run(
    plan: &Plan,
    target: &session::Target,
    dns: &Arc<FakeDns>,
    server: &process::Server,
) -> Result<Report, FlowError> {
    let numbers = Arc::new(AtomicU64::new(0));
    let mut workers = Vec::new();
    let began = Instant::now();
    let (from, until) = (began + plan.warm_up, began + plan.warm_up + plan.count);
    for _ in 0..plan.workers {
        let (target, dns, numbers, domain) =
            (target.clone(), Arc::clone(dns), Arc::clone(&numbers), plan.domain.clone());
        workers.push(tokio::spawn(async move {
            let mut flow = Flow::register(&target, dns).await?;
            let mut times = Vec::new();
            while Instant::now() < until {
                let number = numbers.fetch_add(1, Ordering::Relaxed);
                let started = Instant::now();
                flow.run(&format!("d{number}.{domain}")).await?;
                let ended = Instant::now();
                if started >= from && ended <= until {
                    times.push(ended - started);
                }
            }
            Ok::<_, FlowError>(times)
        }));
    }
    tokio::time::sleep_until(from.into()).await;
    let (cpu_before, own_before) = (server.cpu(), process::own_cpu());
    tokio::time::sleep_until(until.into()).await;
    let (cpu, own) = (server.cpu().saturating_sub(cpu_before), process::own_cpu().saturating_sub(own_before));
    let mut times = Vec::new();
    for worker in workers {
        times.extend(worker.await.map_err(|_| FlowError::Panicked)??);
    }
    times.sort_unstable();
    Ok(Report::new(times, plan.count, cpu, own, server.resident()))
}
