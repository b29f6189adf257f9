use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use countersign_core::secret::Secret32;
use rustix::fs::{CWD, Mode, OFlags, fstat, openat};
use rustix::io::Errno;
use rustix::process::geteuid;
use zeroize::Zeroizing;

use super::privacy::{self, NotPrivate};
use crate::config::SeedKeySource;

/// Why a secret cannot be read from its file. No sentence repeats what stands in it.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// Others may read or change it.
    #[error(transparent)]
    NotPrivate(#[from] NotPrivate),
    /// There is no such file.
    #[error("there is no file {}; check the path", .0.display())]
    Missing(PathBuf),
    /// It holds something else.
    #[error("{} holds no key: {reason}; make one with: openssl rand -hex 32", path.display())]
    NoKey {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// The system would not let us.
    #[error("cannot read {}", path.display())]
    System {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The shared key of the seed mode.
pub fn read_seed_key(source: &SeedKeySource) -> Result<Secret32, SecretFileError> {
    match source {
        SeedKeySource::Given(key) => Ok(key.clone()),
        SeedKeySource::File(path) => {
            parse(&content(CWD, path, path)?).map_err(|reason| SecretFileError::NoKey { path: path.to_owned(), reason })
        }
    }
}

/// What stands in a private file of keys. `name` is relative to `directory`, and `path` is what a person calls it.
pub(super) fn content(directory: impl AsFd, name: &Path, path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretFileError> {
    // NONBLOCK: to open a FIFO must not wait for somebody to write into it.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let content = read_to_end(openat(directory, name, flags, Mode::empty()), path, LONGEST)?;
    if content.len() > LONGEST {
        return Err(SecretFileError::NoKey { path: path.to_owned(), reason: "it is longer than keys are" });
    }
    Ok(content)
}

/// The content of a private file, whatever it is, up to 64 KiB. A link is followed, as certbot lays them, and
/// what it leads to has to be private; this is for files that are named by an operator, outside the data directory.
pub fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretFileError> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    read_to_end(openat(CWD, path, flags, Mode::empty()), path, LONGEST_CONTENT)
}

/// Longer than any private key in PEM.
const LONGEST_CONTENT: usize = 64 * 1024;

/// Everything in an opened file that nobody else can read, and no more than `longest` octets and one.
fn read_to_end(
    opened: rustix::io::Result<OwnedFd>,
    path: &Path,
    longest: usize,
) -> Result<Zeroizing<Vec<u8>>, SecretFileError> {
    let system = |source: io::Error| SecretFileError::System { path: path.to_owned(), source };
    let file = match opened {
        Ok(opened) => File::from(opened),
        Err(Errno::LOOP) => return Err(NotPrivate::SymbolicLink(path.to_owned()).into()),
        Err(Errno::NOENT) => return Err(SecretFileError::Missing(path.to_owned())),
        Err(Errno::NXIO) => {
            return Err(NotPrivate::WrongKind { path: path.to_owned(), expected: "regular file" }.into());
        }
        Err(error) => return Err(system(error.into())),
    };
    let stat = fstat(&file).map_err(|error| system(error.into()))?;
    privacy::file(path, &stat, geteuid().as_raw())?;
    // Whole at once: a growing buffer would leave copies behind.
    let mut content = Zeroizing::new(Vec::with_capacity(longest + 1));
    file.take(longest as u64 + 1).read_to_end(&mut content).map_err(system)?;
    Ok(content)
}

/// More than sixteen keys with their versions, in any spelling.
const LONGEST: usize = 2_048;

fn parse(content: &[u8]) -> Result<Secret32, &'static str> {
    let hex_alone = content.iter().all(u8::is_ascii_hexdigit);
    match <[u8; 32]>::try_from(content) {
        Ok(_) if hex_alone => return Err("32 hex digits are 16 octets, and it takes 32"),
        Ok(octets) => return Ok(Secret32::new(octets)),
        Err(_) => {}
    }
    let text = core::str::from_utf8(content).map_err(|_| "it takes 32 octets, as hex, in base64 or as they are")?;
    let line = text.trim_end_matches(['\r', '\n']);
    Secret32::from_text(line).ok_or("it takes 32 octets, as hex, in base64 or as they are")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_holds_32_octets_in_one_of_three_spellings() {
        let raw: Vec<u8> = (100..132).collect();
        let hex: String = raw.iter().map(|octet| format!("{octet:02x}")).collect();
        let base64 = "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM=";
        for content in [raw.clone(), hex.clone().into(), format!("{hex}\r\n").into(), format!("{base64}\n").into()] {
            assert_eq!(parse(&content).map(|key| key.expose().to_vec()), Ok(raw.clone()));
        }
    }

    #[test]
    fn a_short_or_long_key_is_refused() {
        for content in
            [b"".as_slice(), b"password", &[7; 31], &[7; 33], &[7; 64], b"0123456789abcdef0123456789abcdef", b"\n"]
        {
            assert!(parse(content).is_err(), "{content:?}");
        }
    }
}
