//! The typed reads find what the typed writes put there, and nothing else.

use std::sync::Arc;

use ca_server::ids::AccountId;
use ca_server::order::model::{
    Account, Authorization, AuthorizationStatus, Certificate, CertificateStatus, Order, OrderStatus,
};
use ca_server::store::memory::Memory;
use ca_server::store::tables::certificates::CertificateFilter;
use ca_server::store::tables::{accounts, authorizations, certificates, orders, validations};
use ca_server::store::{Batch, Cursor, Store, StoreError, Table, Versioned};
use ca_server::verify::jwk::{Jwk, OkpCurve};
use time::Duration;

use super::samples::{NOW, account, authority, authorization, certificate, dns, due, order};

fn store() -> Store {
    Store::new(Arc::new(Memory::new()))
}

async fn apply(store: &Store, fill: impl FnOnce(&mut Batch)) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    fill(&mut batch);
    store.commit(batch).await
}

async fn seen<R: ca_server::store::Record>(store: &Store, record: &R) -> Versioned<R> {
    store.load(&record.key()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_key_belongs_to_one_account_of_an_authority_and_moves_with_key_change() {
    let (store, alice) = (store(), account("old"));
    apply(&store, |batch| accounts::insert(batch, &alice).unwrap()).await.unwrap();
    let double = apply(&store, |batch| accounts::insert(batch, &account("old")).unwrap()).await;
    assert!(matches!(double, Err(StoreError::Stale(Table::AccountsByKey))));
    let elsewhere = Account { authority: "internal".parse().unwrap(), ..account("old") };
    apply(&store, |batch| accounts::insert(batch, &elsewhere).unwrap()).await.unwrap();

    let next = Account { key: Jwk::Okp { crv: OkpCurve::Ed25519, x: "new".to_owned() }, ..alice.clone() };
    let before = seen(&store, &alice).await;
    apply(&store, |batch| accounts::replace(batch, &before, &next).unwrap()).await.unwrap();
    let by_key = async |key: &Jwk| store.account_by_key(&authority(), &key.thumbprint()).await.unwrap();
    assert!(by_key(&alice.key).await.is_none());
    assert_eq!(by_key(&next.key).await.unwrap().value, next);
    assert_eq!(store.accounts(None, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn orders_of_an_account_come_newest_first_and_every_one_once() {
    let (store, alice, bob) = (store(), AccountId::fresh(NOW).unwrap(), AccountId::fresh(NOW).unwrap());
    for minute in 0..7 {
        for owner in [alice, bob] {
            let order = order(owner, NOW + Duration::minutes(minute));
            apply(&store, |batch| orders::insert(batch, &order).unwrap()).await.unwrap();
        }
    }
    let (mut found, mut place): (Vec<Order>, Option<Cursor>) = (Vec::new(), None);
    loop {
        let page = store.orders_of(alice, place.as_ref(), 3).await.unwrap();
        found.extend(page.items.into_iter().map(|order| order.value));
        place = page.next.map(|cursor| cursor.to_string().parse().unwrap());
        if place.is_none() {
            break;
        }
    }
    assert!(found.iter().all(|order| order.account == alice));
    let created: Vec<_> = found.iter().map(|order| (order.created - NOW).whole_minutes()).collect();
    assert_eq!(created, [6, 5, 4, 3, 2, 1, 0]);
}

#[tokio::test]
async fn a_certificate_has_one_replacing_order_until_that_order_is_invalid() {
    let (store, alice) = (store(), AccountId::fresh(NOW).unwrap());
    let first = Order { replaces: Some("aki.serial".to_owned()), ..order(alice, NOW) };
    let second = Order { replaces: Some("aki.serial".to_owned()), ..order(alice, NOW) };
    apply(&store, |batch| orders::insert(batch, &first).unwrap()).await.unwrap();
    assert_eq!(store.replacement_of("aki.serial").await.unwrap(), Some(first.id));
    let taken = apply(&store, |batch| orders::insert(batch, &second).unwrap()).await;
    assert!(matches!(taken, Err(StoreError::Stale(Table::Replacements))));
    let before = seen(&store, &first).await;
    let failed = Order { status: OrderStatus::Invalid, ..first };
    apply(&store, |batch| orders::replace(batch, &before, &failed).unwrap()).await.unwrap();
    apply(&store, |batch| orders::insert(batch, &second).unwrap()).await.unwrap();
    assert_eq!(store.replacement_of("aki.serial").await.unwrap(), Some(second.id));
}

#[tokio::test]
async fn only_a_valid_authorization_is_reused_and_the_longest_lasting_first() {
    let (store, alice) = (store(), AccountId::fresh(NOW).unwrap());
    let reusable = async |wildcard| {
        let found = store.reusable_authorization(alice, &dns("a.example.com"), wildcard).await.unwrap();
        found.map(|found| found.value)
    };
    let mut valid = Vec::new();
    for days in [1, 3, 2] {
        let pending = authorization(alice, "a.example.com", NOW + Duration::days(9));
        apply(&store, |batch| authorizations::insert(batch, &pending).unwrap()).await.unwrap();
        let before = seen(&store, &pending).await;
        let expires = NOW + Duration::days(days);
        let next = Authorization { status: AuthorizationStatus::Valid, expires, ..pending };
        apply(&store, |batch| authorizations::replace(batch, &before, &next).unwrap()).await.unwrap();
        valid.push(next);
    }
    assert_eq!(reusable(false).await.as_ref(), Some(&valid[1]));
    assert_eq!(reusable(true).await, None);
    let before = seen(&store, &valid[1]).await;
    let gone = Authorization { status: AuthorizationStatus::Deactivated, ..valid[1].clone() };
    apply(&store, |batch| authorizations::replace(batch, &before, &gone).unwrap()).await.unwrap();
    assert_eq!(reusable(false).await.as_ref(), Some(&valid[2]));
    assert_eq!(store.next_expiry(Table::Authorizations).await.unwrap(), Some(NOW + Duration::days(1)));
}

#[tokio::test]
async fn validations_come_when_they_are_due_and_a_postponed_one_later() {
    let store = store();
    let (soon, later) = (due(NOW + Duration::milliseconds(1500)), due(NOW + Duration::seconds(9)));
    apply(&store, |batch| [later, soon].iter().for_each(|due| validations::enqueue(batch, due)))
        .await
        .unwrap();
    assert!(store.due_validations(NOW + Duration::seconds(1), 10).await.unwrap().is_empty());
    assert_eq!(store.due_validations(NOW + Duration::seconds(2), 10).await.unwrap(), [soon]);
    apply(&store, |batch| {
        validations::postpone(batch, &soon, NOW + Duration::minutes(1));
    })
    .await
    .unwrap();
    let queued = store.validations(10).await.unwrap();
    assert_eq!(queued.iter().map(|due| due.attempts).collect::<Vec<_>>(), [0, 1]);
    apply(&store, |batch| queued.iter().for_each(|due| validations::dequeue(batch, due))).await.unwrap();
    assert!(store.validations(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_intent_is_open_until_its_outcome_and_a_revocation_is_on_the_list_at_once() {
    let (store, alice) = (store(), AccountId::fresh(NOW).unwrap());
    let intended = certificate(alice, "a.example.com", NOW);
    apply(&store, |batch| certificates::insert(batch, &intended).unwrap()).await.unwrap();
    assert_eq!(store.open_intents(None, 10).await.unwrap().len(), 1);
    let issued = Certificate { status: CertificateStatus::Issued, ..intended.clone() };
    let before = seen(&store, &intended).await;
    apply(&store, |batch| certificates::replace(batch, &before, &issued).unwrap()).await.unwrap();
    assert!(store.open_intents(None, 10).await.unwrap().is_empty());
    assert!(store.revocations(&authority(), None, 10).await.unwrap().is_empty());

    let at = NOW + Duration::hours(1);
    let revoked = Certificate {
        status: CertificateStatus::Revoked,
        revoked: Some(at),
        revocation_reason: Some(4),
        ..issued
    };
    let before = seen(&store, &revoked).await;
    apply(&store, |batch| certificates::replace(batch, &before, &revoked).unwrap()).await.unwrap();
    let list = store.revocations(&authority(), None, 10).await.unwrap();
    assert_eq!(list.len(), 1);
    let entry = &list[0];
    assert_eq!((entry.serial, entry.at, entry.reason), (revoked.serial, at, 4));
    assert_eq!((entry.not_after, &entry.issuer), (revoked.not_after, &revoked.issuer));
    assert!(store.revocations(&"internal".parse().unwrap(), None, 10).await.unwrap().is_empty());
    assert!(store.revocations(&authority(), Some(&revoked.serial), 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn certificates_are_listed_newest_first_by_identifier_account_and_state() {
    let (store, alice, bob) = (store(), AccountId::fresh(NOW).unwrap(), AccountId::fresh(NOW).unwrap());
    for minute in 0..30 {
        let (owner, name) = if minute % 3 == 0 { (alice, "a.example.com") } else { (bob, "b.example.com") };
        let mut record = certificate(owner, name, NOW + Duration::minutes(minute));
        if minute % 2 == 0 {
            record.status = CertificateStatus::Issued;
        }
        apply(&store, |batch| certificates::insert(batch, &record).unwrap()).await.unwrap();
    }
    let listed = async |filter: CertificateFilter| {
        let (mut minutes, mut place) = (Vec::new(), None);
        loop {
            let page = store.certificates(&filter, place.as_ref(), 4).await.unwrap();
            assert!(page.items.len() <= 4);
            minutes.extend(page.items.iter().map(|found| (found.value.created - NOW).whole_minutes()));
            place = page.next;
            if place.is_none() {
                return minutes;
            }
        }
    };
    let all = CertificateFilter::default();
    assert_eq!(listed(all.clone()).await, (0..30).rev().collect::<Vec<_>>());
    let thirds: Vec<_> = (0..30).rev().filter(|minute| minute % 3 == 0).collect();
    assert_eq!(listed(CertificateFilter { account: Some(alice), ..all.clone() }).await, thirds);
    let named = CertificateFilter { identifier: Some(dns("a.example.com")), ..all.clone() };
    assert_eq!(listed(named.clone()).await, thirds);
    assert!(listed(CertificateFilter { account: Some(bob), ..named.clone() }).await.is_empty());
    let issued = CertificateFilter { status: Some(CertificateStatus::Issued), ..named };
    assert_eq!(listed(issued).await, [24, 18, 12, 6, 0]);
    let part = CertificateFilter { containing: Some("A.Example".to_owned()), ..all.clone() };
    assert_eq!(listed(part).await, thirds, "letters may be small or capital");
    let nothing = CertificateFilter { containing: Some("nothing".to_owned()), ..all.clone() };
    let mut budget = 50;
    for left in [20, 0, 0] {
        let page = store.certificates_within(&nothing, None, 1, &mut budget).await.unwrap();
        assert_eq!((page.items.len(), budget), (0, left), "one budget for several questions");
    }
    let ending =
        CertificateFilter { expires_before: Some(NOW + Duration::days(30) + Duration::minutes(2)), ..all };
    assert_eq!(listed(ending).await, [1, 0]);
}

#[tokio::test]
async fn records_written_before_there_were_people_are_still_read() {
    let (store, alice) = (store(), AccountId::fresh(NOW).unwrap());
    let (old, record) =
        (authorization(alice, "a.example.com", NOW), certificate(alice, "a.example.com", NOW));
    let mut value = serde_json::to_value(&old).unwrap();
    value["challenges"] = serde_json::json!([{
        "id": "AAAAAAAAAAAAAAAAAAAAAA", "kind": "dns-01", "status": "pending", "token": "t", "validated": null, "error": null,
    }]);
    let written = serde_json::to_value(&record).unwrap();
    assert!(written.get("evidence").is_none(), "what is empty is not written");
    let row =
        |value: &serde_json::Value| [1_u64.to_be_bytes().as_slice(), value.to_string().as_bytes()].concat();
    apply(&store, |batch| {
        batch.put(Table::Authorizations, old.id.as_bytes().to_vec(), row(&value));
        batch.put(Table::Certificates, record.serial.as_bytes().to_vec(), row(&written));
    })
    .await
    .unwrap();
    let read = seen(&store, &old).await.value;
    assert_eq!((read.challenges[0].provider.clone(), read.challenges[0].evidence.clone()), (None, None));
    assert_eq!(seen(&store, &record).await.value.evidence, vec![]);
}

#[tokio::test]
async fn the_last_end_of_an_issuer_is_found_behind_any_number_of_certificates_of_issuers_that_are_gone() {
    let (store, alice) = (store(), AccountId::fresh(NOW).unwrap());
    let put = async |issuer: &str, days| {
        let one = certificate(alice, "db1.corp.test", NOW);
        let one = Certificate { issuer: issuer.to_owned(), not_after: NOW + Duration::days(days), ..one };
        apply(&store, |batch| certificates::insert(batch, &one).unwrap()).await.unwrap();
    };
    for number in 0..600 {
        put(&format!("gone{}", number % 3), 100).await;
    }
    for (issuer, days) in [("present", 90), ("replaced", 50), ("replaced", 40), ("ended", -1)] {
        put(issuer, days).await;
    }
    let wanted = ["present", "replaced", "ended", "never"].map(str::to_owned).into();
    let ends: Vec<_> = store.last_ends(&wanted, NOW).await.unwrap().into_iter().collect();
    let expected = [("present", 90), ("replaced", 50)];
    assert_eq!(ends, expected.map(|(issuer, days)| (issuer.to_owned(), NOW + Duration::days(days))));
}
