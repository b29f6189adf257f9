//! Which octets of a stored row its MAC covers: every field, so that no flipped bit on disk goes unnoticed.
//!
//! Each function takes its value apart without `..`: a field that is added and not covered does not compile.

use core::net::IpAddr;

use super::{Epoch, Family, OpenedBy, Place, Session, SessionState, TokenHash};
use crate::account::rows::{Columns, mac, time, verifies};
use crate::id::{FamilyId, SessionId, SessionRef};
use crate::secret::{RowKey, RowMac, Sealed};

impl Session {
    /// The MAC of the row that keeps this session.
    pub fn row_mac(&self, key: &RowKey) -> RowMac {
        mac(key, "active_sessions", &self.columns())
    }

    /// Whether `mac` belongs to this row as it is.
    pub fn row_verifies(&self, key: &RowKey, mac: &[u8]) -> bool {
        verifies(key, "active_sessions", &self.columns(), mac)
    }

    fn columns(&self) -> Columns {
        let Self {
            id: SessionId(id),
            reference: SessionRef(reference),
            user,
            opened_by,
            proof,
            generation,
            epoch,
            created,
            auth_time,
            last_used,
            expires,
            address,
            user_agent,
            device,
            token: TokenHash(token),
            state,
        } = self;
        let (opened_by, by_key, root_version, root) = opener(opened_by);
        let (state, at, why) = state_columns(*state);
        vec![
            id.into(),
            reference.into(),
            user.to_string().into(),
            opened_by.into(),
            by_key,
            root_version,
            root,
            proof.as_str().into(),
            generation.to_be_bytes().into(),
            epoch.to_be_bytes().into(),
            time(*created),
            time(*auth_time),
            time(*last_used),
            time(*expires),
            ip(*address),
            user_agent.is_some().to_string().into(),
            user_agent.as_deref().unwrap_or_default().into(),
            device.as_bytes().into(),
            token.into(),
            state.into(),
            at,
            why.into(),
        ]
    }
}

impl Family {
    /// The MAC of the row that keeps this family.
    pub fn row_mac(&self, key: &RowKey) -> RowMac {
        mac(key, "token_families", &self.columns())
    }

    /// Whether `mac` belongs to this row as it is.
    pub fn row_verifies(&self, key: &RowKey, mac: &[u8]) -> bool {
        verifies(key, "token_families", &self.columns(), mac)
    }

    fn columns(&self) -> Columns {
        let Self {
            id: FamilyId(id),
            session: SessionRef(session),
            user,
            proof,
            secret: Sealed { version, octets },
            sequence,
            rotated,
            place: Place(place),
            used,
            good_until,
            expires,
            state,
        } = self;
        let (state, at, why) = state_columns(*state);
        vec![
            id.into(),
            session.into(),
            user.to_string().into(),
            proof.as_str().into(),
            version.to_be_bytes().into(),
            octets.clone(),
            sequence.to_be_bytes().into(),
            time(*rotated),
            place.into(),
            used.to_string().into(),
            time(*good_until),
            time(*expires),
            state.into(),
            at,
            why.into(),
        ]
    }
}

impl Epoch {
    /// The MAC of the row that keeps this epoch.
    pub fn row_mac(&self, key: &RowKey) -> RowMac {
        mac(key, "epoch", &self.columns())
    }

    /// Whether `mac` belongs to this row as it is.
    pub fn row_verifies(&self, key: &RowKey, mac: &[u8]) -> bool {
        verifies(key, "epoch", &self.columns(), mac)
    }

    fn columns(&self) -> Columns {
        let Self { number, since } = self;
        vec![number.to_be_bytes().into(), time(*since)]
    }
}

fn opener(opened_by: &OpenedBy) -> (&'static str, Vec<u8>, Vec<u8>, Vec<u8>) {
    match opened_by {
        OpenedBy::Password { root: None } => ("password", Vec::new(), Vec::new(), Vec::new()),
        OpenedBy::Password { root: Some(Sealed { version, octets }) } => {
            ("password", Vec::new(), version.to_be_bytes().into(), octets.clone())
        }
        OpenedBy::Key(key) => ("key", key.as_str().into(), Vec::new(), Vec::new()),
    }
}

fn state_columns(state: SessionState) -> (&'static str, Vec<u8>, &'static str) {
    match state {
        SessionState::Open => ("open", Vec::new(), ""),
        SessionState::Ended { at, why } => ("ended", time(at), why.as_str()),
    }
}

fn ip(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    }
}

#[cfg(test)]
mod tests;
