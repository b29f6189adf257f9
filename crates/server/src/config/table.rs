//! Every key there is. The messages, the environment, the listing and the example file all come from this table.

use super::key::Kind::{Flag, List, Secret, Size, Text, Whole};
use super::key::{Key, Kind};

const fn key(name: &'static str, kind: Kind, default: &'static str, example: &'static str, shape: &'static str) -> Key {
    Key { name, kind, shape, default, example }
}

/// A key whose default is its own best example.
const fn plain(name: &'static str, kind: Kind, default: &'static str, shape: &'static str) -> Key {
    key(name, kind, default, default, shape)
}

/// A key that stays unset unless somebody sets it.
const fn unset(name: &'static str, kind: Kind, example: &'static str, shape: &'static str) -> Key {
    key(name, kind, "", example, shape)
}

const SWITCH: &str = "true or false";
const SIZE: &str = "a size such as \"16 MiB\" or a number of octets";

pub(super) const KEYS: &[Key] = &[
    plain("data", Text, "\"./countersign-data\"", "the path of a directory"),
    plain("listen", Text, "\"127.0.0.1:8470\"", "an IP address and a port"),
    plain(
        "admin_listen",
        Text,
        "\"127.0.0.1:8471\"",
        "an IP address and a port, on loopback unless danger_admin_listen is true",
    ),
    plain("danger_admin_listen", Flag, "false", SWITCH),
    unset("public_url", Text, "\"https://api.example\"", "http:// or https://, a host and at most a port"),
    unset(
        "tls_cert",
        Text,
        "\"/etc/countersign/tls/fullchain.pem\"",
        "the path of a PEM file with the certificate and its chain",
    ),
    unset(
        "tls_key",
        Text,
        "\"/etc/countersign/tls/privkey.pem\"",
        "the path of a PEM file that only its owner can read",
    ),
    unset("upstream", Text, "\"http://127.0.0.1:3000\"", "http://, a host and at most a port"),
    key(
        "authorities",
        List,
        "[]",
        "[\"api.example\"]",
        "a list of host names, each with its port unless that is 80 or 443",
    ),
    key("window_seconds", Whole, "", "5", "a whole number of seconds from 1 to 300"),
    plain("profile", Text, "\"standard\"", "\"standard\" (a window of 5 s) or \"mobile\" (30 s)"),
    key("trusted_proxies", List, "[]", "[\"10.0.0.0/8\", \"::1\"]", "a list of IP addresses and networks"),
    plain(
        "client_ip_source",
        Text,
        "\"peer\"",
        "\"peer\", \"x-forwarded-for\", \"forwarded\", \"x-real-ip\" or \"proxy-protocol\"",
    ),
    plain("danger_trust_all_proxies", Flag, "false", SWITCH),
    plain("danger_seed_mode", Flag, "false", SWITCH),
    unset("seed_shared_key", Secret, "\"<64 hex digits>\"", "32 octets as 64 hex digits"),
    unset(
        "seed_shared_key_file",
        Text,
        "\"/run/secrets/seed_shared_key\"",
        "the path of a file that only its owner can read",
    ),
    plain("max_body", Size, "\"16 MiB\"", SIZE),
    plain("max_signed_response", Size, "\"8 MiB\"", SIZE),
    plain("max_buffered", Size, "\"256 MiB\"", SIZE),
    plain("max_spooled", Size, "\"4 GiB\"", SIZE),
    plain("upstream_timeout_seconds", Whole, "30", "a whole number of seconds from 1 to 3600"),
    plain("ticket_days", Whole, "7", "a whole number of days from 1 to 365"),
    plain("token_format", Text, "\"jwt\"", "\"jwt\" or \"opaque\""),
    plain("access_token_minutes", Whole, "15", "a whole number of minutes from 1 to 60"),
    plain("token_ip_claim", Flag, "false", SWITCH),
    plain("token_key_days", Whole, "90", "a whole number of days from 1 to 365"),
    plain("event_retention_days", Whole, "400", "a whole number of days from 0 (for ever) to 36500"),
    unset("event_heads_file", Text, "\"/mnt/elsewhere/countersign-heads\"", "the path of a file"),
    plain("session_idle_days", Whole, "7", "a whole number of days from 1 to 365"),
    plain("session_days", Whole, "30", "a whole number of days from 1 to 365"),
    plain("security.on_network_change", Text, "\"warn\"", "\"warn\" or \"revoke\""),
    plain("security.challenge_on_network_change", Flag, "false", "false"),
    unset("max_sessions", Whole, "10", "a whole number from 1 to 10000"),
    key("on_limit", Text, "", "\"evict_oldest\"", "\"reject\", \"evict_oldest\" or \"evict_idle\""),
    plain("sensitive_minutes", Whole, "5", "a whole number of minutes from 1 to 60"),
    plain("danger_plain_passwords", Flag, "false", SWITCH),
    unset(
        "kek_file",
        Text,
        "\"/run/credentials/countersign.service/kek\"",
        "the path of a file that only its owner can read",
    ),
    plain("replay.per_key", Whole, "60000", "a whole number from 1 to replay.total"),
    plain("replay.total", Whole, "4194304", "a whole number from 1 to 268435456"),
    plain("idempotency.max_per_user", Size, "\"64 MiB\"", SIZE),
    plain("password.memory", Size, "\"19 MiB\"", "a size from \"19 MiB\" to \"1 GiB\""),
    plain("password.iterations", Whole, "2", "a whole number from 2 to 16"),
    plain("password.lanes", Whole, "1", "a whole number from 1 to 16"),
    plain("password.at_once", Whole, "2", "a whole number from 1 to 64"),
    plain("password.waiting", Whole, "64", "a whole number from 1 to 4096"),
    plain("limits.max_connections", Whole, "4096", "a whole number from 1 to 1000000"),
    plain("limits.max_connections_per_address", Whole, "1024", "a whole number from 1 to limits.max_connections"),
    plain("limits.head_seconds", Whole, "5", "a whole number of seconds from 1 to 60"),
    plain("limits.idle_seconds", Whole, "75", "a whole number of seconds from 1 to 3600"),
    plain("limits.body_seconds", Whole, "30", "a whole number of seconds from 1 to 3600"),
    plain("limits.min_body_rate", Whole, "1024", "a whole number of octets per second from 1 to 1073741824"),
    plain("log.level", Text, "\"info\"", "\"error\", \"warn\", \"info\", \"debug\" or \"trace\""),
    plain("log.format", Text, "\"auto\"", "\"auto\" (text to a terminal, else JSON), \"text\" or \"json\""),
    plain("envelope.max_message", Size, "\"256 KiB\"", SIZE),
    plain("envelope.in_flight", Whole, "16", "a whole number from 1 to 1024"),
    plain("envelope.idle_seconds", Whole, "300", "a whole number of seconds from 1 to 86400"),
    plain("envelope.max_connections", Whole, "1024", "a whole number from 1 to 1000000"),
    plain("envelope.max_connections_per_address", Whole, "64", "a whole number from 1 to envelope.max_connections"),
    unset(
        "envelope.action[].name",
        Text,
        "\"transfer.create\"",
        "1 to 128 visible ASCII characters, without quotes and backslashes",
    ),
    plain("envelope.action[].method", Text, "\"POST\"", "\"GET\", \"POST\", \"PUT\", \"PATCH\" or \"DELETE\""),
    unset("envelope.action[].path", Text, "\"/v1/transfers\"", "a path that begins with /, without a query"),
    plain("envelope.action[].content_type", Text, "\"application/json\"", "a media type"),
    unset("verifier[].id", Text, "\"orders-api\"", "1 to 64 letters, digits and any of - . _ ~"),
    unset(
        "verifier[].secret_file",
        Text,
        "\"/run/secrets/orders-api\"",
        "the path of a file that only its owner can read",
    ),
    unset("route[].path", Text, "\"/public\"", "a path that begins with / (with = in front: that path alone)"),
    plain("route[].accept", Text, "\"signature\"", "\"signature\", \"signature-or-bearer\" or \"danger-anyone\""),
    key("route[].forward_unsigned", List, "[]", "[\"x-request-id\"]", "a list of names of header fields"),
    key("route[].max_body", Size, "", "\"1 MiB\"", SIZE),
    plain("route[].stream", Flag, "false", SWITCH),
    key("route[].max_stream", Size, "", "\"100 GiB\"", SIZE),
    plain("route[].raw_path", Flag, "false", SWITCH),
    plain("route[].keep_outcomes", Flag, "true", SWITCH),
    plain("route[].websocket", Flag, "false", SWITCH),
];
