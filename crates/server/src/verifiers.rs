//! The secrets of the programs that verify tokens elsewhere.

use core::fmt;

use countersign_core::secret::{MacKey, Secret32};

use crate::config::{VerifierId, VerifierSource};
use crate::data::{SecretFileError, read_private};

/// The fewest characters of a secret: as hex they are 128 bits, which nobody guesses.
const SHORTEST: usize = 32;

/// The most. It has to fit into a header field.
const LONGEST: usize = 512;

/// A verifier's secret cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("verifier {id}: {source}")]
pub struct VerifierError {
    /// Whose.
    id: VerifierId,
    /// Why.
    source: SecretFileError,
}

/// Who may ask about tokens. Of each secret only a MAC is held, under a key that lives as long as the process: comparing the
/// MACs takes equally long whatever the secrets differ in, their lengths included.
pub struct Verifiers {
    key: MacKey,
    known: Vec<(VerifierId, [u8; 32])>,
}

impl Verifiers {
    /// Reads the secrets from their files.
    pub fn read(sources: &[VerifierSource], random: &Secret32) -> Result<Self, VerifierError> {
        let key = MacKey::new(random);
        let known = sources.iter().map(|VerifierSource { id, secret }| {
            let failed = |source| VerifierError { id: id.clone(), source };
            let content = read_private(secret).map_err(failed)?;
            let text =
                parse(&content).map_err(|reason| failed(SecretFileError::NoKey { path: secret.clone(), reason }))?;
            Ok((id.clone(), key.mac(&[text])))
        });
        Ok(Self { known: known.collect::<Result<_, VerifierError>>()?, key })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The verifier of this name, if this is its secret. A name that nobody has costs what a wrong secret costs.
    pub fn authenticate(&self, id: &str, secret: &[u8]) -> Option<&VerifierId> {
        let known = self.known.iter().find(|(known, _)| known.as_str() == id);
        let decoy = [0; 32];
        let mac = known.map_or(&decoy, |(_, mac)| mac);
        if self.key.verifies(&[secret], mac) { known.map(|(id, _)| id) } else { None }
    }
}

impl fmt::Debug for Verifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.known.iter().map(|(id, _)| id)).finish()
    }
}

/// The secret in a file: one line of the characters that base64 and hex are made of, in any of their alphabets. A `%`, or a
/// space, would be read in two ways by those that encode a secret in HTTP Basic and those that do not (RFC 6749 §2.3.1).
fn parse(content: &[u8]) -> Result<&[u8], &'static str> {
    let line = content.strip_suffix(b"\n").unwrap_or(content);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let belongs = |octet: &u8| octet.is_ascii_alphanumeric() || b"-._~+/=".contains(octet);
    if !line.iter().all(belongs) {
        return Err("it takes one line of letters, digits and any of - . _ ~ + / =");
    }
    match line.len() {
        0..SHORTEST => Err("it takes at least 32 characters"),
        SHORTEST..=LONGEST => Ok(line),
        _ => Err("it takes at most 512 characters"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn read(content: &str, mode: u32) -> Result<Verifiers, String> {
        let directory = tempfile::tempdir().unwrap();
        let secret = directory.path().join("secret");
        std::fs::write(&secret, content).unwrap();
        std::fs::set_permissions(&secret, Permissions::from_mode(mode)).unwrap();
        let sources = [VerifierSource { id: "orders-api".parse().unwrap(), secret }];
        Verifiers::read(&sources, &Secret32::new([1; 32])).map_err(|error| error.to_string())
    }

    #[test]
    fn a_verifier_is_known_by_its_name_and_the_secret_in_its_file() {
        for content in [SECRET.to_owned(), format!("{SECRET}\n"), format!("{SECRET}\r\n")] {
            let verifiers = read(&content, 0o600).unwrap();
            let found = verifiers.authenticate("orders-api", SECRET.as_bytes());
            assert_eq!(found.map(VerifierId::as_str), Some("orders-api"));
        }
    }

    #[test]
    fn another_name_or_secret_is_nobodys() {
        let verifiers = read(SECRET, 0o400).unwrap();
        let longer = format!("{SECRET}0");
        for (id, secret) in [
            ("orders-api", ""),
            ("orders-api", &longer),
            ("orders-api", &SECRET[1..]),
            ("orders-api", &SECRET.to_uppercase()),
            ("Orders-api", SECRET),
            ("orders-ap", SECRET),
            ("", SECRET),
        ] {
            assert!(verifiers.authenticate(id, secret.as_bytes()).is_none(), "{id} {secret}");
        }
    }

    #[test]
    fn a_secret_that_is_short_or_can_be_read_in_two_ways_stops_the_start() {
        let long = "a".repeat(LONGEST + 1);
        for (content, words) in [
            (&SECRET[1..], "at least 32"),
            ("", "at least 32"),
            ("\n", "at least 32"),
            (&long, "at most 512"),
            ("0123456789abcdef 123456789abcdef0", "one line"),
            ("0123456789abcdef%2B123456789abcdef", "one line"),
            ("0123456789abcdef\n0123456789abcdef", "one line"),
            ("0123456789abcdef:0123456789abcdef", "one line"),
            ("0123456789abcdef0123456789abcdeé", "one line"),
        ] {
            let said = read(content, 0o600).unwrap_err();
            assert!(said.contains("verifier orders-api: ") && said.contains(words), "{said}");
            assert!(said.contains("openssl rand -hex 32") && !said.contains("0123"), "{said}");
        }
    }

    #[test]
    fn a_secret_that_others_can_read_stops_the_start() {
        for mode in [0o640, 0o604, 0o620] {
            assert!(read(SECRET, mode).unwrap_err().contains("verifier orders-api: "), "{mode:o}");
        }
    }

    #[test]
    fn nothing_shows_a_secret() {
        assert_eq!(format!("{:?}", read(SECRET, 0o600).unwrap()), "[VerifierId(\"orders-api\")]");
    }
}
