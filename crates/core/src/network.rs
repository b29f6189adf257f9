//! What counts as one place on the network.

use core::net::{IpAddr, Ipv4Addr};

/// The network that counts as one place: an IPv4 address, or an IPv6 /64, which is what one subscriber gets and inside
/// of which he may choose his address anew for every connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FineNetwork {
    /// One IPv4 address.
    V4(Ipv4Addr),
    /// The upper 64 bits of an IPv6 address.
    V6(u64),
}

impl From<IpAddr> for FineNetwork {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6((u128::from(address) >> 64) as u64),
        }
    }
}

/// The network that counts as one neighbourhood: an IPv4 /24, or an IPv6 /48, which is what one customer of a provider may
/// have to himself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WideNetwork {
    /// The upper 24 bits of an IPv4 address.
    V4(u32),
    /// The upper 48 bits of an IPv6 address.
    V6(u64),
}

impl From<IpAddr> for WideNetwork {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(u32::from(address) >> 8),
            IpAddr::V6(address) => Self::V6((u128::from(address) >> 80) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> FineNetwork {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn an_ipv6_subscriber_is_one_network_whatever_address_he_picks() {
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
    }

    #[test]
    fn every_ipv4_address_is_a_network_of_its_own_mapped_or_not() {
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }

    #[test]
    fn a_neighbourhood_is_a_24_or_a_48() {
        let wide = |text: &str| WideNetwork::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(wide("192.0.2.1"), wide("192.0.2.255"));
        assert_ne!(wide("192.0.2.1"), wide("192.0.3.1"));
        assert_eq!(wide("::ffff:192.0.2.1"), wide("192.0.2.9"));
        assert_eq!(wide("2001:db8:1:2::1"), wide("2001:db8:1:ffff::1"));
        assert_ne!(wide("2001:db8:1::1"), wide("2001:db8:2::1"));
    }
}
