use core::net::SocketAddr;
use core::ops::Deref;

use serde::Deserialize as _;

use super::authority::Authorities;
use super::check;
use super::desk::Desk;
use super::fault::Fault;
use super::key::{Key, Kind};
use super::layer::Layer;
use super::names::Listening;
use super::secret::SecretText;
use super::settings::Config;
use super::written::Written;

/// The proof that a configuration has been looked at: only [`load`](super::load) makes one, and nobody can change it.
#[derive(Clone, Debug)]
pub struct Checked<T>(T);

impl<T> Deref for Checked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl Checked<Config> {
    /// Looks at what all sources together say.
    pub(super) fn check(layer: &Layer, kek: Option<&SecretText>) -> Result<Self, Vec<Fault>> {
        let written = read(layer).map_err(|fault| vec![fault])?;
        let mut desk = Desk::new(&layer.origins);
        let config = check::config(&mut desk, &written, kek);
        let faults = desk.into_faults();
        if faults.is_empty() { Ok(Self(config)) } else { Err(faults) }
    }

    /// The same configuration when it is known which address was bound, as after listening on port 0.
    pub fn bound_to(mut self, listen: SocketAddr) -> Self {
        self.0.names = self.0.names.bound_to(Listening { address: listen, tls: self.0.tls.is_some() });
        self.0.listen = listen;
        self
    }

    /// The same when it is known which address the administration listener has.
    pub fn admin_bound_to(mut self, admin_listen: SocketAddr) -> Self {
        self.0.admin_names = Authorities::of_operators(admin_listen);
        self.0.admin_listen = admin_listen;
        self
    }
}

/// The values by type. What the deserialiser says is not used: it would repeat a secret.
fn read(layer: &Layer) -> Result<Written, Fault> {
    let values = toml::Value::Table(layer.values.clone());
    let mut track = serde_path_to_error::Track::new();
    Written::deserialize(serde_path_to_error::Deserializer::new(values, &mut track)).map_err(|_| {
        let path = track.path().to_string();
        let found = layer.at(&path).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let is_size = Key::at(&path).is_some_and(|key| key.kind == Kind::Size);
        let reason = if is_size { "the units are B, KiB, MiB and GiB" } else { "" };
        Fault::wrong(&path, &layer.origins.of(&path), found.as_deref(), reason)
    })
}
