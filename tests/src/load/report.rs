//! What a load run measured.

use std::fmt;
use std::time::Duration;

/// Figures of one run.
#[derive(Clone, Debug)]
pub struct Report {
    /// Flows begun and ended while counting.
    pub flows: usize,
    /// Flows a second.
    pub rate: f64,
    /// The server's CPU time for one flow.
    pub cpu: Duration,
    /// The generator's own CPU time for one flow (it shares the machine).
    pub own_cpu: Duration,
    /// Median time of a flow.
    pub p50: Duration,
    /// 95th percentile.
    pub p95: Duration,
    /// 99th percentile.
    pub p99: Duration,
    /// The server's resident memory at the end, in octets.
    pub resident: u64,
}

impl Report {
    /// From sorted times, the counted period and the CPU spent in it.
    pub(super) fn new(
        times: Vec<Duration>,
        period: Duration,
        cpu: Duration,
        own: Duration,
        resident: u64,
    ) -> Self {
        let at = |percent: usize| {
            times.get(times.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default()
        };
        let each = |spent: Duration| spent / u32::try_from(times.len().max(1)).unwrap_or(u32::MAX);
        #[expect(clippy::cast_precision_loss, reason = "counts of flows are small")]
        let rate = times.len() as f64 / period.as_secs_f64();
        Self {
            flows: times.len(),
            rate,
            cpu: each(cpu),
            own_cpu: each(own),
            p50: at(50),
            p95: at(95),
            p99: at(99),
            resident,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        write!(
            f,
            "{} flows, {:.0} flows/s, server CPU {:.2} ms/flow, generator CPU {:.2} ms/flow, p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, server resident {} MiB",
            self.flows,
            self.rate,
            ms(self.cpu),
            ms(self.own_cpu),
            ms(self.p50),
            ms(self.p95),
            ms(self.p99),
            self.resident / (1 << 20),
        )
    }
}
