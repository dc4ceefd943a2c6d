//! Part `providers`: addresses and credentials of upstreams, for `tollgate render`. Filters only read `usage`.

use serde::Deserialize;
use tollgate_names::Entries;
use tollgate_quota::Period;
use tollgate_tokens::AskUsage;

/// Providers by name, as entries of `models` refer to them.
pub type RawProviders = Entries<RawProvider>;

/// Upstream of a provider.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawProvider {
    /// Host and port, e.g. `api.openai.com:443`.
    pub address: String,
    /// Name of the cluster in Envoy. 1 to 256 bytes of visible ASCII. Default: the name of the provider.
    #[serde(default)]
    pub cluster: Option<String>,
    /// TLS to the upstream. Default: TLS with the host of `address` if the port is 443, else none.
    #[serde(default)]
    pub tls: Option<RawTls>,
    /// Credential for the upstream. Default: none; the client's is forwarded.
    #[serde(default)]
    pub key: Option<RawKey>,
    /// HTTP/2 to the upstream: `true` without TLS needs an upstream that accepts it without an upgrade (h2c). Default: negotiated
    /// with TLS, else `false`.
    #[serde(default)]
    pub http2: Option<bool>,
    /// Path in front of the path of a request, e.g. `/openai`. Default: none.
    #[serde(default)]
    pub path_prefix: Option<String>,
    /// Time to connect, TLS included. Default: `5s`.
    #[serde(default)]
    pub connect_timeout: Option<Period>,
    /// Longest time without a byte of a request or response, after which the call ends; there is no limit on a response as a
    /// whole. Default: `5m`.
    #[serde(default)]
    pub idle_timeout: Option<Period>,
    /// Path of health checks, e.g. `/health` of vLLM, every 10 s. An address that fails gets no calls while others are healthy; if
    /// none is, Envoy sends calls to all. Default: no health checks.
    #[serde(default)]
    pub health_path: Option<String>,
    /// Serves the gateway's list of models (`GET /v1/models`). At most one provider does. Default: `false`; if no provider
    /// does, the gateway has no such list.
    #[serde(default)]
    pub model_list: bool,
    /// Request for usage at the end of a stream of chat completions, for models and routes without `usage`. Default: `ask`, but
    /// `never` for Mistral's API, which refuses `stream_options`.
    #[serde(default)]
    pub usage: Option<AskUsage>,
}

/// TLS to an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RawTls {
    /// Server name that is sent and verified. Default: the host of `address`.
    pub sni: Option<String>,
    /// File with the trusted certificate authorities, in PEM, on Envoy's machine. Default: those of the system,
    /// `/etc/ssl/certs/ca-certificates.crt`.
    pub ca_file: Option<String>,
}

/// Credential for an upstream: a header with a secret from the environment or from a file of Envoy's machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RawKey {
    /// Request header. Default: `authorization`.
    pub header: Option<String>,
    /// Text in front of the secret. Needs Envoy 1.37 or newer unless it is empty. Default: `Bearer ` for the header
    /// `authorization`, else none.
    pub prefix: Option<String>,
    /// Environment variable of Envoy with the secret.
    pub env: Option<String>,
    /// File with the secret on Envoy's machine, without a newline at its end.
    pub file: Option<String>,
}

/// Validated upstream of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Host name or IP address, without the brackets of IPv6.
    pub host: String,
    /// Port, never zero.
    pub port: u16,
    /// Name of the cluster, unique.
    pub cluster: String,
    /// TLS, if any.
    pub tls: Option<Tls>,
    /// Credential, if any.
    pub key: Option<Key>,
    /// HTTP/2; `None`: negotiated with TLS, else not used.
    pub http2: Option<bool>,
    /// Path in front of the path of a request: empty, or with a leading and no trailing slash.
    pub path_prefix: String,
    /// Time to connect.
    pub connect_timeout: Period,
    /// Longest time without a byte.
    pub idle_timeout: Period,
    /// Path of health checks, if any.
    pub health_path: Option<String>,
    /// `true` for at most one provider: it serves the list of models.
    pub model_list: bool,
}

/// Validated TLS to an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Server name that is sent and verified.
    pub sni: String,
    /// File with the trusted certificate authorities.
    pub ca_file: String,
}

/// Validated credential for an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Request header, in lower case.
    pub header: String,
    /// Text in front of the secret.
    pub prefix: String,
    /// Place of the secret.
    pub secret: Secret,
}

/// Place of a secret on Envoy's machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// Environment variable of Envoy.
    Env(String),
    /// Path of a file.
    File(String),
}
