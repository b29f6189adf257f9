use super::*;

fn limits() -> Limits {
    let pace = Pace { grace: Duration::from_secs(5), octets_per_second: 1_024, stall: Duration::from_secs(30) };
    Limits { body: pace, answer: pace, ..Limits::default() }
}

fn pausing(pause: Pause) -> Waits {
    Waits { pause: Some(pause), ..Waits::default() }
}

fn body(message: u64, octets: u64) -> Waits {
    Waits { body: Some(Moving { message, octets }), ..Waits::default() }
}

/// Seconds after `start`.
fn at(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

#[tokio::test]
async fn each_pause_has_its_own_bound_from_its_own_beginning() {
    let start = tokio::time::sleep(Duration::ZERO).deadline();
    let mut patience = Patience::new(limits());
    assert_eq!(patience.observe(pausing(Pause::Start), start), Some((at(start, 5), Expiry::Close)));
    assert_eq!(patience.observe(pausing(Pause::Start), at(start, 4)), Some((at(start, 5), Expiry::Close)));
    assert_eq!(patience.observe(pausing(Pause::Head(0)), at(start, 4)), Some((at(start, 9), Expiry::Head)));
    assert_eq!(patience.observe(Waits::default(), at(start, 6)), None);
    assert_eq!(patience.observe(pausing(Pause::Idle(1)), at(start, 7)), Some((at(start, 82), Expiry::Close)));
    assert_eq!(patience.observe(pausing(Pause::Head(1)), at(start, 70)), Some((at(start, 75), Expiry::Head)));
    assert_eq!(patience.observe(pausing(Pause::Head(2)), at(start, 72)), Some((at(start, 77), Expiry::Head)));
    assert_eq!(patience.observe(pausing(Pause::Linger), at(start, 80)), Some((at(start, 82), Expiry::Close)));
}

#[tokio::test]
async fn a_body_that_trickles_is_given_up_after_the_grace_and_what_its_octets_earned() {
    let start = tokio::time::sleep(Duration::ZERO).deadline();
    let mut patience = Patience::new(limits());
    assert_eq!(patience.observe(body(1, 0), start), Some((at(start, 5), Expiry::Body)));
    let (deadline, _) = patience.observe(body(1, 4), at(start, 4)).unwrap();
    assert!(deadline > at(start, 5) && deadline < at(start, 6));
    assert_eq!(patience.observe(body(1, 10 * 1_024), at(start, 4)), Some((at(start, 15), Expiry::Body)));
}

#[tokio::test]
async fn however_much_was_earned_a_stall_ends_after_its_own_bound() {
    let start = tokio::time::sleep(Duration::ZERO).deadline();
    let mut patience = Patience::new(limits());
    patience.observe(body(1, 0), start);
    assert_eq!(patience.observe(body(1, 1 << 30), at(start, 1)), Some((at(start, 31), Expiry::Body)));
    assert_eq!(patience.observe(body(1, 1 << 30), at(start, 11)), Some((at(start, 31), Expiry::Body)));
    assert_eq!(patience.observe(body(1, (1 << 30) + 1), at(start, 30)), Some((at(start, 60), Expiry::Body)));
}

#[tokio::test]
async fn only_time_in_which_the_peer_is_waited_for_counts() {
    let start = tokio::time::sleep(Duration::ZERO).deadline();
    let mut patience = Patience::new(limits());
    patience.observe(body(1, 0), start);
    assert_eq!(patience.observe(Waits::default(), at(start, 1)), None);
    assert_eq!(patience.observe(body(1, 0), at(start, 100)), Some((at(start, 104), Expiry::Body)));
}

#[tokio::test]
async fn the_next_message_starts_afresh() {
    let start = tokio::time::sleep(Duration::ZERO).deadline();
    let mut patience = Patience::new(limits());
    patience.observe(body(1, 0), start);
    assert_eq!(patience.observe(body(2, 0), at(start, 4)), Some((at(start, 9), Expiry::Body)));
    assert_eq!(patience.observe(body(3, 0), at(start, 8)), Some((at(start, 13), Expiry::Body)));
}

#[tokio::test]
async fn the_wait_that_ends_first_decides() {
    let start = tokio::time::sleep(Duration::ZERO).deadline();
    let mut patience = Patience::new(limits());
    let answer = Some(Moving { message: 0, octets: 10 });
    let waits = Waits { pause: Some(Pause::Idle(1)), answer, body: None };
    assert_eq!(patience.observe(waits, start).map(|(_, expiry)| expiry), Some(Expiry::Close));
    assert!(patience.observe(waits, start).unwrap().0 < at(start, 6));
}
