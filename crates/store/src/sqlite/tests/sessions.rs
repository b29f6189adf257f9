use core::time::Duration;

use countersign_core::account::KeyState;
use countersign_core::event::EventKind;
use countersign_core::session::{EndReason, Presented, Presenter, Revoked, Scope, Session, SessionState, TokenHash};
use tokio::task::JoinSet;

use super::{House, alarms, connection, with_key};
use crate::Stores;
use crate::conformance::sample::{
    HOME, NOW, at, enrol, event, family, family_id, key_id, key_session, open, session, session_ref, user_id,
};
use crate::port::{Presentation, Refreshed, Resealed, Selection, StoreError, Touched, UsedToken};

const DISTRUSTED: SessionState = SessionState::Ended { at: NOW, why: EndReason::Distrusted };

async fn state(stores: &Stores, number: u8) -> SessionState {
    stores.sessions.find(session_ref(number)).await.unwrap().unwrap().state
}

async fn end(stores: &Stores, scope: Scope) -> usize {
    stores.sessions.end(&scope, EndReason::Revoked, &event(EventKind::SessionEnded, at(5))).await.unwrap().len()
}

fn presentation(number: u8, sequence: u32, token: u8) -> Presentation {
    Presentation {
        family: family_id(number),
        sequence,
        by: Presenter { signed: false, place: HOME },
        generation: 1,
        token: TokenHash([token; 32]),
        sliding: Duration::from_secs(3_600),
        at: at(500),
    }
}

async fn rotate(stores: &Stores, presentation: &Presentation) -> Refreshed {
    stores.token_families.rotate(presentation, &event(EventKind::RefreshReuse, at(500))).await.unwrap()
}

/// Two sessions of alice's in a house of their own.
async fn furnished() -> (House, Stores) {
    let house = House::new();
    let stores = house.stores().await;
    enrol(&stores, 1, "alice").await;
    enrol(&stores, 2, "bob").await;
    open(&stores, &session(1, 1)).await;
    open(&stores, &session(2, 1)).await;
    (house, stores)
}

#[tokio::test]
async fn no_column_of_a_session_can_be_changed_unnoticed() {
    for change in [
        "id = zeroblob(16)".to_owned(),
        format!("user_id = '{}'", user_id(2)),
        "token_hash = zeroblob(32)".to_owned(),
        "ip_address = '192.0.2.2'".to_owned(),
        "user_agent = NULL".to_owned(),
        "created_at = created_at + 1".to_owned(),
        "last_used_at = last_used_at + 1".to_owned(),
        "expires_at = expires_at + 1".to_owned(),
        "auth_time = auth_time + 1".to_owned(),
        "device = 'other'".to_owned(),
        format!("opened_by = 'key', key_id = '{}'", key_id(1)),
        "kek_version = 1, root = zeroblob(60)".to_owned(),
        "proof = 'key'".to_owned(),
        "generation = 2".to_owned(),
        "epoch = 1".to_owned(),
        "mac = zeroblob(16)".to_owned(),
        "mac = x''".to_owned(),
    ] {
        let (house, stores) = furnished().await;
        let sql = format!("UPDATE active_sessions SET {change} WHERE hex(ref) LIKE '01%'");
        house.intruder().await.does(&sql).await;
        let told = state(&stores, 1).await;
        assert!(matches!(told, SessionState::Ended { why: EndReason::Distrusted, .. }), "{change}: {told:?}");
        assert_eq!(state(&stores, 2).await, SessionState::Open, "{change}");
        assert_eq!(rotate(&stores, &presentation(1, 0, 9)).await, Refreshed::Judged(Presented::Ended), "{change}");
        assert_eq!(alarms(&stores).await, [format!("active_sessions {}", session_ref(1))], "{change}");
    }
}

#[tokio::test]
async fn a_session_under_another_name_is_not_that_session() {
    let (house, stores) = furnished().await;
    house.intruder().await.does("UPDATE active_sessions SET ref = zeroblob(16) WHERE hex(ref) LIKE '01%'").await;
    assert_eq!(stores.sessions.find(session_ref(1)).await.unwrap(), None);
    assert_eq!(state(&stores, 0).await, DISTRUSTED);
}

#[tokio::test]
async fn no_column_of_a_family_can_be_changed_unnoticed() {
    for change in [
        "session = zeroblob(16)".to_owned(),
        format!("user_id = '{}'", user_id(2)),
        "proof = 'key'".to_owned(),
        "kek_version = 2".to_owned(),
        "secret = zeroblob(60)".to_owned(),
        "sequence = 0".to_owned(),
        "rotated_at = rotated_at + 1".to_owned(),
        "place = zeroblob(16)".to_owned(),
        "used = 0".to_owned(),
        "used = 2".to_owned(),
        "good_until = good_until + 1".to_owned(),
        "expires_at = expires_at + 1".to_owned(),
        "mac = zeroblob(16)".to_owned(),
    ] {
        let (house, stores) = furnished().await;
        rotate(&stores, &presentation(1, 0, 9)).await;
        assert!(stores.token_families.note_token(session_ref(1), &UsedToken::Issued(at(500))).await.unwrap());
        let sql = format!("UPDATE token_families SET {change} WHERE hex(id) LIKE '01%'");
        house.intruder().await.does(&sql).await;
        let found = stores.token_families.find(family_id(1)).await;
        assert!(found.is_err() || found.unwrap().unwrap().state != SessionState::Open, "{change}");
        for sequence in 0..3 {
            let refreshed = rotate(&stores, &presentation(1, sequence, 10)).await;
            assert_eq!(refreshed, Refreshed::Judged(Presented::Ended), "{change}");
        }
        let used = UsedToken::Issued(at(500));
        assert!(!stores.token_families.note_token(session_ref(1), &used).await.unwrap(), "{change}");
        assert_eq!(alarms(&stores).await, [format!("token_families {}", family_id(1))], "{change}");
    }
}

#[tokio::test]
async fn an_ended_session_that_is_flipped_back_stays_ended() {
    let (house, stores) = furnished().await;
    end(&stores, Scope::Session(session_ref(1))).await;
    let mut intruder = house.intruder().await;
    for table in ["active_sessions", "token_families"] {
        intruder.does(&format!("UPDATE {table} SET state = 0, ended_at = NULL, ended_why = NULL")).await;
    }
    assert_eq!(state(&stores, 1).await, DISTRUSTED);
    assert_eq!(rotate(&stores, &presentation(1, 0, 9)).await, Refreshed::Judged(Presented::Ended));
}

/// Somebody could put it right again; then it must have ended all the same.
#[tokio::test]
async fn a_tampered_session_is_ended_too_and_is_not_made_good() {
    for scope in [
        Scope::Session(session_ref(1)),
        Scope::Others { user: user_id(1), keep: session_ref(9) },
        Scope::User(user_id(1)),
    ] {
        for (change, back) in
            [("device = 'other'", "device = 'laptop'"), ("ip_address = '?'", "ip_address = '192.0.2.1'")]
        {
            let (house, stores) = furnished().await;
            let mut intruder = house.intruder().await;
            intruder.does(&format!("UPDATE active_sessions SET {change} WHERE hex(ref) LIKE '01%'")).await;
            stores.sessions.touch(&[touched()]).await.unwrap();
            assert!(end(&stores, scope.clone()).await > 0, "{scope:?}");
            intruder.does(&format!("UPDATE active_sessions SET {back} WHERE hex(ref) LIKE '01%'")).await;
            assert_ne!(state(&stores, 1).await, SessionState::Open, "{scope:?}");
            assert_eq!(rotate(&stores, &presentation(1, 0, 9)).await, Refreshed::Judged(Presented::Ended), "{scope:?}");
        }
    }
}

/// One that can be read, and one that cannot: of that no more is known than its name.
#[tokio::test]
async fn what_is_told_of_a_tampered_session_names_it() {
    for change in ["device = 'other'", "ip_address = '?'"] {
        let (house, stores) = furnished().await;
        let sql = format!("UPDATE active_sessions SET {change} WHERE hex(ref) LIKE '01%'");
        house.intruder().await.does(&sql).await;
        end(&stores, Scope::Others { user: user_id(1), keep: session_ref(9) }).await;
        let of_session = Selection { session: Some(session_ref(1)), limit: 10, ..Selection::default() };
        let told = stores.events.select(&of_session).await.unwrap();
        let kinds: Vec<_> = told.into_iter().map(|recorded| recorded.event.kind).collect();
        assert_eq!(kinds, [EventKind::SessionOpened, EventKind::SessionEnded, EventKind::RowTampered], "{change}");
    }
}

fn touched() -> Touched {
    let address = "192.0.2.1".parse().unwrap();
    Touched { session: session_ref(1), generation: 1, last_used: at(9), address, user_agent: None }
}

/// Whatever a later version of the program does.
#[tokio::test]
async fn the_schema_lets_nothing_come_back() {
    let (house, stores) = furnished().await;
    rotate(&stores, &presentation(2, 0, 9)).await;
    stores.token_families.note_token(session_ref(2), &UsedToken::Issued(at(500))).await.unwrap();
    end(&stores, Scope::Session(session_ref(1))).await;
    stores.revocations.raise_epoch(&event(EventKind::EpochRaised, at(9))).await.unwrap();
    let mut connection = connection(&house.file()).await;
    for sql in [
        "UPDATE active_sessions SET state = 0 WHERE state = 1",
        "UPDATE active_sessions SET generation = 0",
        "UPDATE active_sessions SET epoch = 1",
        "UPDATE token_families SET state = 0 WHERE state = 1",
        "UPDATE token_families SET sequence = 0 WHERE sequence = 1",
        "UPDATE token_families SET used = 0 WHERE used = 1",
        "UPDATE revocations SET at_ms = 0",
        "UPDATE epoch SET number = 0",
        "DELETE FROM epoch",
    ] {
        assert!(sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.is_err(), "{sql}");
    }
}

/// Whoever lowers the number would revive what was taken back from everybody, and whoever raises it to lower it later what
/// was ended meanwhile.
#[tokio::test]
async fn of_an_epoch_that_is_not_as_it_was_written_nothing_is_told_and_nothing_begins_in_it() {
    for change in [
        "UPDATE epoch SET number = 0",
        "UPDATE epoch SET number = 2",
        "UPDATE epoch SET number = -1",
        "UPDATE epoch SET since = since - 1",
        "UPDATE epoch SET mac = zeroblob(16)",
        "UPDATE epoch SET mac = x''",
        "DELETE FROM epoch",
    ] {
        let (house, stores) = furnished().await;
        stores.revocations.raise_epoch(&event(EventKind::EpochRaised, at(9))).await.unwrap();
        house.intruder().await.does(change).await;
        let corrupt = |error| matches!(error, Err(StoreError::Corrupt { what: "epoch", .. }));
        assert!(corrupt(stores.sessions.find(session_ref(1)).await.map(drop)), "{change}");
        assert!(corrupt(stores.sessions.of_user(user_id(1), None, 9).await.map(drop)), "{change}");
        assert!(corrupt(stores.sessions.list(None, 9).await.map(drop)), "{change}");
        assert!(corrupt(stores.revocations.head().await.map(drop)), "{change}");
        let opens = event(EventKind::SessionOpened, at(9));
        for epoch in 0..3 {
            let fresh = Session { epoch, ..session(3, 1) };
            assert!(corrupt(stores.sessions.open(&fresh, &family(&fresh), None, &opens).await.map(drop)), "{change}");
        }
        let reuse = event(EventKind::RefreshReuse, at(500));
        assert!(corrupt(stores.token_families.rotate(&presentation(1, 0, 9), &reuse).await.map(drop)), "{change}");
        let raised = event(EventKind::EpochRaised, at(9));
        assert!(corrupt(stores.revocations.raise_epoch(&raised).await.map(drop)), "{change}");
        assert_eq!(alarms(&stores).await, ["epoch 1"], "{change}");
    }
}

/// Somebody could put it right again; then what was ended meanwhile must have ended all the same.
#[tokio::test]
async fn sessions_end_whatever_was_done_to_the_epoch() {
    for change in ["number = 9", "mac = zeroblob(16)"] {
        let (house, stores) = furnished().await;
        let mut intruder = house.intruder().await;
        intruder.does("CREATE TABLE old AS SELECT * FROM epoch").await;
        intruder.does(&format!("UPDATE epoch SET {change}")).await;
        let others = Scope::Others { user: user_id(1), keep: session_ref(1) };
        end(&stores, others).await;
        assert_eq!(end(&stores, Scope::Session(session_ref(1))).await, 1, "{change}");
        end(&stores, Scope::User(user_id(1))).await;
        stores.keys.revoke(&key_id(1), &event(EventKind::KeyRevoked, at(5))).await.unwrap();
        intruder.does("UPDATE epoch SET number = old.number, mac = old.mac FROM old").await;
        assert_eq!(state(&stores, 1).await, SessionState::Ended { at: at(5), why: EndReason::Revoked }, "{change}");
        assert_ne!(stores.keys.find(&key_id(1)).await.unwrap().unwrap().state, KeyState::Active, "{change}");
    }
}

/// With all sessions gone as well: something was taken back once, and the number that it had is not forgotten.
#[tokio::test]
async fn an_epoch_that_is_gone_does_not_begin_anew() {
    let (house, stores) = furnished().await;
    stores.revocations.raise_epoch(&event(EventKind::EpochRaised, at(9))).await.unwrap();
    let mut intruder = house.intruder().await;
    for table in ["epoch", "token_families", "active_sessions", "revocations"] {
        intruder.does(&format!("DELETE FROM {table}")).await;
    }
    assert!(stores.revocations.head().await.is_err());
    assert!(house.stores().await.revocations.head().await.is_err());
}

/// Nothing tells of a number any more, but there are sessions, and they are of some epoch.
#[tokio::test]
async fn an_epoch_that_is_gone_without_a_trace_does_not_begin_anew_while_there_are_sessions() {
    let (house, stores) = furnished().await;
    let mut intruder = house.intruder().await;
    for change in ["epoch", "revocations", "sqlite_sequence WHERE name = 'revocations'"] {
        intruder.does(&format!("DELETE FROM {change}")).await;
    }
    assert!(stores.revocations.head().await.is_err());
}

/// Of whom it tells nobody knows, so whoever reads it must admit nobody.
#[tokio::test]
async fn a_log_with_an_entry_that_cannot_be_read_is_not_read_in_part() {
    for change in ["session = x'00'", "session = NULL, generation = 1", "at_ms = -1", "epoch = -1"] {
        let (house, stores) = furnished().await;
        for number in [1, 2] {
            end(&stores, Scope::Session(session_ref(number))).await;
        }
        house.intruder().await.does(&format!("UPDATE revocations SET {change} WHERE sequence = 1")).await;
        let log = stores.revocations.after(0, 9).await;
        assert!(matches!(log, Err(StoreError::Corrupt { what: "revocation", .. })), "{change}: {log:?}");
        let log = stores.revocations.after(1, 9).await.unwrap();
        assert_eq!(log.iter().map(|entry| entry.what).collect::<Vec<_>>(), [Revoked::Session(session_ref(2))]);
        assert_eq!(alarms(&stores).await, ["revocations 1"], "{change}");
    }
}

/// Nobody is logged out, and there is one live branch.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_refreshing_by_one_token_all_get_the_same_successor() {
    let (_house, stores) = furnished().await;
    let mut callers = JoinSet::new();
    for number in 0..64 {
        let stores = stores.clone();
        callers.spawn(async move { rotate(&stores, &presentation(1, 0, 100 + number)).await });
    }
    let told = callers.join_all().await;
    let count = |presented| told.iter().filter(|told| **told == Refreshed::Judged(presented)).count();
    assert_eq!((count(Presented::Rotate), count(Presented::Again)), (1, 63), "{told:?}");
    assert_eq!(stores.token_families.find(family_id(1)).await.unwrap().unwrap().sequence, 1);
    assert_eq!(state(&stores, 1).await, SessionState::Open);
    assert_eq!(rotate(&stores, &presentation(1, 1, 99)).await, Refreshed::Judged(Presented::Rotate));
}

/// Of each pair one branch lives, or the family has ended: P4. Eight bring the current token at once, and at the same time
/// one brings one that was replaced long ago: whoever comes first, nothing that either of them got is good afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_token_ever_gives_two_live_branches_whoever_races_whom() {
    for round in 0..8 {
        let (_house, stores) = furnished().await;
        for sequence in 0..2 {
            assert_eq!(rotate(&stores, &presentation(1, sequence, 8)).await, Refreshed::Judged(Presented::Rotate));
        }
        let mut callers = JoinSet::new();
        for number in 0..9_u8 {
            let stores = stores.clone();
            let presentation = presentation(1, if number == round { 0 } else { 2 }, 16 + number);
            callers.spawn(async move { (presentation.sequence, rotate(&stores, &presentation).await) });
        }
        let told = callers.join_all().await;
        let count = |wanted| told.iter().filter(|told| **told == (2, Refreshed::Judged(wanted))).count();
        let [rotated, again, ended] = [Presented::Rotate, Presented::Again, Presented::Ended].map(count);
        assert!(rotated <= 1 && rotated + again + ended == 8, "a token was replaced twice: {told:?}");
        assert!(told.contains(&(0, Refreshed::Judged(Presented::Reused))), "{told:?}");
        let ended = SessionState::Ended { at: at(500), why: EndReason::RefreshReused };
        assert_eq!(state(&stores, 1).await, ended);
        let family = stores.token_families.find(family_id(1)).await.unwrap().unwrap();
        assert_eq!((family.state, family.sequence), (ended, 2 + rotated as u32));
        for sequence in 0..4 {
            let late = rotate(&stores, &presentation(1, sequence, 99)).await;
            assert_eq!(late, Refreshed::Judged(Presented::Ended), "token {sequence} after {told:?}");
        }
    }
}

#[tokio::test]
async fn a_tampered_session_keeps_its_seal_and_a_sound_one_is_sealed_anew() {
    let (house, stores) = furnished().await;
    let root = countersign_core::secret::Sealed { version: 1, octets: vec![9; 60] };
    let opened_by = countersign_core::session::OpenedBy::Password { root: Some(root) };
    for number in [3, 4] {
        open(&stores, &Session { opened_by: opened_by.clone(), ..key_session(number, 1) }).await;
    }
    house.intruder().await.does("UPDATE active_sessions SET device = 'other' WHERE hex(ref) LIKE '03%'").await;
    let page = stores.sealings.sealed_otherwise(2, None, 100).await.unwrap();
    assert_eq!((page.sealings.len(), page.distrusted), (2 + 1 + 4, 1), "keys, sessions, families");
    let batch = page.sealings.iter().map(super::sealings::reseal).collect();
    assert_eq!(stores.sealings.reseal(batch).await.unwrap(), [Resealed::Done; 7]);
    assert_eq!(state(&stores, 4).await, SessionState::Open);
    assert_eq!(state(&stores, 3).await, DISTRUSTED);
    let retired = crate::port::Retirement::Done { distrusted: 1 };
    assert_eq!(stores.sealings.retire(2).await.unwrap(), retired);
    // What is ended is not sealed, so it needs no key that is still there.
    assert_eq!(end(&stores, Scope::Session(session_ref(3))).await, 1);
}

#[tokio::test]
async fn sessions_and_revocations_are_there_after_closing_and_opening() {
    let house = House::new();
    let sqlite = house.sqlite().await;
    let stores = with_key(&sqlite, 7);
    enrol(&stores, 1, "alice").await;
    for number in [1, 2] {
        open(&stores, &session(number, 1)).await;
    }
    rotate(&stores, &presentation(2, 0, 9)).await;
    end(&stores, Scope::Session(session_ref(1))).await;
    sqlite.close().await;
    let stores = house.stores().await;
    assert_eq!(state(&stores, 1).await, SessionState::Ended { at: at(5), why: EndReason::Revoked });
    assert_eq!(rotate(&stores, &presentation(2, 1, 10)).await, Refreshed::Judged(Presented::Rotate));
    assert_eq!(stores.revocations.head().await.unwrap().sequence, 1);
}

/// However many sessions there are: by an index, and in its order but where a user's own few are put in order.
#[tokio::test]
async fn a_million_sessions_are_searched_and_never_gone_through() {
    use crate::sqlite::sessions::{FORGET_ENDED, FORGET_EXPIRED, LIST, OF_USER};
    let (house, _stores) = furnished().await;
    let mut connection = connection(&house.file()).await;
    for (sql, may_sort) in [(LIST, false), (OF_USER, true), (FORGET_ENDED, false), (FORGET_EXPIRED, false)] {
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).fetch_all(&mut connection).await.unwrap();
        for (.., step) in plan {
            assert!(!step.starts_with("SCAN"), "{sql}: {step}");
            assert!(may_sort || !step.contains("TEMP B-TREE"), "{sql}: {step}");
            if sql.contains("user_id") && step.starts_with("SEARCH") {
                assert!(step.contains("user_id=?"), "{sql}: {step}");
            }
        }
    }
}
