//! What Countersign costs, as ratios to references measured in the same run.
//!
//! `countersign-bench` compares one verification with the bare MAC and with other schemes; `countersign-bench envelope` does
//! so for an envelope; `countersign-bench server` a whole guard over sockets with its own route that asks for no signature.

mod micro;
mod report;
mod server;
mod spread;
mod stopwatch;

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        None => micro::run(),
        Some("envelope") => micro::envelope::run(),
        Some("server") => server::run(),
        Some(other) => anyhow::bail!("there is no benchmark {other:?}; leave it out, or say envelope or server"),
    }
}
