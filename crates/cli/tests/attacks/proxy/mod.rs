//! The proxy door, seen from the API behind it and from the client before it.

mod answers;
mod bodies;
mod failures;
mod open_route;
mod requests;
