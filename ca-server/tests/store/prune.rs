//! Pruning removes what ended long enough ago, and all of it: the store does not grow.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use ca_server::clock::{Clock as _, FixedClock};
use ca_server::config::StoreConfig;
use ca_server::ids::AccountId;
use ca_server::log::verify;
use ca_server::order::model::{
    Authorization, AuthorizationStatus, Certificate, CertificateStatus, Order, OrderStatus,
};
use ca_server::sso::person::SingleUse;
use ca_server::store::memory::Memory;
use ca_server::store::prune::{Pruned, prune};
use ca_server::store::tables::{authorizations, certificates, orders, sign_ins, used_assertions};
use ca_server::store::{Backend, Batch, Range, Row, Snapshot, Store, StoreError, Table};
use time::Duration;

use super::samples::{NOW, authorization, certificate, dns, operation, order, sign_in};

fn keep() -> StoreConfig {
    let day = std::time::Duration::from_secs(86_400);
    StoreConfig { keep_ended: day * 2, keep_expired_certificates: day * 5, ..StoreConfig::default() }
}

/// An order that was served: its authorization valid, its certificate issued and replacing another.
async fn serve(store: &Store, account: AccountId, now: time::OffsetDateTime) -> Certificate {
    let pending = authorization(account, "a.example.com", now + Duration::days(1));
    let mut batch = Batch::new();
    authorizations::insert(&mut batch, &pending).unwrap();
    store.commit(batch).await.unwrap();
    let seen = store.load::<Authorization>(&pending.id).await.unwrap().unwrap();
    let valid = Authorization { status: AuthorizationStatus::Valid, ..pending };
    let issued = Certificate {
        status: CertificateStatus::Revoked,
        revoked: Some(now),
        ..certificate(account, "a.example.com", now)
    };
    let done = Order { status: OrderStatus::Valid, ..order(account, now) };
    let mut batch = Batch::new();
    authorizations::replace(&mut batch, &seen, &valid).unwrap();
    certificates::insert(&mut batch, &issued).unwrap();
    orders::insert(&mut batch, &done).unwrap();
    batch.record(now, operation("served"));
    store.commit(batch).await.unwrap();
    issued
}

#[tokio::test]
async fn a_store_that_serves_the_same_every_day_stops_growing() {
    let memory = Arc::new(Memory::new());
    let store = Store::new(memory.clone());
    let (clock, account) = (FixedClock::at(NOW), AccountId::fresh(NOW).unwrap());
    let mut sizes = Vec::new();
    for _day in 0..60 {
        for _ in 0..3 {
            serve(&store, account, clock.now()).await;
        }
        prune(&store, &keep(), clock.now()).await.unwrap();
        let journal = store.scan(Range::of(Table::Journal)).await.unwrap().len();
        sizes.push(memory.rows() - journal);
        clock.advance(Duration::days(1));
    }
    assert_eq!(sizes[45], sizes[59], "{sizes:?}");
    assert!(sizes[59] < 36 * 3 * 12, "{sizes:?}");
    let report = verify::verify(&store, None).await.unwrap();
    assert_eq!((report.verified, report.broken), (180, None));
}

#[tokio::test]
async fn once_everything_ended_only_the_journal_is_left() {
    let memory = Arc::new(Memory::new());
    let (store, account) = (Store::new(memory.clone()), AccountId::fresh(NOW).unwrap());
    for minute in 0..250 {
        serve(&store, account, NOW + Duration::minutes(minute)).await;
    }
    let later = NOW + Duration::days(100);
    let all = Pruned { orders: 250, authorizations: 250, certificates: 250, ..Pruned::default() };
    assert_eq!(prune(&store, &keep(), later).await.unwrap(), all);
    assert_eq!(prune(&store, &keep(), later).await.unwrap(), Pruned::default());
    let notes = store.scan(Range::of(Table::Meta)).await.unwrap();
    assert_eq!((memory.rows(), notes.len()), (251, 1), "what changed last on the issuer's list is one row");
}

/// Notes the rows of the largest batch that was committed.
struct Largest(Memory, AtomicUsize);

#[async_trait]
impl Backend for Largest {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(table, key).await
    }

    async fn scan(&self, range: Range) -> Result<Vec<Row>, StoreError> {
        self.0.scan(range).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.1.fetch_max(batch.ops.len(), Ordering::SeqCst);
        self.0.commit(batch).await
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        self.0.snapshot().await
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.0.health().await
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

#[tokio::test]
async fn no_batch_has_more_rows_than_the_embedded_store_writes_at_once() {
    let backend = Arc::new(Largest(Memory::new(), AtomicUsize::new(0)));
    let (store, account) = (Store::new(backend.clone()), AccountId::fresh(NOW).unwrap());
    for _ in 0..60 {
        let names = (0..100).map(|number| dns(&format!("room-{number}.example.com"))).collect();
        let wide = Certificate {
            status: CertificateStatus::Issued,
            identifiers: names,
            ..certificate(account, "a.example.com", NOW)
        };
        let mut batch = Batch::new();
        certificates::insert(&mut batch, &wide).unwrap();
        store.commit(batch).await.unwrap();
    }
    backend.1.store(0, Ordering::SeqCst);
    let pruned = prune(&store, &keep(), NOW + Duration::days(100)).await.unwrap();
    assert_eq!((pruned.certificates, backend.0.rows()), (60, 0));
    let largest = backend.1.load(Ordering::SeqCst);
    assert!((100..=160).contains(&largest), "{largest} rows in one batch");
}

#[tokio::test]
async fn nothing_goes_before_its_time_and_an_unresolved_issuance_never() {
    let (store, account) = (Store::new(Arc::new(Memory::new())), AccountId::fresh(NOW).unwrap());
    let processing = Order { status: OrderStatus::Processing, ..order(account, NOW) };
    let intended = certificate(account, "a.example.com", NOW);
    let pending = order(account, NOW);
    let mut batch = Batch::new();
    orders::insert(&mut batch, &processing).unwrap();
    orders::insert(&mut batch, &pending).unwrap();
    certificates::insert(&mut batch, &intended).unwrap();
    store.commit(batch).await.unwrap();
    let pruned = async |at| prune(&store, &keep(), at).await.unwrap();
    assert_eq!(pruned(pending.expires + Duration::days(2)).await, Pruned::default());
    let only_pending = Pruned { orders: 1, ..Pruned::default() };
    assert_eq!(pruned(pending.expires + Duration::days(2) + Duration::seconds(1)).await, only_pending);
    assert_eq!(pruned(NOW + Duration::days(1000)).await, Pruned::default());
    assert!(store.load::<Order>(&processing.id).await.unwrap().is_some());
    assert_eq!(store.open_intents(None, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_replaced_certificate_stays_replaced_until_its_own_record_goes() {
    let (store, account) = (Store::new(Arc::new(Memory::new())), AccountId::fresh(NOW).unwrap());
    let old = serve(&store, account, NOW).await;
    let issuer = data_encoding::HEXLOWER.decode(old.issuer.as_bytes()).unwrap();
    let base64 = |octets: &[u8]| data_encoding::BASE64URL_NOPAD.encode(octets);
    let id = format!("{}.{}", base64(&issuer), base64(old.serial.as_bytes()));
    let renewal = Order { status: OrderStatus::Valid, replaces: Some(id.clone()), ..order(account, NOW) };
    let mut batch = Batch::new();
    orders::insert(&mut batch, &renewal).unwrap();
    store.commit(batch).await.unwrap();
    prune(&store, &keep(), NOW + Duration::days(20)).await.unwrap();
    assert!(store.load::<Order>(&renewal.id).await.unwrap().is_none());
    assert_eq!(store.replacement_of(&id).await.unwrap(), Some(renewal.id));
    prune(&store, &keep(), NOW + Duration::days(40)).await.unwrap();
    assert_eq!(store.replacement_of(&id).await.unwrap(), None);
}

#[tokio::test]
async fn an_order_that_ended_without_a_certificate_gives_free_what_it_was_to_replace() {
    let (store, account) = (Store::new(Arc::new(Memory::new())), AccountId::fresh(NOW).unwrap());
    let renewal = Order {
        status: OrderStatus::Pending,
        replaces: Some("aki.serial".to_owned()),
        ..order(account, NOW)
    };
    let mut batch = Batch::new();
    orders::insert(&mut batch, &renewal).unwrap();
    store.commit(batch).await.unwrap();
    prune(&store, &keep(), NOW + Duration::days(20)).await.unwrap();
    assert!(store.load::<Order>(&renewal.id).await.unwrap().is_none());
    assert_eq!(store.replacement_of("aki.serial").await.unwrap(), None);
}

#[tokio::test]
async fn a_sign_in_goes_a_day_after_its_end_and_the_id_of_an_assertion_after_its_own() {
    let memory = Arc::new(Memory::new());
    let store = Store::new(memory.clone());
    let sign_in = sign_in(NOW);
    let assertion = SingleUse { key: "corp\n_1".to_owned(), until: NOW + Duration::minutes(5) };
    let mut batch = Batch::new();
    sign_ins::insert(&mut batch, &sign_in).unwrap();
    used_assertions::claim(&mut batch, &assertion).unwrap();
    store.commit(batch).await.unwrap();
    let pruned = async |at| prune(&store, &keep(), at).await.unwrap();
    assert_eq!(pruned(NOW + Duration::minutes(65)).await, Pruned::default());
    let only_assertion = Pruned { used_assertions: 1, ..Pruned::default() };
    assert_eq!(pruned(NOW + Duration::minutes(66)).await, only_assertion);
    let only_sign_in = Pruned { sign_ins: 1, ..Pruned::default() };
    assert_eq!(pruned(sign_in.expires + Duration::days(1) + Duration::seconds(1)).await, only_sign_in);
    assert_eq!(memory.rows(), 0);
}
