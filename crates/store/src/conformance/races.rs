//! Refresh and revocation at the same time, in every order in which the steps of both can come.
//!
//! Each operation of a port is one step, for all of an adapter's operations are atomic; so these orders are all there are.

use core::time::Duration;

use countersign_core::account::UserState;
use countersign_core::event::EventKind;
use countersign_core::session::{EndReason, OpenedBy, Presented, Presenter, Scope, Session, SessionState, TokenHash};
use countersign_core::time::Timestamp;

use super::sample::{HOME, at, enrol, event, family_id, key_id, open, session, session_ref, user_id};
use crate::Stores;
use crate::port::{Opened, Presentation, Refreshed, Touched, UsedToken};

/// A step of a request that refreshes (it reads, then writes what it has read), or the revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// This request reads the user's generation.
    Read(usize),
    /// It writes.
    Write(usize),
    /// Something takes the session back.
    Revoke,
}

/// By what a session is taken back.
#[derive(Clone, Copy, Debug)]
enum By {
    Itself,
    Others,
    User,
    Key,
    KeyRevoked,
    Disabled,
    DisabledAndEnabled,
}

const WAYS: [By; 7] = [By::Itself, By::Others, By::User, By::Key, By::KeyRevoked, By::Disabled, By::DisabledAndEnabled];

/// All orders of the steps of two requests and a revocation.
fn orders() -> Vec<Vec<Step>> {
    let mut whole = Vec::new();
    let mut open = vec![(
        Vec::new(),
        [vec![Step::Read(0), Step::Write(0)], vec![Step::Read(1), Step::Write(1)], vec![Step::Revoke]],
    )];
    while let Some((order, rest)) = open.pop() {
        if rest.iter().all(Vec::is_empty) {
            whole.push(order);
            continue;
        }
        for actor in 0..rest.len() {
            let (mut order, mut rest) = (order.clone(), rest.clone());
            if !rest[actor].is_empty() {
                order.push(rest[actor].remove(0));
                open.push((order, rest));
            }
        }
    }
    whole
}

async fn revoke(stores: &Stores, number: u8, by: By) {
    let told = event(EventKind::SessionEnded, at(600));
    let scope = match by {
        By::Itself => Scope::Session(session_ref(number)),
        By::Others => Scope::Others { user: user_id(number), keep: session_ref(0) },
        By::User => Scope::User(user_id(number)),
        By::Key => Scope::Key(key_id(number)),
        By::KeyRevoked => {
            stores.keys.revoke(&key_id(number), &told).await.expect("revoke");
            return;
        }
        By::Disabled | By::DisabledAndEnabled => {
            stores.users.set_state(user_id(number), UserState::Disabled, &told).await.expect("disable");
            if matches!(by, By::DisabledAndEnabled) {
                stores.users.set_state(user_id(number), UserState::Enabled, &told).await.expect("enable");
            }
            return;
        }
    };
    assert_eq!(stores.sessions.end(&scope, EndReason::Revoked, &told).await.expect("end"), [session_ref(number)]);
}

/// A refresh, by a request that has read this generation.
async fn refresh(stores: &Stores, number: u8, (sequence, generation, token): (u32, u32, u8)) -> Refreshed {
    let mut hash = [number; 32];
    hash[0] = token;
    let presentation = Presentation {
        family: family_id(number),
        sequence,
        by: Presenter { signed: false, place: HOME },
        generation,
        token: TokenHash(hash),
        sliding: Duration::from_secs(3_600),
        at: at(500),
    };
    stores.token_families.rotate(&presentation, &event(EventKind::RefreshReuse, at(500))).await.expect("rotate")
}

/// Until the revocation all is well, from then on nothing; and no later write of any kind brings anything back.
pub async fn a_revocation_counts_in_whatever_order_it_comes(stores: &Stores) {
    let orders = orders();
    assert_eq!(orders.len(), 30);
    let cases = WAYS.iter().flat_map(|by| orders.iter().map(move |order| (*by, order)));
    for (number, (by, order)) in (1..).zip(cases) {
        enrol(stores, number, &format!("user{number}")).await;
        let opened_by = OpenedBy::Key(key_id(number));
        let before = Session { opened_by, ..session(number, number) };
        open(stores, &before).await;
        let (mut read, mut is_revoked) = ([1, 1], false);
        for step in order {
            match *step {
                Step::Read(request) => {
                    read[request] = stores.users.find(user_id(number)).await.expect("find").expect("a user").generation;
                }
                Step::Write(request) => {
                    let told = refresh(stores, number, (0, read[request], 100 + request as u8)).await;
                    let is_issued = matches!(told, Refreshed::Judged(Presented::Rotate | Presented::Again));
                    assert_eq!(is_issued, !is_revoked, "{by:?} {order:?}: {told:?}");
                }
                Step::Revoke => {
                    revoke(stores, number, by).await;
                    is_revoked = true;
                }
            }
        }
        nothing_comes_back(stores, number).await;
    }
}

/// Whatever was in flight comes after all.
async fn nothing_comes_back(stores: &Stores, number: u8) {
    let ended = stores.sessions.find(session_ref(number)).await.expect("find").expect("a session");
    assert!(matches!(ended.state, SessionState::Ended { .. }), "{ended:?}");
    for generation in [1, 2] {
        for sequence in [0, 1, 2] {
            let told = refresh(stores, number, (sequence, generation, 200)).await;
            assert_eq!(told, Refreshed::Judged(Presented::Ended));
        }
        let (address, user_agent) = (ended.address, None);
        let touched = Touched { session: session_ref(number), generation, last_used: at(700), address, user_agent };
        stores.sessions.touch(&[touched]).await.expect("touch");
    }
    for used in [UsedToken::Hash(ended.token), UsedToken::Issued(Timestamp::MAX)] {
        assert!(!stores.token_families.note_token(session_ref(number), &used).await.expect("note_token"));
    }
    let again = stores.sessions.find(session_ref(number)).await.expect("find").expect("a session");
    assert_eq!(again, ended, "not a column has changed");
}

/// A login that is under way when what it rests upon is taken back comes before it, and ends with it, or opens nothing.
pub async fn a_login_in_flight_does_not_outlive_what_it_rests_upon(stores: &Stores) {
    let ways = [By::User, By::KeyRevoked, By::Disabled, By::DisabledAndEnabled];
    for (number, by) in (1..).zip(ways) {
        enrol(stores, number, &format!("user{number}")).await;
        let opened_by = OpenedBy::Key(key_id(number));
        let standing = Session { opened_by, ..session(number, number) };
        open(stores, &standing).await;
        revoke(stores, number, by).await;
        let late = Session { opened_by: standing.opened_by, ..session(number + 100, number) };
        let opened = super::sample::open_within(stores, &late, None).await;
        assert_eq!(opened, Opened::Stale, "{by:?}");
    }
}
