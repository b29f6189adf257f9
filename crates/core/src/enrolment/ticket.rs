//! The pre-shared keys of tickets: derived from what is stored, never stored.

use crate::account::Role;
use crate::encoding::put_lp;
use crate::enrolment::CardKind;
use crate::id::TicketId;
use crate::secret::{MacKey, Secret32};
use crate::time::Timestamp;

/// The psk of a ticket: `HM(K_ticket, "countersign/1 ticket\0" ‖ id ‖ u64 not_after ‖ lp(role))` (protocol §3).
///
/// `not_after` counts in whole seconds. Role and expiry are bound in, so that a row that was changed in the store
/// yields a psk that no card carries.
pub fn ticket_psk(k_ticket: &MacKey, id: TicketId, not_after: Timestamp, role: Role) -> Secret32 {
    Secret32::new(k_ticket.mac(&[&ticket_message(id, not_after, role)]))
}

/// What the psk of a ticket is a MAC over.
pub(super) fn ticket_message(id: TicketId, not_after: Timestamp, role: Role) -> Vec<u8> {
    let mut message = b"countersign/1 ticket\0".to_vec();
    message.extend_from_slice(&id.0);
    message.extend_from_slice(&not_after.as_secs().to_be_bytes());
    put_lp(&mut message, role.as_str().as_bytes());
    message
}

/// The psk to try when there is no such card: an unknown ticket then costs the same work as a known one with a wrong
/// psk, and answers the same. Nobody but the server can compute it.
pub fn decoy_psk(decoy_key: &MacKey, kind: CardKind) -> Secret32 {
    let (kind, id) = kind.octets();
    Secret32::new(decoy_key.mac(&[b"countersign/1 decoy card\0", &[kind], &id]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TicketId = TicketId([0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17]);
    const END: Timestamp = Timestamp::from_secs(1_763_866_400);

    fn key() -> MacKey {
        MacKey::new(&Secret32::new([0x71; 32]))
    }

    #[test]
    fn the_psk_of_a_ticket_is_bound_to_its_id_its_end_and_its_role() {
        let psk = |id, end, role| *ticket_psk(&key(), id, end, role).expose();
        let real = psk(ID, END, Role::User);
        assert_eq!(crate::encoding::hex(&real), "983287b4a2bafc481e827ae500a9a0a238624cecf10b5199ce4c4ac70c63c2bf");
        assert_ne!(psk(TicketId([0; 8]), END, Role::User), real);
        assert_ne!(psk(ID, Timestamp::from_secs(END.as_secs() + 1), Role::User), real);
        assert_ne!(psk(ID, END, Role::Admin), real);
        assert_ne!(psk(ID, END, Role::Service), real);
    }

    #[test]
    fn a_decoy_is_stable_and_different_for_every_card() {
        let decoy = |kind| *decoy_psk(&key(), kind).expose();
        assert_eq!(decoy(CardKind::Ticket(ID)), decoy(CardKind::Ticket(ID)));
        assert_ne!(decoy(CardKind::Ticket(ID)), decoy(CardKind::Ticket(TicketId([0; 8]))));
        assert_ne!(decoy(CardKind::Group), decoy(CardKind::Ticket(TicketId([0; 8]))));
    }
}
