use super::*;
use crate::config::{KekSource, SeedKeySource, Sources, load};

fn listing(loaded: &Loaded) -> Vec<String> {
    loaded.listing.to_string().lines().map(str::to_owned).collect()
}

#[test]
fn the_command_line_wins_over_the_environment_over_the_file_over_the_default() {
    let file = "listen = \"127.0.0.1:1\"\nadmin_listen = \"127.0.0.1:2\"\nticket_days = 3";
    let variables = [("COUNTERSIGN_LISTEN", "127.0.0.1:4"), ("COUNTERSIGN_ADMIN_LISTEN", "127.0.0.1:5")];
    let overrides = Overrides { listen: Some("127.0.0.1:6".into()), ..Overrides::default() };
    let loaded = composed(file, &variables, overrides).unwrap();
    assert_eq!(loaded.config.listen.port(), 6);
    assert_eq!(loaded.config.admin_listen.port(), 5);
    assert_eq!(loaded.config.ticket_validity.as_secs(), 3 * 86_400);
    assert_eq!(loaded.config.upstream_timeout.as_secs(), 30);
    let lines = listing(&loaded);
    for line in [
        "listen = \"127.0.0.1:6\"  # --listen",
        "admin_listen = \"127.0.0.1:5\"  # COUNTERSIGN_ADMIN_LISTEN",
        "ticket_days = 3  # c.toml line 3",
        "upstream_timeout_seconds = 30  # default",
        "# upstream is not set",
    ] {
        assert!(lines.iter().any(|listed| listed == line), "{line}\n{lines:#?}");
    }
}

#[test]
fn a_section_is_joined_key_by_key_and_a_list_is_replaced() {
    let file = "trusted_proxies = [\"10.0.0.0/8\"]\n[limits]\nidle_seconds = 10\nhead_seconds = 3";
    let variables = [("COUNTERSIGN_LIMITS__IDLE_SECONDS", "20"), ("COUNTERSIGN_TRUSTED_PROXIES", "::1")];
    let config = composed(file, &variables, Overrides::default()).unwrap().config;
    assert_eq!((config.limits.idle.as_secs(), config.limits.head.as_secs()), (20, 3));
    let trusted = &config.client_address.trusted;
    assert!(trusted.contains("::1".parse().unwrap()) && !trusted.contains("10.0.0.1".parse().unwrap()));
}

#[test]
fn the_environment_spells_every_kind_of_value() {
    let variables = [
        ("COUNTERSIGN_TRUSTED_PROXIES", "10.0.0.0/8,::1"),
        ("Countersign_Authorities", " a.example , b.example:8443 "),
        ("COUNTERSIGN_MAX_BODY", "1 MiB"),
        ("COUNTERSIGN_MAX_SIGNED_RESPONSE", "65536"),
        ("COUNTERSIGN_DANGER_TRUST_ALL_PROXIES", "true"),
        ("COUNTERSIGN_REPLAY__PER_KEY", "7"),
        ("countersign_log__level", "warn"),
        ("COUNTERSIGN_HOME", "/home/alice"),
        ("COUNTERSIGNATURE", "not ours"),
        ("PATH", "/bin"),
    ];
    let config = composed("", &variables, Overrides::default()).unwrap().config;
    let trusted = |address: &str| config.client_address.trusted.contains(address.parse().unwrap());
    assert!(trusted("10.9.8.7") && trusted("::1") && !trusted("11.0.0.1") && !trusted("::2"));
    assert!(config.names.authorities().recognise("B.example:8443").is_some());
    assert_eq!((config.sizes.max_body, config.sizes.max_signed_response), (1 << 20, 1 << 16));
    assert_eq!((config.replay.per_key, config.log.level), (7, tracing::Level::WARN));
    let cleared = composed("authorities = [\"a\"]", &[("COUNTERSIGN_AUTHORITIES", "")], Overrides::default()).unwrap();
    assert!(cleared.config.names.authorities().recognise("a").is_none());
}

#[test]
fn a_value_in_the_environment_that_is_not_utf_8_is_refused_by_name() {
    use std::os::unix::ffi::OsStringExt as _;
    let bad = OsString::from_vec(vec![b'/', 0xff]);
    let environment = vec![("COUNTERSIGN_DATA".into(), bad.clone()), ("OTHER".into(), bad.clone()), (bad, "x".into())];
    let [sentence] = said(load(Sources { environment, ..Sources::default() })).try_into().unwrap();
    assert_eq!(sentence, "COUNTERSIGN_DATA: the value is not UTF-8; write it in UTF-8");
}

#[test]
fn the_file_is_named_by_the_option_before_the_variable() {
    let home = tempfile::tempdir().unwrap();
    let (one, other) = (home.path().join("one.toml"), home.path().join("other.toml"));
    std::fs::write(&one, "ticket_days = 1").unwrap();
    std::fs::write(&other, "ticket_days = 2").unwrap();
    let environment = vec![("COUNTERSIGN_CONFIG".into(), one.clone().into_os_string())];
    let days = |file: Option<std::path::PathBuf>| {
        let sources = Sources { file, environment: environment.clone(), ..Sources::default() };
        load(sources).unwrap().config.ticket_validity.as_secs() / 86_400
    };
    assert_eq!((days(None), days(Some(other))), (1, 2));
    let missing = load(Sources { file: Some(home.path().join("none.toml")), ..Sources::default() }).unwrap_err();
    assert!(missing.to_string().contains("none.toml") && missing.to_string().contains("check the path"));
}

#[test]
fn secrets_come_from_where_they_belong_and_are_never_listed() {
    let key = "17".repeat(15) + &"b3".repeat(17);
    let seed = format!("danger_seed_mode = true\nseed_shared_key = \"{key}\"");
    let loaded = composed(&seed, &[("COUNTERSIGN_KEK", &key)], Overrides::default()).unwrap();
    assert!(matches!(loaded.config.seed_mode, Some(SeedKeySource::Given(_))));
    assert!(matches!(loaded.config.kek, KekSource::Environment(_)));
    assert!(listing(&loaded).iter().any(|line| line == "seed_shared_key = \"(set)\"  # c.toml line 2"));
    assert!(!format!("{loaded:?}{}", loaded.listing).contains(&key));
    assert!(!loaded.listing.to_string().contains("kek ="));

    let variables = [
        ("COUNTERSIGN_KEK_FILE", "/run/kek"),
        ("COUNTERSIGN_SEED_SHARED_KEY_FILE", "/run/seed"),
        ("COUNTERSIGN_DANGER_SEED_MODE", "true"),
    ];
    let config = composed("", &variables, Overrides::default()).unwrap().config;
    assert!(matches!(&config.kek, KekSource::File(path) if path == Path::new("/run/kek")));
    assert!(matches!(&config.seed_mode, Some(SeedKeySource::File(path)) if path == Path::new("/run/seed")));

    let both = [("COUNTERSIGN_KEK_FILE", "/run/kek"), ("COUNTERSIGN_KEK", &key)];
    let [sentence] = said(composed("", &both, Overrides::default())).try_into().unwrap();
    assert!(sentence.contains("beside COUNTERSIGN_KEK"), "{sentence}");
}
