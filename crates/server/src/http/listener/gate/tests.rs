use super::*;
use crate::http::listener::framing::{BodyFraming, Head};
use std::net::{IpAddr, Ipv4Addr};

fn gate(connections: usize, per_network: usize) -> Arc<Gate> {
    Arc::new(Gate::new(&Limits { connections, per_network, ..Limits::default() }))
}

fn network(last: u8) -> Option<FineNetwork> {
    Some(IpAddr::from(Ipv4Addr::new(192, 0, 2, last)).into())
}

/// A connection from an address, in one of the states in which a gate may find it.
fn connect(gate: &Arc<Gate>, from: Option<FineNetwork>) -> Option<(Permit, Arc<Ledger>)> {
    let ledger = Arc::default();
    gate.admit(from, &ledger).map(|permit| (permit, ledger))
}

fn bring_head(ledger: &Ledger) {
    assert!(ledger.hand_over(&Head { length: 30, body: BodyFraming::Length(0), offers_upgrade: false }));
}

fn become_idle(ledger: &Ledger) {
    bring_head(ledger);
    ledger.end_answer();
    ledger.wait_for(crate::http::listener::ledger::Awaited::Head);
}

#[test]
fn a_newcomer_takes_the_room_of_the_connection_that_has_been_longest_without_a_head() {
    let gate = gate(3, 9);
    let (_first, busy) = connect(&gate, network(1)).unwrap();
    bring_head(&busy);
    let (_second, oldest) = connect(&gate, network(2)).unwrap();
    let (_third, younger) = connect(&gate, network(3)).unwrap();
    let (_fourth, newest) = connect(&gate, network(4)).unwrap();
    assert!(!oldest.is_headless(), "it was given up");
    assert!(younger.is_headless() && newest.is_headless());
    assert!(!oldest.hand_over(&Head { length: 30, body: BodyFraming::Length(0), offers_upgrade: false }));
}

#[test]
fn requests_in_flight_are_never_given_up_so_a_newcomer_is_turned_away() {
    let gate = gate(2, 9);
    let held: Vec<_> = (1..=2).map(|last| connect(&gate, network(last)).unwrap()).collect();
    held.iter().for_each(|(_, ledger)| bring_head(ledger));
    assert!(connect(&gate, network(3)).is_none());
    drop(held);
    assert!(connect(&gate, network(3)).is_some());
}

#[test]
fn idle_connections_make_room_when_all_have_brought_a_head() {
    let gate = gate(2, 9);
    let (_busy, busy) = connect(&gate, network(1)).unwrap();
    bring_head(&busy);
    let (_idle, idle) = connect(&gate, network(2)).unwrap();
    become_idle(&idle);
    let (_newcomer, newcomer) = connect(&gate, network(3)).unwrap();
    assert!(!idle.evict_idle(), "it was given up already");
    bring_head(&newcomer);
    assert!(connect(&gate, network(4)).is_none());
}

#[test]
fn one_network_has_its_share_and_does_not_take_that_of_others() {
    let gate = gate(100, 2);
    let held: Vec<_> = (0..2).map(|_| connect(&gate, network(1)).unwrap()).collect();
    held.iter().for_each(|(_, ledger)| bring_head(ledger));
    assert!(connect(&gate, network(1)).is_none());
    let (_other, other) = connect(&gate, network(2)).unwrap();
    assert!(other.is_headless());
    drop(held);
    assert!(connect(&gate, network(1)).is_some());
}

#[test]
fn a_full_network_makes_room_among_its_own() {
    let gate = gate(100, 2);
    let (_stranger, stranger) = connect(&gate, network(9)).unwrap();
    let (_first, first) = connect(&gate, network(1)).unwrap();
    let (_second, second) = connect(&gate, network(1)).unwrap();
    let (_third, third) = connect(&gate, network(1)).unwrap();
    assert!(!first.is_headless() && second.is_headless() && third.is_headless() && stranger.is_headless());
}

#[test]
fn a_full_network_makes_room_among_its_own_idle_ones_before_it_is_turned_away() {
    let gate = gate(100, 2);
    let (_stranger, stranger) = connect(&gate, network(9)).unwrap();
    become_idle(&stranger);
    let held: Vec<_> = (0..2).map(|_| connect(&gate, network(1)).unwrap()).collect();
    held.iter().for_each(|(_, ledger)| become_idle(ledger));
    assert!(connect(&gate, network(1)).is_some());
    assert!(stranger.evict_idle(), "it was left alone");
}

#[test]
fn after_a_fruitless_look_for_idle_connections_some_newcomers_are_turned_away_before_the_next() {
    let gate = gate(2, 9);
    let held: Vec<_> = (0..2).map(|_| connect(&gate, network(1)).unwrap()).collect();
    held.iter().for_each(|(_, ledger)| bring_head(ledger));
    assert!(connect(&gate, network(3)).is_none());
    held.iter().for_each(|(_, ledger)| ledger.end_answer());
    held.iter().for_each(|(_, ledger)| ledger.wait_for(crate::http::listener::ledger::Awaited::Head));
    assert!(connect(&gate, network(3)).is_none());
    assert!(connect(&gate, network(3)).is_some());
}

#[test]
fn all_clients_come_through_a_trusted_proxy_so_its_address_has_no_share() {
    let gate = gate(3, 1);
    let held: Vec<_> = (0..3).map(|_| connect(&gate, None).unwrap()).collect();
    held.iter().for_each(|(_, ledger)| bring_head(ledger));
    assert!(connect(&gate, None).is_none(), "but it counts in the whole");
}

#[test]
fn a_connection_that_was_given_up_frees_its_room_once() {
    let gate = gate(2, 2);
    let first = connect(&gate, network(1)).unwrap();
    let second = connect(&gate, network(1)).unwrap();
    let third = connect(&gate, network(1)).unwrap();
    drop(first);
    [&second, &third].iter().for_each(|(_, ledger)| bring_head(ledger));
    assert!(connect(&gate, network(1)).is_none());
    assert!(connect(&gate, network(2)).is_none());
    drop((second, third));
    assert!(gate.rooms().taken.is_empty() && gate.rooms().networks.is_empty());
}

#[test]
fn a_flood_leaves_nothing_behind() {
    let gate = gate(8, 4);
    let mut held = VecDeque::new();
    for number in 0..10_000_u32 {
        held.push_back(connect(&gate, network((number % 5) as u8)));
        if number % 3 == 0
            && let Some(Some((_, ledger))) = held.back()
        {
            become_idle(ledger);
        }
        if held.len() > 6 {
            held.pop_front();
        }
    }
    let rooms = gate.rooms();
    assert!(rooms.taken.len() <= 8 && rooms.newcomers.0.len() <= 2 * 8 + 17, "{}", rooms.newcomers.0.len());
    assert!(rooms.networks.values().all(|network| network.newcomers.0.len() <= 2 * 4 + 17));
}
