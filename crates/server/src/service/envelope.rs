//! What makes an envelope the claimant's own.

use countersign_core::authority::Authority;
use countersign_core::envelope::{Addressee, Envelope};
use countersign_core::signature::Authentication;
use countersign_core::time::Timestamp;
use countersign_core::username::Username;

use super::claim::Claim;
use super::verify_request::Provable;
use crate::app::App;

impl Provable for Envelope {
    fn keyid(&self) -> &str {
        self.keyid()
    }

    fn opens_a_session(&self) -> bool {
        false
    }

    /// It is for us, under a name of ours in its one spelling, and from the user whose key it names.
    fn authenticate(&self, app: &App, claim: &Claim, now: Timestamp) -> Authentication<'_> {
        let audience = app.accounts.config.names.authorities().recognise(self.audience()).map_or("", Authority::as_str);
        let username = claim.username();
        // No user has the empty name.
        let username = username.as_ref().map_or("", Username::as_str);
        let addressee = Addressee { audience, username };
        self.authenticate(claim.c2s(), addressee, app.freshness, now)
    }
}
