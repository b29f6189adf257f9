use std::time::Duration;

use countersign_core::event::EventKind;
use countersign_core::secret::{KeyEncryptionKey, KeyEncryptionKeys};
use countersign_store::memory::Memory;

use super::*;

const START: Timestamp = Timestamp::from_secs(1_763_780_000);

fn kek() -> SharedKek {
    SharedKek::new(KeyEncryptionKeys::of(KeyEncryptionKey::new(1, Secret32::new([7; 32]))))
}

fn event(at: Timestamp) -> Event {
    let (actor, detail) = ("uid 0".to_owned(), String::new());
    Event { at, kind: EventKind::TokenKeyRotated, user: None, key: None, session: None, actor, detail }
}

fn names(keys: &TokenKeyring) -> Vec<String> {
    keys.held().verifying().iter().map(|key| key.id().to_string()).collect()
}

async fn open(store: &Memory, kek: &SharedKek, octet: u8, now: Timestamp) -> TokenKeyring {
    TokenKeyring::open(store, kek, [[octet; 44], [octet + 1; 44]], now).await.unwrap()
}

#[tokio::test]
async fn keys_are_made_once_and_found_again() {
    let (store, kek) = (Memory::default(), kek());
    let first = open(&store, &kek, 1, START).await;
    let again = open(&store, &kek, 3, START).await;
    assert_eq!(names(&first), names(&again));
    assert_eq!(names(&first).len(), 2);
}

#[tokio::test]
async fn a_rotation_and_a_retirement_outlive_a_restart() {
    let (store, kek) = (Memory::default(), kek());
    let keys = open(&store, &kek, 1, START).await;
    let before = names(&keys);
    let later = START.saturating_add(Duration::from_secs(600));
    keys.rotate((&store, &kek), [9; 44], false, &event(later)).await.unwrap().unwrap();
    let after = names(&keys);
    assert_eq!((&after[0], &after[2], after.len()), (&before[1], &before[0], 3));
    assert_eq!(names(&open(&store, &kek, 3, later).await), after);
    assert_eq!(keys.retire((&store, &kek), [1; 12], &event(later)).await.unwrap(), 1);
    assert_eq!(names(&keys), after[..2]);
    assert_eq!(names(&open(&store, &kek, 3, later).await), after[..2]);
    assert_eq!(keys.retire((&store, &kek), [2; 12], &event(later)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_next_key_that_is_too_young_signs_only_when_somebody_insists() {
    let (store, kek) = (Memory::default(), kek());
    let keys = open(&store, &kek, 1, START).await;
    let before = names(&keys);
    assert!(keys.rotate((&store, &kek), [9; 44], false, &event(START)).await.unwrap().is_err());
    assert_eq!(names(&keys), before);
    assert_eq!(names(&open(&store, &kek, 3, START).await), before);
    keys.rotate((&store, &kek), [9; 44], true, &event(START)).await.unwrap().unwrap();
    assert_eq!(names(&keys)[0], before[1]);
}

#[tokio::test]
async fn a_former_key_is_forgotten_when_its_last_token_has_expired() {
    let (store, kek) = (Memory::default(), kek());
    let keys = open(&store, &kek, 1, START).await;
    keys.rotate((&store, &kek), [9; 44], true, &event(START)).await.unwrap().unwrap();
    for (secs, left) in [(3_599, 3), (3_600, 2)] {
        keys.forget_expired(START.saturating_add(Duration::from_secs(secs)));
        assert_eq!(names(&keys).len(), left, "{secs}");
        assert_eq!(names(&open(&store, &kek, 3, START.saturating_add(Duration::from_secs(secs))).await).len(), left);
    }
}

#[tokio::test]
async fn keys_of_another_key_encryption_key_do_not_open() {
    let store = Memory::default();
    open(&store, &kek(), 1, START).await;
    let other = SharedKek::new(KeyEncryptionKeys::of(KeyEncryptionKey::new(1, Secret32::new([8; 32]))));
    let opened = TokenKeyring::open(&store, &other, [[3; 44], [4; 44]], START).await;
    assert!(matches!(opened, Err(SecretsError::Sealed(Unsealable::DoesNotOpen))), "{opened:?}");
}
