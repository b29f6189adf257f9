//! What each value must be, and which values contradict each other.

mod doors;
mod envelope;
mod quotas;
mod routes;
mod secrets;
mod sessions;
mod tokens;
mod verifiers;

use core::str::FromStr;
use std::path::PathBuf;

use countersign_core::time::Freshness;
use tracing::Level;

use super::authority::Authorities;
use super::desk::Desk;
use super::limits::{Log, LogFormat};
use super::secret::SecretText;
use super::settings::Config;
use super::written::{Written, WrittenLog};

/// The configuration as meant. It means nothing when the desk has noted faults.
pub(super) fn config(desk: &mut Desk<'_>, written: &Written, kek: Option<&SecretText>) -> Config {
    let mut dangers = Vec::new();
    let doors = doors::check(desk, written, &mut dangers);
    let client_address = doors::client_address(desk, written, &mut dangers);
    let sizes = quotas::sizes(desk, written);
    let max_buffered = sizes.max_buffered;
    let seed_mode = secrets::seed_mode(desk, written, &mut dangers);
    let routes = routes::check(desk, &written.route, &sizes, &mut dangers);
    Config {
        data: desk.file("data", written.data.as_deref()).unwrap_or_else(|| PathBuf::from("./countersign-data")),
        listen: doors.listen,
        admin_listen: doors.admin_listen,
        admin_names: Authorities::of_operators(doors.admin_listen),
        names: doors.names,
        tls: doors.tls,
        upstream: doors.upstream,
        upstream_timeout: desk.seconds("upstream_timeout_seconds", written.upstream_timeout_seconds, 30, 3_600),
        freshness: freshness(desk, written),
        client_address,
        seed_mode,
        sizes,
        ticket_validity: desk.seconds("ticket_days", written.ticket_days, 7, 365) * 86_400,
        tokens: tokens::check(desk, written),
        event_retention: quotas::event_retention(desk, written),
        event_heads_file: desk.file("event_heads_file", written.event_heads_file.as_deref()),
        sessions: sessions::check(desk, written, &mut dangers),
        verifiers: verifiers::check(desk, &written.verifier),
        kek: secrets::kek(desk, written, kek),
        replay: quotas::replay(desk, &written.replay),
        max_kept_per_user: quotas::kept_per_user(desk, &written.idempotency),
        passwords: quotas::passwords(desk, &written.password),
        limits: quotas::limits(desk, &written.limits),
        log: log(desk, &written.log),
        routes,
        envelopes: envelope::check(desk, &written.envelope, max_buffered),
        dangers,
    }
}

fn freshness(desk: &mut Desk<'_>, written: &Written) -> Freshness {
    let Profile(window) = desk.text("profile", written.profile.as_deref(), Profile(5));
    Freshness::from_window(desk.seconds("window_seconds", written.window_seconds, window, 300))
}

/// The window of a profile, in seconds.
struct Profile(u64);

impl FromStr for Profile {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "standard" => Ok(Self(5)),
            "mobile" => Ok(Self(30)),
            _ => Err("it is neither"),
        }
    }
}

fn log(desk: &mut Desk<'_>, written: &WrittenLog) -> Log {
    let LogLevel(level) = desk.text("log.level", written.level.as_deref(), LogLevel(Level::INFO));
    Log { level, format: desk.text("log.format", written.format.as_deref(), LogFormat::Auto) }
}

struct LogLevel(Level);

impl FromStr for LogLevel {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "error" => Ok(Self(Level::ERROR)),
            "warn" => Ok(Self(Level::WARN)),
            "info" => Ok(Self(Level::INFO)),
            "debug" => Ok(Self(Level::DEBUG)),
            "trace" => Ok(Self(Level::TRACE)),
            _ => Err("it is none of them"),
        }
    }
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "auto" => Ok(Self::Auto),
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("it is none of them"),
        }
    }
}
