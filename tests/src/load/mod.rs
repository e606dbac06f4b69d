//! The load generator: whole ACME flows against a server in another process, and what they cost it.
//!
//! It signs and parses as little as it can, so that on a shared machine most of the time goes to the server.

pub mod flow;
pub mod person;
pub mod process;
pub mod report;
pub mod session;
pub mod token;

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
    for _ in 0..plan.workers {
        let flow = Flow::register(target, Arc::clone(dns)).await?;
        workers.push(Names { flow, numbers: Arc::clone(&numbers), domain: plan.domain.clone() });
    }
    measure(plan, server, workers).await
}

/// Whole flows, each for a name of its own.
struct Names {
    flow: Flow,
    numbers: Arc<AtomicU64>,
    domain: String,
}

impl Worker for Names {
    async fn once(&mut self) -> Result<(), FlowError> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        self.flow.run(&format!("d{number}.{}", self.domain)).await.map(drop)
    }
}

/// Something that does the same again and again.
pub trait Worker: Send + 'static {
    /// Does it once.
    fn once(&mut self) -> impl Future<Output = Result<(), FlowError>> + Send;
}

/// Runs the workers at the same time for as long as the plan says, and reports.
///
/// # Errors
/// The first failure of a worker.
pub async fn measure<W: Worker>(
    plan: &Plan,
    server: &process::Server,
    workers: Vec<W>,
) -> Result<Report, FlowError> {
    let began = Instant::now();
    let (from, until) = (began + plan.warm_up, began + plan.warm_up + plan.count);
    let run = |mut worker: W| async move {
        let mut times = Vec::new();
        while Instant::now() < until {
            let started = Instant::now();
            worker.once().await?;
            let ended = Instant::now();
            if started >= from && ended <= until {
                times.push(ended - started);
            }
        }
        Ok::<_, FlowError>(times)
    };
    let running: Vec<_> = workers.into_iter().map(|worker| tokio::spawn(run(worker))).collect();
    tokio::time::sleep_until(from.into()).await;
    let (cpu_before, own_before) = (server.cpu(), process::own_cpu());
    tokio::time::sleep_until(until.into()).await;
    let (cpu, own) = (server.cpu().saturating_sub(cpu_before), process::own_cpu().saturating_sub(own_before));
    let mut times = Vec::new();
    for worker in running {
        times.extend(worker.await.map_err(|_| FlowError::Panicked)??);
    }
    times.sort_unstable();
    Ok(Report::new(times, plan.count, cpu, own, server.resident()))
}
