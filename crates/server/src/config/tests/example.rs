//! The example file, the table of keys and the fields of `written` are the same list.

use core::fmt;
use std::collections::BTreeSet;

use serde::de::{Deserialize, Deserializer, Visitor, value::Error};

use super::super::layer::Layer;
use super::super::table::KEYS;
use super::super::written::{
    Written, WrittenAction, WrittenEnvelope, WrittenIdempotency, WrittenLimits, WrittenLog, WrittenPassword,
    WrittenReplay, WrittenRoute, WrittenSecurity, WrittenVerifier,
};
use super::*;

const EXAMPLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/countersign.toml"));

/// The example with every `#key = value` and `#[[route]]` taken out of its comment.
fn uncommented() -> String {
    let lines = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|first: char| first.is_ascii_lowercase() || first == '[') => rest,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn layer(text: &str) -> Layer {
    let mut faults = Vec::new();
    let layer = super::super::file::read(Path::new("countersign.toml"), text, &mut faults);
    assert!(faults.is_empty(), "{faults:?}");
    layer
}

#[test]
fn the_example_as_it_is_says_what_holds_anyway() {
    let example = from_file(EXAMPLE).unwrap();
    assert_eq!(format!("{:?}", example.config), format!("{:?}", from_file("").unwrap().config));
}

#[test]
fn the_example_has_every_key_with_its_default_and_a_comment() {
    let (as_it_is, uncommented) = (layer(EXAMPLE), layer(&uncommented()));
    for key in KEYS {
        let path = key.name.replace("[]", "[0]");
        let value = uncommented.at(&path).unwrap_or_else(|| panic!("{path} is not in the example"));
        if as_it_is.at(&path).is_some() || !key.default.is_empty() {
            assert_eq!(value.to_string(), key.default, "{path}");
        }
        let commented = EXAMPLE.lines().any(|line| {
            let line = line.trim_start_matches('#');
            line.starts_with(&format!("{} = ", key.short_name())) && line.contains("  # ")
        });
        assert!(commented, "{path} has no comment");
    }
}

#[test]
fn every_default_and_every_example_in_the_table_is_accepted() {
    // Each of these needs another key beside it.
    let unset = ["seed_shared_key", "seed_shared_key_file", "tls_cert", "tls_key", "on_limit"];
    for key in KEYS.iter().filter(|key| !key.is_of_a_list() && !unset.contains(&key.name)) {
        for value in [key.default, key.example].into_iter().filter(|value| !value.is_empty()) {
            assert!(from_file(&format!("{} = {value}", key.name)).is_ok(), "{} = {value}", key.name);
        }
    }
}

#[test]
fn the_table_has_every_field_of_the_written_form_and_no_other() {
    let sections = [
        ("", fields::<Written>()),
        ("security.", fields::<WrittenSecurity>()),
        ("replay.", fields::<WrittenReplay>()),
        ("idempotency.", fields::<WrittenIdempotency>()),
        ("password.", fields::<WrittenPassword>()),
        ("limits.", fields::<WrittenLimits>()),
        ("log.", fields::<WrittenLog>()),
        ("envelope.", fields::<WrittenEnvelope>()),
        ("envelope.action[].", fields::<WrittenAction>()),
        ("verifier[].", fields::<WrittenVerifier>()),
        ("route[].", fields::<WrittenRoute>()),
    ];
    let fields =
        sections.iter().flat_map(|(prefix, fields)| fields.iter().map(move |field| format!("{prefix}{field}")));
    let sections = [
        "security",
        "replay",
        "idempotency",
        "password",
        "limits",
        "log",
        "envelope",
        "envelope.action",
        "verifier",
        "route",
    ];
    let fields: BTreeSet<_> = fields.filter(|field| !sections.contains(&field.as_str())).collect();
    assert_eq!(fields, KEYS.iter().map(|key| key.name.to_owned()).collect());
}

fn fields<T: for<'de> Deserialize<'de>>() -> &'static [&'static str] {
    let mut found: &[&str] = &[];
    let _ = T::deserialize(Fields(&mut found));
    found
}

/// A deserialiser that only looks which fields are asked for.
struct Fields<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        Err(serde::de::Error::custom(fmt::Error))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom(fmt::Error))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map enum identifier ignored_any
    }
}
