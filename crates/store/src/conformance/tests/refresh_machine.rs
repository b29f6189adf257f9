//! A family of refresh tokens as its holders see it: whatever they bring in whatever order, each token has one successor,
//! and a family that two hands have shown to be shared is dead.
//!
//! The reference knows tokens by how far back they lie and says in its own words what becomes of them.

use core::marker::PhantomData;
use core::time::Duration;
use std::collections::BTreeMap;

use countersign_core::event::EventKind;
use countersign_core::secret::Secret32;
use countersign_core::session::{
    EndReason, FamilySecret, Place, Presented, Presenter, Proof, Scope, Session, SessionState, TokenHash,
};
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::Stores;
use crate::conformance::sample::{at, enrol, event, family_id, key_session, open, session, session_ref};
use crate::port::{Presentation, Refreshed, UsedToken};

const HOUR: u64 = 3_600_000;

/// What holders of tokens do.
#[derive(Clone, Debug)]
enum Step {
    /// Somebody brings the token that lies so far back, after a while.
    Present { back: u32, signed: bool, place: u8, wait: u64 },
    /// The access token that came with the current one is used.
    Use,
    /// The user says "not me".
    Revoke,
}

/// One family.
#[derive(Clone, Debug)]
struct World {
    has_key: bool,
    now: u64,
    current: u32,
    /// When the current token was issued, and to which place.
    issued: (u64, u8),
    used: bool,
    dead: bool,
    /// What the last step was answered.
    answered: Option<Presented>,
}

impl World {
    fn judge(&self, back: u32, signed: bool, place: u8) -> Presented {
        let (since, whose) = self.issued;
        let age = self.now - since;
        let is_unseen = !self.used;
        if self.has_key && !signed {
            return Presented::Unproven;
        }
        if self.dead || age >= HOUR {
            return Presented::Ended;
        }
        let is_retry =
            if self.has_key { is_unseen || age <= 30_000 } else { is_unseen && age <= 30_000 && place == whose };
        let is_tab = !self.has_key && !is_unseen && age < 10_000 && place == whose;
        match back {
            0 => Presented::Rotate,
            1 if is_retry => Presented::Again,
            1 if is_tab => Presented::Conflict,
            _ => Presented::Reused,
        }
    }
}

impl ReferenceStateMachine for World {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        let fresh =
            |has_key| Self { has_key, now: 0, current: 0, issued: (0, 1), used: false, dead: false, answered: None };
        any::<bool>().prop_map(fresh).boxed()
    }

    fn transitions(world: &Self) -> BoxedStrategy<Step> {
        let waits = vec![0, 0, 0, 1, 9_999, 10_000, 30_000, 30_001, HOUR - 1, HOUR];
        // Mostly as a client of this kind does.
        let (signed, back) = (prop::bool::weighted(if world.has_key { 0.9 } else { 0.1 }), 0..=world.current.min(3));
        prop_oneof![
            16 => (back, signed, prop_oneof![3 => Just(1_u8), 1 => Just(2_u8)], prop::sample::select(waits))
                .prop_map(|(back, signed, place, wait)| Step::Present { back, signed, place, wait }),
            6 => Just(Step::Use),
            1 => Just(Step::Revoke),
        ]
        .boxed()
    }

    fn preconditions(world: &Self, step: &Step) -> bool {
        match step {
            Step::Present { back, .. } => *back <= world.current,
            Step::Use | Step::Revoke => true,
        }
    }

    fn apply(mut world: Self, step: &Step) -> Self {
        world.answered = None;
        match *step {
            Step::Present { back, signed, place, wait } => {
                world.now += wait;
                let answered = world.judge(back, signed, place);
                if answered == Presented::Rotate {
                    (world.current, world.issued, world.used) = (world.current + 1, (world.now, place), false);
                }
                world.dead |= answered == Presented::Reused;
                world.answered = Some(answered);
            }
            Step::Use => world.used |= !world.dead,
            Step::Revoke => world.dead = true,
        }
        world
    }
}

/// An adapter to try.
trait Adapter {
    type Alive;

    async fn fresh() -> (Stores, Self::Alive);
}

struct Memory;

impl Adapter for Memory {
    type Alive = ();

    async fn fresh() -> (Stores, ()) {
        super::fresh_memory().await
    }
}

struct Sqlite;

impl Adapter for Sqlite {
    type Alive = TempDir;

    async fn fresh() -> (Stores, TempDir) {
        super::fresh_sqlite().await
    }
}

/// The store under test, and every token that it ever gave out, by its number.
struct Kept<A: Adapter> {
    runtime: Runtime,
    stores: Stores,
    _alive: A::Alive,
    secret: FamilySecret,
    given: BTreeMap<u32, String>,
    access: u8,
}

impl<A: Adapter> Kept<A> {
    fn text(&self, sequence: u32) -> String {
        self.secret.token(family_id(1), sequence).to_text().to_string()
    }

    /// Brings the token of this number and keeps what comes back.
    fn present(&mut self, world: &World, (sequence, by): (u32, Presenter)) -> Presented {
        self.access = self.access.wrapping_add(1);
        let presentation = Presentation {
            family: family_id(1),
            sequence,
            by,
            generation: 1,
            token: TokenHash([self.access; 32]),
            sliding: Duration::from_millis(HOUR),
            at: at(world.now),
        };
        let reuse = event(EventKind::RefreshReuse, at(world.now));
        let told = self.runtime.block_on(self.stores.token_families.rotate(&presentation, &reuse)).unwrap();
        let Refreshed::Judged(told) = told else { panic!("the generation has not risen") };
        let successor = self.text(sequence + 1);
        match told {
            Presented::Rotate => assert_eq!(self.given.insert(sequence + 1, successor), None, "two live branches"),
            Presented::Again => assert_eq!(self.given.get(&(sequence + 1)), Some(&successor), "another successor"),
            Presented::Conflict | Presented::Reused | Presented::Unproven | Presented::Ended => {}
        }
        told
    }
}

/// The machine on one adapter.
struct Refreshing<A>(PhantomData<A>);

impl<A: Adapter> StateMachineTest for Refreshing<A> {
    type SystemUnderTest = Kept<A>;
    type Reference = World;

    fn init_test(world: &World) -> Kept<A> {
        let runtime = Runtime::new().unwrap();
        let (stores, alive) = runtime.block_on(async {
            let (stores, alive) = A::fresh().await;
            enrol(&stores, 1, "alice").await;
            let session = if world.has_key { key_session(1, 1) } else { session(1, 1) };
            open(&stores, &Session { expires: at(u64::from(u32::MAX)), ..session }).await;
            (stores, alive)
        });
        let secret = FamilySecret::new(&Secret32::new([7; 32]));
        Kept { runtime, stores, _alive: alive, secret, given: BTreeMap::new(), access: 1 }
    }

    fn apply(mut kept: Kept<A>, world: &World, step: Step) -> Kept<A> {
        match step {
            Step::Present { back, signed, place, .. } => {
                let rotated = u32::from(world.answered == Some(Presented::Rotate));
                let by = Presenter { signed, place: Place([place; 16]) };
                let told = kept.present(world, (world.current - rotated - back, by));
                assert_eq!(Some(told), world.answered);
            }
            Step::Use => {
                let used = UsedToken::Issued(at(world.issued.0));
                kept.runtime.block_on(kept.stores.token_families.note_token(session_ref(1), &used)).unwrap();
            }
            Step::Revoke => {
                let told = event(EventKind::SessionEnded, at(world.now));
                let scope = Scope::Session(session_ref(1));
                kept.runtime.block_on(kept.stores.sessions.end(&scope, EndReason::Revoked, &told)).unwrap();
            }
        }
        kept
    }

    fn check_invariants(kept: &Kept<A>, world: &World) {
        let (session, family, log) = kept.runtime.block_on(async {
            let session = kept.stores.sessions.find(session_ref(1)).await.unwrap().unwrap();
            let family = kept.stores.token_families.find(family_id(1)).await.unwrap().unwrap();
            (session, family, kept.stores.revocations.after(0, 9).await.unwrap())
        });
        assert_eq!((family.sequence, family.used), (world.current, world.used));
        assert_eq!(family.proof == Proof::Key, world.has_key);
        assert_eq!(session.state == SessionState::Open, !world.dead);
        assert_eq!(family.state, session.state, "family and session end together");
        assert_eq!(log.len(), usize::from(world.dead), "an end is told of once");
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn refreshing_in_memory_is_as_its_holders_expect(sequential 1..40 => Refreshing<Memory>);
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn refreshing_in_sqlite_is_as_its_holders_expect(sequential 1..40 => Refreshing<Sqlite>);
}
