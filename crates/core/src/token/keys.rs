use super::jwk::{BadKeySet, read, write};
use super::key::PublicTokenKey;

/// The public keys under which tokens are good: those that sign, will sign, or have signed what is still good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenKeys(Vec<PublicTokenKey>);

impl TokenKeys {
    /// The most keys that a set may have. A guard has two, and those whose last tokens are still good.
    pub const MAX: usize = 16;

    /// These keys; of two with one name, the first.
    pub fn new(keys: impl IntoIterator<Item = PublicTokenKey>) -> Self {
        let mut set = Self::default();
        for key in keys {
            if set.find(key.id.as_str()).is_none() {
                set.0.push(key);
            }
        }
        set
    }

    /// The keys of a JWK set (RFC 7517), as `/.well-known/jwks.json` has it. Keys of other kinds, or for other uses, are
    /// passed over.
    pub fn of_jwks(document: &[u8]) -> Result<Self, BadKeySet> {
        read(document).map(Self)
    }

    /// The JWK set of these keys.
    pub fn to_jwks(&self) -> String {
        write(&self.0)
    }

    /// Those of these keys that somebody vouches for by their thumbprints (RFC 7638). A thumbprint names one key in the world,
    /// so a set that anybody may have changed on the way is as good as the list.
    #[must_use]
    pub fn vouched_for<'a>(mut self, thumbprints: impl Iterator<Item = &'a str> + Clone) -> Self {
        self.0.retain(|key| key.bears_its_thumbprint() && thumbprints.clone().any(|listed| listed == key.id.as_str()));
        self
    }

    /// Whether there is a key of this name.
    pub fn has(&self, id: &str) -> bool {
        self.find(id).is_some()
    }

    /// The keys.
    pub fn iter(&self) -> impl Iterator<Item = &PublicTokenKey> {
        self.0.iter()
    }

    /// The key of this name.
    pub(super) fn find(&self, id: &str) -> Option<&PublicTokenKey> {
        self.0.iter().find(|key| key.id.as_str() == id)
    }
}
