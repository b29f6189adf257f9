use toml::Value;

use super::layer::Layer;
use super::origin::Origin;

/// What the command line says. It wins over everything else.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--data DIR`
    pub data: Option<String>,
    /// `--listen ADDR`
    pub listen: Option<String>,
    /// `--admin-listen ADDR`
    pub admin_listen: Option<String>,
    /// `--public-url URL`
    pub public_url: Option<String>,
    /// `--tls-cert FILE`
    pub tls_cert: Option<String>,
    /// `--tls-key FILE`
    pub tls_key: Option<String>,
    /// `--upstream URL`
    pub upstream: Option<String>,
}

impl Overrides {
    pub(super) fn into_layer(self) -> Layer {
        let mut layer = Layer::default();
        for (key, option, value) in [
            ("data", "--data", self.data),
            ("listen", "--listen", self.listen),
            ("admin_listen", "--admin-listen", self.admin_listen),
            ("public_url", "--public-url", self.public_url),
            ("tls_cert", "--tls-cert", self.tls_cert),
            ("tls_key", "--tls-key", self.tls_key),
            ("upstream", "--upstream", self.upstream),
        ] {
            if let Some(value) = value {
                layer.set(key, Value::String(value), Origin::Option(option));
            }
        }
        layer
    }
}
