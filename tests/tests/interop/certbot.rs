//! certbot, unmodified, with its own RFC 2136 plugin: obtain (a name and a wildcard), renew, revoke.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use rollcall_tests::foreign::{self, bind, openssl_verify};

use crate::setting::Setting;

struct Certbot<'a> {
    setting: &'a Setting,
    program: PathBuf,
    home: PathBuf,
}

impl Certbot<'_> {
    fn run(&self, arguments: &[&str]) -> foreign::Said {
        let mut command = Command::new(&self.program);
        command.args(arguments).args(["--non-interactive", "--server", &self.setting.directory()]);
        for (flag, folder) in [("--config-dir", "config"), ("--work-dir", "work"), ("--logs-dir", "logs")] {
            command.arg(flag).arg(self.home.join(folder));
        }
        command.env("REQUESTS_CA_BUNDLE", self.setting.server.root("external"));
        foreign::run(&mut command).unwrap()
    }

    fn live(&self, name: &str, file: &str) -> PathBuf {
        self.home.join("config/live").join(name).join(file)
    }
}

fn credentials(setting: &Setting) -> PathBuf {
    let path = setting.folder.path().join("rfc2136.ini");
    let text = format!(
        "dns_rfc2136_server = {}\ndns_rfc2136_name = {}\ndns_rfc2136_secret = {}\ndns_rfc2136_algorithm = HMAC-SHA256\n",
        setting.bind.address.ip(),
        bind::KEY_NAME,
        setting.bind.secret
    );
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

#[test]
fn certbot_obtains_renews_and_revokes_a_name_and_a_wildcard() {
    let (Some(program), Some(openssl)) = (foreign::program("certbot"), foreign::program("openssl")) else {
        return;
    };
    let Some(setting) = Setting::start() else { return };
    let home = setting.folder.path().join("certbot");
    let certbot = Certbot { setting: &setting, program, home };
    let credentials = credentials(&setting);
    let credentials = credentials.to_str().unwrap();
    let obtain = [
        "certonly",
        "--agree-tos",
        "-m",
        "ops@corp.test",
        "--dns-rfc2136",
        "--dns-rfc2136-credentials",
        credentials,
        "--dns-rfc2136-propagation-seconds",
        "1",
    ];
    for name in ["room-1.corp.test", "*.rooms.corp.test"] {
        let said = certbot.run(&[obtain.as_slice(), &["-d", name]].concat());
        assert!(said.success, "{}", said.text);
        let live = name.trim_start_matches("*.");
        let verified =
            openssl_verify(&openssl, &setting.server.root("external"), &certbot.live(live, "fullchain.pem"))
                .unwrap();
        assert!(verified.success, "{}", verified.text);
        assert_eq!(setting.statuses(name), ["issued"]);
    }

    // Without a terminal it would first sleep for up to eight minutes.
    let said = certbot.run(&["renew", "--force-renewal", "--no-random-sleep-on-renew"]);
    assert!(said.success, "{}", said.text);
    assert_eq!(setting.statuses("room-1.corp.test"), ["issued", "issued"]);

    let path = certbot.live("room-1.corp.test", "cert.pem");
    let said = certbot.run(&[
        "revoke",
        "--cert-path",
        path.to_str().unwrap(),
        "--reason",
        "superseded",
        "--no-delete-after-revoke",
    ]);
    assert!(said.success, "{}", said.text);
    assert_eq!(setting.statuses("room-1.corp.test"), ["issued", "revoked"]);
    // A wildcard, revoked with the certificate's own key.
    let (path, key) =
        (certbot.live("rooms.corp.test", "cert.pem"), certbot.live("rooms.corp.test", "privkey.pem"));
    let said = certbot.run(&[
        "revoke",
        "--cert-path",
        path.to_str().unwrap(),
        "--key-path",
        key.to_str().unwrap(),
        "--no-delete-after-revoke",
    ]);
    assert!(said.success, "{}", said.text);
    assert_eq!(setting.statuses("*.rooms.corp.test"), ["issued", "revoked"]);
}
