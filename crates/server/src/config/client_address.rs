use core::net::IpAddr;

use ipnet::IpNet;

use crate::http::peer::ClientIpSource;

/// Where the address of a client is read, by its name in the configuration.
pub(super) fn source(text: &str) -> Result<ClientIpSource, String> {
    match text {
        "peer" => Ok(ClientIpSource::Peer),
        "x-forwarded-for" => Ok(ClientIpSource::XForwardedFor),
        "forwarded" => Ok(ClientIpSource::Forwarded),
        "x-real-ip" => Ok(ClientIpSource::XRealIp),
        "proxy-protocol" => Ok(ClientIpSource::ProxyProtocol),
        _ => Err("it is none of them".to_owned()),
    }
}

/// A network, or one address. `any` permits networks so wide that they mean everybody.
pub(super) fn network(text: &str, any: bool) -> Result<IpNet, String> {
    let alone = || text.parse::<IpAddr>().map(IpNet::from).ok();
    let network: IpNet =
        text.parse().ok().or_else(alone).ok_or("an entry is an address (::1) or a network (10.0.0.0/8)")?;
    if network != network.trunc() {
        return Err(format!("host bits are set; the network is {}", network.trunc()));
    }
    let (widest, mapped) = match network {
        IpNet::V4(_) => (8, false),
        // fc00::/7 is the private range of IPv6 (RFC 4193).
        IpNet::V6(net) => (7, net.network().to_ipv4_mapped().is_some()),
    };
    if mapped {
        return Err("an IPv4 address is written as one, without ::ffff:".to_owned());
    }
    if network.prefix_len() < widest && !any {
        return Err(format!(
            "{network} is so wide that anybody could name any address; name your proxies, or say \
             danger_trust_all_proxies = true"
        ));
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trusted_network_is_written_exactly_and_is_not_everybody() {
        for text in ["10.0.0.0/8", "::1", "192.0.2.7", "fc00::/7", "2001:db8::/32"] {
            assert!(network(text, false).is_ok(), "{text}");
        }
        for (text, word) in [
            ("0.0.0.0/0", "danger_trust_all_proxies"),
            ("::/0", "danger_trust_all_proxies"),
            ("0.0.0.0/1", "danger_trust_all_proxies"),
            ("fc00::/6", "danger_trust_all_proxies"),
            ("10.0.0.1/8", "10.0.0.0/8"),
            ("::ffff:0:0/96", "::ffff:"),
            ("::ffff:10.0.0.1", "::ffff:"),
            ("proxy.example", "an address"),
            ("10.0.0.0/33", "an address"),
        ] {
            assert!(network(text, false).is_err_and(|reason| reason.contains(word)), "{text}");
        }
        assert!(network("0.0.0.0/0", true).is_ok() && network("::/0", true).is_ok());
    }
}
