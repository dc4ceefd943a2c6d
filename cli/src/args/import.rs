//! Arguments of `tollgate import`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Formats to import.
#[derive(Clone, Debug, Subcommand)]
pub enum ImportCommand {
    /// Convert a gitleaks configuration (gitleaks.toml) to firewall rules.
    ///
    /// Prints a policy; each part of the configuration that a policy cannot say, such as conditions on paths, is reported on
    /// standard error. The secret is what a rule redacts, not the text around it.
    ///
    /// Exit status: 0, or 2 if the configuration cannot be read.
    Gitleaks(GitleaksArgs),
    /// Convert Presidio recognizers (YAML or JSON) to firewall rules.
    ///
    /// Reads a registry (`recognizers:`), the `ad_hoc_recognizers` of a request, a list of recognizers, or a single one. Prints a
    /// policy with a rule per pattern and per list of words; what a policy cannot say is reported on standard error.
    ///
    /// Exit status: 0, or 2 if the file cannot be read.
    Presidio(PresidioArgs),
}

/// Arguments of `tollgate import presidio`.
#[derive(Clone, Debug, Args)]
pub struct PresidioArgs {
    /// Recognizers, or `-` for standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Text in front of the ids of the rules.
    #[arg(long, default_value = "presidio.", value_name = "TEXT")]
    pub prefix: String,
    /// Action of the rules.
    #[arg(long, value_enum, default_value_t = ActionArg::Redact)]
    pub action: ActionArg,
}

/// Arguments of `tollgate import gitleaks`.
#[derive(Clone, Debug, Args)]
pub struct GitleaksArgs {
    /// Configuration, or `-` for standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Text in front of the ids of the rules.
    #[arg(long, default_value = "gitleaks.", value_name = "TEXT")]
    pub prefix: String,
    /// Action of the rules.
    #[arg(long, value_enum, default_value_t = ActionArg::Redact)]
    pub action: ActionArg,
    /// `max_match_bytes` of the policy: longer secrets, such as private keys, are not found.
    #[arg(long, default_value_t = 4096, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(16..=16384))]
    pub max_match_bytes: u32,
}

/// Actions of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ActionArg {
    /// Reports matches.
    Log,
    /// Replaces the secret.
    Redact,
    /// Refuses the request or response.
    Block,
}

impl ActionArg {
    /// Returns the action as written in a policy.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ActionArg::Log => "log",
            ActionArg::Redact => "redact",
            ActionArg::Block => "block",
        }
    }
}
