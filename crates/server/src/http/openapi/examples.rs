//! Answers as they come. `e2e/test_openapi.py` holds them to the schemas.

use serde_json::{Value, json};

fn session() -> Value {
    json!({
        "ref": "nPZ2vS1kQ0qVYx8m3r5u7w",
        "user_id": "0f3a9c2d-4e5b-4a1c-8d7e-6f5a4b3c2d1e",
        "username": "alice",
        "device": "laptop",
        "ip_address": "203.0.113.7",
        "user_agent": "curl/8.5.0",
        "proof": "bearer",
        "opened_by": "password",
        "created_ms": 1_763_780_000_183_u64,
        "last_used_ms": 1_763_780_000_183_u64,
        "auth_time_ms": 1_763_780_000_183_u64,
        "expires_ms": 1_766_372_000_183_u64,
        "state": "open",
        "ended_ms": null,
        "why": null,
        "current": true,
    })
}

pub(in crate::http) fn whoami() -> Value {
    json!({
        "user_id": "0f3a9c2d-4e5b-4a1c-8d7e-6f5a4b3c2d1e",
        "username": "alice",
        "role": "user",
        "permissions": ["orders:read"],
        "keyid": "s.nPZ2vS1kQ0qVYx8m3r5u7w",
        "session": session(),
    })
}

pub(in crate::http) fn grant() -> Value {
    json!({
        "access_token": "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIs…",
        "token_type": "Bearer",
        "expires_in": 893,
        "refresh_token": "csr_BwcHBwcHBwcHBwcHBwcHBw.1.q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA",
        "session": session(),
    })
}

pub(in crate::http) fn own_sessions() -> Value {
    json!({ "sessions": [session()], "next": null })
}

pub(in crate::http) fn own_keys() -> Value {
    json!({ "keys": [{
        "keyid": "k7f3a9c2d4e5b6a1c",
        "device": "laptop",
        "origin": "ticket",
        "state": "ending",
        "created_ms": 1_763_780_000_183_u64,
        "ends_at_ms": 1_763_866_400_183_u64,
        "predecessor": null,
        "successor": "k1c2d3e4f5a6b7c8d",
        "this": false,
    }] })
}

pub(in crate::http) fn feed() -> Value {
    json!({
        "head": { "epoch": 1, "sequence": 1_233 },
        "revocations": [
            {
                "sequence": 1_231,
                "epoch": 0,
                "at_ms": 1_763_780_000_000_u64,
                "kind": "session",
                "session": "BQUFBQUFBQUFBQUFBQUFBQ",
            },
            {
                "sequence": 1_232,
                "epoch": 0,
                "at_ms": 1_763_780_000_500_u64,
                "kind": "user",
                "user_id": "0f3a9c2d-4e5b-4a1c-8d7e-6f5a4b3c2d1e",
                "generation": 4,
            },
            { "sequence": 1_233, "epoch": 1, "at_ms": 1_763_780_001_000_u64, "kind": "everybody" },
        ],
        "next": 1_233,
        "more": false,
        "token_keys": ["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"],
    })
}

pub(in crate::http) fn introspection() -> Value {
    json!({
        "active": true,
        "iss": "https://api.example",
        "aud": "https://api.example",
        "client_id": "countersign",
        "token_type": "Bearer",
        "sub": "0f3a9c2d-4e5b-4a1c-8d7e-6f5a4b3c2d1e",
        "username": "alice",
        "role": "user",
        "permissions": ["orders:read"],
        "scope": "orders:read",
        "sid": "BQUFBQUFBQUFBQUFBQUFBQ",
        "auth_time": 1_763_780_000,
        "exp": 1_763_780_890,
        "iat": 1_763_780_000,
        "jti": "AQIDBAUGBwgJCgsMDQ4PEA",
        "gen": 3,
        "epoch": 0,
        "cnf": { "kid": "s.BQUFBQUFBQUFBQUFBQUFBQ" },
    })
}

pub(in crate::http) fn events() -> Value {
    json!({
        "events": [{
            "sequence": 122,
            "at_ms": 1_763_780_000_183_u64,
            "event": "session_opened",
            "user_id": "0f3a9c2d-4e5b-4a1c-8d7e-6f5a4b3c2d1e",
            "keyid": null,
            "session": "nPZ2vS1kQ0qVYx8m3r5u7w",
            "actor": "203.0.113.7",
            "detail": "by password, proof bearer",
        }],
        "next": 123,
    })
}

pub(in crate::http) fn users() -> Value {
    json!({
        "users": [{
            "user_id": "0f3a9c2d-4e5b-4a1c-8d7e-6f5a4b3c2d1e",
            "username": "alice",
            "role": "user",
            "state": "enabled",
            "permissions": ["orders:read"],
            "has_password": true,
            "generation": 3,
            "created_ms": 1_763_780_000_183_u64,
        }],
        "next": "alice",
    })
}

pub(in crate::http) fn sessions() -> Value {
    json!({ "sessions": [session()], "next": "nPZ2vS1kQ0qVYx8m3r5u7w" })
}

pub(in crate::http) fn status() -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started_ms": 1_763_780_000_183_u64,
        "uptime_ms": 86_400_000,
        "clock": { "now_ms": 1_763_866_400_183_u64, "is_trusted": true, "window_ms": 5_000 },
        "store": { "kind": "sqlite", "kek_version": 1 },
        "counts": { "active_keys": 12, "sessions": 9, "nonces": 310, "verifiers": 1 },
        "heads": { "events": 123, "revocations": 4, "epoch": 0 },
    })
}
