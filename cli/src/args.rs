//! Command line arguments: one definition for the parser, `--help`, the man page and the completions.

mod check;
mod explain;
mod import;
mod inspect;
mod prices;
mod render;
mod tokens;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use check::{CheckArgs, FindingsFormat};
pub use explain::ExplainArgs;
pub use import::{ActionArg, GitleaksArgs, ImportCommand, PresidioArgs};
pub use inspect::{BenchCommand, BenchFirewallArgs, DirectionArg, InspectArgs};
pub use prices::{PriceArgs, PriceFormat, PricesCommand, QuantityArgs, SearchContextArg, UpdateArgs};
pub use render::{RenderArgs, RenderTarget};
pub use tokens::{CompileArgs, CountArgs, TableFormat, TokenizerCommand};

/// Test the policies of an AI gateway without a cluster.
#[derive(Clone, Debug, Parser)]
#[command(name = "tollgate", version, about, propagate_version = true, disable_help_subcommand = true)]
pub struct Cli {
    /// Subcommand.
    #[command(subcommand)]
    pub command: Command,
}

/// Subcommands of `tollgate`.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run policy tests (*.test.yaml).
    ///
    /// Sends requests and scripted upstream responses through the filters, using the module that Envoy loads, and
    /// compares the result with the test's expectations. Each test runs in every delivery that could make a difference:
    /// whole, byte by byte, cut at every match of a rule, event by event, with trailers, over HTTP/1 and HTTP/2, and
    /// with an empty last frame. All deliveries must give the same result.
    ///
    /// Exit status: 0 if all tests passed, 1 if a test failed, 2 if the input is invalid.
    Test(TestArgs),
    /// Check policy files (tollgate.yaml).
    ///
    /// Reports all errors and warnings of a policy at once, with file, line, column and the nearest valid key, and whether its
    /// parts fit together. docs/policy.md lists the keys and the codes of findings.
    ///
    /// Exit status: 0 if there is no error, 1 if there is one, 2 if a file cannot be read.
    Check(CheckArgs),
    /// Explain the verdict of every stage of a policy on one request.
    ///
    /// Shows, in the order of the gateway: the dialect and the texts that were found, the consumer, the rules that match and
    /// those that nearly do, the model and its route, the tokens by part, the price with the line that sets it, and the budgets
    /// with what is reserved in each. Nothing of the request's text is printed.
    ///
    /// Budgets are taken as unused: the command knows nothing about what a consumer has used.
    ///
    /// With --why-not: only why one rule does not match, text by text. --response gives a response to look at.
    ///
    /// Exit status: 0 if the request was explained, whatever the verdict; 2 if the policy is invalid or a file cannot be read.
    Explain(ExplainArgs),
    /// Inspect texts or bodies with the firewall rules of a policy.
    ///
    /// Prints one JSON line per input: the verdict, the rules that match with the bytes of their matches, and with --show-text
    /// the text after all redactions. The direction is that of the line's `scope`, unless it is given.
    ///
    /// Exit status: 0 whatever the verdicts, 2 if the policy or an input is invalid.
    Inspect(InspectArgs),
    /// Measure a policy.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Convert rules of other tools to a policy.
    #[command(subcommand)]
    Import(ImportCommand),
    /// Print the proxy configuration that runs a policy.
    ///
    /// The output is complete and commented: the policy with its included files as the configuration of the filter, a route for
    /// every route of `models` and a cluster for every entry of `providers`, with the limits, timeouts, local replies, access log
    /// and metrics that Tollgate needs. Findings are printed to standard error.
    ///
    /// Exit status: 0 if the policy was rendered, 1 if it has an error or cannot be rendered, 2 if the file cannot be read.
    Render(RenderArgs),
    /// Count the tokens of texts or of the prompts in request bodies.
    ///
    /// Counts as the filter does: text exactly for models whose tokenizer is public and, for a request body (`--chat`), what the
    /// provider charges for its prompt, including the message template, tools and images.
    ///
    /// Exit status: 0, or 2 if the input is invalid.
    Count(CountArgs),
    /// Compute what a call costs.
    ///
    /// Looks up the price of a model as the gateway does, in the built-in table or in that of a policy, and prints the cost in
    /// dollars. With --explain: how the price was found, and each part of the cost.
    ///
    /// Exit status: 0, 1 if the model has no price, 2 if the input is invalid.
    Price(PriceArgs),
    /// Update price lists.
    #[command(subcommand)]
    Prices(PricesCommand),
    /// Compile tokenizers of models that are not built in.
    #[command(subcommand)]
    Tokenizer(TokenizerCommand),
    /// Print the JSON Schema or the reference page of a file format.
    Schema {
        /// File format.
        kind: SchemaKind,
    },
    /// Print shell completions.
    Completions {
        /// Shell to print completions for.
        shell: Shell,
    },
    /// Print the man page.
    Man,
}

/// Arguments of `tollgate test`.
#[derive(Clone, Debug, Args)]
pub struct TestArgs {
    /// Test files, and folders that are searched for test files.
    #[arg(default_value = ".", value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Runtime for the filters.
    #[arg(long, value_enum, default_value_t = BackendArg::Wasm)]
    pub backend: BackendArg,
    /// Run only tests whose `file: name` matches this regular expression.
    #[arg(long, value_name = "REGEX")]
    pub run: Option<String>,
    /// Report format.
    #[arg(long, value_enum, default_value_t = FormatArg::Pretty)]
    pub format: FormatArg,
    /// Report firewall rules that lack a matching test or a non-matching one (`not_rules`).
    #[arg(long)]
    pub coverage: bool,
    /// Fail if less than this percentage of the rules has both kinds of tests. Implies --coverage.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub require_coverage: Option<u8>,
    /// Rerun the tests whenever a file they depend on changes.
    #[arg(long)]
    pub watch: bool,
    /// Module to run. Default: $TOLLGATE_MODULE, else target/wasm32-wasip1/release/tollgate.wasm in the current folder
    /// or one of its parents.
    #[arg(long, value_name = "FILE")]
    pub module: Option<PathBuf>,
    /// Number of threads. Default: the number of processors.
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
}

/// Runtimes for the filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackendArg {
    /// Tollgate's own host, which behaves like Envoy. Takes milliseconds per test.
    Wasm,
    /// A real Envoy ($ENVOY, one on PATH, or one that is installed into the user's cache) over real sockets, in fewer deliveries.
    Envoy,
}

/// Report formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// Text for people.
    Pretty,
    /// A single JSON document.
    Json,
    /// JUnit XML.
    Junit,
    /// GitHub Actions annotations.
    Github,
    /// SARIF 2.1.0 for code scanning.
    Sarif,
}

/// File formats with a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaKind {
    /// Test files (*.test.yaml).
    Test,
    /// Policy files (tollgate.yaml).
    Policy,
    /// Policy files, as a page of documentation in Markdown.
    PolicyPage,
    /// Paths of LLM APIs and what happens to their requests, as a page of documentation in Markdown.
    PathsPage,
}
