//! The HTTP doors: what is believed about bytes and addresses before anybody's signature is looked at.

pub mod listener;
pub mod peer;
