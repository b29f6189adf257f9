use async_trait::async_trait;
use countersign_core::event::Event;
use countersign_core::secret::Sealed;

use super::StoreError;

/// Whom the server's own secrets are sealed for, beside their name.
pub const OWNER_OF_SERVER_SECRETS: &str = "server";

/// The server's own secrets: random records, sealed like the rest.
#[async_trait]
pub trait ServerSecrets: Send + Sync {
    /// The secret of this name.
    async fn find(&self, name: &str) -> Result<Option<Sealed>, StoreError>;

    /// Keeps `fresh` if there is no secret of this name yet, and gives back the one that is kept: of any number of
    /// racing callers all get the same.
    async fn keep_first(&self, name: &str, fresh: &Sealed) -> Result<Sealed, StoreError>;

    /// Replaces the secret of this name; the former one is gone.
    async fn replace(&self, name: &str, fresh: &Sealed, event: &Event) -> Result<(), StoreError>;
}
