//! Codes, tokens and secrets are in no log line, however talkative the log.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use rollcall_tests::identity_provider::{Endpoint, Misbehaviour, Signing};
use tracing_subscriber::fmt::MakeWriter;

use crate::setting::{SECRET, STATE, Setting};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn the_log_tells_no_secret() {
    let lines = Lines::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(lines.clone()).finish();
    // A line that another thread comes to first is judged for this one too only while there are two subscribers.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::new());
    // One thread runs all of this test, so everything it causes is caught.
    let _guard = tracing::subscriber::set_default(subscriber);
    let setting = Setting::new().await;
    let back = setting.callback().await.unwrap();
    setting.redeem(&back).await.unwrap();
    setting.redeem(&back).await.unwrap_err();
    setting.reason_with(|faults| faults.signing = Signing::Altered).await;
    setting.idp.heal();
    setting.idp.faults(|faults| faults.claims_at_user_info = true);
    setting.sign_in().await.unwrap();
    setting.clock.advance(time::Duration::hours(2));
    let broken = Misbehaviour::Status(500);
    setting.idp.faults(|faults| _ = faults.endpoints.insert(Endpoint::Discovery, broken));
    setting.callback().await.unwrap();
    let log = String::from_utf8(lines.0.lock().clone()).unwrap();
    assert!(log.contains("an identity provider fails"), "the log was caught: {log}");
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    for secret in [code.as_str(), SECRET, "hunter2", "eyJ", "BwcHBwcHBwcHBwcH", STATE] {
        assert!(!log.contains(secret), "{secret} in the log:\n{log}");
    }
    assert!(!format!("{:?}", setting.provider).contains("hunter2"));
}
