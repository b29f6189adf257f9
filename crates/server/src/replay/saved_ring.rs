//! The file in which a clean stop leaves the ring for the next start.
//!
//! `u32 version of the key-encryption key ‖ sealed ring`. The file is used once: it is gone from the disk before anybody
//! listens, so that a crash afterwards cannot find it and take it for the newest.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;

use countersign_core::encoding::Reader;
use countersign_core::secret::Sealed;

use crate::shared_kek::SharedKek;

/// What the ring is sealed as.
const NAME: &str = "saved ring";

/// Where the ring is saved, and what it is sealed with.
#[derive(Clone, Debug)]
pub struct SavedRing {
    directory: PathBuf,
    kek: SharedKek,
}

impl SavedRing {
    /// The saved ring of the guard with this data directory.
    pub const fn new(directory: PathBuf, kek: SharedKek) -> Self {
        Self { directory, kek }
    }

    fn path(&self) -> PathBuf {
        self.directory.join("replay.ring")
    }

    /// The ring, if there is one that opens; the file is gone when this returns. Without a ring the guard starts as after
    /// a crash, which is slower by a few seconds and no less safe.
    ///
    /// # Errors
    /// When the file cannot be read or removed. A ring that stays on the disk must not be used.
    pub fn take(&self) -> io::Result<Option<Vec<u8>>> {
        let octets = match fs::read(self.path()) {
            Ok(octets) => octets,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        fs::remove_file(self.path())?;
        self.sync_directory()?;
        Ok(self.open(&octets))
    }

    /// Seals the ring anew where it is sealed under another key-encryption key than the current one. One that does not
    /// open is left: the next start will make nothing of it either. `nonce` is random.
    ///
    /// # Errors
    /// When it cannot be read or written; then it is sealed as it was.
    pub fn reseal(&self, nonce: [u8; 12]) -> io::Result<bool> {
        let octets = match fs::read(self.path()) {
            Ok(octets) => octets,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let is_current = sealed(&octets).is_some_and(|sealed| sealed.version == self.kek.current());
        match self.open(&octets).filter(|_| !is_current) {
            Some(ring) => self.write(&ring, nonce).map(|()| true),
            None => Ok(false),
        }
    }

    fn open(&self, octets: &[u8]) -> Option<Vec<u8>> {
        self.kek.open(NAME, "", &sealed(octets)?).ok().map(|mut ring| std::mem::take(&mut *ring))
    }

    /// Writes the ring, readable by its owner alone, durable when this returns. `nonce` is random.
    ///
    /// # Errors
    /// When it cannot be written; then there is none, and the next start is as after a crash.
    pub fn write(&self, ring: &[u8], nonce: [u8; 12]) -> io::Result<()> {
        let sealed = self.kek.seal(NAME, "", ring, nonce).map_err(io::Error::other)?;
        // The crate makes the file with mode 0600, and removes it when it is dropped before it has its name.
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(&sealed.version.to_be_bytes())?;
        file.write_all(&sealed.octets)?;
        file.as_file().sync_all()?;
        file.persist(self.path()).map_err(|error| error.error)?;
        self.sync_directory()
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }
}

fn sealed(octets: &[u8]) -> Option<Sealed> {
    let mut reader = Reader::new(octets);
    let version = u32::from_be_bytes(reader.array()?);
    Some(Sealed { version, octets: reader.rest().to_vec() })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use countersign_core::secret::{KeyEncryptionKey, KeyEncryptionKeys, Secret32};
    use countersign_core::time::Timestamp;
    use tempfile::TempDir;

    use super::*;

    fn ring(directory: &TempDir, octet: u8) -> SavedRing {
        let kek = KeyEncryptionKeys::of(KeyEncryptionKey::new(1, Secret32::new([octet; 32])));
        SavedRing::new(directory.path().into(), SharedKek::new(kek))
    }

    #[test]
    fn a_ring_is_taken_once() {
        let directory = TempDir::new().unwrap();
        let ring = ring(&directory, 7);
        ring.write(b"the ring", [0; 12]).unwrap();
        assert_eq!(ring.take().unwrap().as_deref(), Some(b"the ring".as_slice()));
        assert_eq!(ring.take().unwrap(), None);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_ring_is_sealed_and_for_its_owner_alone() {
        let directory = TempDir::new().unwrap();
        let ring = ring(&directory, 7);
        ring.write(b"the ring", [0; 12]).unwrap();
        let mode = fs::metadata(ring.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let octets = fs::read(ring.path()).unwrap();
        assert!(!octets.windows(8).any(|octets| octets == b"the ring"));
    }

    #[test]
    fn a_ring_that_does_not_open_is_none_and_is_gone() {
        let directory = TempDir::new().unwrap();
        ring(&directory, 7).write(b"the ring", [0; 12]).unwrap();
        assert_eq!(ring(&directory, 8).take().unwrap(), None);
        for rubbish in [&[][..], &[0; 3], &[0; 4], &[255; 100]] {
            fs::write(ring(&directory, 7).path(), rubbish).unwrap();
            assert_eq!(ring(&directory, 7).take().unwrap(), None);
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_newer_ring_replaces_an_older_one() {
        let directory = TempDir::new().unwrap();
        let ring = ring(&directory, 7);
        ring.write(b"older", [0; 12]).unwrap();
        ring.write(b"newer", [1; 12]).unwrap();
        assert_eq!(ring.take().unwrap().as_deref(), Some(b"newer".as_slice()));
    }

    #[test]
    fn a_ring_is_sealed_anew_under_the_next_key_and_is_the_same_ring() {
        let directory = TempDir::new().unwrap();
        let ring = ring(&directory, 7);
        assert!(!ring.reseal([1; 12]).unwrap(), "there is none");
        ring.write(b"the ring", [0; 12]).unwrap();
        assert!(!ring.reseal([1; 12]).unwrap(), "it is sealed under the current key");
        let next = Secret32::new(*b"thirty-two octets of no meaning!");
        let both = ring.kek.keys().with_next(&next).unwrap();
        ring.kek.replace(&both, Timestamp::default());
        assert!(ring.reseal([1; 12]).unwrap());
        let only_the_next = SavedRing::new(directory.path().into(), SharedKek::new(both.without_former()));
        assert_eq!(only_the_next.take().unwrap().as_deref(), Some(b"the ring".as_slice()));
    }

    #[test]
    fn a_ring_that_does_not_open_is_not_sealed_anew() {
        let directory = TempDir::new().unwrap();
        ring(&directory, 7).write(b"the ring", [0; 12]).unwrap();
        let octets = fs::read(ring(&directory, 7).path()).unwrap();
        assert!(!ring(&directory, 8).reseal([1; 12]).unwrap());
        assert_eq!(fs::read(ring(&directory, 7).path()).unwrap(), octets);
    }

    #[test]
    fn a_file_that_cannot_be_removed_is_an_error_and_no_ring() {
        let directory = TempDir::new().unwrap();
        let ring = ring(&directory, 7);
        fs::create_dir(ring.path()).unwrap();
        assert!(ring.take().is_err());
    }
}
