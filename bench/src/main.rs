//! What Countersign costs, as ratios to references measured in the same run.
//!
//! `countersign-bench` compares one verification with the bare MAC and with other schemes; `countersign-bench envelope` does
//! so for an envelope; `countersign-bench replay` what it costs to remember a nonce with one read of cold memory;
//! `countersign-bench server` a whole guard over sockets with its own route that asks for no signature, and with nginx as a
//! plain proxy; `countersign-bench stream` a signed stream with one bare MAC over the same octets. `countersign-bench
//! revocation` says how long a WebSocket outlives its key, `countersign-bench feed` how soon a verifier elsewhere knows of a
//! revocation; `countersign-bench sessions [COUNT]` what a million sessions cost in memory, and how long a start takes with COUNT in
//! the store; `countersign-bench logins` whether the time of a denied login tells if there is such a user, and what a login and
//! a refresh take; `countersign-bench peers` compares verifying a token with asking npm's `oidc-provider` about one.

mod feed;
mod logins;
mod micro;
mod peers;
mod people;
mod replay;
mod report;
mod revocation;
mod server;
mod sessions;
mod spread;
mod stopwatch;
mod stream;

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        None => micro::run(),
        Some("envelope") => micro::envelope::run(),
        Some("feed") => feed::run(),
        Some("logins") => logins::run(),
        Some("peers") => peers::run(),
        Some("sessions") => sessions::run(std::env::args().nth(2).as_deref()),
        Some("replay") => replay::run(),
        Some("revocation") => revocation::run(),
        Some("server") => server::run(),
        Some("stream") => stream::run(),
        // What `server` starts as the API behind the proxies.
        Some("api") => server::serve_api(),
        Some(other) => {
            anyhow::bail!(
                "there is no benchmark {other:?}; leave it out, or say envelope, feed, logins, peers, replay, revocation, server, \
                 sessions or stream"
            )
        }
    }
}
