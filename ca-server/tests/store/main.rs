//! What the store promises, for every backend, and that the embedded one keeps it through power loss.

mod battery;
mod durability;
mod full_disk;
mod prune;
mod samples;
mod sled_open;
mod tables;
