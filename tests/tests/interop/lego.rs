//! lego, unmodified, with its own RFC 2136 provider and its own propagation check: obtain (a name and a wildcard), renew, revoke.

use std::path::PathBuf;

use rollcall_tests::foreign::{self, bind, openssl_verify};

use crate::setting::Setting;

struct Lego<'a> {
    setting: &'a Setting,
    program: PathBuf,
    home: PathBuf,
}

impl Lego<'_> {
    /// `None` where it cannot be run as on a machine of its own.
    fn run(&self, name: &str, arguments: &[&str]) -> Option<foreign::Said> {
        let address = self.setting.bind.address.to_string();
        // Its propagation check asks the zone's own servers, and finds them as the machine's resolver tells.
        let mut command = self.setting.bind.resolving(&self.program).unwrap()?;
        command
            .arg("--path")
            .arg(&self.home)
            .args(["--server", &self.setting.directory(), "--email", "ops@corp.test", "--accept-tos"])
            .args(["--dns", "rfc2136", "--domains", name])
            .args(arguments)
            .env("LEGO_CA_CERTIFICATES", self.setting.server.root("external"))
            .env("RFC2136_NAMESERVER", &address)
            .env("RFC2136_TSIG_KEY", bind::KEY_NAME)
            .env("RFC2136_TSIG_SECRET", &self.setting.bind.secret)
            .env("RFC2136_TSIG_ALGORITHM", "hmac-sha256.")
            .env("RFC2136_POLLING_INTERVAL", "1")
            .env("RFC2136_TTL", "1");
        Some(foreign::run(&mut command).unwrap())
    }
}

#[test]
fn lego_obtains_renews_and_revokes_a_name_and_a_wildcard() {
    let (Some(program), Some(openssl)) = (foreign::program("lego"), foreign::program("openssl")) else {
        return;
    };
    let Some(setting) = Setting::start() else { return };
    let home = setting.folder.path().join("lego");
    let lego = Lego { setting: &setting, program, home };
    for (name, file) in
        [("room-2.corp.test", "room-2.corp.test.crt"), ("*.halls.corp.test", "_.halls.corp.test.crt")]
    {
        let Some(said) = lego.run(name, &["run"]) else { return };
        assert!(said.success, "{}\n{}", said.text, setting.bind.log());
        let chain = lego.home.join("certificates").join(file);
        let verified = openssl_verify(&openssl, &setting.server.root("external"), &chain).unwrap();
        assert!(verified.success, "{}", verified.text);
        assert_eq!(setting.statuses(name), ["issued"]);
    }
    let renewed = lego.run("room-2.corp.test", &["renew", "--days", "9999", "--no-random-sleep"]);
    let Some(said) = renewed else { return };
    assert!(said.success, "{}", said.text);
    assert_eq!(setting.statuses("room-2.corp.test"), ["issued", "issued"]);
    for (name, left) in
        [("room-2.corp.test", vec!["issued", "revoked"]), ("*.halls.corp.test", vec!["revoked"])]
    {
        let Some(said) = lego.run(name, &["revoke", "--keep"]) else { return };
        assert!(said.success, "{}", said.text);
        assert_eq!(setting.statuses(name), left);
    }
}
