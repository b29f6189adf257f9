//! An exhaustive model of the replay guard (protocol §6).
//!
//! The checker walks through every order of events: time passes, the wall clock is set, the guard crashes, stops and starts
//! again with another window, a mark is written and its confirmation lost, an administrator resets the clock, and an
//! attacker offers any recorded request at any moment. What is checked is the code that runs in the server: the accept
//! clock, the mark, the fence and the guard in memory, its saved ring included. Nothing of them is told a second time here.
//!
//! The rules of the seed stand beside them, one flaw at a time: for each, the checker finds the attack.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a model is a test: what is missing must end it")]

mod ours;
mod seed;
mod world;

use stateright::{Checker, Model};

use self::ours::Ours;
use self::seed::{Flaws, Seed};
use self::world::{AT_MOST_ONCE, REFUSED_FOR_GOOD, Rules, World};

/// Explores a world to its end; every property must hold, and every request must be able to run.
fn holds(world: World<impl Rules>) {
    let checked = world.checker().threads(2).spawn_bfs().join();
    checked.assert_properties();
    println!("{} states", checked.unique_state_count());
}

fn ours() -> World<Ours> {
    World::of(Ours::default())
}

#[test]
fn no_request_is_accepted_twice_whatever_the_clock_does_and_whenever_the_guard_dies() {
    holds(World { created: vec![0, 2], seconds: 4, steps: vec![-3, 2, 4], settings: 1, restarts: 1, ..ours() });
}

#[test]
fn nor_over_restarts_that_raise_and_lower_the_window() {
    holds(World { created: vec![1], seconds: 4, restarts: 2, windows: vec![1, 3], ..ours() });
}

#[test]
fn nor_when_an_administrator_resets_the_clock_to_whatever_it_shows() {
    let steps = vec![-4, 4];
    holds(World { created: vec![1], seconds: 2, steps, settings: 2, restarts: 2, resets: 1, ..ours() });
}

#[test]
#[ignore = "takes minutes; run it when a rule of the replay guard changes"]
fn nor_in_a_larger_world() {
    let steps = vec![-3, 2, 4];
    holds(World { created: vec![0, 2], seconds: 4, steps, settings: 1, restarts: 2, resets: 1, ..ours() });
}

/// Whether the checker finds an attack, in a world that leaves no other way.
fn finds(world: World<Seed>, property: &'static str) -> bool {
    world.checker().spawn_bfs().join().discovery(property).is_some()
}

fn seed(flaws: Flaws) -> World<Seed> {
    World { created: vec![1], seconds: 5, ..World::of(Seed::with(flaws)) }
}

#[test]
fn the_seed_forgets_a_nonce_in_the_moment_in_which_it_is_still_fresh() {
    let flaws = Flaws { counts_from_receipt: true, ..Flaws::default() };
    let world = World { seconds: 2, ..seed(flaws) };
    assert!(finds(world, AT_MOST_ONCE), "from the future edge of the window, 2 W later");
}

#[test]
fn the_seed_runs_a_request_that_it_has_refused_as_future_dated() {
    let flaws = Flaws { forgets_the_future: true, ..Flaws::default() };
    let world = World { created: vec![2], ..seed(flaws) };
    assert!(finds(world, REFUSED_FOR_GOOD));
}

#[test]
fn the_seed_accepts_everything_again_after_a_restart() {
    let flaws = Flaws { forgets_at_restart: true, ..Flaws::default() };
    let world = World { restarts: 1, ..seed(flaws) };
    assert!(finds(world, AT_MOST_ONCE));
}

#[test]
fn the_seed_accepts_a_request_again_when_its_clock_is_set_back() {
    let flaws = Flaws { follows_the_clock_back: true, ..Flaws::default() };
    let world = World { steps: vec![-3], settings: 1, ..seed(flaws) };
    assert!(finds(world, AT_MOST_ONCE));
}

#[test]
fn the_seed_as_it_is_written_has_both_kinds_of_holes_without_a_restart_or_a_wrong_clock() {
    let world = World { created: vec![1, 3], ..seed(Flaws::ALL) };
    assert!(finds(world.clone(), AT_MOST_ONCE));
    assert!(finds(world, REFUSED_FOR_GOOD));
}

#[test]
fn without_its_flaws_the_seed_withstands_the_same_worlds() {
    let created = vec![1, 2];
    holds(World { created, steps: vec![-3], settings: 1, restarts: 1, ..seed(Flaws::default()) });
}
