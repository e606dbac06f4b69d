//! Room devices: how an identity gets into one, encrypted, over the device's own API.
//!
//! `xapi` is the API without a socket: commands, answers, and how each transport writes them. `connect` opens one of three transports, to a device that has
//! proven who it is. `material` is what is sent, checked first. `provision` takes one device from what it has to what it should have; `fleet` takes many at once;
//! `list` names them. What was done is remembered in the state directory, so that a run that was cut off goes on. Whoever carries the commands learns nothing: the certificate's key travels sealed
//! under the device's client secret (`device_jwe`). Neither secret nor key ever stands in a log, an error or a file made here.

pub mod connect;
pub mod fleet;
pub mod list;
pub mod material;
pub mod place;
pub mod provision;
pub mod xapi;
