//! The part of the random operations that is about sessions.

use core::num::NonZeroU32;
use core::time::Duration;

use countersign_core::event::EventKind;
use countersign_core::secret::Sealed;
use countersign_core::session::{
    EndReason, Limit, OnLimit, OpenedBy, Place, Presenter, Proof, Scope, Session, TokenHash,
};
use proptest::prelude::*;

use super::told;
use crate::Stores;
use crate::conformance::sample::{
    DAY, at, event, family, family_id, key_id, key_session, session, session_ref, user_id,
};
use crate::port::{Presentation, Touched, UsedToken};

/// An operation on few sessions of few users.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    Open { number: u8, user: u8, kind: u8, generation: u32, epoch: u32, limit: Option<Limit>, time: u64 },
    End { scope: Scope, time: u64 },
    Touch { uses: Vec<(u8, u32, u64)> },
    Rotate { number: u8, sequence: u32, by: Presenter, generation: u32, token: u8, time: u64 },
    NoteToken { number: u8, used: UsedToken },
    Forget { days: u64 },
    RaiseEpoch { time: u64 },
    ForgetLog { days: u64 },
}

pub(super) fn operation() -> impl Strategy<Value = Operation> {
    let few = 1..5_u8;
    // A small world forgives: most calls say what is so at first.
    let generation = prop_oneof![4 => Just(1_u32), 2 => Just(2_u32), 1 => Just(3_u32)];
    let time = prop::sample::select(vec![0, 9_999, 10_000, 30_000, 30_001, 3_599_999, 3_600_000, DAY - 1, DAY]);
    let on_limit = prop::sample::select(vec![OnLimit::Reject, OnLimit::EvictOldest, OnLimit::EvictIdle]);
    let limit = (1..3_u32, on_limit)
        .prop_map(|(max, on_limit)| Limit { max: NonZeroU32::new(max).expect("not zero"), on_limit });
    let by = (any::<bool>(), 1..3_u8).prop_map(|(signed, place)| Presenter { signed, place: Place([place; 16]) });
    let scope = prop_oneof![
        4 => few.clone().prop_map(|number| Scope::Session(session_ref(number))),
        1 => (few.clone(), few.clone())
            .prop_map(|(user, keep)| Scope::Others { user: user_id(user), keep: session_ref(keep) }),
        1 => few.clone().prop_map(|user| Scope::User(user_id(user))),
        1 => few.clone().prop_map(|key| Scope::Key(key_id(key))),
    ];
    let opening = (few.clone(), few.clone(), 0..4_u8, generation.clone(), 0..2_u32, proptest::option::of(limit));
    let epoch = |epoch: u32, chance: u8| if chance == 0 { epoch } else { 0 };
    prop_oneof![
        6 => (opening, 0..4_u8, time.clone()).prop_map(
            move |((number, user, kind, generation, of_epoch, limit), chance, time)| {
                Operation::Open { number, user, kind, generation, epoch: epoch(of_epoch, chance), limit, time }
            }
        ),
        2 => (scope, time.clone()).prop_map(|(scope, time)| Operation::End { scope, time }),
        1 => proptest::collection::vec((few.clone(), generation.clone(), time.clone()), 0..4)
            .prop_map(|uses| Operation::Touch { uses }),
        8 => (few.clone(), 0..4_u32, by, generation, any::<u8>(), time.clone()).prop_map(
            |(number, sequence, by, generation, token, time)| {
                Operation::Rotate { number, sequence, by, generation, token, time }
            }
        ),
        2 => (few, any::<bool>(), any::<u8>(), time.clone()).prop_map(|(number, by_hash, of, time)| {
            let used = if by_hash { UsedToken::Hash(token(number, of)) } else { UsedToken::Issued(at(time)) };
            Operation::NoteToken { number, used }
        }),
        1 => (0..4_u64).prop_map(|days| Operation::Forget { days }),
        1 => time.prop_map(|time| Operation::RaiseEpoch { time }),
        1 => (0..4_u64).prop_map(|days| Operation::ForgetLog { days }),
    ]
}

/// Hashes that only meet in the same session, as those of random tokens do.
fn token(number: u8, token: u8) -> TokenHash {
    let mut octets = [number; 32];
    octets[0] = token;
    TokenHash(octets)
}

pub(super) async fn answer(stores: &Stores, operation: &Operation) -> String {
    let ends = |time| event(EventKind::SessionEnded, at(time));
    match operation.clone() {
        Operation::Open { number, user, kind, generation, epoch, limit, time } => {
            let session = opened(number, user, kind);
            let session = Session { generation, epoch, created: at(time), last_used: at(time), ..session };
            let opens = event(EventKind::SessionOpened, at(time));
            told(stores.sessions.open(&session, &family(&session), limit, &opens).await)
        }
        Operation::End { scope, time } => told(stores.sessions.end(&scope, EndReason::Revoked, &ends(time)).await),
        Operation::Touch { uses } => {
            let uses = uses.into_iter().map(|(number, generation, time)| Touched {
                session: session_ref(number),
                generation,
                last_used: at(time),
                address: "192.0.2.9".parse().expect("an address"),
                user_agent: None,
            });
            told(stores.sessions.touch(&uses.collect::<Vec<_>>()).await)
        }
        Operation::Rotate { number, sequence, by, generation, token: of, time } => {
            let (family, token, sliding) = (family_id(number), token(number, of), Duration::from_secs(3_600));
            let presentation = Presentation { family, sequence, by, generation, token, sliding, at: at(time) };
            let reuse = event(EventKind::RefreshReuse, at(time));
            told(stores.token_families.rotate(&presentation, &reuse).await)
        }
        Operation::NoteToken { number, used } => {
            told(stores.token_families.note_token(session_ref(number), &used).await)
        }
        Operation::Forget { days } => told(stores.sessions.forget_expired(at(days * DAY), 100).await),
        Operation::RaiseEpoch { time } => {
            told(stores.revocations.raise_epoch(&event(EventKind::EpochRaised, at(time))).await)
        }
        Operation::ForgetLog { days } => told(stores.revocations.forget(at(days * DAY)).await),
    }
}

fn opened(number: u8, user: u8, kind: u8) -> Session {
    match kind {
        0 => key_session(number, user),
        1 => {
            let root = Some(Sealed { version: 1, octets: vec![number; 60] });
            Session { opened_by: OpenedBy::Password { root }, proof: Proof::Key, ..session(number, user) }
        }
        _ => session(number, user),
    }
}

/// Everything about sessions that can be read.
pub(super) async fn everything(stores: &Stores) -> Vec<String> {
    let mut read = vec![
        told(stores.sessions.list(None, 100).await),
        told(stores.sessions.list(Some(session_ref(2)), 1).await),
        told(stores.revocations.after(0, 1_000).await),
        told(stores.revocations.after(2, 1).await),
        told(stores.revocations.head().await),
    ];
    for number in 1..5 {
        read.push(told(stores.sessions.find(session_ref(number)).await));
        read.push(told(stores.sessions.of_user(user_id(number), None, 100).await));
        read.push(told(stores.sessions.of_user(user_id(number), Some(session_ref(2)), 1).await));
        read.push(told(stores.token_families.find(family_id(number)).await));
    }
    read
}
