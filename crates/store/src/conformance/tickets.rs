//! [`Tickets`](crate::port::Tickets).

use countersign_core::account::{Ticket, TicketState};
use countersign_core::event::EventKind;

use super::sample::{NOW, at, by_ticket, enrolled, event, events, issue, ticket, ticket_id};
use crate::Stores;
use crate::port::Change;

async fn revoke(stores: &Stores, number: u8, time: u64) -> Change {
    let told = event(EventKind::TicketRevoked, at(time));
    stores.tickets.revoke(ticket_id(number), &told).await.expect("revoke")
}

async fn find(stores: &Stores, number: u8) -> Option<Ticket> {
    stores.tickets.find(ticket_id(number)).await.expect("find")
}

/// Every field.
pub async fn a_ticket_comes_back_as_issued(stores: &Stores) {
    issue(stores, 9).await;
    assert_eq!(find(stores, 9).await, Some(ticket(9)));
    assert_eq!(events(stores).await, 1);
}

/// The first revocation counts, and only that one is told of.
pub async fn a_revoked_ticket_stays_revoked(stores: &Stores) {
    issue(stores, 9).await;
    assert_eq!(revoke(stores, 9, 5).await, Change::Made);
    assert_eq!(revoke(stores, 9, 7).await, Change::Already);
    assert_eq!(find(stores, 9).await.map(|ticket| ticket.state), Some(TicketState::Revoked { at: at(5) }));
    assert_eq!(events(stores).await, 2);
}

/// What it let in is revoked by its key.
pub async fn a_used_ticket_cannot_be_revoked(stores: &Stores) {
    issue(stores, 9).await;
    let confirmation = by_ticket(1, "alice", ticket_id(9));
    stores.enrolments.confirm(&confirmation, &enrolled()).await.expect("confirm");
    assert_eq!(revoke(stores, 9, 5).await, Change::Already);
    let used = TicketState::Used { at: NOW, key: confirmation.key.id };
    assert_eq!(find(stores, 9).await.map(|ticket| ticket.state), Some(used));
}

/// What was never there is neither found nor revoked.
pub async fn an_unknown_ticket_is_missing(stores: &Stores) {
    assert_eq!(find(stores, 9).await, None);
    assert_eq!(revoke(stores, 9, 5).await, Change::Missing);
    assert_eq!(events(stores).await, 0);
}

/// A second ticket of the same id does not open the first again.
pub async fn an_id_is_issued_once(stores: &Stores) {
    issue(stores, 9).await;
    revoke(stores, 9, 5).await;
    let again = stores.tickets.issue(&ticket(9), &event(EventKind::TicketIssued, at(6))).await;
    assert!(again.is_err());
    assert_eq!(find(stores, 9).await.map(|ticket| ticket.state), Some(TicketState::Revoked { at: at(5) }));
    assert_eq!(events(stores).await, 2);
}

/// By id, without overlap.
pub async fn tickets_are_listed_by_cursor(stores: &Stores) {
    for number in [0xa0, 0x09, 0x10] {
        issue(stores, number).await;
    }
    let ids = |after, limit| async move {
        let tickets = stores.tickets.list(after, limit).await.expect("list");
        tickets.into_iter().map(|ticket| ticket.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, 2).await, [ticket_id(0x09), ticket_id(0x10)]);
    assert_eq!(ids(Some(ticket_id(0x10)), 2).await, [ticket_id(0xa0)]);
    assert!(ids(Some(ticket_id(0xa0)), 2).await.is_empty());
}
