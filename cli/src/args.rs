//! What is typed: the one definition behind the parser, `--help`, the man page and the completions.

mod tokens;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use tokens::{CompileArgs, CountArgs, TableFormat, TokenizerCommand};

/// An AI gateway's policies, tested without a cluster.
#[derive(Clone, Debug, Parser)]
#[command(name = "tollgate", version, about, propagate_version = true, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run tests of policies (*.test.yaml).
    ///
    /// Requests and answers go through the filters as the module that Envoy loads; what came of them is held against what
    /// the test expects. Each test is sent in every way that could matter (whole, byte by byte, cut at every match, event by
    /// event, with trailers, over HTTP/1 and HTTP/2, with an empty last frame), and all must come to the same.
    ///
    /// Exit status: 0 if everything passed, 1 if something failed, 2 if something given could not be used.
    Test(TestArgs),
    /// Count the tokens of texts, or of the prompts of requests.
    Count(CountArgs),
    /// Work with the tokenizers of other models.
    #[command(subcommand)]
    Tokenizer(TokenizerCommand),
    /// Print the JSON Schema of a kind of file.
    Schema {
        /// Which kind.
        kind: SchemaKind,
    },
    /// Print completions for a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Print the man page.
    Man,
}

/// What `tollgate test` is told.
#[derive(Clone, Debug, Args)]
pub struct TestArgs {
    /// Test files, and folders that have any below them.
    #[arg(default_value = ".", value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// What the filters run in.
    #[arg(long, value_enum, default_value_t = BackendArg::Wasm)]
    pub backend: BackendArg,
    /// Only tests whose `file: name` this regular expression matches.
    #[arg(long, value_name = "REGEX")]
    pub run: Option<String>,
    /// How to report.
    #[arg(long, value_enum, default_value_t = FormatArg::Pretty)]
    pub format: FormatArg,
    /// Report which firewall rules lack a test that they match, or one that they do not (`not_rules`).
    #[arg(long)]
    pub coverage: bool,
    /// Fail if fewer rules than this have both, in per cent. Implies --coverage.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub require_coverage: Option<u8>,
    /// Run again whenever a file changes that the tests are made of.
    #[arg(long)]
    pub watch: bool,
    /// The module to run. Default: $TOLLGATE_MODULE, else target/wasm32-wasip1/release/tollgate.wasm here or in a folder
    /// above.
    #[arg(long, value_name = "FILE")]
    pub module: Option<PathBuf>,
    /// Threads. Default: as many as there are processors.
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
}

/// What the filters run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackendArg {
    /// A host of ours that behaves as Envoy does. Milliseconds a test.
    Wasm,
    /// A real Envoy ($ENVOY, or one that is installed into target/), over real sockets, in fewer ways.
    Envoy,
}

/// How to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// For people.
    Pretty,
    /// One JSON document.
    Json,
    /// JUnit's XML.
    Junit,
    /// Annotations of GitHub Actions.
    Github,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaKind {
    /// *.test.yaml
    Test,
}
