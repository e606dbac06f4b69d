//! A DNS of our own: TXT and CAA records that a test sets; everything else does not exist.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use ca_server::challenge::resolver::{CaaRecord, DnsFailure, Resolve, TxtAnswer};
use certs::name::DnsName;

/// Answers what it was told.
#[derive(Default)]
pub struct FakeDns {
    txt: Mutex<HashMap<String, Vec<String>>>,
    caa: Mutex<HashMap<String, (&'static str, String)>>,
}

impl FakeDns {
    /// One more TXT record at `name`.
    pub fn add_txt(&self, name: &str, value: &str) {
        self.txt.lock().unwrap().entry(name.to_owned()).or_default().push(value.to_owned());
    }

    /// The one CAA record at `name`: `issue` with this value.
    pub fn set_caa(&self, name: &str, issuer: &str) {
        self.set_caa_tag(name, "issue", issuer);
    }

    /// The one CAA record at `name`: this property with this value.
    pub fn set_caa_tag(&self, name: &str, tag: &'static str, value: &str) {
        self.caa.lock().unwrap().insert(name.to_owned(), (tag, value.to_owned()));
    }

    /// No CAA record at `name` any more.
    pub fn clear_caa(&self, name: &str) {
        self.caa.lock().unwrap().remove(name);
    }
}

#[async_trait]
impl Resolve for FakeDns {
    async fn txt(&self, name: &str) -> Result<TxtAnswer, DnsFailure> {
        let records = self.txt.lock().unwrap().get(name).cloned().unwrap_or_default();
        let records = records.into_iter().map(String::into_bytes).collect();
        Ok(TxtAnswer { records, ttl: 60, servers: "fake".to_owned() })
    }

    async fn caa(&self, name: &DnsName) -> Result<Vec<CaaRecord>, DnsFailure> {
        let record = self.caa.lock().unwrap().get(name.as_str()).cloned();
        let issue = |(tag, value): (&str, String)| CaaRecord {
            critical: false,
            tag: tag.to_owned(),
            value: value.into_bytes(),
        };
        Ok(record.map(issue).into_iter().collect())
    }
}
