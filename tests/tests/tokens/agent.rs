//! The agent: keys that are made in a token, sign requests and TLS there, and go with their generations.

use rollcall_tests::foreign::softhsm::PIN;

use crate::setting::{NAME, Setting, done, refused};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_token_is_told_before_anything_is_begun() {
    let Some(setting) = Setting::start().await else { return };
    let hsm = &setting.hsm;
    let with_pin = format!("pkcs11:token=agent?module-path={}&pin-value=31415926", hsm.module());
    let cases = [
        (hsm.store("nobody"), "there is no token", "pkcs11-tool"),
        (hsm.store("agent").replace(hsm.module(), "/nowhere/module.so"), "cannot be used", "PKCS#11 library"),
        (
            format!("pkcs11:token=agent?pin-source=file:{}", hsm.pin("agent").display()),
            "which PKCS#11 module",
            "ROLLCALL_PKCS11_MODULE",
        ),
        (
            format!("pkcs11:token=agent?module-path={}", hsm.module()),
            "pin-source",
            "write the PIN into a file",
        ),
        (with_pin, "holds a PIN", "pin-source=file:"),
        ("token".to_owned(), "does not begin with pkcs11:", "write it as"),
    ];
    for (store, problem, hint) in cases {
        let said = refused(&setting.enroll(&store, &[]));
        assert!(said.contains(problem) && said.contains(hint), "{store}: {said}");
        assert!(!said.contains("31415926") && !said.contains(PIN), "{said}");
        assert!(!setting.path("state/identities").exists(), "{store}: something was kept");
    }
    hsm.write_pin("agent", "00000000").unwrap();
    let said = refused(&setting.enroll(&hsm.store("agent"), &[]));
    assert!(said.contains("the PIN is wrong") && said.contains("may lock"), "{said}");
    assert!(!said.contains("00000000"), "{said}");
    assert!(setting.certificates().is_empty());
    assert!(hsm.private_keys("agent").unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_without_the_token_leaves_the_pair_and_the_next_one_goes_on() {
    let Some(setting) = Setting::start().await else { return };
    done(&setting.enroll(&setting.hsm.store("agent"), &[]));
    let before = setting.identity().current().unwrap().unwrap();
    setting.hsm.take_away("agent").unwrap();
    let said = refused(&setting.agent(&["renew", "--force", "--name", NAME]).output().unwrap());
    assert!(said.contains("token"), "{said}");
    assert_eq!(setting.identity().current().unwrap().unwrap().generation, before.generation);
    assert_eq!(setting.certificates().len(), 1, "nothing was ordered");
    setting.hsm.bring_back("agent").unwrap();
    done(&setting.agent(&["renew", "--force", "--name", NAME]).output().unwrap());
    setting.assert_pair();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_move_from_files_into_a_token_and_back() {
    let Some(setting) = Setting::start().await else { return };
    done(&setting.enroll("file", &[]));
    assert!(setting.identity().path().join("current/key.pem").exists());
    done(&setting.enroll(&setting.hsm.store("agent"), &["--keep", "1"]));
    setting.assert_pair();
    let status = setting.agent(&["status"]).output().unwrap();
    assert!(String::from_utf8_lossy(&status.stdout).contains("pkcs11:token=agent"));
    done(&setting.enroll("file", &["--keep", "1"]));
    assert!(setting.identity().path().join("current/key.pem").exists());
    assert!(
        setting.hsm.private_keys("agent").unwrap().is_empty(),
        "the last generation in the token is pruned"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_vanished_from_the_token_is_replaced_by_a_new_one() {
    let Some(setting) = Setting::start().await else { return };
    done(&setting.enroll(&setting.hsm.store("agent"), &[]));
    for id in setting.hsm.private_keys("agent").unwrap() {
        setting.hsm.tool("agent", &["--delete-object", "--type", "privkey", "--id", &id]).unwrap();
    }
    done(&setting.agent(&["renew", "--force", "--name", NAME]).output().unwrap());
    setting.assert_pair();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_gone_for_good_does_not_keep_the_keys_of_another_where_they_are() {
    let Some(setting) = Setting::start().await else { return };
    let of_the_server = setting.hsm.private_keys("ca").unwrap().len();
    done(&setting.enroll(&setting.hsm.store("agent"), &["--keep", "1"]));
    setting.hsm.take_away("agent").unwrap();
    done(&setting.enroll(&setting.hsm.store("ca"), &["--keep", "1"]));
    for _ in 0..3 {
        done(&setting.agent(&["renew", "--force", "--name", NAME]).output().unwrap());
    }
    assert_eq!(setting.hsm.private_keys("ca").unwrap().len(), of_the_server + 1);
}
