//! Replacing the issuer of a test authority while it runs, as `ca-server authority rotate` does.

use ca_server::sign::Replaced;
use certs::issuer::Issuer;
use certs::key::{KeyKind, SigningKey};
use data_encoding::HEXLOWER;

use super::{TestCa, files};

impl TestCa {
    /// Has every authority issue under a new key from now on, and gives the issuer before with its certificate. Those that were replaced before stay.
    ///
    /// # Panics
    /// If the server does not take the files.
    pub async fn replace_issuer(&self) -> Issuer {
        let read = |name: &str| std::fs::read_to_string(self.folder().join(name)).expect("the file is there");
        let before = Issuer::from_pem(&read("issuing.pem")).expect("the issuer is one");
        let id = HEXLOWER.encode(before.subject_key_identifier());
        files::put(self.folder(), &format!("replaced/{id}.pem"), &read("issuing.pem"));
        files::put(self.folder(), &format!("replaced/{id}.key.pem"), &read("issuing.key"));
        let key = SigningKey::generate(KeyKind::P256).expect("a key can be made");
        files::put(
            self.folder(),
            "issuing.pem",
            &files::below_first_root(&key, &format!("Test issuing after {id:.8}")),
        );
        files::put(self.folder(), "issuing.key", &key.to_pem().expect("the key has a PEM form"));
        let replaced = self.app().reload_authorities().await.expect("the server takes the new files");
        assert!(replaced.iter().any(|Replaced { before, kept, .. }| *before == id && *kept));
        before
    }
}
