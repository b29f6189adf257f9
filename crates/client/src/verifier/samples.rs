//! What the tests of the verifier share.

use core::time::Duration;

use countersign_core::account::Role;
use countersign_core::id::{SessionRef, UserId};
use countersign_core::secret::Secret32;
use countersign_core::session::{Proof, Revoked};
use countersign_core::time::Timestamp;
use countersign_core::token::{AccessClaims, Parties, TokenId, TokenKeys, TokenSigningKey, issue};

use super::page::{Entry, Page};
use crate::conversation::Reading;

pub(super) const NOON: u64 = 1_763_780_000_000;
pub(super) const ISSUER: &str = "https://api.example";

/// So many milliseconds after noon, by both clocks of this machine.
pub(super) fn at(millis: u64) -> Reading {
    Reading { wall: time(millis), monotonic: Duration::from_millis(millis) }
}

pub(super) fn time(millis: u64) -> Timestamp {
    Timestamp::from_millis(NOON + millis)
}

/// A bearer token of generation 3 and epoch 5, good for ten minutes from noon.
pub(super) fn claims() -> AccessClaims {
    AccessClaims {
        user: UserId::from_random([9; 16]),
        username: "alice".parse().unwrap(),
        role: Role::User,
        permissions: "orders:read".parse().unwrap(),
        session: SessionRef([1; 16]),
        proof: Proof::Bearer,
        id: TokenId([2; 16]),
        auth_time: time(0),
        issued: time(0),
        expires: time(600_000),
        generation: 3,
        epoch: 5,
        address: None,
    }
}

pub(super) fn signing_key(seed: u8) -> TokenSigningKey {
    TokenSigningKey::new(&Secret32::new([seed; 32]))
}

pub(super) fn token(claims: &AccessClaims, seed: u8) -> String {
    issue(claims, &Parties { issuer: ISSUER, audience: ISSUER }, &signing_key(seed)).unwrap()
}

pub(super) fn jwks(seeds: &[u8]) -> String {
    TokenKeys::new(seeds.iter().map(|seed| signing_key(*seed).public())).to_jwks()
}

/// A page that vouches for the key 1.
pub(super) fn page(entries: Vec<Entry>, head: u64) -> Page {
    let next = entries.last().map_or(head, |last| last.sequence);
    let token_keys = vec![signing_key(1).id().as_str().into()];
    Page { epoch: 5, head, next, more: false, token_keys, entries }
}

pub(super) fn entry(sequence: u64, what: Revoked) -> Entry {
    Entry { sequence, epoch: 5, keep_until: time(7_200_000), what }
}
