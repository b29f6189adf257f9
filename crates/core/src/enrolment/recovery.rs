//! The pre-shared keys of recovery cards and codes: derived from what is stored, never stored (protocol §10).

use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::account::Role;
use crate::encoding::put_lp;
use crate::id::TicketId;
use crate::secret::{MacKey, Secret32, expand};
use crate::time::Timestamp;
use crate::username::Username;

/// 128 secret bits, short enough to be printed: from them comes the psk with which a user recovers.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RecoveryCode([u8; 16]);

impl RecoveryCode {
    /// A code that was read or received.
    pub const fn new(octets: [u8; 16]) -> Self {
        Self(octets)
    }

    /// The code of this ticket of this user: the front half of `HM(K_ticket, "countersign/1 recovery code\0" ‖ id ‖
    /// lp(username))`. Nobody can tell it from random octets but the server, which need not keep it therefore.
    pub fn of_ticket(k_ticket: &MacKey, id: TicketId, username: &Username) -> Self {
        let mut message = b"countersign/1 recovery code\0".to_vec();
        message.extend_from_slice(&id.0);
        put_lp(&mut message, username.as_str().as_bytes());
        let mac = Secret32::new(k_ticket.mac(&[&message]));
        let mut octets = [0; 16];
        for (octet, of_mac) in octets.iter_mut().zip(mac.expose()) {
            *octet = *of_mac;
        }
        Self(octets)
    }

    /// The psk of the handshake: `HKDF("countersign/1", code, label("recovery psk", id))`.
    pub fn psk(&self, id: TicketId) -> Secret32 {
        expand(b"countersign/1", &self.0, &crate::secret::label("recovery psk", &id.0))
    }

    /// The octets, to be printed or sent to their owner under a seal.
    pub const fn expose(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(redacted)")
    }
}

/// The psk of a recovery card: that of a [ticket](super::ticket_psk), with `lp(username)` after the role.
pub fn recovery_psk(
    k_ticket: &MacKey,
    id: TicketId,
    not_after: Timestamp,
    (role, username): (Role, &Username),
) -> Secret32 {
    let mut message = super::ticket::ticket_message(id, not_after, role);
    put_lp(&mut message, username.as_str().as_bytes());
    Secret32::new(k_ticket.mac(&[&message]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TicketId = TicketId([0x10; 8]);
    const END: Timestamp = Timestamp::from_secs(1_763_866_400);

    fn key() -> MacKey {
        MacKey::new(&Secret32::new([0x71; 32]))
    }

    fn name(text: &str) -> Username {
        text.parse().unwrap()
    }

    #[test]
    fn the_psk_of_a_recovery_card_is_for_one_user_and_is_no_tickets() {
        let psk = |id, end, role, user| *recovery_psk(&key(), id, end, (role, &name(user))).expose();
        let real = psk(ID, END, Role::User, "alice");
        assert_ne!(psk(ID, END, Role::User, "bob"), real);
        assert_ne!(psk(ID, END, Role::Admin, "alice"), real);
        assert_ne!(psk(TicketId([0; 8]), END, Role::User, "alice"), real);
        assert_ne!(psk(ID, Timestamp::from_secs(END.as_secs() + 1), Role::User, "alice"), real);
        assert_ne!(*super::super::ticket_psk(&key(), ID, END, Role::User).expose(), real);
    }

    #[test]
    fn a_code_is_for_one_ticket_of_one_user() {
        let code = |id, user| *RecoveryCode::of_ticket(&key(), id, &name(user)).expose();
        assert_ne!(code(ID, "bob"), code(ID, "alice"));
        assert_ne!(code(TicketId([0; 8]), "alice"), code(ID, "alice"));
        let alices = RecoveryCode::new(code(ID, "alice"));
        assert_ne!(alices.psk(ID).expose(), alices.psk(TicketId([0; 8])).expose());
    }
}
