//! The question put to the rules, and its translation into Cedar's words (see `shipped/schema.cedarschema`).
//! An identifier is given all domains it is in as direct parents, so that `resource in Domain::"…"` needs no stored hierarchy
//! and a sibling such as `evil-example.com` can never be in `example.com`: membership is by whole labels.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use cedar_policy::{
    Context, ContextCreationError, Entities, Entity, EntityAttrEvaluationError, EntityUid,
    ExpressionConstructionError, RestrictedExpression, Schema, entities_errors::EntitiesError,
};
use certs::identifier::Identifier;
use certs::leaf::Proof;

use super::vocabulary::{Vocabulary, entity};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// To open an order for the identifier under the profile; nothing is proven yet.
    Order,
    /// To have the certificate signed, with the proofs that were given.
    Issue,
    /// To revoke a certificate that holds the identifier.
    Revoke,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 3] = [Self::Order, Self::Issue, Self::Revoke];

    /// Its name in rules and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Issue => "issue",
            Self::Revoke => "revoke",
        }
    }

    /// The action of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

/// The kind of key to be certified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// ECDSA on NIST P-256, the only kind issued.
    #[default]
    P256,
}

impl KeyKind {
    /// Its name in rules.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
        }
    }
}

/// The account that asks, as the store knows it.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// Its id.
    pub id: &'a str,
    /// The authority it belongs to.
    pub authority: &'a str,
    /// The organisation it belongs to, by its id; accounts of the internal authority only.
    pub organisation: Option<&'a str>,
    /// Its contact URIs.
    pub contacts: &'a [String],
    /// The id of the external binding key it was registered with.
    pub external_binding: Option<&'a str>,
    /// When it was made, in seconds since 1970.
    pub created: i64,
}

/// The person who signed in, as the organisation's identity provider described him or her.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// The identity provider, by its name in the configuration.
    pub provider: &'a str,
    /// `saml` or `oidc`.
    pub protocol: &'a str,
    /// The groups it named.
    pub groups: &'a [String],
    /// How strongly the person authenticated (SAML `AuthnContextClassRef`, OIDC `acr`).
    pub authn_context: Option<&'a str>,
    /// By which means (OIDC `amr`).
    pub methods: &'a [String],
    /// The person's name.
    pub display_name: Option<&'a str>,
}

/// One question to the rules: one account, one action, one identifier.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who asks.
    pub account: Account<'a>,
    /// For what.
    pub action: Action,
    /// On which identifier.
    pub identifier: &'a Identifier,
    /// Under which profile, by its name.
    pub profile: &'a str,
    /// How the identifier was proven; looked at for [`Action::Issue`] only.
    pub proofs: &'a [Proof],
    /// The key to be certified; looked at for [`Action::Issue`] only.
    pub key_kind: KeyKind,
    /// The life that the client asked for, if it asked for one.
    pub requested_lifetime: Option<Duration>,
    /// Who signed in, if the identifier was proven so; looked at for [`Action::Issue`] only.
    pub person: Option<Person<'a>>,
    /// Where the request came from.
    pub client_address: Option<IpAddr>,
}

/// Why a request could not be put into Cedar's words. No request that this crate can build is known to cause it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Untranslatable {
    #[error(transparent)]
    Attribute(Box<EntityAttrEvaluationError>),
    #[error(transparent)]
    Entities(Box<EntitiesError>),
    #[error(transparent)]
    Expression(Box<ExpressionConstructionError>),
    #[error(transparent)]
    Context(Box<ContextCreationError>),
    #[error(transparent)]
    Request(Box<cedar_policy::RequestValidationError>),
}

impl From<EntityAttrEvaluationError> for Untranslatable {
    fn from(cause: EntityAttrEvaluationError) -> Self {
        Self::Attribute(Box::new(cause))
    }
}

impl From<EntitiesError> for Untranslatable {
    fn from(cause: EntitiesError) -> Self {
        Self::Entities(Box::new(cause))
    }
}

impl From<ExpressionConstructionError> for Untranslatable {
    fn from(cause: ExpressionConstructionError) -> Self {
        Self::Expression(Box::new(cause))
    }
}

impl From<ContextCreationError> for Untranslatable {
    fn from(cause: ContextCreationError) -> Self {
        Self::Context(Box::new(cause))
    }
}

impl From<cedar_policy::RequestValidationError> for Untranslatable {
    fn from(cause: cedar_policy::RequestValidationError) -> Self {
        Self::Request(Box::new(cause))
    }
}

/// A request in Cedar's words.
pub(super) struct Facts {
    pub(super) request: cedar_policy::Request,
    pub(super) entities: Entities,
    /// The resource and everything it is in, each once.
    pub(super) scopes: Vec<EntityUid>,
}

impl Request<'_> {
    /// Translates. With a schema, Cedar checks the translation too: that is done once at start, not for each request.
    pub(super) fn facts(&self, words: &Vocabulary, schema: Option<&Schema>) -> Result<Facts, Untranslatable> {
        let principal = self.account.entity(words)?;
        let (resource, domains) = self.resource(words)?;
        let request = cedar_policy::Request::new(
            principal.uid(),
            words.action(self.action).clone(),
            resource.uid(),
            self.context(words)?,
            schema,
        )?;
        let mut scopes = domains;
        scopes.push(resource.uid());
        let entities = Entities::from_entities([principal, resource], schema)?;
        Ok(Facts { request, entities, scopes })
    }

    fn resource(&self, words: &Vocabulary) -> Result<(Entity, Vec<EntityUid>), Untranslatable> {
        let (uid, attributes, domain) = match self.identifier {
            Identifier::Dns(name) => {
                let written = name.as_str();
                let attributes = HashMap::from([
                    ("name".to_owned(), string(written)),
                    ("labels".to_owned(), long(written.split('.').count())),
                    ("wildcard".to_owned(), RestrictedExpression::new_bool(name.is_wildcard())),
                ]);
                (entity(&words.dns, written), attributes, name.base_str())
            }
            Identifier::Email(address) => {
                let (written, local) = (lower(&address.to_string()), lower(address.local_part()));
                let attributes = HashMap::from([
                    ("address".to_owned(), string(&written)),
                    ("local".to_owned(), string(&local)),
                    ("domain".to_owned(), string(address.domain().as_str())),
                ]);
                (entity(&words.email, &written), attributes, address.domain().as_str())
            }
            Identifier::Uri(uri) => {
                let attributes = HashMap::from([("uri".to_owned(), string(uri.as_str()))]);
                (entity(&words.uri, uri.as_str()), attributes, "")
            }
        };
        let domains = domains_above(words, domain);
        Ok((Entity::new(uid, attributes, domains.iter().cloned().collect())?, domains))
    }

    fn context(&self, words: &Vocabulary) -> Result<Context, Untranslatable> {
        let wildcard = matches!(self.identifier, Identifier::Dns(name) if name.is_wildcard());
        let mut pairs = Vec::with_capacity(6);
        pairs.push(("profile".to_owned(), reference(entity(&words.profile, self.profile))));
        pairs.push(("wildcard".to_owned(), RestrictedExpression::new_bool(wildcard)));
        match self.action {
            Action::Order | Action::Revoke => {}
            Action::Issue => {
                let proofs = self.proofs.iter().map(|proof| reference(entity(&words.proof, proof.as_str())));
                pairs.push(("proofs".to_owned(), RestrictedExpression::new_set(proofs)));
                pairs.push(("keyKind".to_owned(), reference(entity(&words.key_kind, self.key_kind.name()))));
                if let Some(person) = &self.person {
                    pairs.push(("person".to_owned(), person.record()?));
                }
            }
        }
        if let Some(lifetime) = self.requested_lifetime {
            let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
            pairs.push(("requestedLifetime".to_owned(), RestrictedExpression::new_long(seconds)));
        }
        if let Some(address) = self.client_address {
            // A socket for both families gives `::ffff:10.0.0.1`, which Cedar refuses and no rule on 10.0.0.0/8 would match.
            let address = address.to_canonical().to_string();
            pairs.push(("clientAddress".to_owned(), RestrictedExpression::new_ip(address)));
        }
        Ok(Context::from_pairs(pairs)?)
    }
}

impl Person<'_> {
    pub(super) fn record(&self) -> Result<RestrictedExpression, Untranslatable> {
        let set = |texts: &[String]| RestrictedExpression::new_set(texts.iter().map(|text| string(text)));
        let mut pairs = vec![
            ("provider".to_owned(), string(self.provider)),
            ("protocol".to_owned(), string(self.protocol)),
            ("groups".to_owned(), set(self.groups)),
            ("methods".to_owned(), set(self.methods)),
        ];
        pairs.extend(self.authn_context.map(|context| ("authnContext".to_owned(), string(context))));
        pairs.extend(self.display_name.map(|name| ("displayName".to_owned(), string(name))));
        Ok(RestrictedExpression::new_record(pairs)?)
    }
}

impl Account<'_> {
    fn entity(&self, words: &Vocabulary) -> Result<Entity, Untranslatable> {
        let contacts = self.contacts.iter().map(|contact| string(contact));
        let mut attributes = HashMap::from([
            ("contacts".to_owned(), RestrictedExpression::new_set(contacts)),
            ("created".to_owned(), RestrictedExpression::new_long(self.created)),
        ]);
        if let Some(kid) = self.external_binding {
            attributes.insert("externalBinding".to_owned(), string(kid));
        }
        let mut parents = HashSet::from([entity(&words.authority, self.authority)]);
        parents.extend(self.organisation.map(|id| entity(&words.organisation, id)));
        Ok(Entity::new(entity(&words.account, self.id), attributes, parents)?)
    }
}

/// `room-1.example.com` → the domains `room-1.example.com`, `example.com` and `com`.
pub(super) fn domains_above(words: &Vocabulary, name: &str) -> Vec<EntityUid> {
    let mut domains = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        domains.push(entity(&words.domain, rest));
        rest = rest.split_once('.').map_or("", |(_, above)| above);
    }
    domains
}

/// Rules see addresses in lower case: a forbid on `bob@example.com` must also stop `Bob@example.com`.
pub(super) fn lower(text: &str) -> String {
    text.to_ascii_lowercase()
}

pub(super) fn string(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn long(number: usize) -> RestrictedExpression {
    RestrictedExpression::new_long(i64::try_from(number).unwrap_or(i64::MAX))
}

pub(super) fn reference(uid: EntityUid) -> RestrictedExpression {
    RestrictedExpression::new_entity_uid(uid)
}
