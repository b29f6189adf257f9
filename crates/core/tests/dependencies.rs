//! The wall around the core: what it may be built of, as a list. Whoever adds a crate adds it here, and says what for.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every crate that may be linked into the core, by what it is there for. Macros that run while compiling count too.
const ALLOWED: &[(&str, &[&str])] = &[
    ("this crate", &["countersign-core"]),
    (
        "AES-256-GCM, SHA-256, HMAC, HKDF, and their parts (RustCrypto)",
        &[
            "aead",
            "aes",
            "aes-gcm",
            "block-buffer",
            "cipher",
            "cmov",
            "const-oid",
            "cpubits",
            "crypto-common",
            "ctr",
            "ctutils",
            "digest",
            "ghash",
            "hkdf",
            "hmac",
            "hybrid-array",
            "inout",
            "polyval",
            "sha2",
            "typenum",
            "universal-hash",
        ],
    ),
    ("which instructions the processor has, for the above; by libc on ARM", &["cfg-if", "cpufeatures", "libc"]),
    ("X25519", &["curve25519-dalek", "curve25519-dalek-derive"]),
    (
        "Ed25519, which signs tokens; a JWT library would bring the system's clock and a reader of JSON that is not strict",
        &["ed25519", "ed25519-dalek", "signature"],
    ),
    ("the Noise handshake, without a resolver of its own", &["snow"]),
    ("comparing in constant time, wiping, hashing into tables", &["siphasher", "subtle", "zeroize", "zeroize_derive"]),
    ("base64", &["base64"]),
    (
        "usernames: PRECIS and UTS #39",
        &["precis-core", "precis-profiles", "tinyvec", "unicode-normalization", "unicode-script", "unicode-security"],
    ),
    ("ids", &["uuid"]),
    (
        "derives",
        &[
            "proc-macro2",
            "quote",
            "serde",
            "serde_core",
            "serde_derive",
            "syn",
            "thiserror",
            "thiserror-impl",
            "unicode-ident",
        ],
    ),
];

/// What the core must never be built of, and why. None of these is on the list above; this says so once more, so that
/// nobody puts it there in passing.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "randomness comes in as an argument; snow, uuid and the AEADs could each bring the system's own with a feature",
        &["fastrand", "getrandom", "oorandom", "rand", "rand_chacha", "rand_core"],
    ),
    ("time comes in as an argument", &["chrono", "coarsetime", "humantime", "jiff", "quanta", "time", "web-time"]),
    (
        "nothing is awaited",
        &[
            "async-std",
            "async-trait",
            "embassy-executor",
            "futures",
            "futures-core",
            "futures-executor",
            "futures-util",
            "smol",
            "tokio",
        ],
    ),
    (
        "nothing is read, written or sent",
        &[
            "axum", "hyper", "memmap2", "mio", "redis", "reqwest", "rusqlite", "rustix", "socket2", "sqlx", "tempfile",
            "ureq",
        ],
    ),
    ("one implementation of each primitive is enough", &["aws-lc-rs", "blake2", "chacha20poly1305", "openssl", "ring"]),
];

fn linked() -> BTreeSet<String> {
    let arguments =
        ["tree", "-p", "countersign-core", "-e", "normal", "--prefix", "none", "--format", "{p}", "--offline"];
    let tree = Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    String::from_utf8(tree.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split(' ').next().map(str::to_owned))
        .collect()
}

#[test]
fn the_core_is_built_of_nothing_that_is_not_on_the_list() {
    let allowed: BTreeSet<&str> = ALLOWED.iter().flat_map(|(_, crates)| *crates).copied().collect();
    let linked = linked();
    assert!(linked.contains("countersign-core") && linked.contains("snow"), "the list was read: {linked:?}");
    let strangers: Vec<_> = linked.iter().filter(|name| !allowed.contains(name.as_str())).collect();
    assert!(strangers.is_empty(), "not on the list in {}: {strangers:?}", file!());
}

#[test]
fn nothing_with_a_clock_randomness_io_or_async_is_linked_or_allowed() {
    let allowed: BTreeSet<&str> = ALLOWED.iter().flat_map(|(_, crates)| *crates).copied().collect();
    let linked = linked();
    for (why, crates) in FORBIDDEN {
        for name in *crates {
            assert!(!linked.contains(*name), "{name} is linked, but {why}");
            assert!(!allowed.contains(name), "{name} is on the list, but {why}");
        }
    }
}

/// What a source file of the core must not name outside its tests: the standard library has clocks and files too.
const UNSPOKEN: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "async fn",
    "async move",
    ".await",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn no_source_of_the_core_reads_a_clock_a_file_or_the_network_or_waits() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let ours = sources
        .iter()
        .filter(|path| !path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs"));
    for path in ours {
        let text = std::fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        for (line, word) in lines.flat_map(|line| UNSPOKEN.iter().map(move |word| (line, word))) {
            assert!(!line.contains(word), "{word} in {}: {line}", path.display());
        }
    }
}
