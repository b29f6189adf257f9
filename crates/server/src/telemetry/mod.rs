//! Logs: one event, one line, on stderr. Nothing that somebody else wrote can begin a line, end a field or move a
//! terminal's cursor.

mod chain;
mod clean;
mod fields;
mod line;
#[cfg(test)]
mod tests;

pub use chain::chain;

use std::io::{self, IsTerminal as _};

use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::config::{Log, LogFormat};
use fields::CleanFields;
use line::Lines;

/// Writes the log of this process to stderr from now on. What was decided by an earlier call stands.
pub fn start(log: &Log) {
    let is_a_terminal = io::stderr().is_terminal();
    let _ = tracing::subscriber::set_global_default(subscriber(log, is_a_terminal, io::stderr));
}

/// A log to `writer`, with one call of it per line.
pub fn subscriber<W>(log: &Log, is_a_terminal: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = match (log.format, is_a_terminal) {
        (LogFormat::Text, _) | (LogFormat::Auto, true) => Lines::Text,
        (LogFormat::Json, _) | (LogFormat::Auto, false) => Lines::Json,
    };
    // Libraries have no say below warnings: at debug some of them write what they carry.
    let level = LevelFilter::from_level(log.level);
    let levels = Targets::new().with_target("countersign", level).with_default(level.min(LevelFilter::WARN));
    let layer = tracing_subscriber::fmt::layer().fmt_fields(CleanFields).event_format(lines).with_writer(writer);
    tracing_subscriber::registry().with(levels).with(layer)
}
