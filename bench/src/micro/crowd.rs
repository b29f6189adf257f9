//! Ten thousand keys, in the keyring that the server uses.

use anyhow::Context as _;
use countersign_core::account::{KeyOrigin, KeyRecord, KeyState, Role, User, UserState};
use countersign_core::id::{KeyId, UserId};
use countersign_core::permission::Permissions;
use countersign_core::secret::{KeyPair, Root, Secret32};
use countersign_core::time::Timestamp;
use countersign_server::keyring::Keyring;
use countersign_server::shared_kek::SharedKek;

/// So many people.
pub(crate) const KEYS: usize = 10_000;

/// The keys as their holders have them.
pub(crate) struct Crowd {
    keys: Vec<(KeyId, KeyPair)>,
}

impl Crowd {
    /// Makes up the keys, and puts them into a keyring, sealed under `kek`.
    pub(crate) fn enrolled_in(keyring: &Keyring, kek: &SharedKek) -> anyhow::Result<Self> {
        let keys = (0..KEYS).map(|number| enrol(number, keyring, kek)).collect::<anyhow::Result<_>>()?;
        Ok(Self { keys })
    }

    /// One of them. Successive numbers lie far apart in memory, as with people who do not queue in the order of their
    /// enrolment.
    pub(crate) fn member(&self, number: usize) -> anyhow::Result<&(KeyId, KeyPair)> {
        self.keys.get(number.wrapping_mul(7_919) % self.keys.len()).context("an empty crowd")
    }
}

fn enrol(number: usize, keyring: &Keyring, kek: &SharedKek) -> anyhow::Result<(KeyId, KeyPair)> {
    let octets = octets(number);
    let key = KeyId::from_random(octets);
    let user = User {
        id: UserId::from_random(octets),
        username: format!("user{number}").parse()?,
        role: Role::Service,
        state: UserState::Enabled,
        permissions: Permissions::default(),
        has_password: false,
        generation: 0,
        created: Timestamp::default(),
    };
    let secret = [octets, octets].concat().try_into().map(Secret32::new).unwrap_or(Secret32::new([0; 32]));
    let mut nonce = [0; 12];
    nonce.iter_mut().zip(octets).for_each(|(place, octet)| *place = octet);
    let root = kek.seal(key.as_str(), user.username.as_str(), secret.expose(), nonce)?;
    let record = KeyRecord {
        id: key.clone(),
        user: user.id,
        device: String::new(),
        root,
        origin: KeyOrigin::GroupCard,
        state: KeyState::Active,
        created: Timestamp::default(),
    };
    keyring.put(&user, record)?;
    let keys = Root::new(secret).key_pair(key.as_str());
    let holder = keyring.find(key.as_str())?.context("a key that was put in")?;
    holder.keys(kek)?;
    Ok((key, keys))
}

/// Octets that look random, the same in every run.
pub(crate) fn octets(number: usize) -> [u8; 16] {
    let mixed = (number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    (mixed ^ mixed >> 61).wrapping_mul(0xd6e8_feb8_6659_fd93_a076_1d64_78bd_642f).to_be_bytes()
}
