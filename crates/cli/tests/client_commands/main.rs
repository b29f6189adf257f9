//! The commands of the client as a person or a script runs them: exit codes, stdout, stderr, files.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../../client/tests/fake_guard/mod.rs"]
mod fake_guard;

mod calls;
mod enrolling;
mod home;
mod streams;
