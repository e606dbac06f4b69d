//! The signature: serial, to-be-signed bytes, lint on a twin, key backends. Signs only what a `Permit` names.
