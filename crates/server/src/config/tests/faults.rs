use super::super::key::Key;
use super::super::table::KEYS;
use super::*;

/// A wrong line, and words that the sentence about it must contain beside key, shape and remedy.
const WRONG: &[(&str, &str, &str)] = &[
    ("data = \"\"", "data", "it is empty"),
    ("listen = \"localhost:8470\"", "listen", "a name is not looked up"),
    ("listen = \"127.0.0.1\"", "listen", "the port is missing"),
    ("listen = \":8470\"", "listen", "the address is missing"),
    ("listen = 8470", "listen", "not \"8470\""),
    ("listen = { ip = \"::1\" }", "listen", "an IP address and a port"),
    ("admin_listen = \"0.0.0.0:8471\"", "admin_listen", "danger_admin_listen = true"),
    ("danger_admin_listen = \"yes\"", "danger_admin_listen", "not \"yes\""),
    ("public_url = \"api.example\"", "public_url", "http:// or https://"),
    ("public_url = \"https://api.example/v1\"", "public_url", "a path does not belong"),
    ("public_url = \"https://api.example?a\"", "public_url", "a query does not belong"),
    ("tls_cert = \"\"\ntls_key = \"/k\"", "tls_cert", "it is empty"),
    ("tls_cert = \"/c\"\ntls_key = 7", "tls_key", "not \"7\""),
    ("upstream = \"https://api.example\"", "upstream", "plain HTTP"),
    ("upstream = \"http://api.example/v1\"", "upstream", "a path does not belong"),
    ("authorities = [\"a.example\", \"b c\"]", "authorities[1]", "letters, digits"),
    ("authorities = \"a.example\"", "authorities", "a list"),
    ("window_seconds = 0", "window_seconds", "not \"0\""),
    ("window_seconds = 301", "window_seconds", "not \"301\""),
    ("window_seconds = -5", "window_seconds", "not \"-5\""),
    ("window_seconds = 2.5", "window_seconds", "not \"2.5\""),
    ("window_seconds = \"ten\"", "window_seconds", "not \"ten\""),
    ("profile = \"phone\"", "profile", "neither"),
    ("trusted_proxies = [\"0.0.0.0/0\"]", "trusted_proxies[0]", "danger_trust_all_proxies = true"),
    ("trusted_proxies = [\"10.0.0.1/8\"]", "trusted_proxies[0]", "10.0.0.0/8"),
    ("trusted_proxies = [10]", "trusted_proxies[0]", "not \"10\""),
    ("client_ip_source = \"X-Forwarded-For\"", "client_ip_source", "none of them"),
    ("max_body = \"16 MB\"", "max_body", "KiB, MiB and GiB"),
    ("max_body = -1", "max_body", "KiB, MiB and GiB"),
    ("max_body = \"65 GiB\"", "max_body", "between 0 and"),
    ("max_signed_response = 0", "max_signed_response", "between 1024 and"),
    ("max_buffered = true", "max_buffered", "KiB, MiB and GiB"),
    ("max_spooled = \"2048 GiB\"", "max_spooled", "not \"2199023255552\""),
    ("upstream_timeout_seconds = 0", "upstream_timeout_seconds", "not \"0\""),
    ("ticket_days = 366", "ticket_days", "not \"366\""),
    ("token_format = \"JWT\"", "token_format", "neither"),
    ("access_token_minutes = 61", "access_token_minutes", "not \"61\""),
    ("token_ip_claim = 1", "token_ip_claim", "true or false"),
    ("token_key_days = 0", "token_key_days", "not \"0\""),
    ("event_retention_days = 36501", "event_retention_days", "not \"36501\""),
    ("event_heads_file = \"\"", "event_heads_file", "it is empty"),
    ("session_idle_days = 0", "session_idle_days", "not \"0\""),
    ("session_days = 366", "session_days", "not \"366\""),
    ("max_sessions = 0", "max_sessions", "not \"0\""),
    ("max_sessions = 5\non_limit = \"evict\"", "on_limit", "none of them"),
    ("sensitive_minutes = 61", "sensitive_minutes", "not \"61\""),
    ("danger_plain_passwords = 1", "danger_plain_passwords", "true or false"),
    ("security.on_network_change = \"challenge\"", "security.on_network_change", "no challenges yet"),
    ("security.challenge_on_network_change = 1", "security.challenge_on_network_change", "not \"1\""),
    ("kek_file = \"\"", "kek_file", "it is empty"),
    ("replay.per_key = 4194305", "replay.per_key", "not \"4194305\""),
    ("replay.total = 0", "replay.total", "not \"0\""),
    ("idempotency.max_per_user = \"1 KiB\"", "idempotency.max_per_user", "between 1048576 and"),
    ("password.memory = \"18 MiB\"", "password.memory", "between 19922944 and 1073741824"),
    ("password.iterations = 1", "password.iterations", "not \"1\""),
    ("password.lanes = 17", "password.lanes", "not \"17\""),
    ("password.at_once = 0", "password.at_once", "not \"0\""),
    ("password.waiting = 4097", "password.waiting", "not \"4097\""),
    ("limits.max_connections = 0", "limits.max_connections", "not \"0\""),
    ("limits.max_connections_per_address = 4097", "limits.max_connections_per_address", "not \"4097\""),
    ("limits.head_seconds = 61", "limits.head_seconds", "not \"61\""),
    ("limits.idle_seconds = 0", "limits.idle_seconds", "not \"0\""),
    ("limits.body_seconds = 0", "limits.body_seconds", "not \"0\""),
    ("limits.min_body_rate = 0", "limits.min_body_rate", "not \"0\""),
    ("log.level = \"verbose\"", "log.level", "none of them"),
    ("log.format = \"xml\"", "log.format", "none of them"),
    ("danger_seed_mode = true\nseed_shared_key = \"abc\"", "seed_shared_key", "64 hex digits"),
    ("envelope.max_message = 1000", "envelope.max_message", "between 1024 and"),
    ("envelope.in_flight = 0", "envelope.in_flight", "not \"0\""),
    ("envelope.idle_seconds = 86401", "envelope.idle_seconds", "not \"86401\""),
    ("envelope.max_connections = 0", "envelope.max_connections", "not \"0\""),
    ("envelope.max_connections_per_address = 1025", "envelope.max_connections_per_address", "not \"1025\""),
    ("[[verifier]]\nsecret_file = \"/s\"", "verifier[0].id", "it is missing"),
    ("[[verifier]]\nid = \"a\"", "verifier[0].secret_file", "it is missing"),
    ("[[verifier]]\nid = \"\"\nsecret_file = \"/s\"", "verifier[0].id", "it is empty"),
    ("[[verifier]]\nid = \"a:b\"\nsecret_file = \"/s\"", "verifier[0].id", "other characters"),
    ("[[verifier]]\nid = \"a\"\nsecret_file = \"\"", "verifier[0].secret_file", "it is empty"),
    ("[[envelope.action]]\npath = \"/a\"", "envelope.action[0].name", "it is missing"),
    ("[[envelope.action]]\nname = \"a\"", "envelope.action[0].path", "it is missing"),
    ("[[envelope.action]]\nname = \"a b\"\npath = \"/a\"", "envelope.action[0].name", "not \"a b\""),
    ("[[envelope.action]]\nname = \"a\"\npath = \"a\"", "envelope.action[0].path", "does not begin with /"),
    ("[[envelope.action]]\nname = \"a\"\npath = \"/a/{id}\"", "envelope.action[0].path", "into the packet"),
    ("[[envelope.action]]\nname = \"a\"\npath = \"/a/../b\"", "envelope.action[0].path", "not \"/a/../b\""),
    ("[[envelope.action]]\nname = \"a\"\npath = \"/a?b\"", "envelope.action[0].path", "not \"/a?b\""),
    ("[[envelope.action]]\nname = \"a\"\npath = \"/auth/x\"", "envelope.action[0].path", "Countersign's own"),
    ("[[envelope.action]]\nname = \"a\"\npath = \"/a\"\nmethod = \"get\"", "envelope.action[0].method", "none of them"),
    (
        "[[envelope.action]]\nname = \"a\"\npath = \"/a\"\ncontent_type = \"json\"",
        "envelope.action[0].content_type",
        "type/subtype",
    ),
    ("[[route]]\naccept = \"signature\"", "route[0].path", "it is missing"),
    ("[[route]]\npath = \"public\"", "route[0].path", "does not begin with /"),
    ("[[route]]\npath = \"/public/*\"", "route[0].path", "leave the * out"),
    ("[[route]]\npath = \"/auth/x\"", "route[0].path", "Countersign's own"),
    ("[[route]]\npath = \"/a\"\naccept = \"anyone\"", "route[0].accept", "danger-anyone"),
    ("[[route]]\npath = \"/a\"\nforward_unsigned = [\"Remote-User\"]", "route[0].forward_unsigned[0]", "never passes"),
    (
        "[[route]]\npath = \"/a\"\n[[route]]\npath = \"/b\"\nmax_body = \"1 MB\"",
        "route[1].max_body",
        "KiB, MiB and GiB",
    ),
    ("[[route]]\npath = \"/a\"\nstream = \"yes\"", "route[0].stream", "true or false"),
    ("[[route]]\npath = \"/a\"\nstream = true\nmax_stream = 0", "route[0].max_stream", "between 1 and"),
    ("[[route]]\npath = \"/a\"\nraw_path = 1", "route[0].raw_path", "true or false"),
    ("[[route]]\npath = \"/a\"\nkeep_outcomes = \"no\"", "route[0].keep_outcomes", "true or false"),
    ("[[route]]\npath = \"/a\"\nwebsocket = \"yes\"", "route[0].websocket", "true or false"),
];

#[test]
fn a_wrong_value_is_refused_with_its_key_its_place_its_shape_and_a_remedy() {
    for (text, path, words) in WRONG {
        let sentences = said(from_file(text));
        let [sentence] = sentences.as_slice() else { panic!("{text}: {sentences:?}") };
        let key = Key::at(path).unwrap();
        assert!(sentence.starts_with("c.toml line "), "{sentence}");
        assert!(sentence.contains(&format!("`{path}` must be ")) && sentence.contains(key.shape), "{sentence}");
        assert!(sentence.contains(words), "{sentence}\n  lacks {words}");
        let remedy = format!("write for example `{} = {}`", key.short_name(), key.example);
        assert!(sentence.ends_with(&remedy), "{sentence}");
    }
}

#[test]
fn every_key_can_be_wrong() {
    let tried = |key: &Key| WRONG.iter().any(|(_, path, _)| Key::at(path).is_some_and(|at| at.name == key.name));
    // These three are tried with the contradictions.
    let elsewhere = ["danger_trust_all_proxies", "danger_seed_mode", "seed_shared_key_file"];
    let missing: Vec<_> = KEYS.iter().filter(|key| !tried(key)).map(|key| key.name).collect();
    assert_eq!(missing, elsewhere);
}

#[test]
fn values_that_contradict_each_other_are_refused_with_both_names() {
    let key = "17".repeat(15) + &"b3".repeat(17);
    for (text, key, other) in [
        ("listen = \"127.0.0.1:8471\"", "admin_listen", "`listen`"),
        ("upstream = \"http://127.0.0.1:8470\"", "upstream", "the guard itself"),
        ("upstream = \"http://localhost:8471\"", "upstream", "the guard itself"),
        ("listen = \"0.0.0.0:80\"\nupstream = \"http://127.0.0.1\"", "upstream", "the guard itself"),
        ("tls_cert = \"/c\"", "tls_cert", "`tls_key`"),
        ("tls_key = \"/k\"", "tls_key", "`tls_cert`"),
        ("client_ip_source = \"forwarded\"", "client_ip_source", "`trusted_proxies`"),
        ("max_buffered = \"1 MiB\"", "max_signed_response", "`max_buffered`"),
        ("max_spooled = \"1 MiB\"", "max_body", "`max_spooled`"),
        ("[[route]]\npath = \"/a\"\nmax_body = \"5 GiB\"", "route[0].max_body", "`max_spooled`"),
        ("session_days = 6", "session_idle_days", "`session_days`"),
        (
            "security.challenge_on_network_change = true",
            "security.challenge_on_network_change",
            "`security.on_network_change`",
        ),
        ("on_limit = \"evict_idle\"", "on_limit", "`max_sessions`"),
        ("danger_seed_mode = true", "danger_seed_mode", "`seed_shared_key`"),
        (&format!("seed_shared_key = \"{key}\""), "seed_shared_key", "`danger_seed_mode = true`"),
        ("seed_shared_key_file = \"/k\"", "seed_shared_key_file", "`danger_seed_mode = true`"),
        (
            &format!("danger_seed_mode = true\nseed_shared_key = \"{key}\"\nseed_shared_key_file = \"/k\""),
            "seed_shared_key_file",
            "`seed_shared_key`",
        ),
        (
            "max_buffered = \"1 MiB\"\nmax_signed_response = \"1 MiB\"\nenvelope.max_message = \"2 MiB\"",
            "envelope.max_message",
            "`max_buffered`",
        ),
        (
            "[[envelope.action]]\nname = \"a\"\npath = \"/a\"\n[[envelope.action]]\nname = \"a\"\npath = \"/b\"",
            "envelope.action[1].name",
            "two requests",
        ),
        (
            "[[verifier]]\nid = \"a\"\nsecret_file = \"/a\"\n[[verifier]]\nid = \"a\"\nsecret_file = \"/b\"",
            "verifier[1].id",
            "two verifiers",
        ),
        (
            "[[verifier]]\nid = \"a\"\nsecret_file = \"/a\"\n[[verifier]]\nid = \"b\"\nsecret_file = \"/a\"",
            "verifier[1].secret_file",
            "one for each",
        ),
        ("[[route]]\npath = \"/a\"\n[[route]]\npath = \"/a\"", "route[1].path", "two routes"),
        ("[[route]]\npath = \"/a\"\nmax_stream = 7", "route[0].max_stream", "`stream = true`"),
        ("[[route]]\npath = \"/a\"\naccept = \"danger-anyone\"\nraw_path = true", "route[0].raw_path", "`accept`"),
    ] {
        let sentences = said(from_file(text));
        let [sentence] = sentences.as_slice() else { panic!("{text}: {sentences:?}") };
        assert!(sentence.contains(&format!("`{key}` ")) && sentence.contains(other), "{sentence}");
    }
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_known_one() {
    for (text, line, unknown, nearest) in [
        ("\nwindw_seconds = 5", 2, "windw_seconds", "window_seconds"),
        ("[limits]\n\n\nmax_conections = 5", 4, "limits.max_conections", "limits.max_connections"),
        ("[limit]\nidle_seconds = 5", 2, "limit.idle_seconds", "limits.idle_seconds"),
        ("idle_seconds = 5", 1, "idle_seconds", "limits.idle_seconds"),
        ("[[route]]\npath = \"/a\"\nacept = \"signature\"", 3, "route[].acept", "route[].accept"),
        ("[[route]]\npath = \"/a\"\nmin_level = 2", 3, "route[].min_level", "route[].max_stream"),
        ("upstreams = 1", 1, "upstreams", "upstream"),
        (
            "[[envelope.action]]\nname = \"a\"\npath = \"/a\"\nmetod = \"GET\"",
            4,
            "envelope.action[].metod",
            "envelope.action[].method",
        ),
        ("[listn]", 1, "listn", "listen"),
        // COUNTERSIGN_CONFIG is no key.
        ("config = \"/\"", 1, "config", "profile"),
    ] {
        let sentences = said(from_file(text));
        let [sentence] = sentences.as_slice() else { panic!("{text}: {sentences:?}") };
        assert!(sentence.starts_with(&format!("c.toml line {line}: unknown key `{unknown}`; ")), "{sentence}");
        assert!(sentence.ends_with(&format!("the nearest known key is `{nearest}`")), "{sentence}");
    }
}

#[test]
fn an_unknown_variable_is_refused_with_its_name_and_the_nearest_one() {
    let [sentence] =
        said(composed("", &[("COUNTERSIGN_WINDW_SECONDS", "5")], Overrides::default())).try_into().unwrap();
    assert_eq!(
        sentence,
        "COUNTERSIGN_WINDW_SECONDS: unknown key `windw_seconds`; the nearest known key is `window_seconds`: \
         COUNTERSIGN_WINDOW_SECONDS"
    );
    let [sentence] =
        said(composed("", &[("COUNTERSIGN_LIMITS_IDLE_SECONDS", "5")], Overrides::default())).try_into().unwrap();
    assert!(sentence.ends_with("`limits.idle_seconds`: COUNTERSIGN_LIMITS__IDLE_SECONDS"), "{sentence}");
}

#[test]
fn the_remedy_is_spelt_as_the_place_wants_it() {
    for (variable, value, remedy) in [
        ("COUNTERSIGN_LIMITS__IDLE_SECONDS", "soon", "`COUNTERSIGN_LIMITS__IDLE_SECONDS=75`"),
        ("countersign_trusted_proxies", "nobody", "`COUNTERSIGN_TRUSTED_PROXIES=10.0.0.0/8,::1`"),
        ("COUNTERSIGN_DANGER_SEED_MODE", "1", "`COUNTERSIGN_DANGER_SEED_MODE=false`"),
        ("COUNTERSIGN_LISTEN", "", "`COUNTERSIGN_LISTEN=127.0.0.1:8470`"),
    ] {
        let [sentence] = said(composed("", &[(variable, value)], Overrides::default())).try_into().unwrap();
        assert!(sentence.starts_with(&format!("{variable}: ")) && sentence.ends_with(remedy), "{sentence}");
    }
    let overrides = Overrides { admin_listen: Some("8471".into()), ..Overrides::default() };
    let [sentence] = said(composed("", &[], overrides)).try_into().unwrap();
    assert!(sentence.starts_with("--admin-listen: ") && sentence.ends_with("`--admin-listen 127.0.0.1:8471`"));
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let variables = [("COUNTERSIGN_PUBLIK_URL", "x"), ("COUNTERSIGN_TICKET_DAYS", "0")];
    let sentences =
        said(composed("listen = \"x\"\nnonsense_key = 1\nprofile = \"x\"", &variables, Overrides::default()));
    assert_eq!(sentences.len(), 5, "{sentences:#?}");
}

#[test]
fn what_has_the_wrong_form_is_refused_with_the_right_one() {
    for (text, words) in [
        ("limits = 5", "write [limits] on a line of its own"),
        ("[[limits]]\nidle_seconds = 5", "write [limits] on a line of its own"),
        ("[route]\npath = \"/a\"", "[[route]], with two brackets"),
        ("[envelope.action]\nname = \"a\"", "[[envelope.action]], with two brackets"),
        ("[envelope]\naction = [1]", "write [[envelope.action]] and its keys below"),
        ("route = [1]", "write [[route]] and its keys below"),
        ("listen = ", "line 1: this is not TOML"),
        ("\n[limits", "line 2: this is not TOML"),
        ("listen = \"[::1]:1\"\nlisten = \"[::1]:2\"", "line 2: this is not TOML: duplicate key"),
        ("kek = \"x\"", "`kek_file`, or set COUNTERSIGN_KEK"),
    ] {
        let sentences = said(from_file(text));
        let [sentence] = sentences.as_slice() else { panic!("{text}: {sentences:?}") };
        assert!(sentence.contains(words), "{sentence}");
    }
}

#[test]
fn a_variable_that_cannot_be_meant_is_refused() {
    let ff = "ff".repeat(32);
    for (variables, words) in [
        (vec![("COUNTERSIGN_LISTEN", "[::1]:1"), ("countersign_listen", "[::1]:1")], "the same is set as"),
        (vec![("COUNTERSIGN_ROUTE", "/a")], "in the configuration file only"),
        (vec![("COUNTERSIGN_ENVELOPE__ACTION", "a")], "in the configuration file only"),
        (vec![("COUNTERSIGN_ROUTE__PATH", "/a")], "in the configuration file only"),
        (vec![("COUNTERSIGN_KEK", "ff")], "openssl rand -hex 32"),
        (vec![("COUNTERSIGN_KEK", &ff)], "everybody knows"),
        (vec![("COUNTERSIGN_", "x")], "unknown key"),
    ] {
        let sentences = said(composed("", &variables, Overrides::default()));
        let [sentence] = sentences.as_slice() else { panic!("{variables:?}: {sentences:?}") };
        assert!(sentence.contains(words), "{sentence}");
    }
}

#[test]
fn no_message_repeats_a_secret() {
    const SECRET: &str = "5ecre7";
    let kek = [("COUNTERSIGN_KEK", "5ecre7"), ("COUNTERSIGN_KEK_FILE", "/k")];
    let seed = [("COUNTERSIGN_SEED_SHARED_KEY", "5ecre7"), ("COUNTERSIGN_DANGER_SEED_MODE", "true")];
    for (text, variables) in [
        ("seed_shared_key = \"5ecre7\"\ndanger_seed_mode = true", [].as_slice()),
        ("seed_shared_key = [\"5ecre7\"]", &[]),
        ("seed_shared_key = \"5ecre7", &[]),
        ("seed_shared_key = 5ecre7", &[]),
        ("seed_shared_key = '5ecre7' 5ecre7", &[]),
        ("kek = \"5ecre7\"", &[]),
        ("upstream = \"http://user:5ecre7@api\"", &[]),
        ("", &kek),
        ("", &seed),
    ] {
        let outcome = composed(text, variables, Overrides::default());
        let debugged = format!("{outcome:?}");
        let sentences = said(outcome);
        assert!(!sentences.concat().contains(SECRET) && !debugged.contains(SECRET), "{text}: {sentences:?}");
    }
}

#[test]
fn a_value_in_a_message_is_escaped_and_cut() {
    let [sentence] = said(from_file(&format!("profile = \"\\u001b[31m{}\"", "x".repeat(10_000)))).try_into().unwrap();
    assert!(!sentence.contains('\u{1b}') && sentence.len() < 300, "{sentence}");
}
