//! `revoke`: by the account, with a reason, once; and forgetting the identity with it.

use crate::setting::{Setting, keys};

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_revoked_once_and_said_to_be_so_the_second_time() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    let enrolled = device.enroll("room-1.corp.test", &[]).with(0);
    let revoked = device.run(&["revoke", "--name", "room-1.corp.test", "--reason", "superseded"]).with(0);
    assert_eq!(keys(&revoked), ["already_revoked", "forgotten", "generation", "identity", "serial"]);
    assert_eq!(
        (&revoked["serial"], revoked["already_revoked"].as_bool()),
        (&enrolled["serial"], Some(false))
    );
    let known = setting.certificates("room-1.corp.test").remove(0);
    assert_eq!((known["status"].as_str(), known["revocation_reason"].as_u64()), (Some("revoked"), Some(4)));
    let again = device.run(&["revoke", "--name", "room-1.corp.test"]).with(0);
    assert_eq!(again["already_revoked"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_is_due_at_once_and_its_successor_is_whole() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    device.enroll("room-1.corp.test", &[]).with(0);
    device.run(&["revoke", "--name", "room-1.corp.test", "--reason", "key-compromise"]).with(0);
    let pass = device.run(&["renew"]).with(0);
    assert_eq!(
        pass["identities"][0]["reason"], "suggested by the server",
        "the server asks for it at once (RFC 9773)"
    );
    let (current, _) = device.current("room-1.corp.test");
    for row in setting.certificates("room-1.corp.test") {
        assert_eq!(row["status"], if row["serial"] == current.as_str() { "issued" } else { "revoked" });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forgetting_removes_the_keys_and_nothing_is_renewed() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    device.enroll("room-1.corp.test", &[]).with(0);
    let folder = device.identity("room-1.corp.test").path().to_owned();
    device.run(&["revoke", "--name", "room-1.corp.test", "--forget"]).with(0);
    assert!(!folder.exists());
    assert_eq!(device.run(&["renew"]).with(3)["identities"], serde_json::json!([]));
}
