//! The device's clock as the enrolment agent wants it.

use std::sync::Arc;

use time::OffsetDateTime;

/// The device's clock.
pub struct AgentClock(pub Arc<dyn ca_server::clock::Clock>);

impl acme_client::clock::Clock for AgentClock {
    fn now(&self) -> OffsetDateTime {
        self.0.now()
    }
}
