//! The hook, manual and persist providers.

use std::{
    fs, io,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::super::*;

fn record() -> ChallengeRecord {
    ChallengeRecord::new("room-1.example.com", "_acme-challenge.room-1.example.com", "value".to_owned(), 60)
        .unwrap()
}

fn script(folder: &tempfile::TempDir, body: &str) -> PathBuf {
    let path = folder.path().join("hook.sh");
    // Not written by this process: a child that another test is just starting would hold a copy of the descriptor for a moment, and what
    // somebody can write cannot be run.
    let write = "printf '%s\\n' '#!/bin/sh' \"$1\" > \"$0\" && chmod 700 \"$0\"";
    let written = Command::new("/bin/sh").args(["-c", write]).arg(&path).arg(body).status();
    assert!(written.unwrap().success());
    path
}

#[tokio::test]
async fn a_hook_gets_the_documented_environment_for_both_actions() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let body = format!(
        "echo \"$ROLLCALL_ACTION $ROLLCALL_DOMAIN $ROLLCALL_RECORD_NAME $ROLLCALL_RECORD_TYPE $ROLLCALL_RECORD_VALUE $ROLLCALL_TTL\" >> {}",
        out.display()
    );
    let provider = HookProvider::new(script(&folder, &body), Duration::from_secs(20));
    provider.present(&record()).await.unwrap();
    provider.cleanup(&record()).await.unwrap();
    let rest = "room-1.example.com _acme-challenge.room-1.example.com. TXT value 60";
    assert_eq!(fs::read_to_string(out).unwrap(), format!("present {rest}\ncleanup {rest}\n"));
}

#[tokio::test]
async fn a_failing_hook_is_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let provider =
        HookProvider::new(script(&folder, "echo no such zone >&2; exit 3"), Duration::from_secs(20));
    let message = provider.present(&record()).await.unwrap_err().to_string();
    assert!(message.contains("exit status: 3") && message.contains("no such zone"), "{message}");
    let missing = HookProvider::new(folder.path().join("absent"), Duration::from_secs(20));
    assert!(matches!(missing.present(&record()).await, Err(DnsError::Hook(HookFailure::Start { .. }))));
}

#[derive(Clone, Default)]
struct Person {
    shown: Arc<Mutex<String>>,
    absent: bool,
}

impl Prompt for Person {
    fn show(&self, text: &str) -> io::Result<()> {
        self.shown.lock().unwrap().push_str(text);
        Ok(())
    }

    fn confirm(&self) -> io::Result<()> {
        if self.absent { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

#[tokio::test]
async fn a_person_sees_the_record_as_it_stands_in_a_zone_file() {
    let person = Person::default();
    let provider = ManualProvider::new(Box::new(person.clone()));
    provider.present(&record()).await.unwrap();
    let shown = person.shown.lock().unwrap().clone();
    assert!(shown.contains("_acme-challenge.room-1.example.com. 60 IN TXT \"value\""), "{shown}");
}

#[tokio::test]
async fn without_a_person_the_manual_provider_fails_at_once() {
    let provider = ManualProvider::new(Box::new(Person { absent: true, ..Person::default() }));
    assert!(matches!(provider.present(&record()).await, Err(DnsError::Terminal(_))));
}

#[tokio::test]
async fn a_standing_record_is_shown_and_never_taken_back() {
    let value = "ca.test; accounturi=https://ca.test/account/1; policy=wildcard".to_owned();
    let person = Person::default();
    let provider = PersistProvider::new(Box::new(person.clone()));
    let standing = ChallengeRecord { value, standing: true, ..record() };
    provider.present(&standing).await.unwrap();
    provider.cleanup(&standing).await.unwrap();
    let shown = person.shown.lock().unwrap().clone();
    assert!(shown.contains("policy=wildcard") && !shown.contains("remove"), "{shown}");
}

#[test]
fn a_provider_says_which_setting_it_lacks() {
    for (kind, setting) in [(ProviderKind::Rfc2136, "--dns-server"), (ProviderKind::Hook, "--dns-hook")] {
        let message = provider(&DnsSettings::of(kind)).err().unwrap().to_string();
        assert!(message.contains(setting), "{message}");
    }
}
