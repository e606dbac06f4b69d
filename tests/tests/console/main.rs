//! The operators' console through its front door: every page without scripts over a socket, what an attacker tries, people who sign in, and a real
//! browser that walks through all of it and looks at it with axe-core.
//!
//! The browser's tests skip, and say so, where a program is missing. Pictures go to `screenshots` in the folder `ROLLCALL_ARTEFACTS`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first wrong value"
)]

mod attacks;
mod browser;
mod certificates;
mod pages;
mod people;
mod program;
mod raw;
mod sessions;
mod setting;

#[path = "../people/page.rs"]
mod page;
