use std::io;
use std::path::{Path, PathBuf};

use countersign_core::secret::{BadKeyText, KeyEncryptionKey, KeyEncryptionKeys, NoNextKek, Secret32, WeakKek};
use rustix::fs::{AtFlags, CWD, linkat, renameat, unlinkat};

use super::directory::DataDir;
use super::draft;
use super::lock::Lock;
use super::secret_file::{self, SecretFileError};
use crate::config::KekSource;

const NAME: &str = "kek";
const DRAFT: &str = "kek.new";

/// Why there is no key-encryption key.
#[derive(Debug, thiserror::Error)]
pub enum KekError {
    /// Its file is not fit.
    #[error("the key-encryption key cannot be used")]
    File(#[from] SecretFileError),
    /// Its file holds something else.
    #[error("{} holds no key-encryption key: {why}; {remedy}", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: BadKeyText,
        /// What to do about it.
        remedy: &'static str,
    },
    /// No chance made it.
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

/// The key-encryption keys from where the configuration says. The first start of a data directory makes one out of
/// `fresh`, 32 random octets; the lock shows that nobody else is at it.
pub fn obtain_kek(
    directory: &DataDir,
    _lock: &Lock,
    source: &KekSource,
    fresh: &Secret32,
) -> Result<(KeyEncryptionKeys, KekOrigin), KekError> {
    if let Some(found) = find_kek(directory, source)? {
        return Ok((found, KekOrigin::Found));
    }
    // Chance that failed is refused like a key from a book.
    let kek = KeyEncryptionKeys::of(KeyEncryptionKey::from_octets(1, fresh.expose())?);
    make(directory, &kek)
        .map_err(|source| KekError::NotMade { directory: directory.path().display().to_string(), source })?;
    Ok((kek, KekOrigin::Made))
}

/// The key-encryption keys from where the configuration says; `None` before the first start.
pub fn find_kek(directory: &DataDir, source: &KekSource) -> Result<Option<KeyEncryptionKeys>, KekError> {
    let own = || directory.path().join(NAME);
    let (path, content) = match source {
        KekSource::Environment(keys) => return Ok(Some(keys.clone())),
        KekSource::File(path) => (path.clone(), secret_file::content(CWD, path, path)?),
        KekSource::DataDirectory if directory.holds(NAME) => {
            (own(), secret_file::content(directory.handle(), Path::new(NAME), &own())?)
        }
        KekSource::DataDirectory if directory.holds(DataDir::DATABASE) => {
            return Err(KekError::Lost(directory.path().display().to_string()));
        }
        KekSource::DataDirectory => return Ok(None),
    };
    let keys = KeyEncryptionKeys::read(&content);
    keys.map(Some).map_err(|why| KekError::NoKey { path, why, remedy: remedy(directory) })
}

/// A new key beside a database would open nothing in it.
fn remedy(directory: &DataDir) -> &'static str {
    if directory.holds(DataDir::DATABASE) {
        "put the file back from where you keep it: what is sealed in the database opens under no other key"
    } else {
        "make one with: openssl rand -hex 32"
    }
}

/// Whole or not at all, also through a power cut: written beside, made durable, then linked under its name, which never
/// replaces a key that is there.
fn make(directory: &DataDir, keys: &KeyEncryptionKeys) -> io::Result<()> {
    draft::write(directory, DRAFT, keys.to_text().as_bytes())?;
    linkat(directory.handle(), DRAFT, directory.handle(), NAME, AtFlags::empty())?;
    unlinkat(directory.handle(), DRAFT, AtFlags::empty())?;
    directory.sync()
}

/// Where the key-encryption keys are kept, for whoever exchanges one for the next. It holds the lock: nobody else changes
/// them while it lives.
#[derive(Debug)]
pub struct KekKeeper {
    directory: DataDir,
    source: KekSource,
    _lock: Lock,
}

/// Why the key-encryption keys were not replaced. Those that were there before still are, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum NotReplaced {
    /// They are not ours to write.
    #[error("{0} is not the guard's to write")]
    NotOurs(String),
    /// Somebody has written to the file since it was read.
    #[error(
        "the file kek in {0} is not the one that the guard was started with; put that one back, or restart the guard with this one"
    )]
    Changed(String),
    /// It cannot be read again.
    #[error(transparent)]
    Unreadable(#[from] KekError),
    /// There is no next one.
    #[error(transparent)]
    NoNext(#[from] NoNextKek),
    /// It could not be written, or not be made durable: then the file holds either the one or the other.
    #[error("cannot write the file kek in {directory}")]
    System {
        /// The data directory.
        directory: String,
        /// What the system said.
        source: io::Error,
    },
}

impl KekKeeper {
    /// For the keys that [`obtain_kek`] gave.
    pub fn new(directory: &DataDir, lock: &Lock, source: &KekSource) -> io::Result<Self> {
        Ok(Self { directory: directory.try_clone()?, source: source.clone(), _lock: lock.clone() })
    }

    /// What a person calls the place; and whether it is ours to write.
    pub fn place(&self) -> (String, bool) {
        match &self.source {
            KekSource::DataDirectory => (self.directory.path().join(NAME).display().to_string(), true),
            KekSource::File(path) => (path.display().to_string(), false),
            KekSource::Environment(_) => ("COUNTERSIGN_KEK".to_owned(), false),
        }
    }

    /// Puts `keys` in the place of `former`, which must be what the file holds: whole or not at all, durable when this
    /// returns. At no moment is there no file. It may be asked for again when nobody knows whether it was done.
    pub fn replace(&self, former: &KeyEncryptionKeys, keys: &KeyEncryptionKeys) -> Result<(), NotReplaced> {
        let directory = || self.directory.path().display().to_string();
        let (place, is_ours) = self.place();
        if !is_ours {
            return Err(NotReplaced::NotOurs(place));
        }
        let system = |source| NotReplaced::System { directory: directory(), source };
        match find_kek(&self.directory, &self.source)? {
            Some(found) if found.is_same(keys) => return self.directory.sync().map_err(system),
            Some(found) if found.is_same(former) => {}
            Some(_) | None => return Err(NotReplaced::Changed(directory())),
        }
        let written = draft::write(&self.directory, DRAFT, keys.to_text().as_bytes()).and_then(|()| {
            renameat(self.directory.handle(), DRAFT, self.directory.handle(), NAME)?;
            self.directory.sync()
        });
        written.map_err(system)
    }
}
