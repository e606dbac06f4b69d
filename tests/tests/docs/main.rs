//! What the pages promise is there: links lead somewhere, commands and their flags exist, samples parse.

#![expect(clippy::unwrap_used, reason = "a test stops at the first wrong value")]

mod commands;
mod links;
mod pages;
mod samples;
