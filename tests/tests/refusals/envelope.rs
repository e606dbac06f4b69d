//! Faults of the envelope (RFC 8555 §6): each with the problem that it leads to on every signed resource.

use http::Method;
use rollcall_tests::device::{AccountKey, Draft};
use serde_json::{Value, json};

use crate::resources::Signer;

/// Something wrong with a request before its payload is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// What it is called.
    pub(crate) name: &'static str,
    /// The status and kind that it leads to.
    pub(crate) expected: (u16, &'static str),
    /// Spoils a proper request.
    pub(crate) spoil: for<'a> fn(Draft<'a>, &'a Surroundings) -> Draft<'a>,
}

/// What some faults need.
pub(crate) struct Surroundings {
    /// A key that no account has.
    pub(crate) stranger: AccountKey,
    /// A P-384 key that no account has.
    pub(crate) other_curve: AccountKey,
    /// A nonce that was used already.
    pub(crate) used_nonce: String,
    /// The base URL of the authority.
    pub(crate) base: String,
}

/// A fault with its problem.
const fn fault(
    name: &'static str,
    status: u16,
    kind: &'static str,
    spoil: for<'a> fn(Draft<'a>, &'a Surroundings) -> Draft<'a>,
) -> Fault {
    Fault { name, expected: (status, kind), spoil }
}

/// Faults that mean the same whoever signs.
pub(crate) const FAULTS: &[Fault] = &[
    fault("no body", 400, "malformed", |draft, _| draft.body("")),
    fault("cut JSON", 400, "malformed", |draft, _| draft.body("{\"protected\":")),
    fault("a JSON array", 400, "malformed", |draft, _| draft.body("[]")),
    fault("an empty object", 400, "malformed", |draft, _| draft.body("{}")),
    fault("octets that are no text", 400, "malformed", |draft, _| draft.body([0xff, 0xfe, 0x00, 0x80])),
    fault("a deep nest", 400, "malformed", |draft, _| draft.body("[".repeat(20_000))),
    fault("compact serialization", 400, "malformed", |draft, _| draft.body("\"e30.e30.AAAA\"")),
    fault("65,537 octets", 413, "malformed", |draft, _| draft.body(vec![b' '; 65_537])),
    fault("no media type", 415, "malformed", |draft, _| draft.content_type(None)),
    fault("JSON as media type", 415, "malformed", |draft, _| draft.content_type(Some("application/json"))),
    fault("a media type alike", 415, "malformed", |draft, _| {
        draft.content_type(Some("application/jose+jsonx"))
    }),
    fault("alg none", 400, "badSignatureAlgorithm", |draft, _| draft.header("alg", "none")),
    fault("alg HS256", 400, "badSignatureAlgorithm", |draft, _| draft.header("alg", "HS256")),
    fault("alg in lower case", 400, "badSignatureAlgorithm", |draft, _| draft.header("alg", "es256")),
    fault("alg of another key", 400, "badSignatureAlgorithm", |draft, _| draft.header("alg", "ES384")),
    fault("alg RS256 for a curve", 400, "badSignatureAlgorithm", |draft, _| draft.header("alg", "RS256")),
    fault("no alg", 400, "malformed", |draft, _| draft.without("alg")),
    fault("alg as number", 400, "malformed", |draft, _| draft.header("alg", 7)),
    fault("no nonce", 400, "badNonce", |draft, _| draft.without("nonce")),
    fault("a foreign nonce", 400, "badNonce", |draft, _| draft.header("nonce", "A".repeat(32))),
    fault("an empty nonce", 400, "badNonce", |draft, _| draft.header("nonce", "")),
    fault("a used nonce", 400, "badNonce", |draft, around| draft.header("nonce", around.used_nonce.as_str())),
    fault("a nonce as number", 400, "malformed", |draft, _| draft.header("nonce", 7)),
    fault("no url", 400, "malformed", |draft, _| draft.without("url")),
    fault("the url of another resource", 403, "unauthorized", |draft, around| {
        draft.header("url", format!("{}/elsewhere", around.base))
    }),
    fault("a url with a query", 403, "unauthorized", |draft, _| {
        let url = format!("{}?x", draft.target());
        draft.header("url", url)
    }),
    fault("a query that the url lacks", 403, "unauthorized", |draft, _| {
        let url = format!("{}?x=y", draft.target());
        draft.to(&url)
    }),
    fault("the url of another server", 403, "unauthorized", |draft, _| {
        let url = draft.target().replace("ca.test", "other.test");
        draft.header("url", url)
    }),
    fault("a relative url", 403, "unauthorized", |draft, _| draft.header("url", "/acme/external/new-order")),
    fault("jwk and kid together", 400, "malformed", |draft, around| {
        draft.header("kid", format!("{}/account/x", around.base)).header("jwk", around.stranger.jwk())
    }),
    fault("neither jwk nor kid", 400, "malformed", |draft, _| draft.without("jwk").without("kid")),
    fault("an unprotected header", 400, "malformed", |draft, _| {
        draft.edit(|jws| {
            jws.insert("header".to_owned(), json!({"kid": "x"}));
        })
    }),
    fault("several signatures", 400, "malformed", |draft, _| {
        draft.edit(|jws| {
            jws.insert("signatures".to_owned(), json!([]));
        })
    }),
    fault("no signature", 400, "malformed", |draft, _| {
        draft.edit(|jws| {
            jws.remove("signature");
        })
    }),
    fault("an empty signature", 400, "malformed", |draft, _| {
        draft.edit(|jws| {
            jws.insert("signature".to_owned(), Value::from(""));
        })
    }),
    fault("a signature of zeros", 400, "malformed", |draft, _| {
        draft.edit(|jws| {
            jws.insert("signature".to_owned(), Value::from("A".repeat(86)));
        })
    }),
    fault("a changed payload", 400, "malformed", |draft, _| {
        draft.edit(|jws| {
            jws.insert("payload".to_owned(), Value::from("eyJ4IjoxfQ"));
        })
    }),
    fault("base64 with padding", 400, "malformed", |draft, _| {
        draft.edit(|jws| {
            let signature = jws["signature"].as_str().unwrap_or_default().to_owned();
            jws.insert("signature".to_owned(), Value::from(format!("{signature}==")));
        })
    }),
    fault("crit", 400, "malformed", |draft, _| draft.header("crit", json!(["exp"]))),
    fault("b64", 400, "malformed", |draft, _| draft.header("b64", false)),
    fault("a protected header that is no object", 400, "malformed", |draft, _| draft.protected_text("[]")),
    fault("a member of the header twice", 400, "malformed", |draft, _| {
        draft.protected_text(r#"{"alg":"ES256","alg":"ES256","nonce":"x","url":"y"}"#)
    }),
    fault("a member of the JWS twice", 400, "malformed", |draft, _| {
        draft.body(r#"{"protected":"e30","protected":"e30","payload":"","signature":""}"#)
    }),
    fault("the signature of a stranger", 400, "malformed", |draft, around| {
        draft
            .edit(move |jws| {
                let signed = around_signature(jws);
                jws.insert("signature".to_owned(), signed);
            })
            .header("x", around.base.as_str())
    }),
];

/// A signature by a key that nobody named.
fn around_signature(jws: &serde_json::Map<String, Value>) -> Value {
    let part = |name: &str| jws[name].as_str().unwrap_or_default().to_owned();
    let key = AccountKey::p256();
    let signature = key.sign(format!("{}.{}", part("protected"), part("payload")).as_bytes());
    use base64::Engine as _;
    Value::from(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(signature))
}

/// Faults that depend on who is to sign.
pub(crate) fn faults_of(signer: Signer) -> Vec<Fault> {
    let unknown = fault("an account that does not exist", 400, "accountDoesNotExist", |draft, around| {
        draft.without("jwk").header("kid", format!("{}/account/AAAAAAAAAAAAAAAAAAAAAA", around.base))
    });
    let elsewhere = fault("an account of another server", 400, "accountDoesNotExist", |draft, _| {
        draft.without("jwk").header("kid", "https://other.test/acme/external/account/AAAAAAAAAAAAAAAAAAAAAA")
    });
    let garbled = fault("a kid that is no URL", 400, "accountDoesNotExist", |draft, _| {
        draft.without("jwk").header("kid", "me")
    });
    let key = fault("jwk where kid is wanted", 400, "malformed", |draft, around| {
        draft.without("kid").header("jwk", around.stranger.jwk()).signed_by(&around.stranger)
    });
    let kid = fault("kid where jwk is wanted", 400, "malformed", |draft, around| {
        draft.without("jwk").header("kid", format!("{}/account/AAAAAAAAAAAAAAAAAAAAAA", around.base))
    });
    let curve = fault("another key than the account's", 400, "badSignatureAlgorithm", |draft, around| {
        draft.signed_by(&around.other_curve)
    });
    match signer {
        Signer::Account => vec![unknown, elsewhere, garbled, key, curve],
        Signer::Key => vec![kid, curve],
        Signer::Either => vec![unknown, elsewhere, garbled, curve],
    }
}

/// Methods that no signed resource takes, with a body that would be right for POST.
pub(crate) const METHODS: &[Method] = &[Method::PUT, Method::DELETE, Method::PATCH];
