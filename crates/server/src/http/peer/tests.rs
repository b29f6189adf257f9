use super::*;
use proptest::prelude::*;

fn policy(source: ClientIpSource) -> ClientAddress {
    let networks = ["10.0.0.0/8", "2001:db8:ff::/48"].map(|network| network.parse().unwrap());
    ClientAddress { trusted: TrustedProxies::check(&networks, false).unwrap(), source }
}

fn client(source: ClientIpSource, peer: &str, name: &'static str, lines: &[&str]) -> String {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(name, line.parse().unwrap());
    }
    policy(source).client(peer.parse().unwrap(), &headers).to_string()
}

fn forwarded_for(peer: &str, lines: &[&str]) -> String {
    client(ClientIpSource::XForwardedFor, peer, "x-forwarded-for", lines)
}

fn forwarded(peer: &str, lines: &[&str]) -> String {
    client(ClientIpSource::Forwarded, peer, "forwarded", lines)
}

#[test]
fn nobody_but_a_trusted_proxy_is_believed() {
    assert_eq!(forwarded_for("203.0.113.9", &["192.0.2.1"]), "203.0.113.9");
    assert_eq!(forwarded("203.0.113.9", &["for=192.0.2.1"]), "203.0.113.9");
    assert_eq!(client(ClientIpSource::XRealIp, "203.0.113.9", "x-real-ip", &["192.0.2.1"]), "203.0.113.9");
    assert_eq!(forwarded_for("::ffff:203.0.113.9", &["192.0.2.1"]), "203.0.113.9");
}

#[test]
fn the_client_is_the_first_address_from_the_right_that_is_not_trusted() {
    assert_eq!(forwarded_for("10.0.0.1", &["192.0.2.1"]), "192.0.2.1");
    assert_eq!(forwarded_for("::ffff:10.0.0.1", &["192.0.2.1"]), "192.0.2.1");
    assert_eq!(forwarded_for("10.0.0.1", &["6.6.6.6, 192.0.2.1, 10.0.0.3"]), "192.0.2.1");
    assert_eq!(forwarded_for("10.0.0.1", &["127.0.0.1,\t2001:db8:1::1 ,[2001:db8:ff::2]:80"]), "2001:db8:1::1");
}

#[test]
fn a_list_that_the_client_made_up_moves_nothing() {
    let honest = "192.0.2.1";
    for spoofed in ["10.0.0.9", "127.0.0.1, 10.0.0.9", "unknown", "\"", ",,,", "10.0.0.9, 10.0.0.8, 10.0.0.7"] {
        assert_eq!(forwarded_for("10.0.0.1", &[&format!("{spoofed}, {honest}")]), honest, "{spoofed}");
        assert_eq!(forwarded_for("10.0.0.1", &[spoofed, honest]), honest, "{spoofed}");
    }
}

#[test]
fn all_lines_are_one_list_and_its_last_line_is_the_rightmost() {
    assert_eq!(forwarded_for("10.0.0.1", &["192.0.2.1", "10.0.0.3, 10.0.0.2"]), "192.0.2.1");
    assert_eq!(forwarded_for("10.0.0.1", &["10.0.0.3", "192.0.2.1"]), "192.0.2.1");
}

#[test]
fn a_chain_of_trusted_proxies_only_ends_at_its_leftmost() {
    assert_eq!(forwarded_for("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    assert_eq!(forwarded_for("10.0.0.1", &[]), "10.0.0.1");
}

#[test]
fn an_entry_that_is_no_address_ends_the_walk_at_the_last_good_one() {
    assert_eq!(forwarded_for("10.0.0.1", &["192.0.2.1, nonsense, 10.0.0.2"]), "10.0.0.2");
    assert_eq!(forwarded_for("10.0.0.1", &["192.0.2.1, "]), "10.0.0.1");
    assert_eq!(forwarded_for("10.0.0.1", &[""]), "10.0.0.1");
    assert_eq!(forwarded("10.0.0.1", &["for=192.0.2.1, for=_hidden"]), "10.0.0.1");
    assert_eq!(forwarded("10.0.0.1", &["for=192.0.2.1, for=unknown, for=10.0.0.2"]), "10.0.0.2");
}

#[test]
fn forwarded_is_read_by_its_own_grammar() {
    assert_eq!(forwarded("10.0.0.1", &["for=6.6.6.6, for=\"[2001:db8:1::1]:123\";proto=https"]), "2001:db8:1::1");
    assert_eq!(forwarded("10.0.0.1", &["For=192.0.2.1", "by=10.0.0.1;for=10.0.0.2"]), "192.0.2.1");
}

#[test]
fn an_open_quote_cannot_swallow_what_a_proxy_appended() {
    assert_eq!(forwarded("10.0.0.1", &["for=\"6.6.6.6, for=192.0.2.1"]), "192.0.2.1");
    assert_eq!(forwarded("10.0.0.1", &["for=\"6.6.6.6", "for=192.0.2.1"]), "192.0.2.1");
    assert_eq!(forwarded("10.0.0.1", &["for=6.6.6.6;x=\"", "for=192.0.2.1;y=\"a, for=6.6.6.6\""]), "10.0.0.1");
}

#[test]
fn one_source_never_falls_back_to_another() {
    assert_eq!(client(ClientIpSource::XForwardedFor, "10.0.0.1", "forwarded", &["for=192.0.2.1"]), "10.0.0.1");
    assert_eq!(client(ClientIpSource::Forwarded, "10.0.0.1", "x-forwarded-for", &["192.0.2.1"]), "10.0.0.1");
    assert_eq!(client(ClientIpSource::Peer, "10.0.0.1", "x-forwarded-for", &["192.0.2.1"]), "10.0.0.1");
    assert_eq!(client(ClientIpSource::ProxyProtocol, "10.0.0.1", "x-forwarded-for", &["192.0.2.1"]), "10.0.0.1");
    assert_eq!(client(ClientIpSource::XRealIp, "10.0.0.1", "x-real-ip", &["192.0.2.1"]), "192.0.2.1");
}

#[test]
fn the_sources_are_spelt_in_configuration_as_documented() {
    for (text, source) in [
        ("\"peer\"", ClientIpSource::Peer),
        ("\"x-forwarded-for\"", ClientIpSource::XForwardedFor),
        ("\"forwarded\"", ClientIpSource::Forwarded),
        ("\"x-real-ip\"", ClientIpSource::XRealIp),
        ("\"proxy-protocol\"", ClientIpSource::ProxyProtocol),
    ] {
        assert_eq!(serde_json::from_str::<ClientIpSource>(text).unwrap(), source);
    }
}

proptest! {
    /// Whatever a client writes, what the proxy appended to it decides.
    #[test]
    fn no_text_on_the_left_changes_the_client(garbage in "[ -~\t]{0,80}", lines in any::<bool>()) {
        let (left, right) = (garbage.as_str(), "192.0.2.1");
        let joined = format!("{left},{right}");
        let list: Vec<&str> = if lines { vec![left, right] } else { vec![&joined] };
        prop_assert_eq!(forwarded_for("10.0.0.1", &list), right);
        let element = format!("for={right}");
        let joined = format!("{left},{element}");
        let list: Vec<&str> = if lines { vec![left, &element] } else { vec![&joined] };
        prop_assert_eq!(forwarded("10.0.0.1", &list), right);
    }

    /// Any octets at all give an address, and without a trusted peer they give the peer's.
    #[test]
    fn garbage_is_never_the_address_of_a_stranger(octets in proptest::collection::vec(any::<u8>(), 0..60)) {
        let mut headers = HeaderMap::new();
        if let Ok(value) = http::HeaderValue::from_bytes(&octets) {
            headers.append("x-forwarded-for", value.clone());
            headers.append("forwarded", value);
        }
        for source in [ClientIpSource::XForwardedFor, ClientIpSource::Forwarded] {
            let stranger = "203.0.113.9".parse().unwrap();
            prop_assert_eq!(policy(source).client(stranger, &headers), stranger);
            policy(source).client("10.0.0.1".parse().unwrap(), &headers);
        }
    }
}
