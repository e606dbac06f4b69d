//! DNS providers and the propagation check, against BIND 9 where it is installed and a small server of our own elsewhere.

mod bind;
mod propagation;
mod providers;
