use std::fmt;
use std::sync::Arc;

use crate::memory::Memory;
use crate::port::{
    AcceptMarks, BurntNonces, Enrolments, EventChain, Events, Keys, Outcomes, Revocations, Sealings, ServerSecrets,
    Sessions, Successions, Tickets, TokenFamilies, Users,
};

/// Every port of one store, for a server to hand around.
#[derive(Clone)]
pub struct Stores {
    /// The server's own secrets.
    pub server_secrets: Arc<dyn ServerSecrets>,
    /// Users.
    pub users: Arc<dyn Users>,
    /// Signing keys.
    pub keys: Arc<dyn Keys>,
    /// Permissions to enrol.
    pub tickets: Arc<dyn Tickets>,
    /// How users and keys come into being.
    pub enrolments: Arc<dyn Enrolments>,
    /// How keys follow one another.
    pub successions: Arc<dyn Successions>,
    /// Sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Their refresh tokens.
    pub token_families: Arc<dyn TokenFamilies>,
    /// What was taken back.
    pub revocations: Arc<dyn Revocations>,
    /// The event log.
    pub events: Arc<dyn Events>,
    /// What shows that it is still what was written.
    pub event_chain: Arc<dyn EventChain>,
    /// The persisted part of the accept clock.
    pub accept_marks: Arc<dyn AcceptMarks>,
    /// Nonces of future-dated requests.
    pub burnt_nonces: Arc<dyn BurntNonces>,
    /// What became of requests with idempotency keys.
    pub outcomes: Arc<dyn Outcomes>,
    /// Everything that is sealed.
    pub sealings: Arc<dyn Sealings>,
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores").finish_non_exhaustive()
    }
}

impl Stores {
    /// A store that is gone with the process: for tests and demonstrations.
    pub fn in_memory() -> Self {
        let memory = Arc::new(Memory::default());
        Self::of(&memory, memory.clone())
    }

    /// The server's secrets, and one adapter of all other ports.
    pub(crate) fn of<A>(adapter: &Arc<A>, server_secrets: Arc<dyn ServerSecrets>) -> Self
    where
        A: Users
            + Keys
            + Tickets
            + Enrolments
            + Successions
            + Sessions
            + TokenFamilies
            + Revocations
            + Events
            + EventChain
            + AcceptMarks
            + BurntNonces
            + Outcomes
            + Sealings
            + 'static,
    {
        Self {
            server_secrets,
            users: adapter.clone(),
            keys: adapter.clone(),
            tickets: adapter.clone(),
            enrolments: adapter.clone(),
            successions: adapter.clone(),
            sessions: adapter.clone(),
            token_families: adapter.clone(),
            revocations: adapter.clone(),
            events: adapter.clone(),
            event_chain: adapter.clone(),
            accept_marks: adapter.clone(),
            burnt_nonces: adapter.clone(),
            outcomes: adapter.clone(),
            sealings: adapter.clone(),
        }
    }
}
