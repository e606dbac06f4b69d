//! DNS providers, where records have to stand, and the propagation check, against small servers of our own. (BIND 9 is in the
//! interop tests.)

mod network;
mod place;
mod propagation;
mod providers;
mod reach;
