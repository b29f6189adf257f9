use core::net::SocketAddr;
use core::time::Duration;
use std::path::PathBuf;

use countersign_core::time::Freshness;

use super::authority::Authorities;
use super::envelope::Envelopes;
use super::limits::{Hashing, Limits, Log, ReplayQuotas, Sizes};
use super::names::Names;
use super::route::Routes;
use super::secret::{KekSource, SeedKeySource};
use super::sessions::SessionRules;
use super::tls::TlsFiles;
use super::tokens::Tokens;
use super::url::Upstream;
use super::verifier::VerifierSource;
use crate::http::peer::ClientAddress;

/// The configuration as meant. What has been looked at is a [`Checked<Config>`](super::Checked).
#[derive(Clone, Debug)]
pub struct Config {
    /// The data directory.
    pub data: PathBuf,
    /// Where the guard listens.
    pub listen: SocketAddr,
    /// Where `/healthz`, `/readyz` and what is for operators listen.
    pub admin_listen: SocketAddr,
    /// By which names clients reach us.
    pub names: Names,
    /// By which names operators reach the administration listener.
    pub admin_names: Authorities,
    /// The certificate that we show, when we speak TLS ourselves.
    pub tls: Option<TlsFiles>,
    /// The API behind us; the built-in echo if there is none.
    pub upstream: Option<Upstream>,
    /// How long an answer of the API may take.
    pub upstream_timeout: Duration,
    /// How far `created` may lie from our clock.
    pub freshness: Freshness,
    /// How the address of a client is found.
    pub client_address: ClientAddress,
    /// The shared key of the seed mode, when that is on.
    pub seed_mode: Option<SeedKeySource>,
    /// How many octets a message may have.
    pub sizes: Sizes,
    /// How long a new ticket is valid.
    pub ticket_validity: Duration,
    /// What access tokens are like.
    pub tokens: Tokens,
    /// How long events are kept; for ever without.
    pub event_retention: Option<Duration>,
    /// Where the heads of the event log are told besides the data directory.
    pub event_heads_file: Option<PathBuf>,
    /// How long sessions last.
    pub sessions: SessionRules,
    /// Who may ask about tokens and take them back, and where their secrets are.
    pub verifiers: Vec<VerifierSource>,
    /// Where the key-encryption key comes from.
    pub kek: KekSource,
    /// How many nonces the replay guard holds.
    pub replay: ReplayQuotas,
    /// The room for the outcomes of one user's requests with idempotency keys, in octets.
    pub max_kept_per_user: u64,
    /// How passwords are hashed.
    pub passwords: Hashing,
    /// What a listener allows.
    pub limits: Limits,
    /// What is logged, and how.
    pub log: Log,
    /// What holds for which part of the API.
    pub routes: Routes,
    /// What is taken in envelopes.
    pub envelopes: Envelopes,
    pub(super) dangers: Vec<String>,
}

impl Config {
    /// What is in force and dangerous, one sentence each; printed at start and by `doctor`.
    pub fn dangers(&self) -> &[String] {
        &self.dangers
    }
}
