use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// The networks whose hosts are believed when they say who their client is.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

/// A list of trusted proxies covers every address of a family, so anybody could claim to be anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "trusted_proxies covers every {0} address, so that anybody could claim any address: \
     list the proxies themselves, or set danger_trust_all_proxies = true"
)]
pub struct TrustsEveryone(&'static str);

impl TrustedProxies {
    /// The checked list. Networks of IPv4-mapped addresses mean the IPv4 networks.
    ///
    /// # Errors
    /// When the networks together cover all of IPv4 or all of IPv6 (0.0.0.0/0, ::/0, ::ffff:0:0/96, two halves …) and
    /// `danger_trust_all_proxies` is not set.
    pub fn check(networks: &[IpNet], danger_trust_all_proxies: bool) -> Result<Self, TrustsEveryone> {
        let networks = IpNet::aggregate(&networks.iter().copied().map(unmapped).collect());
        let everyone = networks.iter().find(|network| network.prefix_len() == 0);
        match everyone {
            Some(IpNet::V4(_)) if !danger_trust_all_proxies => Err(TrustsEveryone("IPv4")),
            Some(IpNet::V6(_)) if !danger_trust_all_proxies => Err(TrustsEveryone("IPv6")),
            _ => Ok(Self(networks)),
        }
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is the address of a trusted proxy.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether this is the address of a trusted proxy, and not trusted merely because everybody is.
    pub fn names(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.prefix_len() > 0 && network.contains(&address))
    }
}

/// The IPv4 network that an IPv6 network below ::ffff:0:0/96 stands for; any other network as it is.
fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(wide) = network else { return network };
    let (Some(address), Some(prefix)) = (wide.network().to_ipv4_mapped(), wide.prefix_len().checked_sub(96)) else {
        return network;
    };
    Ipv4Net::new(address, prefix).map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(networks: &[&str], danger: bool) -> Result<TrustedProxies, TrustsEveryone> {
        let networks: Vec<IpNet> = networks.iter().map(|text| text.parse().unwrap()).collect();
        TrustedProxies::check(&networks, danger)
    }

    #[test]
    fn trusting_everyone_is_refused_however_it_is_spelt() {
        for networks in [
            &["0.0.0.0/0"][..],
            &["::/0"],
            &["192.0.2.7/0"],
            &["::ffff:0:0/96"],
            &["0.0.0.0/1", "128.0.0.0/1"],
            &["::/1", "8000::/1"],
            &["10.0.0.0/8", "::ffff:0.0.0.0/97", "128.0.0.0/1"],
        ] {
            let error = check(networks, false).unwrap_err();
            assert!(error.to_string().contains("danger_trust_all_proxies"), "{networks:?}");
            assert!(check(networks, true).is_ok(), "{networks:?}");
        }
        assert!(check(&["0.0.0.0/1", "10.0.0.0/8", "::/1"], false).is_ok());
        assert!(check(&[], false).is_ok());
    }

    #[test]
    fn only_the_listed_networks_are_trusted_mapped_or_not() {
        let trusted = check(&["10.0.0.0/8", "2001:db8::/32", "::ffff:192.0.2.0/120"], false).unwrap();
        for inside in ["10.255.255.255", "::ffff:10.0.0.1", "2001:db8:ffff::1", "192.0.2.255"] {
            assert!(trusted.contains(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["11.0.0.0", "9.255.255.255", "2001:db9::", "192.0.3.0", "127.0.0.1", "::1", "::10.0.0.1"] {
            assert!(!trusted.contains(outside.parse().unwrap()), "{outside}");
        }
        let everyone = check(&["0.0.0.0/0", "2001:db8::/32"], true).unwrap();
        let address = |text: &str| text.parse().unwrap();
        assert!(everyone.contains(address("10.0.0.1")) && !everyone.names(address("10.0.0.1")));
        assert!(everyone.names(address("2001:db8::1")));
        assert!(!TrustedProxies::default().contains("127.0.0.1".parse().unwrap()));
    }
}
