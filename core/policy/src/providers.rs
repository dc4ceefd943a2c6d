//! Part `providers`: addresses and credentials of upstreams, for `tollgate render`. Filters ignore it.

use serde::Deserialize;
use tollgate_names::Entries;

/// Providers by name, as entries of `models` refer to them.
pub type RawProviders = Entries<RawProvider>;

/// Upstream of a provider.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawProvider {
    /// Host and port, e.g. `api.openai.com:443`.
    pub address: String,
    /// TLS to the upstream. Default: TLS with the host of `address` if the port is 443, else none.
    #[serde(default)]
    pub tls: Option<RawTls>,
    /// Credential for the upstream. Default: none; the client's is forwarded.
    #[serde(default)]
    pub key: Option<RawKey>,
}

/// TLS to an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RawTls {
    /// Server name that is sent and verified. Default: the host of `address`.
    pub sni: Option<String>,
    /// File with the trusted certificate authorities, in PEM, on Envoy's machine. Default: those of the system.
    pub ca_file: Option<String>,
}

/// Credential for an upstream: a header with a secret from the environment or from a file of Envoy's machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RawKey {
    /// Request header. Default: `authorization`.
    pub header: Option<String>,
    /// Text in front of the secret. Default: `Bearer ` for the header `authorization`, else none.
    pub prefix: Option<String>,
    /// Environment variable of Envoy with the secret.
    pub env: Option<String>,
    /// File with the secret on Envoy's machine.
    pub file: Option<String>,
}
