//! Arguments of `tollgate render`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::envoy_version::EnvoyVersion;

/// Arguments of `tollgate render`.
#[derive(Clone, Debug, Args)]
pub struct RenderArgs {
    /// Policy file.
    #[arg(default_value = "tollgate.yaml", value_name = "FILE")]
    pub file: PathBuf,
    /// File to write instead of printing: it is replaced as a whole, and only if there is no error.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Configuration to print.
    #[arg(long, value_enum, default_value_t = RenderTarget::Envoy)]
    pub target: RenderTarget,
    /// Address of the gateway.
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:10000")]
    pub listen: SocketAddr,
    /// Address of the admin interface, which must not be reachable from outside.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9901")]
    pub admin: SocketAddr,
    /// Path of tollgate.wasm on the proxy's machine.
    #[arg(long, value_name = "FILE", default_value = "/etc/tollgate/tollgate.wasm")]
    pub module: PathBuf,
    /// Version of Envoy, such as 1.36.10; a policy with guards, or with other parts that need a newer one, is refused.
    #[arg(long, value_name = "VERSION")]
    pub envoy_version: Option<EnvoyVersion>,
}

/// Configurations that `tollgate render` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RenderTarget {
    /// Bootstrap of a stock Envoy.
    Envoy,
}
