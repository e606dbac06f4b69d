//! A device that renews over EST with keys in a token: the token signs the requests, and the TLS that shows the certificate in use.

use rollcall_tests::foreign::softhsm::SoftHsm;

use crate::internal::Internal;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_renews_over_est_with_keys_that_never_leave_a_token() {
    let Some(hsm) = SoftHsm::new(&["rooms"]).unwrap() else { return };
    let it = Internal::start().await;
    let device = it.setting.device("room");
    let run = |arguments: &[&str]| {
        let mut command = device.command(arguments);
        command.envs([hsm.environment()]);
        device.finish(command)
    };
    let made = it.setting.ask(&["device", "activate-code", "--organisation", "Corp", "--name", "Room 1"]);
    let root = it.setting.server.root("external").display().to_string();
    let (code, store) = (made["code"].as_str().unwrap(), hsm.store("rooms"));
    let base =
        ["enroll", "internal", "--ca", &it.setting.server.url, "--root", &root, "--activation-code", code];
    let refused = run(&[base.as_slice(), &["--key-store", &store]].concat()).with(1);
    assert!(refused["error"]["message"].as_str().unwrap().contains("bound to one key"), "{refused}");
    run(&[base.as_slice(), &["--est", "--keep", "2", "--key-store", &store]].concat()).with(0);
    let machine = device.identity("internal").path().join("machine.json");
    std::fs::rename(&machine, machine.with_extension("away")).unwrap();
    // The first renewal shows the certificate whose key is a file, each later one the certificate whose key is in the token.
    for generation in 2..5 {
        let renewed = run(&["renew", "--force"]).with(0);
        assert_eq!(renewed["identities"][0]["generation"], generation, "{renewed}");
        assert!(device.current("internal").1.starts_with("pkcs11:token=rooms;"));
    }
    assert_eq!(hsm.private_keys("rooms").unwrap().len(), 2, "a key for each generation that is kept");
    let seen = run(&["inspect", &it.setting.server.url, "--show", "internal"]).with(0);
    assert_eq!(seen["shown"], true, "{seen}");
    hsm.take_away("rooms").unwrap();
    let failed = run(&["inspect", &it.setting.server.url, "--show", "internal"]).with(1);
    assert!(failed["error"]["message"].as_str().unwrap().contains("there is no token"), "{failed}");
}
