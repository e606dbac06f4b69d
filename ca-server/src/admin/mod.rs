//! The operator's door: a Unix socket whose file permissions are the access control.
