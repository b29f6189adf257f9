use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use countersign_core::encoding::hex;
use countersign_core::secret::{KeyEncryptionKey, Secret32, WeakKek};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat, unlinkat};
use zeroize::Zeroizing;

use super::directory::DataDir;
use super::lock::Lock;
use super::secret_file::{self, SecretFileError};
use crate::config::KekSource;

/// The version of the key-encryption key: the first, until one can be exchanged.
pub(crate) const KEK_VERSION: u32 = 1;

const NAME: &str = "kek";
const DRAFT: &str = "kek.new";

/// Why there is no key-encryption key.
#[derive(Debug, thiserror::Error)]
pub enum KekError {
    /// Its file is not fit.
    #[error("the key-encryption key cannot be used")]
    File(#[from] SecretFileError),
    /// It is one that everybody knows, or no chance made it.
    #[error(transparent)]
    Weak(#[from] WeakKek),
    /// What is sealed in the database cannot be opened without it, and a new one would not help.
    #[error(
        "there is a database in {0}, but the key-encryption key is gone; put the file kek back from where you keep it, or name it with kek_file"
    )]
    Lost(String),
    /// It could not be made.
    #[error("cannot make the key-encryption key in {directory}")]
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
    if let Some(found) = find_kek(directory, source)? {
        return Ok((found, KekOrigin::Found));
    }
    // Chance that failed is refused like a key from a book.
    let kek = KeyEncryptionKey::from_octets(KEK_VERSION, fresh.expose())?;
    make(directory, fresh)
        .map_err(|source| KekError::NotMade { directory: directory.path().display().to_string(), source })?;
    Ok((kek, KekOrigin::Made))
}

/// The key-encryption key from where the configuration says; `None` before the first start.
pub fn find_kek(directory: &DataDir, source: &KekSource) -> Result<Option<KeyEncryptionKey>, KekError> {
    let found = match source {
        KekSource::Environment(kek) => return Ok(Some(kek.clone())),
        KekSource::File(path) => secret_file::key(CWD, path, path)?,
        KekSource::DataDirectory if directory.holds(NAME) => {
            secret_file::key(directory.handle(), Path::new(NAME), &directory.path().join(NAME))?
        }
        KekSource::DataDirectory if directory.holds(DataDir::DATABASE) => {
            return Err(KekError::Lost(directory.path().display().to_string()));
        }
        KekSource::DataDirectory => return Ok(None),
    };
    Ok(Some(KeyEncryptionKey::from_octets(KEK_VERSION, found.expose())?))
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
