//! What the journal keeps of sign-ins that fail: each refusal that counts, and never more than its share.

use std::sync::Arc;

use async_trait::async_trait;
use http::StatusCode;
use parking_lot::Mutex;
use serde_json::Value;

use super::bench::*;
use super::support::Ca;
use crate::log::act::Act;
use crate::order::model::Account;
use crate::sso::binding::sign_in_of;
use crate::sso::sign_in::SignIn;
use crate::store::tables::{accounts, sign_ins};
use crate::store::{Backend, Batch, Range, Row, Snapshot, StoreError, Table};

/// Signs in and says on the page that nobody asked for this.
async fn decline(ca: &Ca, client: &Client) {
    let (asked, mut browser) = (client.ask(ca, ALICE).await, Browser::default());
    let confirm = browser.sign_in(ca, asked.link(), ALICE).await;
    browser.form(ca, &confirm, &[("decline", "yes")]).await;
    assert_eq!(client.settled(ca, &asked).await["status"], "invalid");
}

#[tokio::test]
async fn sign_ins_declined_again_and_again_do_not_fill_the_journal() {
    let ca = ca().await;
    let client = Client::register(&ca).await;
    for _ in 0..15 {
        decline(&ca, &client).await;
    }
    // Of each the decision and its consequence, for the first five.
    let rules = refusals(&ca).await;
    assert_eq!(rules.len(), 10, "{rules:?}");
    assert_eq!(rules.iter().filter(|rule| *rule == "sso:declined").count(), 5, "{rules:?}");
    ca.clock.advance(time::Duration::MINUTE);
    decline(&ca, &client).await;
    let acts = acts(&ca).await;
    let counted: Vec<&Value> = acts.iter().filter(|act| act["left_out"].as_u64() > Some(0)).collect();
    assert_eq!(counted.len(), 1, "{counted:?}");
    assert_eq!((&counted[0]["rule"], &counted[0]["left_out"]), (&"sso:declined".into(), &20.into()));
}

#[tokio::test]
async fn links_left_to_expire_do_not_fill_the_journal() {
    let ca = ca().await;
    let client = Client::register(&ca).await;
    let mut asked = Vec::new();
    for _ in 0..15 {
        asked.push(client.ask(&ca, ALICE).await);
    }
    ca.clock.advance(time::Duration::minutes(10));
    let ca = ca.again().await;
    for challenge in &asked {
        assert_eq!(client.settled(&ca, challenge).await["status"], "invalid");
    }
    let rules = refusals(&ca).await;
    assert_eq!(rules.len(), 10, "{rules:?}");
    assert!(rules.iter().all(|rule| rule == "challenge:unauthorized"), "{rules:?}");
}

/// Commits another batch just before the first one with a refusal.
struct Meddling {
    inner: Arc<dyn Backend>,
    with: Arc<Mutex<Option<Batch>>>,
}

#[async_trait]
impl Backend for Meddling {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.get(table, key).await
    }

    async fn scan(&self, range: Range) -> Result<Vec<Row>, StoreError> {
        self.inner.scan(range).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        if batch.acts.iter().any(|(_, act)| matches!(act, Act::Refused { .. })) {
            let first = self.with.lock().take();
            if let Some(first) = first {
                self.inner.commit(first).await?;
            }
        }
        self.inner.commit(batch).await
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        self.inner.snapshot().await
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.inner.health().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

/// The page after an answer for somebody else, while `touched` is written; then the status of the challenge and the rules in the journal.
async fn refused_while(touched: Table) -> (StatusCode, String, Vec<String>) {
    let with = Arc::new(Mutex::new(None));
    let around = |inner| -> Arc<dyn Backend> { Arc::new(Meddling { inner, with: with.clone() }) };
    let ca = Ca::start_people_on(providers(), |_| {}, around).await;
    let (client, mut browser) = (Client::register(&ca).await, Browser::default());
    let asked = client.ask(&ca, ALICE).await;
    let at = browser.start(&ca, asked.link()).await;
    let (store, mut batch) = (&ca.running.app().store, Batch::new());
    if touched == Table::Accounts {
        let id = client.account.rsplit('/').next().unwrap().parse().unwrap();
        let seen = store.load::<Account>(&id).await.unwrap().unwrap();
        let next = Account { contact: vec!["mailto:new@corp.test".to_owned()], ..seen.value.clone() };
        accounts::replace(&mut batch, &seen, &next).unwrap();
    } else {
        let id = sign_in_of(asked.link().rsplit('/').next().unwrap()).unwrap();
        let seen = store.load::<SignIn>(&id).await.unwrap().unwrap();
        sign_ins::replace(&mut batch, &seen, &seen.value).unwrap();
    }
    *with.lock() = Some(batch);
    let reply = browser.answer(&ca, "corp", &at.state, &says("bob@corp.test")).await;
    assert!(with.lock().is_none(), "nobody meddled");
    let status = if touched == Table::Accounts {
        client.settled(&ca, &asked).await["status"].as_str().unwrap().to_owned()
    } else {
        client.status(&ca, &asked).await
    };
    (reply.status, status, refusals(&ca).await)
}

#[tokio::test]
async fn a_refusal_is_recorded_though_the_account_changes_at_the_same_moment() {
    let (page, status, rules) = refused_while(Table::Accounts).await;
    assert_eq!((page, status.as_str()), (StatusCode::FORBIDDEN, "invalid"));
    assert_eq!(rules, ["sso:other-address", "challenge:unauthorized"]);
}

#[tokio::test]
async fn a_refusal_is_recorded_though_the_sign_in_moves_on_at_the_same_moment() {
    let (page, status, rules) = refused_while(Table::SignIns).await;
    assert_eq!((page, status.as_str()), (StatusCode::CONFLICT, "processing"));
    assert_eq!(rules[0], "sso:other-address", "{rules:?}");
}
