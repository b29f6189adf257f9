//! Which octets of a stored row its MAC covers: every field, so that no flipped bit on disk goes unnoticed.
//!
//! Each function takes its record apart without `..`: a field that is added and not covered does not compile.

use super::{
    Credentials, KeyOrigin, KeyRecord, KeyState, Recovers, RecoveryKind, Ticket, TicketState, User, UserState,
};
use crate::id::TicketId;
use crate::secret::{RowKey, RowMac, Sealed};
use crate::time::Timestamp;

pub(crate) type Columns = Vec<Vec<u8>>;

impl Credentials {
    /// The MAC of the row that keeps this user and the hash of the password.
    pub fn row_mac(&self, key: &RowKey) -> RowMac {
        mac(key, "users", &self.columns())
    }

    /// Whether `mac` belongs to this row as it is.
    pub fn row_verifies(&self, key: &RowKey, mac: &[u8]) -> bool {
        verifies(key, "users", &self.columns(), mac)
    }

    fn columns(&self) -> Columns {
        let Self { user, password } = self;
        // Whether there is a password, the password itself says.
        let User { id, username, role, state, permissions, has_password: _, generation, created } = user;
        let mut columns: Columns = vec![
            id.to_string().into(),
            username.as_str().into(),
            role.as_str().into(),
            user_state(*state).into(),
            generation.to_be_bytes().into(),
            time(*created),
        ];
        // Only where there is one: rows from before there were any keep their MACs.
        if password.is_some() || !permissions.is_empty() {
            let hash = password.as_ref().map_or("", |hash| hash.expose());
            columns.extend([permissions.to_string().into(), hash.into()]);
        }
        columns
    }
}

impl KeyRecord {
    /// The MAC of the row that keeps this key.
    pub fn row_mac(&self, key: &RowKey) -> RowMac {
        mac(key, "keys", &self.columns())
    }

    /// Whether `mac` belongs to this row as it is.
    pub fn row_verifies(&self, key: &RowKey, mac: &[u8]) -> bool {
        verifies(key, "keys", &self.columns(), mac)
    }

    fn columns(&self) -> Columns {
        let Self { id, user, device, root: Sealed { version, octets }, origin, state, created } = self;
        let (origin, from) = key_origin(origin);
        let (state, state_at) = key_state(*state);
        vec![
            id.as_str().into(),
            user.to_string().into(),
            device.as_str().into(),
            version.to_be_bytes().into(),
            octets.clone(),
            origin.into(),
            from,
            state.into(),
            state_at,
            time(*created),
        ]
    }
}

impl Ticket {
    /// The MAC of the row that keeps this ticket.
    pub fn row_mac(&self, key: &RowKey) -> RowMac {
        mac(key, "tickets", &self.columns())
    }

    /// Whether `mac` belongs to this row as it is.
    pub fn row_verifies(&self, key: &RowKey, mac: &[u8]) -> bool {
        verifies(key, "tickets", &self.columns(), mac)
    }

    fn columns(&self) -> Columns {
        let Self { id: TicketId(id), role, recovers, not_after, created, state } = self;
        let (state, state_at, used_by) = ticket_state(state);
        let mut columns: Columns =
            vec![id.into(), role.as_str().into(), time(*not_after), time(*created), state.into(), state_at, used_by];
        // Only where there is one: rows from before there were any keep their MACs.
        if let Some(Recovers { user, by }) = recovers {
            columns.extend([recovery_kind(*by).into(), user.to_string().into()]);
        }
        columns
    }
}

fn user_state(state: UserState) -> &'static str {
    match state {
        UserState::Enabled => "enabled",
        UserState::Disabled => "disabled",
        UserState::Deleted => "deleted",
    }
}

fn key_state(state: KeyState) -> (&'static str, Vec<u8>) {
    match state {
        KeyState::Active => ("active", Vec::new()),
        KeyState::Ending { at } => ("ending", time(at)),
        KeyState::Revoked { at } => ("revoked", time(at)),
    }
}

fn key_origin(origin: &KeyOrigin) -> (&'static str, Vec<u8>) {
    match origin {
        KeyOrigin::GroupCard => ("group", Vec::new()),
        KeyOrigin::Ticket(TicketId(id)) => ("ticket", id.into()),
        KeyOrigin::SeedMode => ("seed", Vec::new()),
        KeyOrigin::Rotation(predecessor) => ("rotation", predecessor.as_str().into()),
        KeyOrigin::Recovery(TicketId(id)) => ("recovery", id.into()),
    }
}

fn recovery_kind(kind: RecoveryKind) -> &'static str {
    match kind {
        RecoveryKind::Card => "card",
        RecoveryKind::Code => "code",
    }
}

fn ticket_state(state: &TicketState) -> (&'static str, Vec<u8>, Vec<u8>) {
    match state {
        TicketState::Open => ("open", Vec::new(), Vec::new()),
        TicketState::Used { at, key } => ("used", time(*at), key.as_str().into()),
        TicketState::Revoked { at } => ("revoked", time(*at), Vec::new()),
    }
}

pub(crate) fn time(at: Timestamp) -> Vec<u8> {
    at.as_millis().to_be_bytes().into()
}

pub(crate) fn mac(key: &RowKey, table: &str, columns: &Columns) -> RowMac {
    key.mac(table, &slices(columns))
}

pub(crate) fn verifies(key: &RowKey, table: &str, columns: &Columns, mac: &[u8]) -> bool {
    key.verifies(table, &slices(columns), mac)
}

fn slices(columns: &Columns) -> Vec<&[u8]> {
    columns.iter().map(Vec::as_slice).collect()
}

#[cfg(test)]
pub(crate) mod tests;
