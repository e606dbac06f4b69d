//! The demonstration's identity provider: two people of the domain, reached in the clear on this machine only.

use certs::name::{DnsName, EmailAddress};

use super::Failure;
use crate::identity_provider::{Client, IdentityProvider, User};

/// What the authority calls it.
pub(super) const PROVIDER: &str = "demo";
const CLIENT_ID: &str = "rollcall";

/// The provider and who signs in there.
pub(super) struct People {
    provider: IdentityProvider,
    domain: DnsName,
    /// Who is enrolled here.
    pub(super) bob: User,
    /// Who is left for the person at the terminal.
    pub(super) alice: User,
}

impl People {
    /// Starts it for people of `domain`.
    pub(super) async fn start(domain: &DnsName) -> Result<Self, Failure> {
        let bob = User::new(&format!("bob@{domain}"), "Bob Baker").in_groups(&["staff"]);
        let alice = User::new(&format!("alice@{domain}"), "Alice Archer").in_groups(&["staff"]);
        let provider = IdentityProvider::builder().user(bob.clone()).user(alice.clone()).start();
        let provider = provider.await.map_err(Failure::System)?;
        Ok(Self { provider, domain: domain.clone(), bob, alice })
    }

    /// Where it is.
    pub(super) fn issuer(&self) -> &str {
        self.provider.issuer()
    }

    /// Serves the authority at `url`.
    pub(super) fn serve(&self, url: &str) {
        let redirect_uri = format!("{url}/sso/oidc/{PROVIDER}/callback");
        self.provider.add_client(Client { id: CLIENT_ID.to_owned(), secret: None, redirect_uri });
    }

    /// The section of `ca.toml` that makes the authority rely on it.
    pub(super) fn config(&self) -> String {
        let (issuer, domain) = (self.issuer(), &self.domain);
        format!(
            "\n[[identity_provider]]\nname = \"{PROVIDER}\"\nlabel = \"Demonstration sign-in\"\ndomains = [\"{domain}\"]\n\
             sso_provider = \"login.{domain}\"\n[identity_provider.oidc]\nissuer = \"{issuer}\"\nclient_id = \"{CLIENT_ID}\"\n"
        )
    }

    /// The address of a person.
    pub(super) fn email(user: &User) -> Result<EmailAddress, Failure> {
        EmailAddress::parse(&user.email).map_err(Failure::Email)
    }
}
