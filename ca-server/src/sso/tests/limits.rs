//! What ends by the clock: links, and the metadata of a provider, of which the operator is told before nobody can sign in any more.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;
use http::StatusCode;
use parking_lot::Mutex;

use super::bench::*;
use super::support::Ca;

/// How often metadata is read again.
const METADATA_EVERY: Duration = Duration::from_secs(300);

#[tokio::test]
async fn a_link_is_good_for_ten_minutes_whatever_is_configured() {
    let ca =
        Ca::start_people(providers(), |config| config.sso.link_lifetime = Duration::from_secs(86_400)).await;
    let client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    ca.clock.advance(time::Duration::seconds(599));
    assert_eq!(Browser::default().get(&ca, asked.link()).await.status, StatusCode::OK);
    ca.clock.advance(time::Duration::SECOND);
    for reply in [
        Browser::default().get(&ca, asked.link()).await,
        Browser::default().form(&ca, asked.link(), &[]).await,
    ] {
        assert_eq!(reply.status, StatusCode::GONE);
    }
}

/// What is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// With a second subscriber: while there is but one, a line that another thread comes to first is judged for that thread alone.
    fn begin(&self) -> (tracing::subscriber::DefaultGuard, tracing::Dispatch) {
        let log = self.clone();
        let second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::new());
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone()).finish();
        (tracing::subscriber::set_default(subscriber), second)
    }

    /// The lines about metadata since the last look.
    fn about_metadata(&self) -> Vec<String> {
        let text = String::from_utf8(std::mem::take(&mut *self.0.lock())).unwrap();
        text.lines().filter(|line| line.contains("the metadata of an")).map(str::to_owned).collect()
    }
}

fn metadata(until: &str) -> String {
    let made = rcgen::generate_simple_self_signed(vec!["idp.example.com".to_owned()]).unwrap();
    let der = BASE64.encode(made.cert.der());
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"https://idp.example.com/\" \
         validUntil=\"{until}\"><md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
         <md:KeyDescriptor><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>{der}\
         </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService \
         Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"https://idp.example.com/sso\"/>\
         </md:IDPSSODescriptor></md:EntityDescriptor>"
    )
}

/// A server, at 2026-05-28T20:26:40Z, that relies on a provider whose metadata is valid until then.
async fn relying_on(until: &str) -> Ca {
    let text = metadata(until);
    let section = "name = \"corp\"\ndomains = [\"corp.test\"]\n[saml]\nmetadata = \"corp.xml\"\n";
    Ca::start_with("", |config| {
        std::fs::write(config.folder.join("corp.xml"), text).unwrap();
        config.identity_provider = vec![toml::from_str(section).unwrap()];
    })
    .await
}

/// Until the metadata was read again.
async fn until_refreshed() {
    tokio::time::sleep(METADATA_EVERY + Duration::from_secs(1)).await;
}

#[tokio::test]
async fn metadata_that_has_run_out_is_told_of_at_a_start() {
    for (until, told) in [
        ("2026-05-28T20:26:40Z", Some(("ERROR", "has run out; nobody can sign in there"))),
        ("2026-05-30T20:26:39Z", Some(("WARN", "runs out soon"))),
        ("2026-05-30T20:26:41Z", None),
    ] {
        let log = Log::default();
        let guard = log.begin();
        let _ca = relying_on(until).await;
        let lines = log.about_metadata();
        drop(guard);
        assert_eq!(lines.len(), usize::from(told.is_some()), "{until}: {lines:?}");
        if let (Some(line), Some((level, words))) = (lines.first(), told) {
            assert!(line.contains(level) && line.contains(words) && line.contains("corp"), "{line}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn metadata_that_runs_out_is_told_of_whenever_it_is_read_again() {
    let log = Log::default();
    let _guard = log.begin();
    let ca = relying_on("2026-06-28T00:00:00Z").await;
    until_refreshed().await;
    assert_eq!(log.about_metadata(), Vec::<String>::new());
    ca.clock.advance(time::Duration::days(30));
    until_refreshed().await;
    let lines = log.about_metadata();
    assert!(lines.len() == 1 && lines[0].contains("runs out soon"), "{lines:?}");
    ca.clock.advance(time::Duration::days(2));
    for _ in 0..2 {
        until_refreshed().await;
        let lines = log.about_metadata();
        assert!(lines.len() == 1 && lines[0].contains("has run out"), "{lines:?}");
    }
    ca.write("corp.xml", &metadata("2027-01-01T00:00:00Z"));
    until_refreshed().await;
    assert_eq!(log.about_metadata(), Vec::<String>::new(), "it was renewed");
}
