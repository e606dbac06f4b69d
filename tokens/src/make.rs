//! Makes keys that cannot leave their token, and destroys those that are not needed any more.

use certs::key::KeyKind;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::Session;

use super::fault::Fault;
use super::find;
use super::pool::Token;
use super::{TokenError, TokenKey, TokenUri};

/// Makes a P-256 key in the token of `store`, under this label and id: sensitive, not extractable, for signing and nothing else. Blocks on the token.
///
/// # Errors
/// [`TokenError`]; whoever noted the name beforehand can [`destroy`] what may have been made.
pub fn generate(store: &TokenUri, label: &str, id: &[u8]) -> Result<TokenKey, TokenError> {
    let uri = store.store().key(label, id);
    let named =
        || [Attribute::Token(true), Attribute::Label(label.as_bytes().to_vec()), Attribute::Id(id.to_vec())];
    let mut public = vec![
        Attribute::Private(false),
        Attribute::Verify(true),
        Attribute::Encrypt(false),
        Attribute::Wrap(false),
        Attribute::EcParams(find::parameters(KeyKind::P256).to_vec()),
    ];
    public.extend(named());
    let mut private = vec![
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::Decrypt(false),
        Attribute::Unwrap(false),
        Attribute::Derive(false),
    ];
    private.extend(named());
    Token::of(&uri)?.writing(("make a key", &uri), |session| {
        // A try that failed may have made it all the same; nobody else has this id.
        clear(session, &uri)?;
        session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)?;
        Ok(())
    })?;
    TokenKey::open(&uri)
}

/// Opens the token and logs in, and nothing more: whether keys could be made there, before anything is begun. Blocks on the token.
///
/// # Errors
/// [`TokenError`]
pub fn check(store: &TokenUri) -> Result<(), TokenError> {
    Token::of(store)?.with(("open", store), |_, _| Ok(()))
}

/// Destroys the key of this name and its public half; says how many objects that were. None is no error: it was not there, or is gone already.
/// Blocks on the token.
///
/// # Errors
/// [`TokenError`]; a URI without an id is refused, since a label may be others' too.
pub fn destroy(uri: &TokenUri) -> Result<usize, TokenError> {
    if uri.id().is_none() {
        return Err(TokenError::NotAKey(Box::new(uri.clone())));
    }
    Token::of(uri)?.writing(("destroy the key", uri), |session| clear(session, uri))
}

/// Destroys both halves, if they are there; says how many that were.
fn clear(session: &Session, uri: &TokenUri) -> Result<usize, Fault> {
    let mut destroyed = 0;
    for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
        for object in session.find_objects(&find::template(uri, class))? {
            session.destroy_object(object)?;
            destroyed += 1;
        }
    }
    Ok(destroyed)
}
