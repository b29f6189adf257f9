use std::collections::{BTreeMap, BTreeSet};

use countersign_core::problem::Problem;
use utoipa::openapi::path::Operation;

use super::*;
use crate::config::Accept;
use crate::http::ours::{AUTHORIZATION_SERVER, JWKS, accept};
use crate::http::router::addresses;

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

/// What is not behind the guard.
const OPEN: [&str; 4] = ["/api/auth/enrol", crate::http::envelope::ADDRESS, JWKS, AUTHORIZATION_SERVER];

fn operations() -> Vec<(String, Operation)> {
    let items = document().paths.paths;
    let operations = items.into_iter().flat_map(|(path, item)| {
        let of_any_method =
            [item.get, item.post, item.put, item.patch, item.delete, item.options, item.head, item.trace];
        of_any_method.into_iter().flatten().map(move |operation| (path.clone(), operation))
    });
    operations.collect()
}

#[test]
fn the_kept_document_is_what_is_served() {
    let served = described().unwrap();
    #[expect(clippy::disallowed_methods, reason = "no configuration: it is asked for by whoever runs the tests")]
    if std::env::var_os("RENEW_SNAPSHOTS").is_some() {
        std::fs::write(SNAPSHOT, &served).unwrap();
    }
    let kept = std::fs::read(SNAPSHOT).unwrap_or_default();
    assert!(
        kept == served,
        "docs/openapi.json is not what the guard serves; renew it and look at the difference:\n    \
         RENEW_SNAPSHOTS=1 cargo test -p countersign-server --lib openapi"
    );
}

/// That each address takes the methods which are described, and no others, the handlers are asked in `tests/openapi.rs`.
#[test]
fn every_address_that_is_served_is_described_and_no_other() {
    let served = addresses();
    let described: BTreeSet<String> = document().paths.paths.into_keys().collect();
    assert_eq!(served.iter().map(|path| (*path).to_owned()).collect::<BTreeSet<_>>(), described);
    assert_eq!(served.len(), described.len(), "an address stands twice");
}

#[test]
fn what_an_operation_is_said_to_want_is_what_the_guard_asks_for() {
    for (path, operation) in operations() {
        let said = serde_json::to_value(&operation).unwrap();
        let ways: BTreeSet<String> = said["security"].as_array().map_or_else(BTreeSet::new, |ways| {
            ways.iter().map(|way| way.as_object().unwrap().keys().next().cloned().unwrap_or_default()).collect()
        });
        let ways: Vec<&str> = ways.iter().map(String::as_str).collect();
        let is_open = OPEN.contains(&path.as_str()) || operation.tags.unwrap() == ["operation"];
        match accept(&path) {
            _ if is_open => assert!(ways.is_empty(), "{path} {ways:?}"),
            Accept::Signature => assert_eq!(ways, ["signature"], "{path}"),
            Accept::SignatureOrBearer => assert_eq!(ways, ["bearer", "signature"], "{path}"),
            Accept::DangerAnyone => {
                assert!(ways == ["", "signature"] || ways == ["signature", "verifier"], "{path} {ways:?}")
            }
        }
    }
}

#[test]
fn every_problem_is_told_of_and_stands_under_its_status() {
    let mut told = BTreeMap::<String, BTreeSet<String>>::new();
    for (_, operation) in operations() {
        for (status, response) in serde_json::to_value(operation.responses).unwrap().as_object().unwrap() {
            let examples = response.pointer("/content/application~1problem+json/examples");
            for code in
                examples.and_then(|examples| examples.as_object()).into_iter().flat_map(|examples| examples.keys())
            {
                told.entry(code.clone()).or_default().insert(status.clone());
            }
        }
    }
    for problem in Problem::ALL {
        match told.remove(problem.code) {
            Some(statuses) => assert_eq!(Vec::from_iter(statuses), [problem.status.to_string()], "{}", problem.code),
            None => assert!(ABOUT.contains(problem.code), "{} is told of nowhere", problem.code),
        }
    }
    assert!(told.is_empty(), "no such problem: {told:?}");
}
