//! The whole listener but for its sockets, on a paused clock: hours pass in no time.

mod answers;
mod any_octets;
mod frames;
mod streams;
mod timeouts;
mod upgrades;
mod wire;
