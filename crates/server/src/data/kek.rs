use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use countersign_core::encoding::hex;
use countersign_core::secret::{KeyEncryptionKey, Secret32};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat, unlinkat};
use zeroize::Zeroizing;

use super::directory::DataDir;
use super::lock::Lock;
use super::secret_file::{self, SecretFileError};
use crate::config::KekSource;

const NAME: &str = "kek";
const DRAFT: &str = "kek.new";

/// Why there is no key-encryption key.
#[derive(Debug, thiserror::Error)]
pub enum KekError {
    /// Its file is not fit.
    #[error("the key-encryption key: {0}")]
    File(#[from] SecretFileError),
    /// It is one that stands in a document, or no chance made it.
    #[error("the key-encryption key is one that everybody knows; make one with: openssl rand -hex 32")]
    DocumentedExample,
    /// What is sealed in the database cannot be opened without it, and a new one would not help.
    #[error(
        "there is a database in {0}, but the key-encryption key is gone; put the file kek back from where you keep it, or name it with kek_file"
    )]
    Lost(String),
    /// It could not be made.
    #[error("cannot make the key-encryption key in {directory}: {source}")]
    NotMade {
        /// The data directory.
        directory: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Where a key-encryption key came from in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KekOrigin {
    /// It was there.
    Found,
    /// It was made, in the data directory.
    Made,
}

/// The key-encryption key from where the configuration says. The first start of a data directory makes it out of
/// `fresh`, 32 random octets; the lock shows that nobody else is at it.
pub fn obtain_kek(
    directory: &DataDir,
    _lock: &Lock,
    source: &KekSource,
    fresh: &Secret32,
) -> Result<(KeyEncryptionKey, KekOrigin), KekError> {
    let found = match source {
        KekSource::Environment(key) => key.clone(),
        KekSource::File(path) => secret_file::key(CWD, path, path)?,
        KekSource::DataDirectory if directory.holds(NAME) => {
            secret_file::key(directory.handle(), Path::new(NAME), &directory.path().join(NAME))?
        }
        KekSource::DataDirectory if directory.holds(DataDir::DATABASE) => {
            return Err(KekError::Lost(directory.path().display().to_string()));
        }
        KekSource::DataDirectory => {
            let kek = checked(fresh)?;
            make(directory, fresh)
                .map_err(|source| KekError::NotMade { directory: directory.path().display().to_string(), source })?;
            return Ok((kek, KekOrigin::Made));
        }
    };
    Ok((checked(&found)?, KekOrigin::Found))
}

fn checked(key: &Secret32) -> Result<KeyEncryptionKey, KekError> {
    if is_documented_example(key.expose()) {
        return Err(KekError::DocumentedExample);
    }
    Ok(KeyEncryptionKey::new(1, key.clone()))
}

/// Whole or not at all, also through a power cut: written beside, made durable, then linked under its name, which never
/// replaces a key that is there.
fn make(directory: &DataDir, key: &Secret32) -> io::Result<()> {
    // A draft of a start that was cut off; we hold the lock, so nobody is writing it.
    let _ = unlinkat(directory.handle(), DRAFT, AtFlags::empty());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut draft = File::from(openat(directory.handle(), DRAFT, flags, Mode::RUSR | Mode::WUSR)?);
    let line = Zeroizing::new(hex(key.expose()) + "\n");
    draft.write_all(line.as_bytes())?;
    draft.sync_all()?;
    linkat(directory.handle(), DRAFT, directory.handle(), NAME, AtFlags::empty())?;
    unlinkat(directory.handle(), DRAFT, AtFlags::empty())?;
    directory.sync()
}

/// Whether a key is no secret: one octet repeated, or counting up or down as in every test vector.
pub fn is_documented_example(key: &[u8; 32]) -> bool {
    let steps = || key.iter().zip(key.iter().skip(1)).map(|(one, next)| next.wrapping_sub(*one));
    steps().zip(steps().skip(1)).all(|(step, next)| step == next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_counts_or_stands_still_is_a_documented_example() {
        let counting =
            |start: u8, step: u8| core::array::from_fn(|place| start.wrapping_add(step.wrapping_mul(place as u8)));
        for key in [[0; 32], [0xa0; 32], counting(0, 1), counting(1, 1), counting(31, 255), counting(0, 0x11)] {
            assert!(is_documented_example(&key), "{key:?}");
        }
        let mut nearly = counting(0, 1);
        nearly[31] ^= 1;
        assert!(!is_documented_example(&nearly));
    }
}
