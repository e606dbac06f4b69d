//! External account binding (RFC 8555 §7.3.4): an inner JWS whose MAC shows that an operator let this account in.
