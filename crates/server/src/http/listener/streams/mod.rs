//! HTTP/2 (RFC 9113): many requests on one connection, each on a stream.
//!
//! hyper reads the frames. What a stream may cost is bounded here: how many there are, how long a head may be, how much may
//! be under way, how slowly a body may come and an answer be taken, how many requests may be given up.

mod answer;
mod body;
mod conversation;
mod door;
mod rest;
mod taking;

pub(super) use self::body::Pacing;
pub(super) use self::rest::read_out;
