use core::num::NonZeroU32;
use core::time::Duration;

use countersign_core::session::{Limit, OnLimit};

use super::*;
use crate::config::{Accept, Config, KekSource, LogFormat};

fn authorities(config: &Config) -> Vec<String> {
    config.names.authorities().iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_written_means_the_documented_defaults() {
    let config = from_file("").unwrap().config;
    assert_eq!(config.data, Path::new("./countersign-data"));
    assert_eq!(config.listen.to_string(), "127.0.0.1:8470");
    assert_eq!(config.admin_listen.to_string(), "127.0.0.1:8471");
    assert_eq!(config.names.public_url().to_string(), "http://127.0.0.1:8470");
    assert_eq!(config.freshness.window(), Duration::from_secs(5));
    assert_eq!((config.sizes.max_body, config.sizes.max_signed_response), (16 << 20, 8 << 20));
    assert_eq!((config.limits.max_connections, config.limits.max_connections_per_address), (4_096, 1_024));
    assert_eq!((config.limits.head, config.limits.body), (Duration::from_secs(5), Duration::from_secs(30)));
    assert_eq!((config.log.level, config.log.format), (tracing::Level::INFO, LogFormat::Auto));
    assert!(matches!(config.kek, KekSource::DataDirectory));
    assert!(config.upstream.is_none() && config.seed_mode.is_none() && config.dangers().is_empty());
    assert_eq!(config.routes.of("/anything").accept, Accept::Signature);
}

#[test]
fn the_authorities_are_that_of_the_public_url_and_those_of_loopback_when_listening_there() {
    for (text, expected) in [
        ("", vec!["127.0.0.1:8470", "[::1]:8470", "localhost:8470"]),
        ("listen = \"[::1]:9000\"", vec!["127.0.0.1:9000", "[::1]:9000", "localhost:9000"]),
        ("listen = \"127.0.0.1:80\"", vec!["127.0.0.1", "[::1]", "localhost"]),
        ("listen = \"127.0.0.5:9000\"", vec!["127.0.0.1:9000", "127.0.0.5:9000", "[::1]:9000", "localhost:9000"]),
        ("listen = \"192.0.2.7:9000\"", vec!["192.0.2.7:9000"]),
        ("listen = \"192.0.2.7:443\"\npublic_url = \"https://API.example\"", vec!["api.example"]),
        (
            "listen = \"0.0.0.0:9000\"\npublic_url = \"https://api.example:443\"\nauthorities = [\"b:80\"]",
            vec!["api.example", "b"],
        ),
    ] {
        assert_eq!(authorities(&from_file(text).unwrap().config), expected, "{text}");
    }
}

#[test]
fn only_an_authority_of_ours_is_recognised_and_in_one_spelling() {
    let config = from_file("public_url = \"https://good.example\"").unwrap().config;
    let recognised = |host: &str| config.names.authorities().recognise(host).map(ToString::to_string);
    for (host, ours) in [
        ("good.example", Some("good.example")),
        ("GOOD.example:443", Some("good.example")),
        ("good.example:80", Some("good.example")),
        ("LocalHost:8470", Some("localhost:8470")),
        ("good.example:8470", None),
        ("good.example.", None),
        ("localhost", None),
        ("good.example:80@evil", None),
        ("evil", None),
        ("[::1", None),
        ("", None),
    ] {
        assert_eq!(recognised(host).as_deref(), ours, "{host}");
    }
}

#[test]
fn the_bound_port_stands_in_url_and_authorities_unless_a_url_is_written() {
    let bound = "127.0.0.1:34567".parse().unwrap();
    let config = from_file("listen = \"127.0.0.1:0\"").unwrap().config.bound_to(bound);
    assert_eq!((config.listen, config.names.public_url().to_string().as_str()), (bound, "http://127.0.0.1:34567"));
    assert_eq!(authorities(&config), ["127.0.0.1:34567", "[::1]:34567", "localhost:34567"]);
    let config = from_file("listen = \"127.0.0.1:0\"\npublic_url = \"https://a\"").unwrap().config.bound_to(bound);
    assert_eq!(config.names.public_url().to_string(), "https://a");
    assert!(config.names.authorities().recognise("a").is_some());
}

#[test]
fn with_a_certificate_the_url_is_https_and_its_own_port_is_not_said() {
    let url = |more: &str| {
        let text = format!("tls_cert = \"/c\"\ntls_key = \"/k\"\n{more}");
        from_file(&text).unwrap().config.names.public_url().to_string()
    };
    assert_eq!(url(""), "https://127.0.0.1:8470");
    assert_eq!(url("listen = \"192.0.2.7:443\""), "https://192.0.2.7");
    assert_eq!(url("listen = \"192.0.2.7:80\""), "https://192.0.2.7:80");
    assert_eq!(url("public_url = \"https://api.example\""), "https://api.example");
    let text = "listen = \"127.0.0.1:0\"\ntls_cert = \"/c\"\ntls_key = \"/k\"";
    let bound = from_file(text).unwrap().config.bound_to("127.0.0.1:34567".parse().unwrap());
    assert_eq!(bound.names.public_url().to_string(), "https://127.0.0.1:34567");
    assert_eq!(
        from_file("listen = \"192.0.2.7:80\"").unwrap().config.names.public_url().to_string(),
        "http://192.0.2.7"
    );
}

#[test]
fn both_doors_may_be_given_any_port() {
    assert!(from_file("listen = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"").is_ok());
}

#[test]
fn the_mobile_profile_has_a_window_of_30_s_unless_one_is_written() {
    for (text, seconds) in [
        ("profile = \"mobile\"", 30),
        ("profile = \"mobile\"\nwindow_seconds = 7", 7),
        ("profile = \"standard\"", 5),
        ("window_seconds = 1", 1),
        ("window_seconds = 300", 300),
    ] {
        assert_eq!(from_file(text).unwrap().config.freshness.window(), Duration::from_secs(seconds), "{text}");
    }
}

#[test]
fn a_smaller_whole_makes_the_default_share_smaller() {
    let config = from_file("limits.max_connections = 10\nreplay.total = 100").unwrap().config;
    assert_eq!((config.limits.max_connections_per_address, config.replay.per_key), (10, 100));
}

#[test]
fn a_route_has_the_general_limits_unless_it_has_its_own() {
    let text = "max_body = 7\n[[route]]\npath = \"/a\"\nforward_unsigned = [\"X-Request-Id\"]\nraw_path = true\n\
                websocket = true\n\
                [[route]]\npath = \"=/a/open\"\naccept = \"danger-anyone\"\nmax_body = 0";
    let config = from_file(text).unwrap().config;
    let (signed, open) = (config.routes.of("/a/b"), config.routes.of("/a/open"));
    assert_eq!((signed.accept, signed.max_body, signed.raw_path), (Accept::Signature, 7, true));
    assert!(signed.websocket && !open.websocket);
    assert_eq!(signed.forward_unsigned, ["x-request-id"]);
    assert_eq!((open.accept, open.max_body, open.raw_path), (Accept::DangerAnyone, 0, false));
    assert_eq!(config.routes.of("/a/open/more").accept, Accept::Signature);
}

#[test]
fn a_route_takes_streams_when_it_says_so_and_of_any_length_unless_it_says_otherwise() {
    let text = "[[route]]\npath = \"/a\"\n[[route]]\npath = \"/b\"\nstream = true\n\
                [[route]]\npath = \"/c\"\nstream = true\nmax_stream = \"100 GiB\"";
    let config = from_file(text).unwrap().config;
    let most = |path| config.routes.of(path).max_stream;
    assert_eq!((most("/a"), most("/b"), most("/c"), most("/d")), (None, Some(u64::MAX), Some(100 << 30), None));
}

#[test]
fn what_is_dangerous_and_in_force_is_named() {
    let text = "admin_listen = \"0.0.0.0:8471\"\ndanger_admin_listen = true\n\
                trusted_proxies = [\"0.0.0.0/0\"]\ndanger_trust_all_proxies = true\n\
                danger_plain_passwords = true\n\
                danger_seed_mode = true\n\
                seed_shared_key = \"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"\n\
                [[route]]\npath = \"/open\"\naccept = \"danger-anyone\"";
    let config = from_file(text).unwrap().config;
    let starts: Vec<_> = config.dangers().iter().filter_map(|danger| danger.split(':').next()).collect();
    assert_eq!(
        starts,
        [
            "danger_admin_listen",
            "danger_trust_all_proxies",
            "danger_seed_mode",
            "seed_shared_key",
            "route /open",
            "danger_plain_passwords",
        ]
    );
    let unused = "danger_admin_listen = true\ndanger_trust_all_proxies = true";
    assert!(from_file(unused).unwrap().config.dangers().is_empty());
}

#[test]
fn sessions_go_on_for_a_week_without_use_and_a_month_in_all_and_any_number_of_them() {
    let sessions = from_file("").unwrap().config.sessions;
    let day = Duration::from_secs(86_400);
    assert_eq!((sessions.idle, sessions.absolute, sessions.limit), (7 * day, 30 * day, None));
    assert_eq!((sessions.sensitive, sessions.plain_passwords), (Duration::from_secs(300), false));
    for (text, on_limit) in [
        ("", OnLimit::Reject),
        ("on_limit = \"reject\"", OnLimit::Reject),
        ("on_limit = \"evict_oldest\"", OnLimit::EvictOldest),
        ("on_limit = \"evict_idle\"", OnLimit::EvictIdle),
    ] {
        let limit = from_file(&format!("max_sessions = 3\n{text}")).unwrap().config.sessions.limit;
        assert_eq!(limit, Some(Limit { max: NonZeroU32::new(3).unwrap(), on_limit }));
    }
}
