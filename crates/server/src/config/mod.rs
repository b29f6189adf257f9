//! The configuration: as written, in four places, and as meant.
//!
//! Defaults < the TOML file < the environment < the command line. Everything that is wrong is said at once, each in a
//! sentence that names the key, where it stands, the value's shape and the remedy; then the start is over.

mod authority;
mod check;
mod checked;
mod client_address;
mod desk;
mod envelope;
mod environment;
mod fault;
mod file;
mod forwardable;
mod key;
mod layer;
mod limits;
mod listing;
mod names;
mod origin;
mod overrides;
mod route;
mod route_path;
mod secret;
mod sessions;
mod settings;
mod size;
mod table;
#[cfg(test)]
mod tests;
mod tls;
mod tokens;
mod url;
mod verifier;
mod written;

pub use authority::Authorities;
pub use checked::Checked;
pub use envelope::{Envelopes, Target};
pub use fault::{ConfigError, Fault};
pub use limits::{Hashing, Limits, Log, LogFormat, ReplayQuotas, Sizes};
pub use listing::{Entry, Listing};
pub use names::Names;
pub use origin::Origin;
pub use overrides::Overrides;
pub use route::{Accept, Route, Routes};
pub use route_path::RoutePath;
pub use secret::{KekSource, SeedKeySource};
pub use sessions::{OnNetworkChange, SessionRules};
pub use settings::Config;
pub use tls::TlsFiles;
pub use tokens::{TokenFormat, Tokens};
pub use url::{PublicUrl, Upstream};
pub use verifier::{VerifierId, VerifierSource};

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use environment::Environment;
use layer::Layer;

/// Everything that can say something about the configuration.
#[derive(Debug, Default)]
pub struct Sources {
    /// `--config FILE`; wins over `COUNTERSIGN_CONFIG`.
    pub file: Option<PathBuf>,
    /// All variables of the environment; those that are not ours are passed over.
    pub environment: Vec<(OsString, OsString)>,
    /// The other options of the command line.
    pub overrides: Overrides,
}

/// A configuration, and where each of its values comes from.
#[derive(Debug)]
pub struct Loaded {
    /// What to run with.
    pub config: Checked<Config>,
    /// What to show to somebody who asks.
    pub listing: Listing,
}

/// Reads the file that is named, if one is, and puts all sources together.
pub fn load(sources: Sources) -> Result<Loaded, ConfigError> {
    let mut faults = Vec::new();
    let environment = Environment::read(sources.environment, &mut faults);
    let text = match sources.file.or_else(|| environment.file.clone()) {
        Some(path) => match std::fs::read_to_string(&path) {
            Ok(text) => Some((path, text)),
            Err(source) => return Err(ConfigError::Unreadable { path, source }),
        },
        None => None,
    };
    let written = text.as_ref().map(|(path, text)| (path.as_path(), text.as_str()));
    compose(written, environment, sources.overrides, faults)
}

fn compose(
    file: Option<(&Path, &str)>,
    environment: Environment,
    overrides: Overrides,
    mut faults: Vec<Fault>,
) -> Result<Loaded, ConfigError> {
    let file = file.map_or_else(Layer::default, |(path, text)| file::read(path, text, &mut faults));
    let layer = file.under(environment.layer).under(overrides.into_layer());
    match Checked::check(&layer, environment.kek.as_ref()) {
        Ok(config) if faults.is_empty() => Ok(Loaded { config, listing: Listing::new(&layer) }),
        Ok(_) => Err(ConfigError::Wrong(faults)),
        Err(more) => Err(ConfigError::Wrong(faults.into_iter().chain(more).collect())),
    }
}
