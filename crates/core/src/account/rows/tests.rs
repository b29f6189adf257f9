use super::*;
use crate::account::Role;
use crate::id::{KeyId, UserId};
use crate::password::PasswordHash;
use crate::permission::Permissions;
use crate::secret::Secret32;

fn key() -> RowKey {
    RowKey::new(&Secret32::new([3; 32]))
}

const AT: Timestamp = Timestamp::from_millis(1_763_780_000_123);
const LATER: Timestamp = Timestamp::from_millis(1_763_780_000_124);

fn user() -> User {
    User {
        id: UserId::from_random([1; 16]),
        username: "alice".parse().unwrap(),
        role: Role::User,
        state: UserState::Disabled,
        permissions: Permissions::default(),
        has_password: false,
        generation: 1,
        created: AT,
    }
}

fn without(user: User) -> Credentials {
    Credentials::new(user, None)
}

fn with(user: User, hash: &str) -> Credentials {
    Credentials::new(user, Some(PasswordHash::from_phc(format!("$argon2id$v=19${hash}")).unwrap()))
}

fn permissions(text: &str) -> Permissions {
    text.parse().unwrap()
}

fn record() -> KeyRecord {
    KeyRecord {
        id: KeyId::from_random([1; 16]),
        user: UserId::from_random([1; 16]),
        device: "laptop".to_owned(),
        root: Sealed { version: 1, octets: vec![1, 2, 3] },
        origin: KeyOrigin::Ticket(TicketId([1; 8])),
        state: KeyState::Revoked { at: AT },
        created: AT,
    }
}

fn ticket() -> Ticket {
    Ticket {
        id: TicketId([1; 8]),
        role: Role::User,
        recovers: None,
        not_after: AT,
        created: AT,
        state: TicketState::Used { at: AT, key: KeyId::from_random([1; 16]) },
    }
}

fn recovers(number: u8, by: RecoveryKind) -> Option<Recovers> {
    Some(Recovers { user: UserId::from_random([number; 16]), by })
}

/// All of these rows have different MACs, and each verifies by its own only.
pub(crate) fn all_differ<Row>(rows: &[Row], mac: impl Fn(&Row) -> RowMac, verifies: impl Fn(&Row, &[u8]) -> bool) {
    for (place, row) in rows.iter().enumerate() {
        for (other_place, other) in rows.iter().enumerate() {
            assert_eq!(verifies(row, &mac(other).0), place == other_place, "rows {place} and {other_place}");
        }
    }
}

#[test]
fn every_field_of_a_user_changes_the_mac_of_its_row() {
    let rows = [
        without(user()),
        without(User { id: UserId::from_random([2; 16]), ..user() }),
        without(User { username: "alicf".parse().unwrap(), ..user() }),
        without(User { role: Role::Admin, ..user() }),
        without(User { role: Role::Service, ..user() }),
        without(User { state: UserState::Enabled, ..user() }),
        without(User { state: UserState::Deleted, ..user() }),
        without(User { generation: 0, ..user() }),
        without(User { created: LATER, ..user() }),
        without(User { permissions: permissions("a"), ..user() }),
        without(User { permissions: permissions("a b"), ..user() }),
        with(user(), "a"),
        with(user(), "b"),
        with(User { permissions: permissions("a"), ..user() }, "a"),
    ];
    all_differ(&rows, |row| row.row_mac(&key()), |row, mac| row.row_verifies(&key(), mac));
}

#[test]
fn every_field_of_a_key_changes_the_mac_of_its_row() {
    let rows = [
        record(),
        KeyRecord { id: KeyId::from_random([2; 16]), ..record() },
        KeyRecord { user: UserId::from_random([2; 16]), ..record() },
        KeyRecord { device: "laptoq".to_owned(), ..record() },
        KeyRecord { root: Sealed { version: 2, octets: vec![1, 2, 3] }, ..record() },
        KeyRecord { root: Sealed { version: 1, octets: vec![1, 2, 4] }, ..record() },
        KeyRecord { origin: KeyOrigin::Ticket(TicketId([2; 8])), ..record() },
        KeyRecord { origin: KeyOrigin::GroupCard, ..record() },
        KeyRecord { origin: KeyOrigin::SeedMode, ..record() },
        KeyRecord { origin: KeyOrigin::Recovery(TicketId([1; 8])), ..record() },
        KeyRecord { origin: KeyOrigin::Rotation(KeyId::from_random([1; 16])), ..record() },
        KeyRecord { origin: KeyOrigin::Rotation(KeyId::from_random([2; 16])), ..record() },
        KeyRecord { state: KeyState::Active, ..record() },
        KeyRecord { state: KeyState::Ending { at: AT }, ..record() },
        KeyRecord { state: KeyState::Ending { at: LATER }, ..record() },
        KeyRecord { state: KeyState::Revoked { at: LATER }, ..record() },
        KeyRecord { created: LATER, ..record() },
    ];
    all_differ(&rows, |row| row.row_mac(&key()), |row, mac| row.row_verifies(&key(), mac));
}

#[test]
fn every_field_of_a_ticket_changes_the_mac_of_its_row() {
    let rows = [
        ticket(),
        Ticket { id: TicketId([2; 8]), ..ticket() },
        Ticket { role: Role::Admin, ..ticket() },
        Ticket { recovers: recovers(1, RecoveryKind::Card), ..ticket() },
        Ticket { recovers: recovers(2, RecoveryKind::Card), ..ticket() },
        Ticket { recovers: recovers(1, RecoveryKind::Code), ..ticket() },
        Ticket { not_after: LATER, ..ticket() },
        Ticket { created: LATER, ..ticket() },
        Ticket { state: TicketState::Open, ..ticket() },
        Ticket { state: TicketState::Revoked { at: AT }, ..ticket() },
        Ticket { state: TicketState::Used { at: LATER, key: KeyId::from_random([1; 16]) }, ..ticket() },
        Ticket { state: TicketState::Used { at: AT, key: KeyId::from_random([2; 16]) }, ..ticket() },
    ];
    all_differ(&rows, |row| row.row_mac(&key()), |row, mac| row.row_verifies(&key(), mac));
}

/// A MAC that a column more or less has changed would void every row of a store from before.
#[test]
fn the_rows_of_a_store_from_before_recovery_keep_their_macs() {
    let mac = key().mac(
        "tickets",
        &[&[1; 8], b"user", &AT.as_millis().to_be_bytes(), &AT.as_millis().to_be_bytes(), b"open", b"", b""],
    );
    let open = Ticket { state: TicketState::Open, ..ticket() };
    assert!(open.row_verifies(&key(), &mac.0));
}

#[test]
fn the_rows_of_a_store_from_before_passwords_keep_their_macs() {
    let id = UserId::from_random([1; 16]).to_string();
    let created = AT.as_millis().to_be_bytes();
    let mac = key().mac("users", &[id.as_bytes(), b"alice", b"user", b"disabled", &[0, 0, 0, 1], &created]);
    assert!(without(user()).row_verifies(&key(), &mac.0));
}

#[test]
fn a_row_mac_of_another_store_does_not_verify() {
    let other = RowKey::new(&Secret32::new([4; 32]));
    assert!(!without(user()).row_verifies(&other, &without(user()).row_mac(&key()).0));
    assert!(!record().row_verifies(&other, &record().row_mac(&key()).0));
    assert!(!ticket().row_verifies(&other, &ticket().row_mac(&key()).0));
    assert!(!without(user()).row_verifies(&key(), &[]));
}
