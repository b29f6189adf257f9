//! [`BurntNonces`](crate::port::BurntNonces).

use super::sample::{at, eight_at_once};
use crate::Stores;
use crate::port::{Burning, BurntNonce};

const LIMIT: u32 = 64;

fn nonce(keyid: &str, octet: u8, keep_until: u64) -> BurntNonce {
    BurntNonce { keyid: keyid.to_owned(), nonce: vec![octet; 32], keep_until: at(keep_until) }
}

async fn burn(stores: &Stores, nonce: &BurntNonce) -> Burning {
    stores.burnt_nonces.burn(nonce, LIMIT).await.expect("burn")
}

async fn all(stores: &Stores) -> Vec<BurntNonce> {
    stores.burnt_nonces.all().await.expect("all")
}

/// Burning is told once.
pub async fn a_nonce_is_burnt_once_and_stays_burnt(stores: &Stores) {
    let nonce = nonce("k1", 1, 6_000);
    assert_eq!(burn(stores, &nonce).await, Burning::Burnt);
    assert_eq!(burn(stores, &nonce).await, Burning::Already);
    assert_eq!(all(stores).await, [nonce]);
}

/// The sixty-fifth of a key is not kept, one of another key is, and one that is burnt already is still told so.
pub async fn at_most_the_limit_is_kept_per_key(stores: &Stores) {
    for octet in 0..64 {
        assert_eq!(burn(stores, &nonce("k1", octet, 6_000)).await, Burning::Burnt, "{octet}");
    }
    assert_eq!(burn(stores, &nonce("k1", 64, 6_000)).await, Burning::TooMany);
    assert_eq!(burn(stores, &nonce("k1", 63, 6_000)).await, Burning::Already);
    assert_eq!(burn(stores, &nonce("k2", 64, 6_000)).await, Burning::Burnt);
    assert_eq!(all(stores).await.len(), 65);
}

/// A nonce belongs to its key.
pub async fn the_same_nonce_of_another_key_is_another_nonce(stores: &Stores) {
    assert_eq!(burn(stores, &nonce("k1", 1, 6_000)).await, Burning::Burnt);
    assert_eq!(burn(stores, &nonce("k2", 1, 6_000)).await, Burning::Burnt);
}

/// Whoever signs the same nonce again, further ahead, must not have it forgotten before that time has come.
pub async fn a_nonce_that_comes_again_is_kept_until_the_later_time(stores: &Stores) {
    burn(stores, &nonce("k1", 1, 6_000)).await;
    assert_eq!(burn(stores, &nonce("k1", 1, 9_000)).await, Burning::Already);
    assert_eq!(burn(stores, &nonce("k1", 1, 7_000)).await, Burning::Already);
    assert_eq!(all(stores).await, [nonce("k1", 1, 9_000)]);
}

/// `keep_until` itself is still kept.
pub async fn a_nonce_is_kept_until_its_time_is_over(stores: &Stores) {
    burn(stores, &nonce("k1", 1, 6_000)).await;
    burn(stores, &nonce("k1", 2, 6_001)).await;
    stores.burnt_nonces.forget(at(6_000)).await.expect("forget");
    assert_eq!(all(stores).await.len(), 2);
    stores.burnt_nonces.forget(at(6_001)).await.expect("forget");
    assert_eq!(all(stores).await, [nonce("k1", 2, 6_001)]);
}

/// Zeros, high octets and any text of a keyid included.
pub async fn the_octets_come_back_as_they_were(stores: &Stores) {
    let odd = BurntNonce { keyid: "s.\0'--é".to_owned(), nonce: vec![0, 255, 0], keep_until: at(0) };
    assert_eq!(burn(stores, &odd).await, Burning::Burnt);
    assert_eq!(all(stores).await, [odd]);
}

/// Racing callers are told apart.
pub async fn of_eight_burning_at_once_one_is_first(stores: &Stores) {
    let told = eight_at_once(|_| {
        let nonces = stores.burnt_nonces.clone();
        async move { nonces.burn(&nonce("k1", 1, 6_000), LIMIT).await.expect("burn") }
    });
    let told = told.await;
    assert_eq!(told.iter().filter(|told| **told == Burning::Burnt).count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|told| **told == Burning::Already).count(), 7, "{told:?}");
}
