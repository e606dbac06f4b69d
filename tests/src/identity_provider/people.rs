//! Who the provider knows: people, OpenID Connect clients and SAML service providers.

/// A person.
#[derive(Clone, Debug)]
pub struct User {
    /// What the person types.
    pub login: String,
    /// The password, which is no secret here.
    pub password: String,
    /// The address that the provider asserts.
    pub email: String,
    /// Whether the provider says it verified the address.
    pub email_verified: bool,
    /// The name for people to read.
    pub name: String,
    /// The person's groups.
    pub groups: Vec<String>,
    /// How the person signs in (`acr`, `AuthnContextClassRef`).
    pub context: String,
    /// By which means (`amr`).
    pub methods: Vec<String>,
}

impl User {
    /// A person with a verified address, who signs in with the password `demo` and the part of the address before `@`.
    #[must_use]
    pub fn new(email: &str, name: &str) -> Self {
        Self {
            login: email.split('@').next().unwrap_or_default().to_owned(),
            password: "demo".to_owned(),
            email: email.to_owned(),
            email_verified: true,
            name: name.to_owned(),
            groups: Vec::new(),
            context: "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport".to_owned(),
            methods: vec!["pwd".to_owned()],
        }
    }

    /// The same person in these groups.
    #[must_use]
    pub fn in_groups(self, groups: &[&str]) -> Self {
        Self { groups: groups.iter().map(|group| (*group).to_owned()).collect(), ..self }
    }

    /// The same person with this password.
    #[must_use]
    pub fn with_password(self, password: &str) -> Self {
        Self { password: password.to_owned(), ..self }
    }

    /// The subject: not the address, as with most providers.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("user-{}", self.login)
    }
}

/// An OpenID Connect relying party.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// Its secret; `None` for a public client.
    pub secret: Option<String>,
    /// Where answers may go.
    pub redirect_uri: String,
}

/// A SAML service provider.
#[derive(Clone, Debug)]
pub struct ServiceProvider {
    /// Its entity id.
    pub entity_id: String,
    /// Where answers go.
    pub assertion_consumer: String,
}
