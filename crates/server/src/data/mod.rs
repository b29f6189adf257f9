//! The data directory: who may look into it, who holds it, and the key under which its secrets are sealed.
//!
//! Everything in it is opened relative to the directory that was looked at, so that nobody can put another in its
//! place in between.

mod directory;
mod draft;
mod kek;
mod lines;
mod lock;
mod privacy;
mod secret_file;
#[cfg(test)]
mod tests;

pub use directory::{DataDir, DataError};
pub use kek::{KekError, KekKeeper, KekOrigin, NotReplaced, find_kek, obtain_kek};
pub(crate) use lines::{end_with_line, last_lines};
pub use lock::{Lock, LockError};
pub use privacy::NotPrivate;
pub use secret_file::{SecretFileError, read_private, read_seed_key};
