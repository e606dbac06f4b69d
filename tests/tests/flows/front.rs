//! Our client through a front that refuses good nonces, says 429 and 503, and loses answers.

use rollcall_tests::ca::TestCa;
use rollcall_tests::faults::{Front, Shares};

use crate::support::{assert_verified, obtain, order_for, register};

async fn through(shares: Shares, seed: u64) {
    let ca = TestCa::start().await;
    let front = Front::before(&ca, shares, seed).await;
    let client = ca.client_over(&ca.resource("external", "directory"), front.address()).await;
    let account = register(&client).await;
    for at in 0..4 {
        let (_, chain, _) = obtain(&account, &ca.dns, &order_for(&[&format!("room-{at}.corp.test")])).await;
        assert_verified(&ca, &chain.certificates);
    }
    assert!(front.spoiled() > 0, "the front did nothing");
    let audit = ca.audit().await;
    assert_eq!(audit.count("intent"), 4, "each order led to one signature");
    assert_eq!(audit.count("account-created"), 1);
}

#[tokio::test]
async fn a_third_of_all_nonces_refused_stops_nobody() {
    through(Shares { bad_nonce: 33, ..Shares::default() }, 1).await;
}

#[tokio::test]
async fn a_server_that_is_often_busy_stops_nobody() {
    through(Shares { too_many: 15, unavailable: 15, ..Shares::default() }, 2).await;
}

#[tokio::test]
async fn lost_answers_lead_to_no_second_certificate() {
    through(Shares { bad_nonce: 5, lost_answer: 15, ..Shares::default() }, 3).await;
}
