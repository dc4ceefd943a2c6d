//! Arguments of `tollgate explain`.

use std::path::PathBuf;

use clap::Args;

/// Explain the verdict of every stage of a policy on one request.
///
/// Shows, in the order of the gateway: the dialect and the texts that were found, the consumer, the rules that match and
/// those that nearly do, the model and its route, the tokens by part, the price with the line that sets it, and the budgets
/// with what is reserved in each. Nothing of the request's text is printed.
///
/// Budgets are taken as unused: the command knows nothing about what a consumer has used.
///
/// Exit status: 0 if the request was explained, whatever the verdict; 2 if the policy is invalid or a file cannot be read.
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
    /// Print a single JSON document.
    #[arg(long)]
    pub json: bool,
}
