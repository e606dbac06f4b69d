//! A server that cannot have its key, or should not have this one: `check` and `serve` say why, and change nothing.

use rollcall_tests::dns::FakeDns;
use rollcall_tests::foreign::softhsm::{PIN, SoftHsm};
use tempfile::TempDir;

use crate::setting::{ca_server, init, refused};

struct Stopped {
    hsm: SoftHsm,
    folder: TempDir,
}

impl Stopped {
    async fn new() -> Option<Self> {
        let hsm = SoftHsm::new(&["ca", "other"]).unwrap()?;
        let folder = tempfile::tempdir().unwrap();
        init(&hsm, &folder.path().join("ca"), &FakeDns::start().await);
        Some(Self { hsm, folder })
    }

    fn key_file(&self) -> std::path::PathBuf {
        self.folder.path().join("ca/authorities/external/intermediate.key.uri")
    }

    /// What `check` and `serve` say of a key that is named so.
    fn refusals(&self, uri: &str) -> [String; 2] {
        std::fs::write(self.key_file(), format!("{uri}\n")).unwrap();
        self.said()
    }

    fn said(&self) -> [String; 2] {
        ["check", "serve"].map(|command| {
            let mut program = ca_server(&self.hsm);
            program.arg(command).arg("--config").arg(self.folder.path().join("ca/ca.toml"));
            let said = refused(&program.output().unwrap());
            assert!(said.contains("hint:"), "{command}: {said}");
            assert!(!said.contains(PIN) && !said.contains("31415926"), "{command}: {said}");
            said
        })
    }
}

#[tokio::test]
async fn each_thing_that_is_wrong_with_an_issuing_key_in_a_token_has_its_own_words() {
    let Some(it) = Stopped::new().await else { return };
    let hsm = &it.hsm;
    let own = std::fs::read_to_string(it.key_file()).unwrap();
    let own = own.trim();
    let make = |kind: &str, label: &str, id: &str, more: &[&str]| {
        let arguments = ["--keypairgen", "--key-type", kind, "--label", label, "--id", id];
        hsm.tool("ca", &[&arguments, more].concat()).unwrap();
    };
    make("EC:prime256v1", "twin", "01", &[]);
    make("EC:prime256v1", "twin", "02", &[]);
    make("EC:prime256v1", "open", "03", &["--extractable"]);
    make("EC:secp521r1", "big", "04", &[]);
    let with_pin = format!("pkcs11:token=ca;object=twin?module-path={}&pin-value=31415926", hsm.module());
    let cases = [
        (
            own.replace(hsm.module(), "/nowhere/module.so"),
            "the PKCS#11 module /nowhere/module.so cannot be used",
        ),
        (own.replace("token=ca", "token=cb"), "there is no token"),
        (hsm.key("ca", "object=nobody"), "there is no private key"),
        (hsm.key("ca", "object=twin"), "2 private keys are called"),
        (hsm.key("ca", "object=open"), "could leave its token"),
        (hsm.key("ca", "object=big"), "only ECDSA keys on P-256 and P-384"),
        (hsm.key("ca", "object=twin;id=%01"), "is not the key of"),
        (hsm.store("ca"), "names a token, and no key in it"),
        (with_pin, "holds a PIN"),
    ];
    for (uri, problem) in cases {
        for said in it.refusals(&uri) {
            assert!(said.contains(problem), "{problem}: {said}");
        }
    }
    std::fs::write(it.key_file(), own).unwrap();
    hsm.write_pin("ca", "31415926").unwrap();
    for said in it.said() {
        assert!(said.contains("the PIN is wrong"), "{said}");
    }
    hsm.write_pin("ca", PIN).unwrap();
    hsm.take_away("ca").unwrap();
    for said in it.said() {
        assert!(said.contains("there is no token"), "{said}");
    }
    hsm.bring_back("ca").unwrap();
    let mut check = ca_server(hsm);
    check.args(["check", "--config"]).arg(it.folder.path().join("ca/ca.toml"));
    assert!(check.output().unwrap().status.success(), "with the right key all is well");
}

#[tokio::test]
async fn a_key_that_the_configuration_names_itself_serves_and_cannot_be_rotated() {
    let Some(it) = Stopped::new().await else { return };
    let config = it.folder.path().join("ca/ca.toml");
    let uri = std::fs::read_to_string(it.key_file()).unwrap();
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("authorities/external/intermediate.key.uri", uri.trim());
    std::fs::write(&config, text).unwrap();
    let run = |arguments: &[&str]| {
        ca_server(&it.hsm).args(arguments).arg("--config").arg(&config).output().unwrap()
    };
    let checked = run(&["check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let before = it.hsm.private_keys("ca").unwrap();
    let said = refused(&run(&["authority", "rotate", "external"]));
    assert!(
        said.contains("is named in the configuration itself") && said.contains("intermediate.key.uri"),
        "{said}"
    );
    assert_eq!(it.hsm.private_keys("ca").unwrap(), before, "nothing was made");
}

#[tokio::test]
async fn an_authority_that_cannot_be_made_whole_leaves_no_key_in_the_token() {
    let Some(hsm) = SoftHsm::new(&["ca"]).unwrap() else { return };
    let folder = tempfile::tempdir().unwrap();
    let make = |store: &str, more: &[&str]| {
        let mut command = ca_server(&hsm);
        command.args([
            "init",
            "--url",
            "https://ca.corp.test",
            "--domain",
            "corp.test",
            "--key-store",
            store,
            "--dir",
        ]);
        refused(&command.arg(folder.path().join("ca")).args(more).output().unwrap())
    };
    let missing = folder.path().join("missing").display().to_string();
    make(&hsm.store("ca"), &["--root-passphrase-file", &missing]);
    let said = make(&format!("{}&pin-value=31415926", hsm.store("ca")), &[]);
    assert!(said.contains("holds a PIN") && said.contains("hint:") && !said.contains("31415926"), "{said}");
    hsm.write_pin("ca", "31415926").unwrap();
    let said = make(&hsm.store("ca"), &[]);
    assert!(said.contains("the PIN is wrong") && !said.contains("31415926"), "{said}");
    assert!(!folder.path().join("ca").exists());
    assert!(hsm.private_keys("ca").unwrap().is_empty());
}
