//! Identity certificates: names, keys, requests, to-be-signed certificates, chains and verdicts.
//!
//! No I/O and no clock: time and entropy come in as arguments. What is issued is built from a profile and an order, never copied from a

pub mod name;

pub mod identifier;

pub mod serial;

pub mod key;

pub mod leaf;

pub mod pem;

mod encode;
