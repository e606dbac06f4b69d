//! What is said of sections that cannot work, and that the others make providers.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use data_encoding::BASE64;

use super::*;
use crate::clock::FixedClock;

/// Metadata of an identity provider with these signing certificates.
fn metadata(entity: &str, certificates: usize) -> String {
    let mut keys = String::new();
    for _ in 0..certificates {
        let made = rcgen::generate_simple_self_signed(vec!["idp.example.com".to_owned()]).unwrap();
        let der = BASE64.encode(made.cert.der());
        write!(
            keys,
            "<md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data>\
             <ds:X509Certificate>{der}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        )
        .unwrap();
    }
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{entity}\">\
         <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}\
         <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
         Location=\"https://idp.example.com/sso\"/></md:IDPSSODescriptor></md:EntityDescriptor>"
    )
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("idp.xml", &metadata("https://idp.example.com/metadata", 1));
        folder.write("urn.xml", &metadata("urn:example:idp", 1));
        folder.write("bare.xml", &metadata("https://idp.example.com/metadata", 0));
        folder.write("secret", "s3cret\n");
        folder.write("public", "s3cret\n");
        let mode = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(folder.0.path().join("public"), mode).unwrap();
        folder
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn config(&self, sections: &str) -> Config {
        let text =
            format!("listen = \"127.0.0.1:0\"\nurl = \"https://ca.test\"\nauthority = {{}}\n{sections}");
        let mut config: Config = toml::from_str(&text).unwrap();
        self.0.path().clone_into(&mut config.folder);
        config
    }

    async fn load(&self, sections: &str) -> Result<Providers, LoadError> {
        let config = self.config(sections);
        let clock: std::sync::Arc<dyn Clock> =
            std::sync::Arc::new(FixedClock::at(time::OffsetDateTime::UNIX_EPOCH));
        load(&config, &Links::new(&config.url), &clock).await
    }
}

const HEAD: &str = "[[identity_provider]]\nname = \"corp\"\ndomains = [\"example.com\"]\n";
const SAML: &str = "[identity_provider.saml]\nmetadata = \"idp.xml\"\n";
const OIDC: &str =
    "[identity_provider.oidc]\nissuer = \"https://login.example.org/realm\"\nclient_id = \"rollcall\"\n";

#[tokio::test]
async fn a_section_that_cannot_work_is_named_by_check_and_refused_at_start() {
    let folder = Folder::new();
    let other = HEAD.replace("corp", "two");
    for (sections, key, message) in [
        (HEAD.to_owned(), "corp.saml", "needs one of the sections saml and oidc"),
        (format!("{HEAD}{SAML}{OIDC}"), "corp.saml", "needs one of the sections saml and oidc"),
        (format!("{HEAD}{SAML}{HEAD}{OIDC}"), "corp.name", "another identity provider has the same name"),
        (format!("{}{SAML}", HEAD.replace("corp", "Corp!")), "Corp!.name", "1 to 32 lower-case letters"),
        (format!("{}{SAML}", HEAD.replace("\"example.com\"", "")), "corp.domains", "there is no domain"),
        (format!("{}{SAML}", HEAD.replace("example.com", "not a domain")), "corp.domains", "not a domain"),
        (format!("{HEAD}skew = \"10min\"\n{SAML}"), "corp.skew", "at most 5 min"),
        (
            format!("{HEAD}browser_origins = [\"https://x.test/\"]\n{SAML}"),
            "corp.browser_origins",
            "not an origin",
        ),
        (format!("{HEAD}{}", SAML.replace("idp", "none")), "corp.saml.metadata", "No such file"),
        (
            format!("{HEAD}{}", SAML.replace("idp", "bare")),
            "corp.saml.metadata",
            "it has no signing certificate",
        ),
        (format!("{HEAD}{}", SAML.replace("idp", "urn")), "corp.sso_provider", "names no host"),
        (
            format!("{HEAD}{}", SAML.replace("idp.xml", "https://x.test/m")),
            "corp.saml.metadata",
            "metadata_sha256",
        ),
        (format!("{HEAD}{SAML}decryption_key = \"secret\"\n"), "corp.saml.decryption_key", "belong together"),
        (format!("{HEAD}{}", OIDC.replace("https", "http")), "corp.oidc.issuer", "must be https"),
        (
            format!("{HEAD}{OIDC}client_secret_file = \"public\"\n"),
            "corp.oidc.client_secret_file",
            "read by others",
        ),
        (
            format!("{HEAD}{OIDC}client_secret_file = \"none\"\n"),
            "corp.oidc.client_secret_file",
            "No such file",
        ),
        (format!("{HEAD}{OIDC}roots = \"secret\"\n"), "corp.oidc.roots", "no PEM certificate"),
        (
            format!("{HEAD}{OIDC}{other}{OIDC}"),
            "two.sso_provider",
            "the same sso_provider for the same domain",
        ),
    ] {
        let found = problems(&folder.config(&sections));
        let full = format!("identity_provider.{key}");
        let named = found.iter().find(|problem| problem.key == full);
        let named = named.unwrap_or_else(|| panic!("{full} is not among {found:?}"));
        assert!(named.message.contains(message), "{key}: {}", named.message);
        assert!(!named.hint.is_empty(), "{key}");
        let error = folder.load(&sections).await.map(|_| ()).unwrap_err();
        assert!(error.to_string().contains(message), "{key}: {error}");
    }
}

#[tokio::test]
async fn sections_become_providers_with_their_names_and_addresses() {
    let folder = Folder::new();
    let two = HEAD.replace("corp", "partners").replace("example.com", "*.example.org");
    let sections = format!(
        "{HEAD}label = \"Staff\"\nsso_provider = \"SSO.example.com\"\n{SAML}{two}{OIDC}client_secret_file = \"secret\"\n"
    );
    assert_eq!(problems(&folder.config(&sections)), vec![]);
    let providers = folder.load(&sections).await.unwrap();
    let corp = providers.named("corp").unwrap();
    assert_eq!((corp.label(), corp.sso_provider()), ("Staff", "sso.example.com"));
    let Provider::Saml(party) = corp.party() else { panic!("not SAML") };
    assert_eq!(party.service_provider().entity_id(), "https://ca.test/sso/saml/corp/metadata");
    assert_eq!(party.service_provider().assertion_consumer().as_str(), "https://ca.test/sso/saml/corp/acs");
    let partners = providers.named("partners").unwrap();
    assert_eq!((partners.label(), partners.sso_provider()), ("partners", "login.example.org"));
    let Provider::Oidc(party) = partners.party() else { panic!("not OIDC") };
    assert_eq!(party.settings().redirect_uri.as_str(), "https://ca.test/sso/oidc/partners/callback");
    assert!(party.settings().client_secret.is_some());
}

#[tokio::test]
async fn metadata_is_read_again_and_a_bad_document_is_not_taken() {
    let folder = Folder::new();
    let providers = folder.load(&format!("{HEAD}{SAML}")).await.unwrap();
    let corp = providers.named("corp").unwrap();
    let Provider::Saml(party) = corp.party() else { panic!("not SAML") };
    folder.write("idp.xml", &metadata("https://idp.example.com/metadata", 2));
    corp.refresh().await.unwrap();
    assert_eq!(party.metadata().signing_keys().len(), 2, "a key rolls over with an overlap");
    for (text, why) in [
        (metadata("https://idp.example.com/metadata", 0), "no signing certificate"),
        (metadata("https://evil.example.com/metadata", 1), "describes https://evil.example.com/metadata"),
        ("<broken".to_owned(), ""),
    ] {
        folder.write("idp.xml", &text);
        let fault = corp.refresh().await.unwrap_err().to_string();
        assert!(fault.contains(why), "{fault}");
        assert_eq!(party.metadata().signing_keys().len(), 2, "what was known stays in force");
    }
}

#[tokio::test]
async fn nobody_is_sent_to_a_provider_whose_metadata_has_run_out() {
    let folder = Folder::new();
    let until = "entityID=\"https://idp.example.com/metadata\" validUntil=\"1970-01-02T00:00:00Z\"";
    let text = metadata("https://idp.example.com/metadata", 1);
    folder.write("idp.xml", &text.replace("entityID=\"https://idp.example.com/metadata\"", until));
    let providers = folder.load(&format!("{HEAD}{SAML}")).await.unwrap();
    let corp = providers.named("corp").unwrap();
    let day = time::OffsetDateTime::UNIX_EPOCH + time::Duration::DAY;
    assert!(corp.address(day - time::Duration::SECOND).await.is_some());
    assert!(corp.address(day).await.is_none());
}

#[tokio::test]
async fn providers_whose_domains_overlap_do_not_share_their_name() {
    let folder = Folder::new();
    let other = HEAD.replace("corp", "two");
    let wide = |head: &str, domain: &str| head.replace("example.com", domain);
    for (first, second) in [("*.example.com", "mail.example.com"), ("*.a.example.com", "*.example.com")] {
        let sections = format!("{}{OIDC}{}{OIDC}", wide(HEAD, first), wide(&other, second));
        let found = problems(&folder.config(&sections));
        let named = found.iter().find(|problem| problem.key == "identity_provider.two.sso_provider");
        let named = named.unwrap_or_else(|| panic!("{first} and {second}: {found:?}"));
        assert!(named.message.contains("the same sso_provider for the same domain"), "{}", named.message);
        assert!(folder.load(&sections).await.is_err());
    }
}
