//! The sentences of [`ReplayGuard`](crate::port::ReplayGuard). Each wants a fresh guard with [`FRESHNESS`], [`PER_KEY`] and
//! [`TOTAL`], and panics when the guard breaks its word.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::replay::kept_until;
use countersign_core::secret::{KeyPair, Root, Secret32};
use countersign_core::signature::{
    Authentication, Field, PathForm, Received, RequestHead, SignatureParams, sha256_digest_field, sign_request,
};
use countersign_core::time::{Freshness, Timestamp};

use crate::port::{ReplayGuard, Seen, StoreError};

/// The window of the guard under test.
pub const FRESHNESS: Freshness = Freshness::DEFAULT;
/// How many nonces of one key may be under way in the guard under test.
pub const PER_KEY: u32 = 40;
/// How many nonces may be under way in the guard under test.
pub const TOTAL: usize = 100;

/// A whole second, as `created` is.
const NOW: Timestamp = Timestamp::from_secs(1_763_780_000);

/// A request that has been authenticated.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// Who signed.
    pub keyid: &'a str,
    /// The octets of the nonce.
    pub nonce: &'a [u8],
    /// When it was signed.
    pub created: Timestamp,
}

/// A guard to which requests can be offered.
pub trait Guard: Send + Sync + 'static {
    /// Offers a request at this accept clock.
    fn offer(&self, offer: Offer<'_>, now: Timestamp) -> impl Future<Output = Result<Seen, StoreError>> + Send;
}

/// A guard behind its port: what is offered is signed, and authenticated, before it is remembered.
#[derive(Debug)]
pub struct ByPort<G>(pub G);

impl<G: ReplayGuard + 'static> Guard for ByPort<G> {
    async fn offer(&self, offer: Offer<'_>, now: Timestamp) -> Result<Seen, StoreError> {
        let keys = Root::new(Secret32::new([7; 32])).key_pair(offer.keyid);
        let received = received(&keys, offer);
        match received.authenticate(&keys.c2s, FRESHNESS, offer.created) {
            Authentication::Authentic(request) => self.0.remember(&request, now).await,
            other => panic!("what was just signed is authentic: {other:?}"),
        }
    }
}

/// The offered request, signed and read. Nonces of the sentences are shorter than the protocol's, so they are padded in a
/// way that keeps different ones different.
fn received(keys: &KeyPair, offer: Offer<'_>) -> Received {
    let mut nonce = [0; 32];
    for (place, octet) in nonce.iter_mut().zip(offer.nonce.iter().chain(&[0x80])) {
        *place = *octet;
    }
    let digest = sha256_digest_field(b"");
    let mut fields = vec![Field { name: "content-digest", value: digest.as_bytes() }];
    let created_secs = offer.created.as_secs();
    let params = SignatureParams { keyid: offer.keyid, nonce, created_secs, expires_secs: None };
    let signed = sign_request(&keys.c2s, &params, &head(&fields)).expect("a plain request can be signed");
    let (input, signature) = (signed.signature_input(), signed.signature());
    fields.push(Field { name: "signature-input", value: input.as_bytes() });
    fields.push(Field { name: "signature", value: signature.as_bytes() });
    Received::read(&head(&fields), PathForm::Canonical).expect("what was just signed can be read")
}

fn head<'a>(fields: &'a [Field<'a>]) -> RequestHead<'a> {
    RequestHead { method: "GET", authority: "api.example", path: "/", query: None, fields }
}

async fn seen(guard: &impl Guard, keyid: &str, nonce: &[u8], created: Timestamp, now: Timestamp) -> Seen {
    let offered = guard.offer(Offer { keyid, nonce, created }, now).await;
    assert!(offered.is_ok(), "the guard must decide: {offered:?}");
    offered.unwrap_or(Seen::Full)
}

/// Of any number of callers bringing the same request at the same time, one is first and all others are told so.
pub async fn exactly_one_of_all_racers_is_first(guard: Arc<impl Guard>, racers: usize) {
    let mut race = tokio::task::JoinSet::new();
    for _ in 0..racers {
        let guard = Arc::clone(&guard);
        race.spawn(async move { seen(&*guard, "alice", b"nonce of sixteen", NOW, NOW).await });
    }
    let outcomes = race.join_all().await;
    let count = |wanted| outcomes.iter().filter(|seen| **seen == wanted).count();
    assert_eq!((count(Seen::Never), count(Seen::Before)), (1, racers - 1));
}

/// The nonce of one key says nothing about another's, and the border between key and nonce cannot be moved.
pub async fn a_nonce_belongs_to_its_key(guard: &impl Guard) {
    for (keyid, nonce) in [("alice", b"nonce".as_slice()), ("bob", b"nonce"), ("ab", b"c"), ("a", b"bc")] {
        assert_eq!(seen(guard, keyid, nonce, NOW, NOW).await, Seen::Never, "{keyid}");
        assert_eq!(seen(guard, keyid, nonce, NOW, NOW).await, Seen::Before, "{keyid}");
    }
}

/// A key that signs one nonce twice, with two times, is served once.
pub async fn a_nonce_is_one_nonce_whatever_its_created(guard: &impl Guard) {
    assert_eq!(seen(guard, "alice", b"nonce", NOW, NOW).await, Seen::Never);
    for offset in [1, 4, 5] {
        let later = NOW.saturating_add(Duration::from_secs(offset));
        assert_eq!(seen(guard, "alice", b"nonce", later, NOW).await, Seen::Before, "{offset} s later");
        let earlier = NOW.saturating_sub(Duration::from_secs(offset));
        assert_eq!(seen(guard, "alice", b"nonce", earlier, NOW).await, Seen::Before, "{offset} s earlier");
    }
}

/// Wherever in the window a request arrives, it is known until the millisecond before `created + W + 1 s`, even while
/// every second brings another.
pub async fn nothing_is_forgotten_early(guard: &impl Guard) {
    let window = FRESHNESS.window();
    let arrivals = [("past", NOW.saturating_add(window)), ("present", NOW), ("future", NOW.saturating_sub(window))];
    for (keyid, arrival) in arrivals {
        assert_eq!(seen(guard, keyid, b"nonce", NOW, arrival).await, Seen::Never, "{keyid}");
    }
    let last = kept_until(NOW, FRESHNESS).as_millis() - 1;
    for now in (NOW.as_millis()..last).step_by(1_000).chain([last]).map(Timestamp::from_millis) {
        let other = now.as_millis().to_be_bytes();
        assert_eq!(seen(guard, "others", &other, Timestamp::from_secs(now.as_secs()), now).await, Seen::Never);
        for (keyid, _) in arrivals {
            assert_eq!(seen(guard, keyid, b"nonce", NOW, now).await, Seen::Before, "{keyid} at {now:?}");
        }
    }
}

/// A request that was judged and then had to wait until its nonce was forgotten is not taken for a new one.
pub async fn a_caller_that_comes_late_with_an_old_now_is_not_first(guard: &impl Guard) {
    assert_eq!(seen(guard, "alice", b"nonce", NOW, NOW).await, Seen::Never);
    let later = NOW.saturating_add(Duration::from_secs(60));
    assert_eq!(seen(guard, "alice", b"another", later, later).await, Seen::Never);
    assert_ne!(seen(guard, "alice", b"nonce", NOW, NOW).await, Seen::Never);
}

/// A key beyond its quota is refused; it loses nothing by that, nor does anybody else, and it may go on later.
pub async fn a_key_beyond_its_quota_waits_and_nothing_is_forgotten_for_it(guard: &impl Guard) {
    assert_eq!(seen(guard, "bob", b"nonce", NOW, NOW).await, Seen::Never);
    for nonce in 0..PER_KEY {
        assert_eq!(seen(guard, "alice", &nonce.to_be_bytes(), NOW, NOW).await, Seen::Never);
    }
    for nonce in PER_KEY..5 * PER_KEY {
        assert_eq!(seen(guard, "alice", &nonce.to_be_bytes(), NOW, NOW).await, Seen::TooManyOfThisKey);
    }
    for nonce in 0..PER_KEY {
        assert_eq!(seen(guard, "alice", &nonce.to_be_bytes(), NOW, NOW).await, Seen::Before);
    }
    assert_eq!(seen(guard, "bob", b"nonce", NOW, NOW).await, Seen::Before);
    assert_eq!(seen(guard, "bob", b"another", NOW, NOW).await, Seen::Never);
    let later = NOW.saturating_add(Duration::from_secs(60));
    assert_eq!(seen(guard, "alice", b"later", later, later).await, Seen::Never);
}

/// A full guard refuses whatever is new and still knows everything that it accepted.
pub async fn a_full_guard_refuses_and_forgets_nothing(guard: &impl Guard) {
    let keyid = |number: usize| format!("key {number}");
    for number in 0..TOTAL {
        assert_eq!(seen(guard, &keyid(number), b"nonce", NOW, NOW).await, Seen::Never);
    }
    for number in TOTAL..2 * TOTAL {
        assert_eq!(seen(guard, &keyid(number), b"nonce", NOW, NOW).await, Seen::Full);
    }
    for number in 0..TOTAL {
        assert_eq!(seen(guard, &keyid(number), b"nonce", NOW, NOW).await, Seen::Before);
    }
}

/// What an earlier run may have accepted is unknown; what was created later is not. The guard was made to refuse
/// everything up to `low_water`, a whole second.
pub async fn what_lies_below_the_low_water_mark_is_unknown(guard: &impl Guard, low_water: Timestamp) {
    let above = low_water.saturating_add(Duration::from_secs(1));
    assert_eq!(seen(guard, "alice", b"below", low_water, low_water).await, Seen::Unknown);
    assert_eq!(seen(guard, "alice", b"above", above, low_water).await, Seen::Never);
    assert_eq!(seen(guard, "alice", b"above", above, low_water).await, Seen::Before);
}
