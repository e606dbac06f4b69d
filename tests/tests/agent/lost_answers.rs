//! The server has acted, and the client never hears of it: a device needs no new code for that.

use std::fs;

use acme_client::enroll::{EstAuthority, activate};
use acme_client::renew::Attempt;
use acme_client::state::Credential;
use time::Duration;

use crate::est::{Est, failure};
use crate::unkind::{Fault, Unkind};

#[tokio::test]
async fn a_code_whose_answer_was_lost_is_typed_again_with_the_same_key() {
    let est = Est::start().await;
    let settings = est.settings(Credential::MachineAccount);
    let code = est.it.device_code("Corp").await["code"].as_str().unwrap().to_owned();
    let identity = est.identity();
    for _ in 0..2 {
        let client = est.over(Unkind::new(est.https(1 << 20), [(0, Fault::AnswerLost)]));
        let tokens =
            EstAuthority::new(client.agent(), &settings, None).unwrap().tokens(client.agent()).unwrap();
        let lost = activate(client.agent(), &tokens, &identity, &code).await.unwrap_err();
        assert!(lost.to_string().contains("may be activated or not"), "{lost}");
        assert!(identity.machine().unwrap().is_none());
    }
    let key = identity.next_machine_key().unwrap().unwrap();
    let client = est.client();
    let tokens = EstAuthority::new(client.agent(), &settings, None).unwrap().tokens(client.agent()).unwrap();
    activate(client.agent(), &tokens, &identity, &code).await.unwrap();
    assert_eq!(identity.machine().unwrap().unwrap().1, key);
    assert!(identity.next_machine_key().unwrap().is_none());
    assert!(matches!(est.client().renew(false).await, Attempt::Renewed { .. }));
    let again = activate(client.agent(), &tokens, &identity, &code).await.unwrap_err();
    assert!(again.to_string().contains("activation code"), "{again}");
    assert!(identity.next_machine_key().unwrap().is_none(), "a refused code leaves no key behind");
}

#[tokio::test]
async fn a_refresh_whose_answer_was_lost_is_done_again_days_later() {
    let est = Est::start().await;
    est.device().await;
    assert!(matches!(est.client().renew(false).await, Attempt::Renewed { .. }));
    // Its certificate has ended, and half of its token's life is over.
    est.advance(Duration::days(16)).await;
    let before = fs::read(est.identity().path().join("machine.json")).unwrap();
    let https = est.https(1 << 20);
    // cacerts, csrattrs, then the refresh.
    let told =
        failure(est.over(Unkind::new(https, [(2, Fault::AnswerLost)]).and_then_nothing()).renew(true).await);
    assert!(told.contains("over 0 bytes"), "{told}");
    assert_eq!(fs::read(est.identity().path().join("machine.json")).unwrap(), before);
    let tokens = || async { est.it.ca.snapshot().await.rows(ca_server::store::Table::OpaqueTokens) };
    assert_eq!(tokens().await, 2, "the server has acted");
    est.advance(Duration::days(2)).await;
    assert!(matches!(est.client().renew(true).await, Attempt::Renewed { .. }));
    assert_eq!(tokens().await, 2, "the one that nobody has is gone");
}
