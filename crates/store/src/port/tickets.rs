use async_trait::async_trait;
use countersign_core::account::Ticket;
use countersign_core::event::Event;
use countersign_core::id::TicketId;

use super::{Change, StoreError};

/// Single-use permissions to enrol.
#[async_trait]
pub trait Tickets: Send + Sync {
    /// Keeps a new, open ticket. An id that exists is an error.
    async fn issue(&self, ticket: &Ticket, event: &Event) -> Result<(), StoreError>;

    /// The ticket of this id. A row whose MAC does not hold is given back as revoked.
    async fn find(&self, id: TicketId) -> Result<Option<Ticket>, StoreError>;

    /// At most `limit` tickets by id, after this one.
    async fn list(&self, after: Option<TicketId>, limit: u32) -> Result<Vec<Ticket>, StoreError>;

    /// Takes an open ticket back at `event.at`; a used one is [`Change::Already`].
    async fn revoke(&self, id: TicketId, event: &Event) -> Result<Change, StoreError>;
}
