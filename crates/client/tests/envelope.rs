//! What a client believes of what comes back for an envelope, whoever stands between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by them")]

use core::time::Duration;

use countersign_client::conversation::{CannotSign, Reading};
use countersign_client::envelope::{EnvelopeConversation, EnvelopeCredentials, EnvelopeMessage, VerifiedEnvelope};
use countersign_core::envelope::Envelope;
use countersign_core::problem::Problem;
use countersign_core::secret::{KeyPair, Root, Secret32};
use countersign_core::signature::Interference;
use countersign_core::time::Timestamp;

const KEYID: &str = "k7f3a9c2d4e5b6a1c";

fn root() -> Root {
    Root::new(Secret32::new([7; 32]))
}

fn keys() -> KeyPair {
    root().envelope_pair(KEYID)
}

fn conversation() -> EnvelopeConversation {
    let authority = "api.example.com".parse().unwrap();
    EnvelopeConversation::new(EnvelopeCredentials::new(authority, KEYID.parse().unwrap(), "alice", &root()), 0)
}

/// The clocks of the client, so many milliseconds after the start.
fn at(millis: u64) -> Reading {
    let wall = Timestamp::from_millis(1_763_780_000_000 + millis);
    Reading { wall, monotonic: Duration::from_millis(millis) }
}

fn sign(conversation: &EnvelopeConversation, number: u8) -> EnvelopeMessage {
    conversation.sign(&"greet".parse().unwrap(), b"hello", [number; 32], at(0)).unwrap()
}

/// What the server says at that time of its clock.
fn answer(message: &EnvelopeMessage, status: u16, packet: &[u8], server: Reading) -> String {
    Envelope::read(message.json.as_bytes()).unwrap().answer(&keys().s2c, status, packet, server.wall)
}

fn problem(message: &EnvelopeMessage, problem: Problem, server: Reading) -> String {
    answer(message, problem.status, problem.json().as_bytes(), server)
}

fn received(conversation: &EnvelopeConversation, answer: &str, now: Reading) -> Result<VerifiedEnvelope, Interference> {
    conversation.receive(answer.as_bytes(), now).judged
}

#[test]
fn answers_in_any_order_go_to_the_messages_that_they_answer() {
    let conversation = conversation();
    let messages: Vec<_> = (1..=3).map(|number| sign(&conversation, number)).collect();
    for (number, message) in messages.iter().enumerate().rev() {
        let answer = answer(message, 200, &[number as u8], at(10));
        let received = conversation.receive(answer.as_bytes(), at(20));
        assert_eq!(received.receipt, Some(message.receipt));
        let verified = received.judged.unwrap();
        assert_eq!((verified.status, verified.packet), (200, vec![number as u8]));
    }
}

#[test]
fn an_answer_counts_once() {
    let conversation = conversation();
    let message = sign(&conversation, 1);
    let answer = answer(&message, 200, b"", at(10));
    assert!(received(&conversation, &answer, at(20)).is_ok());
    let again = conversation.receive(answer.as_bytes(), at(30));
    assert_eq!((again.receipt, again.judged.err()), (None, Some(Interference::Replayed)));
}

#[test]
fn what_answers_nothing_that_waits_is_not_believed() {
    let conversation = conversation();
    let message = sign(&conversation, 1);
    let good = answer(&message, 200, b"", at(10));
    for text in ["", "{}", "[]", &message.json, &good[..good.len() - 1]] {
        assert_eq!(received(&conversation, text, at(20)).err(), Some(Interference::BadMac), "{text}");
    }
    let stranger = self::conversation();
    assert_eq!(received(&stranger, &good, at(20)).err(), Some(Interference::Stale), "it never asked");
    assert_eq!(received(&conversation, &good, at(61_000)).err(), Some(Interference::Stale), "past its deadline");
    let other = Root::new(Secret32::new([8; 32]));
    let message = sign(&conversation, 2);
    let forged =
        Envelope::read(message.json.as_bytes()).unwrap().answer(&other.envelope_pair(KEYID).s2c, 200, b"", at(10).wall);
    assert_eq!(received(&conversation, &forged, at(20)).err(), Some(Interference::BadMac));
    let genuine = answer(&message, 200, b"", at(10));
    assert_eq!(received(&conversation, &genuine, at(20)).err(), Some(Interference::Replayed), "the receipt is spent");
}

#[test]
fn answers_of_two_messages_cannot_be_swapped() {
    let conversation = conversation();
    let (first, second) = (sign(&conversation, 1), sign(&conversation, 2));
    let text = |message: &EnvelopeMessage| message.json.clone();
    let nonce = |message: &EnvelopeMessage| text(message).split('"').nth(13).unwrap().to_owned();
    let of_first = answer(&first, 200, b"yes", at(10));
    let swapped = of_first.replace(&nonce(&first), &nonce(&second));
    assert_ne!(swapped, of_first);
    assert_eq!(received(&conversation, &swapped, at(20)).err(), Some(Interference::BadMac));
}

#[test]
fn an_answer_is_from_the_time_at_which_it_was_asked_for() {
    for (server, timely) in [(5_020, true), (5_021, false)] {
        let conversation = conversation();
        let message = sign(&conversation, 1);
        let answer = answer(&message, 200, b"", at(server));
        assert_eq!(received(&conversation, &answer, at(20)).is_ok(), timely, "{server}");
    }
}

#[test]
fn a_clock_that_is_wrong_is_corrected_and_said_so_and_only_then_may_the_message_be_sent_again() {
    let conversation = conversation();
    let message = sign(&conversation, 1);
    let verified = received(&conversation, &problem(&message, Problem::CLOCK_SKEW, at(60_000)), at(20)).unwrap();
    assert!(verified.was_rejected_for_its_time());
    assert_eq!((verified.problem, conversation.offset_ms()), (Some(&Problem::CLOCK_SKEW), 59_990));
    let message = sign(&conversation, 2);
    let verified = received(&conversation, &problem(&message, Problem::CLOCK_SKEW, at(60_010)), at(20)).unwrap();
    assert!(!verified.was_rejected_for_its_time(), "the clocks agree, so another attempt would be no better");
}

#[test]
fn a_verified_replayed_is_interference_and_other_refusals_are_told() {
    let conversation = conversation();
    let message = sign(&conversation, 1);
    let replayed = problem(&message, Problem::REPLAYED, at(10));
    assert_eq!(received(&conversation, &replayed, at(20)).err(), Some(Interference::Replayed));
    for (number, refusal) in [Problem::UNAUTHORIZED, Problem::NOT_FOUND, Problem::THROTTLED].iter().enumerate() {
        let message = sign(&conversation, 2 + number as u8);
        let verified = received(&conversation, &problem(&message, *refusal, at(10)), at(20)).unwrap();
        assert_eq!(verified.problem, Some(refusal));
    }
}

#[test]
fn a_problem_counts_as_the_guards_own_only_with_its_own_status() {
    let conversation = conversation();
    for (number, status, code) in [(1, 200, None), (2, 500, None), (3, 404, Some("not-found"))] {
        let message = sign(&conversation, number);
        let answer = answer(&message, status, Problem::NOT_FOUND.json().as_bytes(), at(10));
        let verified = received(&conversation, &answer, at(20)).unwrap();
        assert_eq!(verified.problem.map(|problem| problem.code), code, "{status}");
    }
}

#[test]
fn no_more_messages_wait_than_may_and_none_is_forgotten_early() {
    let conversation = conversation();
    let nonce = |number: usize| {
        let mut nonce = [0; 32];
        nonce[..8].copy_from_slice(&number.to_be_bytes());
        nonce
    };
    let action = "greet".parse().unwrap();
    for number in 0..4_096 {
        conversation.sign(&action, b"", nonce(number), at(0)).unwrap();
    }
    let refused = conversation.sign(&action, b"", nonce(4_096), at(0));
    assert!(matches!(refused, Err(CannotSign::TooManyPending)));
}
