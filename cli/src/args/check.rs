//! Arguments of `tollgate check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::envoy_version::EnvoyVersion;

/// Arguments of `tollgate check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// Policy files.
    #[arg(default_value = "tollgate.yaml", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Envoy configuration; every route of the policy must have a cluster there.
    #[arg(long, value_name = "FILE")]
    pub envoy: Option<PathBuf>,
    /// Version of Envoy, such as 1.36.10; a policy with guards, or with other parts that need a newer one, is refused.
    #[arg(long, value_name = "VERSION")]
    pub envoy_version: Option<EnvoyVersion>,
    /// Report format.
    #[arg(long, value_enum, default_value_t = FindingsFormat::Pretty)]
    pub format: FindingsFormat,
    /// Print each effective value and the line or default it comes from.
    #[arg(long)]
    pub print: bool,
    /// Print the estimated cost of each firewall rule, the highest first: nodes of its pattern that searches visit per byte of an
    /// average text, its states, its longest match, the text that is read in front of a literal, and its literals.
    #[arg(long)]
    pub costs: bool,
}

/// Report formats of `tollgate check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FindingsFormat {
    /// Text for people, with the lines of the file.
    Pretty,
    /// A single JSON document.
    Json,
    /// GitHub Actions annotations.
    Github,
    /// SARIF 2.1.0 for code scanning.
    Sarif,
}
