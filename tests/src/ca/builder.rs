//! What can be different about a test authority before it starts.

use std::sync::Arc;

use ca_server::clock::FixedClock;
use ca_server::config::Config;
use ca_server::store::memory::Memory;
use time::OffsetDateTime;

use super::{Kept, TestCa, files};
use crate::dns::FakeDns;

type Change = Box<dyn FnOnce(&mut Config) + Send>;

/// Settings of an authority that is to be started.
#[derive(Default)]
pub struct Builder {
    domains: Vec<String>,
    files: Vec<(String, String)>,
    changes: Vec<Change>,
    sled: bool,
}

impl Builder {
    /// Also allows names in `domain`; `corp.test` always is.
    #[must_use]
    pub fn domain(mut self, domain: &str) -> Self {
        self.domains.push(domain.to_owned());
        self
    }

    /// Writes one more file, or another text of one, such as `policy/rules/mine.cedar`.
    #[must_use]
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    /// Changes the configuration that was read.
    #[must_use]
    pub fn configure(mut self, change: impl FnOnce(&mut Config) + Send + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// Keeps its records in the embedded store, so that a restart finds them.
    #[must_use]
    pub fn sled(mut self) -> Self {
        self.sled = true;
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// If the settings are no configuration, or the machine has no loopback port left.
    pub async fn start(self) -> TestCa {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let dns = FakeDns::start().await;
        let mut domains = vec!["corp.test".to_owned()];
        domains.extend(self.domains);
        for domain in &domains {
            dns.add_zone(domain);
        }
        files::write(folder.path(), &domains);
        for (path, text) in &self.files {
            files::put(folder.path(), path, text);
        }
        let mut config = files::config(folder.path(), dns.address());
        for change in self.changes {
            change(&mut config);
        }
        let start = OffsetDateTime::from_unix_timestamp(files::START).expect("the start is a time");
        let kept = if self.sled { Kept::Sled } else { Kept::Memory(Arc::new(Memory::new())) };
        TestCa::open(config, kept, dns, FixedClock::at(start), folder).await
    }
}
