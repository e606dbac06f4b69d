//! Where metadata may come from, and what is not taken from there.

use super::*;
use crate::config::SamlConfig;

fn config(folder: &Path) -> Config {
    let text = "listen = \"127.0.0.1:0\"\nurl = \"https://ca.test\"\n[authority]\n";
    let mut config: Config = toml::from_str(text).unwrap();
    folder.clone_into(&mut config.folder);
    config
}

fn section(text: &str) -> SamlConfig {
    toml::from_str(text).unwrap()
}

fn source(folder: &Path, text: &str) -> Result<Source, MetadataFault> {
    Source::new(&config(folder), "corp", &section(text))
}

#[test]
fn an_address_needs_https_and_a_hash() {
    let folder = tempfile::tempdir().unwrap();
    let of = |text: &str| source(folder.path(), text);
    assert!(matches!(of("metadata = \"https://idp.test/m\""), Err(MetadataFault::NoHash)));
    let hash = "0".repeat(64);
    for address in ["http://idp.test/m", "ftp://idp.test/m", "file:///etc/passwd", "https://u@idp.test/m"] {
        let text = format!("metadata = {address:?}\nmetadata_sha256 = [\"{hash}\"]");
        assert!(matches!(of(&text), Err(MetadataFault::Address { .. })), "{address}");
    }
    let short = "metadata = \"https://idp.test/m\"\nmetadata_sha256 = [\"abc\"]";
    assert!(matches!(of(short), Err(MetadataFault::Hash { .. })));
    assert!(of(&format!("metadata = \"https://idp.test/m\"\nmetadata_sha256 = [\"{hash}\"]")).is_ok());
}

#[test]
fn a_file_is_held_against_its_hash_if_there_is_one_and_must_be_metadata() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("idp.xml"), "<x/>").unwrap();
    let read = |text: &str| source(folder.path(), text).unwrap().read_offline().map(|_| ());
    assert!(matches!(read("metadata = \"idp.xml\""), Err(MetadataFault::Unusable(_))));
    let other = format!("metadata = \"idp.xml\"\nmetadata_sha256 = [\"{}\"]", "0".repeat(64));
    assert!(matches!(read(&other), Err(MetadataFault::OtherDocument { .. })));
    assert!(matches!(read("metadata = \"none.xml\""), Err(MetadataFault::File { .. })));
}
