//! Passwords become argon2id hashes (RFC 9106), kept as PHC strings.

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use countersign_core::password::{Password, PasswordHash};

/// What one hash costs whoever computes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// In KiB.
    pub memory: u32,
    /// How often the memory is gone through.
    pub iterations: u32,
    /// How many parts of the memory could be filled at the same time, by an attacker as well. We fill them one by one.
    pub lanes: u32,
}

impl Cost {
    /// The least that may be configured, and what is when nothing is said: the first choice of OWASP's Password Storage
    /// Cheat Sheet where memory counts.
    pub const LEAST: Self = Self { memory: 19 << 10, iterations: 2, lanes: 1 };

    /// The most that may be configured, and the most that a hash in the store can make us spend.
    pub const MOST: Self = Self { memory: 1 << 20, iterations: 16, lanes: 16 };

    /// What this hash costs.
    pub fn of(hash: &PasswordHash) -> Result<Self, Unusable> {
        let hash = phc::PasswordHash::new(hash.expose()).map_err(|_| Unusable)?;
        let params = Params::try_from(&hash).map_err(|_| Unusable)?;
        let cost = Self { memory: params.m_cost(), iterations: params.t_cost(), lanes: params.p_cost() };
        let most = Self::MOST;
        let is_bounded = cost.memory <= most.memory && cost.iterations <= most.iterations && cost.lanes <= most.lanes;
        let is_whole = hash.salt.is_some() && hash.hash.is_some_and(|output| output.as_bytes().len() >= 16);
        if is_bounded && is_whole { Ok(cost) } else { Err(Unusable) }
    }

    /// Whether a hash of this cost is easier to try passwords on than one of the other.
    fn is_below(self, other: Self) -> bool {
        self.memory < other.memory || self.iterations < other.iterations
    }
}

/// A hash that cannot be checked: it is written otherwise, or would cost more than any that may be configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored hash of a password cannot be used")]
pub struct Unusable;

/// Whether a password belongs to a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belongs {
    /// It does.
    Yes,
    /// It does, and the hash costs less than it should by now.
    YesButWeak,
    /// It does not.
    No,
}

/// Makes hashes at one cost, and checks those of any. Each call takes tens of milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Hasher {
    cost: Cost,
}

impl Hasher {
    /// Makes hashes at this cost.
    pub const fn new(cost: Cost) -> Self {
        Self { cost }
    }

    /// The hash of a password under a fresh random salt.
    pub fn hash(&self, password: &Password, salt: &[u8; 16]) -> Result<PasswordHash, Unusable> {
        let hash = self.argon2()?.hash_password_with_salt(password.expose(), salt).map_err(|_| Unusable)?;
        PasswordHash::from_phc(hash.to_string()).map_err(|_| Unusable)
    }

    /// Whether this is the password of this hash, at the cost of the hash.
    pub fn check(&self, password: &Password, hash: &PasswordHash) -> Result<Belongs, Unusable> {
        let cost = Cost::of(hash)?;
        let parsed = phc::PasswordHash::new(hash.expose()).map_err(|_| Unusable)?;
        // Compares in constant time, as every output of that crate does.
        let belongs = self.argon2()?.verify_password(password.expose(), &parsed).is_ok();
        Ok(match (belongs, cost.is_below(self.cost)) {
            (true, false) => Belongs::Yes,
            (true, true) => Belongs::YesButWeak,
            (false, _) => Belongs::No,
        })
    }

    /// What is checked in the place of a hash that is not there: it costs the same, and no password belongs to it.
    pub fn decoy(&self, salt: &[u8; 16], output: &[u8; 32]) -> Result<PasswordHash, Unusable> {
        let params = self.params()?;
        let hash = phc::PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: phc::ParamsString::try_from(&params).map_err(|_| Unusable)?,
            salt: Some(phc::Salt::new(salt).map_err(|_| Unusable)?),
            hash: Some(phc::Output::new(output).map_err(|_| Unusable)?),
        };
        PasswordHash::from_phc(hash.to_string()).map_err(|_| Unusable)
    }

    fn params(&self) -> Result<Params, Unusable> {
        Params::new(self.cost.memory, self.cost.iterations, self.cost.lanes, None).map_err(|_| Unusable)
    }

    fn argon2(&self) -> Result<Argon2<'static>, Unusable> {
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params()?))
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    /// Far less than may be configured, so that the tests are quick.
    const CHEAP: Cost = Cost { memory: 64, iterations: 2, lanes: 1 };

    fn password(text: &str) -> Password {
        Password::new(Zeroizing::new(text.to_owned())).unwrap()
    }

    fn hash(text: &str) -> PasswordHash {
        Hasher::new(CHEAP).hash(&password(text), &[7; 16]).unwrap()
    }

    fn check(hasher: Cost, text: &str, hash: &PasswordHash) -> Belongs {
        Hasher::new(hasher).check(&password(text), hash).unwrap()
    }

    /// By the reference implementation: `echo -n "correct horse" | argon2 somesaltsomesalt -id -t 2 -k 64 -p 1 -l 32 -e`.
    #[test]
    fn the_reference_implementation_makes_the_same_hash() {
        let made = Hasher::new(CHEAP).hash(&password("correct horse"), b"somesaltsomesalt").unwrap();
        let theirs = "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$uL2hQzJmxaz0Tfm2KK6uNjA0+UvbrHBEBwVmJYrNXCE";
        assert_eq!(made.expose(), theirs);
    }

    #[test]
    fn a_password_belongs_to_its_own_hash_only_to_the_last_octet() {
        let long = "a".repeat(128);
        for text in ["correct horse", "with\0nul\0", "\0\0\0\0\0\0\0\0", "😀😀😀😀😀😀😀😀", "  blanks  ", &long]
        {
            let hash = hash(text);
            assert_eq!(check(CHEAP, text, &hash), Belongs::Yes, "{text:?}");
            for other in [format!("{text} "), format!("{text}\0"), format!("\0{text}"), text.to_uppercase() + "x"] {
                if let Ok(other) = Password::new(Zeroizing::new(other)) {
                    assert_eq!(Hasher::new(CHEAP).check(&other, &hash), Ok(Belongs::No), "{text:?}");
                }
            }
        }
        assert_eq!(check(CHEAP, "with\0nul\x01", &hash("with\0nul\0")), Belongs::No);
        assert_eq!(check(CHEAP, "jose\u{301}jose\u{301}", &hash("joséjosé")), Belongs::No);
    }

    #[test]
    fn a_hash_that_costs_less_than_configured_is_weak_and_one_that_costs_more_is_not() {
        let hash = hash("correct horse");
        for (memory, iterations, belongs) in [
            (64, 2, Belongs::Yes),
            (65, 2, Belongs::YesButWeak),
            (64, 3, Belongs::YesButWeak),
            (63, 3, Belongs::YesButWeak),
            (8, 1, Belongs::Yes),
        ] {
            let cost = Cost { memory, iterations, lanes: 1 };
            assert_eq!(check(cost, "correct horse", &hash), belongs, "{cost:?}");
            assert_eq!(check(cost, "wrong horse", &hash), Belongs::No, "{cost:?}");
        }
    }

    #[test]
    fn a_decoy_costs_what_a_hash_costs_and_is_nobodys() {
        let hasher = Hasher::new(CHEAP);
        let decoy = hasher.decoy(&[1; 16], &[2; 32]).unwrap();
        assert_eq!(Cost::of(&decoy), Ok(CHEAP));
        assert_eq!(decoy.expose().len(), hash("correct horse").expose().len());
        assert_eq!(hasher.check(&password("correct horse"), &decoy), Ok(Belongs::No));
    }

    /// Whoever could put a hash there could make us fill all memory otherwise.
    #[test]
    fn a_hash_that_would_cost_too_much_is_not_even_tried() {
        let whole = hash("correct horse").expose().to_owned();
        for (from, to) in [
            ("m=64", "m=1048577"),
            ("m=64", "m=4294967295"),
            ("t=2", "t=17"),
            ("p=1", "p=17"),
            ("m=64", "m=7"),
            ("m=64,t=2,p=1", "m=064,t=2,p=1"),
            ("m=64,t=2,p=1", "m=64,t=2,p=1,keyid=AAAA,x=1"),
            ("BwcHBwcHBwcHBwcHBwcHBw", ""),
        ] {
            let odd = whole.replace(from, to);
            assert_ne!(odd, whole);
            let hash = PasswordHash::from_phc(odd.clone()).unwrap();
            let tried = Hasher::new(CHEAP).check(&password("correct horse"), &hash);
            assert!(matches!(tried, Err(Unusable) | Ok(Belongs::No)), "{odd}");
        }
        let (short, _) = whole.rsplit_once('$').unwrap();
        for odd in [short.to_owned(), format!("{short}$AAAA")] {
            assert_eq!(Cost::of(&PasswordHash::from_phc(odd).unwrap()), Err(Unusable));
        }
    }
}
