//! Key-encryption keys of several versions, while one is exchanged for the next.

use core::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::seal::thirty_two;
use super::{KeyEncryptionKey, Sealed, Secret32, Unsealable, WeakKek};
use crate::encoding::hex;

/// How many versions can stand beside each other. Two do during an exchange; the others are for whoever keeps old ones.
const MOST: usize = 16;

/// One or more key-encryption keys. The highest version is the current one: it alone seals, and each opens what it sealed.
#[derive(Clone)]
pub struct KeyEncryptionKeys {
    current: KeyEncryptionKey,
    /// The newest first; all of them older than the current one.
    former: Vec<KeyEncryptionKey>,
}

impl KeyEncryptionKeys {
    /// This key alone.
    pub const fn of(current: KeyEncryptionKey) -> Self {
        Self { current, former: Vec::new() }
    }

    /// Keys as a file holds them: 32 octets as they are, which are version 1, or text as in
    /// [`from_text`](Self::from_text).
    pub fn read(content: &[u8]) -> Result<Self, BadKeyText> {
        let is_raw = content.len() == 32 && !content.iter().all(u8::is_ascii_hexdigit);
        if is_raw {
            let key = KeyEncryptionKey::from_octets(1, content);
            return key.map(Self::of).map_err(|why| BadKeyText::Weak { version: 1, why });
        }
        Self::from_text(core::str::from_utf8(content).map_err(|_| BadKeyText::NoKey { place: 1 })?)
    }

    /// Keys as text: one a line, or with commas between them, each as 64 hex digits or in base64, with its version and a
    /// colon before it (`2:…`). A key without a version is version 1.
    pub fn from_text(text: &str) -> Result<Self, BadKeyText> {
        let written = text.split(['\n', ',']).map(str::trim).filter(|key| !key.is_empty());
        let mut keys = (1..).zip(written).map(|(place, key)| one(place, key)).collect::<Result<Vec<_>, _>>()?;
        keys.sort_by_key(|key| core::cmp::Reverse(key.version()));
        if keys.len() > MOST {
            return Err(BadKeyText::TooMany);
        }
        for (place, key) in keys.iter().enumerate() {
            for other in keys.iter().skip(place + 1) {
                distinct(key, other)?;
            }
        }
        let mut keys = keys.into_iter();
        let current = keys.next().ok_or(BadKeyText::Empty)?;
        Ok(Self { current, former: keys.collect() })
    }

    /// The keys as [`from_text`](Self::from_text) reads them, the current one first. A key of version 1 that stands alone
    /// has no version before it, as it was written when there was no other.
    pub fn to_text(&self) -> Zeroizing<String> {
        // Whole at once: a growing text would leave copies behind.
        let mut text = Zeroizing::new(String::with_capacity((self.former.len() + 1) * 80));
        for key in self.all() {
            let octets = Zeroizing::new(hex(key.secret().expose()));
            if key.version() != 1 || !self.former.is_empty() {
                text.push_str(&key.version().to_string());
                text.push(':');
            }
            text.push_str(&octets);
            text.push('\n');
        }
        text
    }

    /// These and a newer one, which is current from now on. `fresh` is 32 random octets.
    pub fn with_next(&self, fresh: &Secret32) -> Result<Self, NoNextKek> {
        let version = self.current.version().checked_add(1).filter(|_| self.former.len() + 1 < MOST);
        let current = KeyEncryptionKey::from_octets(version.ok_or(NoNextKek::Full)?, fresh.expose())?;
        Ok(Self { current, former: self.all().cloned().collect() })
    }

    /// The current one alone.
    pub fn without_former(&self) -> Self {
        Self::of(self.current.clone())
    }

    /// The version under which new secrets are sealed.
    pub const fn current(&self) -> u32 {
        self.current.version()
    }

    /// The other versions, the newest first.
    pub fn former(&self) -> impl Iterator<Item = u32> {
        self.former.iter().map(KeyEncryptionKey::version)
    }

    /// Whether there is a key of this version.
    pub fn has(&self, version: u32) -> bool {
        self.all().any(|key| key.version() == version)
    }

    /// Whether both are the same keys; takes equally long whichever octet differs.
    pub fn is_same(&self, other: &Self) -> bool {
        let same = |(one, other): (&KeyEncryptionKey, &KeyEncryptionKey)| {
            one.version() == other.version() && is_same_secret(one, other)
        };
        self.former.len() == other.former.len()
            && self.all().zip(other.all()).filter(|pair| same(*pair)).count() == self.former.len() + 1
    }

    /// Seals under the current key, as [`KeyEncryptionKey::seal`].
    pub fn seal(&self, name: &str, owner: &str, plain: &[u8], nonce: [u8; 12]) -> Result<Sealed, Unsealable> {
        self.current.seal(name, owner, plain, nonce)
    }

    /// Opens under the key of the version that sealed it, as [`KeyEncryptionKey::open`].
    pub fn open(&self, name: &str, owner: &str, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        let version = sealed.version;
        let key = self.all().find(|key| key.version() == version).ok_or(Unsealable::NoKey { version })?;
        key.open(name, owner, sealed)
    }

    /// Opens a sealed secret of 32 octets.
    pub fn open32(&self, name: &str, owner: &str, sealed: &Sealed) -> Result<Secret32, Unsealable> {
        thirty_two(&self.open(name, owner, sealed)?)
    }

    fn all(&self) -> impl Iterator<Item = &KeyEncryptionKey> {
        core::iter::once(&self.current).chain(&self.former)
    }
}

impl fmt::Debug for KeyEncryptionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}

/// Why a text is no key-encryption keys. No sentence repeats what stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKeyText {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// Something in it is no key.
    #[error(
        "key {place} in it is not one: a key is 32 octets as 64 hex digits or in base64, and where there are several each has its version and a colon before it (`2:…`)"
    )]
    NoKey {
        /// Which of its entries, from 1.
        place: usize,
    },
    /// Two keys of one version.
    #[error("version {version} stands in it twice, and only one of the two can be right")]
    Repeated {
        /// The version.
        version: u32,
    },
    /// One key under two versions, which would exchange nothing.
    #[error("versions {newer} and {older} are the same key: a new version wants a key of its own")]
    Same {
        /// The one.
        newer: u32,
        /// The other.
        older: u32,
    },
    /// A key that everybody knows.
    #[error("version {version}: {why}")]
    Weak {
        /// Its version.
        version: u32,
        /// What is wrong with it.
        why: WeakKek,
    },
    /// Nobody needs so many.
    #[error("it holds more than 16 versions: leave out those that no backup needs")]
    TooMany,
}

/// Why there is no next key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoNextKek {
    /// There are as many versions beside each other as there can be, or the last number is taken.
    #[error("there is no room for another version of the key-encryption key: leave out those that nothing needs")]
    Full,
    /// Chance has failed.
    #[error(transparent)]
    Weak(#[from] WeakKek),
}

fn one(place: usize, text: &str) -> Result<KeyEncryptionKey, BadKeyText> {
    let (version, key) = match text.split_once(':') {
        Some((version, key)) => (version_of(version).ok_or(BadKeyText::NoKey { place })?, key.trim()),
        None => (1, text),
    };
    let secret = Secret32::from_text(key).ok_or(BadKeyText::NoKey { place })?;
    KeyEncryptionKey::from_octets(version, secret.expose()).map_err(|why| BadKeyText::Weak { version, why })
}

/// From 1, in one spelling.
fn version_of(text: &str) -> Option<u32> {
    text.trim().parse::<u32>().ok().filter(|version| *version > 0 && version.to_string() == text.trim())
}

fn distinct(newer: &KeyEncryptionKey, older: &KeyEncryptionKey) -> Result<(), BadKeyText> {
    match (newer.version(), older.version()) {
        (version, other) if version == other => Err(BadKeyText::Repeated { version }),
        (newer_version, older_version) if is_same_secret(newer, older) => {
            Err(BadKeyText::Same { newer: newer_version, older: older_version })
        }
        _ => Ok(()),
    }
}

fn is_same_secret(one: &KeyEncryptionKey, other: &KeyEncryptionKey) -> bool {
    one.secret().expose().ct_eq(other.secret().expose()).into()
}

#[cfg(test)]
mod tests;
