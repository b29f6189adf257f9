//! Where a request comes from, as sessions remember it.

use std::net::IpAddr;

use countersign_core::session::{MAX_USER_AGENT, Place, cut};

/// The address of a client, and what it calls itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whence {
    /// The address; one of IPv4 never in one of IPv6.
    pub address: IpAddr,
    /// The `User-Agent`, cut to what is kept.
    pub user_agent: Option<Box<str>>,
}

impl Whence {
    /// From this address, with this `User-Agent`.
    pub fn new(address: IpAddr, user_agent: Option<&str>) -> Self {
        Self { address: address.to_canonical(), user_agent: user_agent.map(|text| cut(text, MAX_USER_AGENT)) }
    }

    /// The same as far as refresh tokens are concerned.
    pub fn place(&self) -> Place {
        Place::of(self.address, self.user_agent.as_deref())
    }
}
