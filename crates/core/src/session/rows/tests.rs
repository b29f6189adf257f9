use super::*;
use crate::account::rows::tests::all_differ;
use crate::id::{KeyId, UserId};
use crate::secret::Secret32;
use crate::session::refresh::tests::family;
use crate::session::value::tests::session;
use crate::session::{EndReason, Proof};
use crate::time::Timestamp;

const LATER: Timestamp = Timestamp::from_secs(1_999_999_999);

fn key() -> RowKey {
    RowKey::new(&Secret32::new([3; 32]))
}

fn ended(at: Timestamp, why: EndReason) -> SessionState {
    SessionState::Ended { at, why }
}

fn root(version: u32, octet: u8) -> OpenedBy {
    OpenedBy::Password { root: Some(Sealed { version, octets: vec![octet; 3] }) }
}

#[test]
fn every_field_of_a_session_changes_the_mac_of_its_row() {
    let rows = [
        session(),
        Session { id: SessionId([9; 16]), ..session() },
        Session { reference: SessionRef([9; 16]), ..session() },
        Session { user: UserId::from_random([9; 16]), ..session() },
        Session { opened_by: root(1, 1), ..session() },
        Session { opened_by: root(2, 1), ..session() },
        Session { opened_by: root(1, 2), ..session() },
        Session { opened_by: OpenedBy::Key(KeyId::from_random([1; 16])), ..session() },
        Session { opened_by: OpenedBy::Key(KeyId::from_random([2; 16])), ..session() },
        Session { proof: Proof::Key, ..session() },
        Session { generation: 2, ..session() },
        Session { epoch: 1, ..session() },
        Session { created: LATER, ..session() },
        Session { auth_time: LATER, ..session() },
        Session { last_used: LATER, ..session() },
        Session { expires: LATER, ..session() },
        Session { address: "192.0.2.2".parse().unwrap(), ..session() },
        Session { address: "::c000:201".parse().unwrap(), ..session() },
        Session { user_agent: Some("curm".into()), ..session() },
        Session { user_agent: Some("".into()), ..session() },
        Session { user_agent: None, ..session() },
        Session { device: "laptoq".into(), ..session() },
        Session { token: TokenHash::of("other"), ..session() },
        Session { state: ended(LATER, EndReason::LoggedOut), ..session() },
        Session { state: ended(session().created, EndReason::LoggedOut), ..session() },
        Session { state: ended(LATER, EndReason::Revoked), ..session() },
    ];
    all_differ(&rows, |row| row.row_mac(&key()), |row, mac| row.row_verifies(&key(), mac));
}

#[test]
fn every_field_of_a_family_changes_the_mac_of_its_row() {
    let family = || family(Proof::Bearer, false);
    let rows = [
        family(),
        Family { id: FamilyId([1; 16]), ..family() },
        Family { session: SessionRef([1; 16]), ..family() },
        Family { user: UserId::from_random([1; 16]), ..family() },
        Family { proof: Proof::Key, ..family() },
        Family { secret: Sealed { version: 2, octets: vec![1, 2, 3] }, ..family() },
        Family { secret: Sealed { version: 1, octets: vec![1, 2, 4] }, ..family() },
        Family { sequence: 4, ..family() },
        Family { rotated: LATER, ..family() },
        Family { place: Place([9; 16]), ..family() },
        Family { used: true, ..family() },
        Family { good_until: LATER, ..family() },
        Family { expires: LATER, ..family() },
        Family { state: ended(LATER, EndReason::LoggedOut), ..family() },
        Family { state: ended(family().rotated, EndReason::LoggedOut), ..family() },
        Family { state: ended(LATER, EndReason::Revoked), ..family() },
    ];
    all_differ(&rows, |row| row.row_mac(&key()), |row, mac| row.row_verifies(&key(), mac));
}

#[test]
fn every_field_of_an_epoch_changes_the_mac_of_its_row() {
    let epoch = Epoch { number: 1, since: session().created };
    let rows = [epoch, Epoch { number: 0, ..epoch }, Epoch { number: 2, ..epoch }, Epoch { since: LATER, ..epoch }];
    all_differ(&rows, |row| row.row_mac(&key()), |row, mac| row.row_verifies(&key(), mac));
}
