//! The one table of problem kinds (RFC 8555 §6.7, RFC 9773 §7.4, draft-ietf-acme-profiles): kind, URN suffix, HTTP status, meaning.
//!
//! It yields the URN, the status, the metric label and `docs/errors.md`. A kind that is not here cannot be answered.

use http::StatusCode;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident, $suffix:literal, $status:ident, $meaning:literal;)*) => {
        /// A kind of problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind {
            $(#[doc = $meaning] $kind,)*
        }

        impl Kind {
            /// Every kind, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The last part of the URN, also the metric label.
            #[must_use]
            pub const fn suffix(self) -> &'static str {
                match self { $(Self::$kind => $suffix,)* }
            }

            /// The HTTP status answered with it.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$kind => StatusCode::$status,)* }
            }

            /// What it means, for `docs/errors.md`.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$kind => $meaning,)* }
            }
        }
    };
}

kinds! {
    AccountDoesNotExist, "accountDoesNotExist", BAD_REQUEST, "The request names an account that does not exist.";
    AccountNotValid, "unauthorized", UNAUTHORIZED, "The account is deactivated or revoked.";
    AlreadyReplaced, "alreadyReplaced", CONFLICT, "The certificate named in `replaces` was replaced by another order already.";
    AlreadyRevoked, "alreadyRevoked", BAD_REQUEST, "The certificate is revoked already.";
    BadCsr, "badCSR", BAD_REQUEST, "The certificate signing request is not acceptable.";
    BadNonce, "badNonce", BAD_REQUEST, "The anti-replay nonce was not acceptable; try again with the one in this answer.";
    BadPublicKey, "badPublicKey", BAD_REQUEST, "The JWS was signed with a key that this server does not support.";
    BadRevocationReason, "badRevocationReason", BAD_REQUEST, "The revocation reason is not allowed.";
    BadSignatureAlgorithm, "badSignatureAlgorithm", BAD_REQUEST, "The JWS was signed with an algorithm that this server does not support.";
    Caa, "caa", FORBIDDEN, "CAA records forbid this authority to issue.";
    Compound, "compound", BAD_REQUEST, "Several things are wrong; see the subproblems.";
    Connection, "connection", BAD_REQUEST, "The server could not connect to the validation target.";
    Dns, "dns", BAD_REQUEST, "A DNS query failed during validation.";
    ExternalAccountRequired, "externalAccountRequired", FORBIDDEN, "A new account must be bound to an external account.";
    IncorrectResponse, "incorrectResponse", FORBIDDEN, "What was found does not match the challenge.";
    InvalidContact, "invalidContact", BAD_REQUEST, "A contact URL is not valid.";
    InvalidProfile, "invalidProfile", BAD_REQUEST, "The profile is unknown here or does not fit the identifiers.";
    KeyInUse, "malformed", CONFLICT, "The new key belongs to another account already, which Location names.";
    Malformed, "malformed", BAD_REQUEST, "The request is malformed.";
    MethodNotAllowed, "malformed", METHOD_NOT_ALLOWED, "The method is not allowed on this resource.";
    NotAcceptable, "malformed", NOT_ACCEPTABLE, "The client accepts no format in which the resource can be given.";
    NotFound, "malformed", NOT_FOUND, "There is no such resource.";
    OrderNotReady, "orderNotReady", FORBIDDEN, "The order is not ready to be finalized.";
    PayloadTooLarge, "malformed", PAYLOAD_TOO_LARGE, "The request body is too large.";
    RateLimited, "rateLimited", TOO_MANY_REQUESTS, "The request exceeds a rate limit; see Retry-After.";
    RejectedIdentifier, "rejectedIdentifier", FORBIDDEN, "This authority does not issue for the identifier.";
    RequestTimeout, "malformed", REQUEST_TIMEOUT, "The request took too long to arrive.";
    ServerInternal, "serverInternal", INTERNAL_SERVER_ERROR, "The server failed; the request id finds the reason in its log.";
    ServiceUnavailable, "serverInternal", SERVICE_UNAVAILABLE, "The server is busy or stopping; see Retry-After.";
    Tls, "tls", BAD_REQUEST, "A TLS error occurred during validation.";
    Unauthorized, "unauthorized", FORBIDDEN, "The client is not authorized.";
    TokenRefused, "unauthorized", UNAUTHORIZED, "The access token is missing or not acceptable; see WWW-Authenticate.";
    UnsupportedContact, "unsupportedContact", BAD_REQUEST, "A contact URL uses an unsupported scheme.";
    UnsupportedIdentifier, "unsupportedIdentifier", BAD_REQUEST, "An identifier is of an unsupported type.";
    UnsupportedMediaType, "malformed", UNSUPPORTED_MEDIA_TYPE, "The body is not application/jose+json.";
    UserActionRequired, "userActionRequired", FORBIDDEN, "A person must act first; see the instance URL.";
}

impl Kind {
    /// The whole URN (RFC 8555 §6.7).
    #[must_use]
    pub fn urn(self) -> String {
        format!("urn:ietf:params:acme:error:{}", self.suffix())
    }

    /// The page `docs/errors.md`.
    #[must_use]
    pub fn page() -> String {
        let mut page = String::from(
            "# Problems\n\n\
             <!-- Made from ca-server/src/respond/kinds.rs. To change it: UPDATE_DOCS=1 cargo test -p ca-server --test errors_doc -->\n\n\
             Every refusal is a problem document (RFC 7807, RFC 8555 section 6.7). Its `type` is `urn:ietf:params:acme:error:` and the \
             word below; its `detail` says what is wrong and what to do. The metric `rollcall_problems_total` counts them by the same word.\n\n\
             | type | HTTP status | meaning |\n|---|---|---|\n",
        );
        for kind in Self::ALL {
            let (suffix, status, meaning) = (kind.suffix(), kind.status().as_u16(), kind.meaning());
            page.push_str(&format!("| `{suffix}` | {status} | {meaning} |\n"));
        }
        page
    }
}
