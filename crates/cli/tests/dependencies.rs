//! Licences, bans and sources of everything that is linked: the lists of `deny.toml`, checked without a tool of their own.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the helpers of a test fail by panicking, too"
)]

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

fn metadata() -> Value {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked", "--manifest-path", manifest])
        .args(["--filter-platform", &host()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Everything that is linked or run here, a package a line. `cargo metadata` would also name what no feature asks for.
fn tree() -> String {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--offline", "--locked", "--prefix", "none", "--manifest-path", manifest])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What is compiled here. What other platforms would link has not been downloaded.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

fn lists() -> toml::Table {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deny.toml")).unwrap().parse().unwrap()
}

/// Whether an SPDX expression of `OR`, `AND` and parentheses can be met with the allowed licences. The old spelling with
/// a slash means `OR`.
fn is_met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut place = 0;
    let met = any_of(&words, &mut place, allowed);
    assert_eq!(place, words.len(), "cannot read the licence {expression:?}");
    met
}

fn any_of(words: &[&str], place: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = all_of(words, place, allowed);
    while words.get(*place) == Some(&"OR") {
        *place += 1;
        met |= all_of(words, place, allowed);
    }
    met
}

fn all_of(words: &[&str], place: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, place, allowed);
    while words.get(*place) == Some(&"AND") {
        *place += 1;
        met &= one(words, place, allowed);
    }
    met
}

fn one(words: &[&str], place: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let word = words[*place];
    *place += 1;
    if word == "(" {
        let met = any_of(words, place, allowed);
        assert_eq!(words[*place], ")");
        *place += 1;
        return met;
    }
    let mut licence = word.to_owned();
    if words.get(*place) == Some(&"WITH") {
        licence = format!("{word} WITH {}", words[*place + 1]);
        *place += 2;
    }
    allowed.contains(&licence)
}

#[test]
fn every_licence_is_allowed() {
    let allowed =
        lists()["licenses"]["allow"].as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect();
    for package in metadata()["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let licence = package["license"].as_str().unwrap_or_else(|| panic!("{name} names no licence"));
        assert!(is_met(licence, &allowed), "{name}: {licence} is not among the allowed licences of deny.toml");
    }
}

#[test]
fn no_banned_crate_is_in_the_tree() {
    let banned: BTreeSet<String> = lists()["bans"]["deny"]
        .as_array()
        .unwrap()
        .iter()
        .map(|ban| ban["crate"].as_str().unwrap().to_owned())
        .collect();
    for package in tree().lines().filter_map(|line| line.split(' ').next()) {
        assert!(
            !banned.contains(package),
            "{package} is banned in deny.toml; see `cargo tree --workspace -i {package}`"
        );
    }
}

#[test]
fn everything_comes_from_the_one_registry_or_from_here() {
    for package in metadata()["packages"].as_array().unwrap() {
        let from = package["source"].as_str().unwrap_or("path");
        assert!(from == "path" || from.starts_with("registry+"), "{}: {from}", package["name"]);
    }
}

#[test]
fn licence_expressions_are_read_as_written() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "Apache-2.0 WITH LLVM-exception".to_owned()]);
    for met in ["MIT", "GPL-3.0 OR MIT", "MIT/GPL-3.0", "(GPL-3.0 OR MIT) AND MIT", "Apache-2.0 WITH LLVM-exception"] {
        assert!(is_met(met, &allowed), "{met}");
    }
    for unmet in ["GPL-3.0", "MIT AND GPL-3.0", "(GPL-3.0 OR ISC) AND MIT", "Apache-2.0"] {
        assert!(!is_met(unmet, &allowed), "{unmet}");
    }
}
