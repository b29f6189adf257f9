use std::ffi::OsString;
use std::path::Path;

use super::environment::Environment;
use super::{ConfigError, Loaded, Overrides};

mod example;
mod faults;
mod meaning;
mod sources;

/// A configuration from a file of this text and these variables.
fn composed(file: &str, variables: &[(&str, &str)], overrides: Overrides) -> Result<Loaded, ConfigError> {
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let mut faults = Vec::new();
    let environment = Environment::read(variables, &mut faults);
    super::compose(Some((Path::new("c.toml"), file)), environment, overrides, faults)
}

fn from_file(file: &str) -> Result<Loaded, ConfigError> {
    composed(file, &[], Overrides::default())
}

/// What is said about a wrong configuration, one sentence per fault.
fn said(outcome: Result<Loaded, ConfigError>) -> Vec<String> {
    match outcome {
        Err(ConfigError::Wrong(faults)) => faults.iter().map(ToString::to_string).collect(),
        other => panic!("not refused as wrong: {other:?}"),
    }
}
