//! `inspect` on what the agent itself obtained, and on the server's TLS.

use crate::setting::Setting;

#[tokio::test(flavor = "multi_thread")]
async fn an_obtained_chain_and_the_servers_own_certificate_are_shown() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    let enrolled = device.enroll("room-1.corp.test", &[]).with(0);
    let shown = device.run(&["inspect", enrolled["fullchain"].as_str().unwrap()]).with(0);
    let found = shown["found"].as_array().unwrap();
    assert_eq!(found.len(), 2, "leaf and intermediate: {shown}");
    assert!(found[0].to_string().contains("room-1.corp.test"), "{shown}");
    let root = setting.server.root("external").display().to_string();
    let shown = device.run(&["inspect", &setting.server.url, "--root", &root]).with(0);
    assert_eq!(shown["trusted"], true, "{shown}");
    assert!(shown["found"][0].to_string().contains("localhost"), "{shown}");
}
