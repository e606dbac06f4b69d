//! The inner JWS of keyChange (RFC 8555 §7.3.5): the new key itself asks to take the account over.
