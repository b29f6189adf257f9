//! Whether two requests come from the same place.

use core::net::IpAddr;

use sha2::{Digest as _, Sha256};

use crate::encoding::put_lp;
use crate::network::FineNetwork;

/// Where a request came from: the [fine network](FineNetwork) and what the client calls itself, as 16 octets that say
/// nothing but whether two are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place(pub [u8; 16]);

impl Place {
    /// The place of a request from this address with this `User-Agent`.
    pub fn of(address: IpAddr, user_agent: Option<&str>) -> Self {
        let mut message = b"countersign/1 place\0".to_vec();
        match FineNetwork::from(address) {
            FineNetwork::V4(address) => put_lp(&mut message, &address.octets()),
            FineNetwork::V6(network) => put_lp(&mut message, &network.to_be_bytes()),
        }
        if let Some(user_agent) = user_agent {
            put_lp(&mut message, user_agent.as_bytes());
        }
        let hash: [u8; 32] = Sha256::digest(message).into();
        let mut place = [0; 16];
        place.iter_mut().zip(hash).for_each(|(octet, of_hash)| *octet = of_hash);
        Self(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_network_and_a_user_agent() {
        let place = |address: &str, agent| Place::of(address.parse().unwrap(), agent);
        assert_eq!(place("192.0.2.1", Some("curl")), place("::ffff:192.0.2.1", Some("curl")));
        assert_eq!(place("2001:db8:1:2::1", None), place("2001:db8:1:2::9", None));
        assert_ne!(place("2001:db8:1:2::1", None), place("2001:db8:1:3::1", None));
        assert_ne!(place("192.0.2.1", Some("curl")), place("192.0.2.2", Some("curl")));
        assert_ne!(place("192.0.2.1", Some("curl")), place("192.0.2.1", Some("curl/8")));
        assert_ne!(place("192.0.2.1", Some("")), place("192.0.2.1", None));
    }
}
