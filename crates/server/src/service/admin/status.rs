use countersign_core::account::KeyState;
use countersign_core::replay::Reading;
use serde::Serialize;

use crate::app::App;
use crate::service::Undecided;

/// How the guard is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
pub struct Status {
    /// Its version.
    pub version: String,
    /// When it was started, in milliseconds since the Unix epoch.
    pub started_ms: u64,
    /// How long ago that was, by a clock that nobody sets.
    pub uptime_ms: u64,
    /// Its clocks.
    pub clock: Clock,
    /// The store.
    pub store: StoreStatus,
    /// How many of each there are.
    pub counts: Counts,
    /// How far the logs have come.
    pub heads: LogHeads,
}

/// What time it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
pub struct Clock {
    /// By the clock of the machine, in milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// Whether requests can be judged by it. If not, signed requests are refused until it is right, or its mark kept.
    pub is_trusted: bool,
    /// How far `created` of a request may lie from it.
    pub window_ms: u64,
}

/// The store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
pub struct StoreStatus {
    /// Where it is.
    pub kind: String,
    /// The version of the key-encryption key under which secrets are sealed.
    pub kek_version: u32,
}

/// How many of each there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
pub struct Counts {
    /// Keys that may sign.
    pub active_keys: u64,
    /// Sessions in memory, those included that have ended and could still be asked about.
    pub sessions: u64,
    /// Nonces that are remembered.
    pub nonces: u64,
    /// Programs that may ask about tokens by a secret.
    pub verifiers: u64,
}

/// How far the logs have come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
pub struct LogHeads {
    /// The sequence number of the last event.
    pub events: u64,
    /// The sequence number of the last revocation.
    pub revocations: u64,
    /// The epoch: what was issued in an earlier one is void.
    pub epoch: u32,
}

/// Finds out. The store is asked, so an answer says that it answers.
pub async fn status(app: &App, reading: Reading) -> Result<Status, Undecided> {
    let accounts = &app.accounts;
    let head = accounts.stores.revocations.head().await?;
    let millis = |duration: core::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Ok(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_ms: app.opened.wall.as_millis(),
        uptime_ms: millis(reading.monotonic.saturating_sub(app.opened.monotonic)),
        clock: Clock {
            now_ms: reading.wall.as_millis(),
            is_trusted: app.replay.now(reading).is_ok(),
            window_ms: millis(app.freshness.window()),
        },
        store: StoreStatus { kind: "sqlite".to_owned(), kek_version: accounts.secrets.kek.keys().current() },
        counts: Counts {
            active_keys: accounts.keyring.count(|key| key.state == KeyState::Active)?,
            sessions: accounts.sessions.len()? as u64,
            nonces: app.replay.usage()?.nonces as u64,
            verifiers: accounts.verifiers.len() as u64,
        },
        heads: LogHeads {
            events: *accounts.stores.events.last().borrow(),
            revocations: head.sequence,
            epoch: head.epoch.number,
        },
    })
}
