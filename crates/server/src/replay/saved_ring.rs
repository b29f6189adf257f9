//! The file in which a clean stop leaves what has been seen: sealed, used once, gone before anybody is listened to.

use std::fs::File;
use std::io::{self, Read as _, Write as _};

use countersign_core::secret::{KeyEncryptionKey, Sealed};
use rustix::fs::{AtFlags, Mode, OFlags, openat, renameat, unlinkat};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::ReplayError;
use crate::data::DataDir;
use crate::edge;

const NAME: &str = "replay-ring";
const DRAFT: &str = "replay-ring.draft";

/// What the seal is bound to.
const SEALED_AS: (&str, &str) = ("replay ring", "server");

/// Takes the ring, if a clean stop left one: it is off the disk when this returns. One that does not open is none.
pub(super) fn take(directory: &DataDir, kek: &KeyEncryptionKey) -> Result<Option<Zeroizing<Vec<u8>>>, ReplayError> {
    let failed = |action| move |source: io::Error| ReplayError::Ring { action, source };
    let octets = read(directory).map_err(failed("read"))?;
    unlink(directory, DRAFT).and_then(|()| unlink(directory, NAME)).map_err(failed("removed"))?;
    directory.sync().map_err(failed("removed"))?;
    let sealed = octets
        .as_deref()
        .and_then(|octets| octets.split_first_chunk::<4>())
        .map(|(version, octets)| Sealed { version: u32::from_be_bytes(*version), octets: octets.to_vec() });
    let (name, owner) = SEALED_AS;
    Ok(sealed.and_then(|sealed| kek.open(name, owner, &sealed).ok()))
}

/// Leaves a ring for the next start: whole and durable, or not at all.
pub(super) fn put(directory: &DataDir, kek: &KeyEncryptionKey, ring: &[u8]) -> Result<(), ReplayError> {
    let (name, owner) = SEALED_AS;
    let sealed = kek.seal(name, owner, ring, edge::random()).map_err(|_| ReplayError::Unsealable)?;
    write(directory, &sealed).map_err(|source| ReplayError::Ring { action: "written", source })
}

fn read(directory: &DataDir) -> io::Result<Option<Vec<u8>>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut file = match openat(directory.handle(), NAME, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut octets = Vec::new();
    file.read_to_end(&mut octets)?;
    Ok(Some(octets))
}

fn write(directory: &DataDir, sealed: &Sealed) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut draft = File::from(openat(directory.handle(), DRAFT, flags, Mode::RUSR | Mode::WUSR)?);
    draft.write_all(&sealed.version.to_be_bytes())?;
    draft.write_all(&sealed.octets)?;
    draft.sync_all()?;
    renameat(directory.handle(), DRAFT, directory.handle(), NAME)?;
    directory.sync()
}

fn unlink(directory: &DataDir, name: &str) -> io::Result<()> {
    match unlinkat(directory.handle(), name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
