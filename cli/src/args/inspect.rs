//! Arguments of `tollgate inspect` and `tollgate bench firewall`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Arguments of `tollgate inspect`.
#[derive(Clone, Debug, Args)]
pub struct InspectArgs {
    /// Policy file.
    #[arg(long, default_value = "tollgate.yaml", value_name = "FILE")]
    pub policy: PathBuf,
    /// Direction of the texts. Default: `response` for lines with `"scope": "response"`, else `request`.
    #[arg(long, value_enum)]
    pub direction: Option<DirectionArg>,
    /// Read JSON lines: `{"id", "text"}`, or `{"id", "body"}` with a request or response of the chat completions API.
    #[arg(long)]
    pub jsonl: bool,
    /// Path of the API that bodies belong to.
    #[arg(long, default_value = "/v1/chat/completions", value_name = "PATH")]
    pub path: String,
    /// Consumer who sends the texts. With a caller, scopes and exceptions of rules apply as they do today; without --consumer, --team
    /// and --model every rule applies and no exception.
    #[arg(long, value_name = "NAME")]
    pub consumer: Option<String>,
    /// Team of the caller.
    #[arg(long, value_name = "NAME")]
    pub team: Option<String>,
    /// Model of the call. The model that a body names is not read.
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Print the texts with their redactions. Without it, nothing of a text is printed.
    #[arg(long)]
    pub show_text: bool,
    /// Text, or JSON lines; `-` for standard input.
    #[arg(default_value = "-", value_name = "FILE")]
    pub file: PathBuf,
}

/// Directions of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DirectionArg {
    /// Texts that clients send.
    Request,
    /// Texts that models generate.
    Response,
}

/// Measurements.
#[derive(Clone, Debug, Subcommand)]
pub enum BenchCommand {
    /// Measure how many labelled texts the rules of a policy match, and how long the rules take.
    ///
    /// A corpus is a file of JSON lines: `{"text", "label"}`, and optionally `id`, `scope`, `technique` or `category`, `rule`.
    /// Prints, per corpus and per technique, the share of positive texts that a rule matches (recall) and the share of negative
    /// ones (false positives), each with its 95 % interval (Wilson). Labels that mean negative: benign, safe, no_*, negative,
    /// false and 0.
    ///
    /// Also prints the speed on the texts, in a first pass and in the fastest of three later ones, the latter also as a multiple
    /// of the time that the crate aho-corasick takes to find the literals of the rules; and the work, in nodes of patterns that
    /// searches visit, on average and of the worst text. Times are those of this machine, and never change the exit status.
    ///
    /// Exit status: 0, 1 if a corpus misses --max-fpr or --min-recall, 2 if the input is invalid.
    Firewall(BenchFirewallArgs),
}

/// Arguments of `tollgate bench firewall`.
#[derive(Clone, Debug, Args)]
pub struct BenchFirewallArgs {
    /// Policy file.
    #[arg(long, default_value = "tollgate.yaml", value_name = "FILE")]
    pub policy: PathBuf,
    /// Direction of the texts. Default: `response` for lines with `"scope": "response"`, else `request`.
    #[arg(long, value_enum)]
    pub direction: Option<DirectionArg>,
    /// Largest share of negative texts with a match, 0 to 1, in every corpus that has negative texts.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub max_fpr: Option<f64>,
    /// Smallest share of positive texts with a match, 0 to 1, in every corpus that has positive texts.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub min_recall: Option<f64>,
    /// Count only matches of the rule that a line names in `rule`, which the rule's id equals or ends with.
    #[arg(long)]
    pub own_rule: bool,
    /// Use only lines with this member, such as `lang=de` or `verified=true`. May be repeated.
    #[arg(long = "where", value_name = "NAME=VALUE")]
    pub filters: Vec<String>,
    /// Print the ids of the texts that are wrong: positive ones without and negative ones with a match.
    #[arg(long)]
    pub wrong: bool,
    /// Print JSON lines.
    #[arg(long)]
    pub json: bool,
    /// Corpora.
    #[arg(required = true, value_name = "CORPUS")]
    pub corpora: Vec<PathBuf>,
}

/// Parses a share.
fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a number from 0 to 1".to_owned()),
    }
}
