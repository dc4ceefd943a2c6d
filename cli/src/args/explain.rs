//! Arguments of `tollgate explain`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `tollgate explain`.
#[derive(Clone, Debug, Args)]
pub struct ExplainArgs {
    /// Policy file.
    #[arg(long, default_value = "tollgate.yaml", value_name = "FILE")]
    pub policy: PathBuf,
    /// Request body (JSON), or `-` for standard input.
    #[arg(default_value = "-", value_name = "REQUEST")]
    pub request: PathBuf,
    /// Path of the request.
    #[arg(long, default_value = "/v1/chat/completions", value_name = "PATH")]
    pub path: String,
    /// Request header, as `name:value`. May be repeated.
    #[arg(long = "header", value_name = "NAME:VALUE")]
    pub headers: Vec<String>,
    /// Consumer, where the policy takes it from an attribute or a token.
    #[arg(long, value_name = "NAME")]
    pub consumer: Option<String>,
    /// Explain only why this rule of the policy or of a pack does not match: its scope, its literals, and what rejects a match.
    #[arg(long, value_name = "RULE")]
    pub why_not: Option<String>,
    /// Response to the request (JSON, not a stream): explain why the rule of --why-not does not match it, in place of the request.
    #[arg(long, value_name = "FILE", requires = "why_not")]
    pub response: Option<PathBuf>,
    /// Print a single JSON document.
    #[arg(long)]
    pub json: bool,
}
