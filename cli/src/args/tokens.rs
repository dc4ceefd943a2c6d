//! What is typed of the commands that count tokens.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Count tokens, as token-counter does.
///
/// Of text: exactly, for models whose tokenizer is public. Of a request (`--chat`): what the provider charges for its
/// prompt, with the template around its messages, its tools and its images.
///
/// Exit status: 0, or 2 if something given could not be used.
#[derive(Clone, Debug, Args)]
pub struct CountArgs {
    /// What to count; `-` is standard input.
    #[arg(default_value = "-", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The encoding: o200k_base or cl100k_base. Default: o200k_base.
    #[arg(long, value_name = "E", conflicts_with_all = ["model", "tokenizer"])]
    pub encoding: Option<String>,
    /// The model whose encoding it is; with --chat it is counted in place of the model that the request names.
    #[arg(long, value_name = "M")]
    pub model: Option<String>,
    /// A tokenizer that `tollgate tokenizer compile` has made.
    #[arg(long, value_name = "FILE")]
    pub tokenizer: Option<PathBuf>,
    /// Each file is the body of a request.
    #[arg(long, conflicts_with_all = ["encoding", "jsonl"])]
    pub chat: bool,
    /// With --chat: the path the request goes to. It says which API the body is of (`/v1/messages`,
    /// `/v1beta/models/gemini-2.5-pro:generateContent`).
    #[arg(long, value_name = "PATH", default_value = "/v1/chat/completions")]
    pub path: String,
    /// Print JSON: an object for each file.
    #[arg(long)]
    pub json: bool,
    /// Each line of each file is an object with a `text`; prints an object with `tokens` for each.
    #[arg(long, conflicts_with = "json")]
    pub jsonl: bool,
}

/// Work with tokenizers.
#[derive(Clone, Debug, Subcommand)]
pub enum TokenizerCommand {
    /// Compile a tokenizer's file into a table that `tollgate count --tokenizer` and the filters use.
    ///
    /// Reads byte-level BPE only (Llama 3, Qwen, DeepSeek, Mistral's Tekken and their like); another is refused rather
    /// than counted wrongly.
    Compile(CompileArgs),
}

/// Compile a tokenizer.
#[derive(Clone, Debug, Args)]
pub struct CompileArgs {
    /// A Hugging Face `tokenizer.json`, a Mistral `tekken.json` or a `.tiktoken` file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where the table goes. Default: the name, with the ending of the format, in the current folder.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// What is written: `table` for `tollgate count --tokenizer`, or for a configuration its text in `base64` or all of
    /// the entry in `yaml`.
    #[arg(long, value_enum, value_name = "F", default_value_t)]
    pub format: TableFormat,
    /// With --format yaml: a model that the tokenizer is of (`llama-3.1-8b`), or all that begin alike (`llama-3*`).
    /// Repeatable. Default: the name and `*`.
    #[arg(long = "model", value_name = "M")]
    pub models: Vec<String>,
    /// What the tokenizer is called. Default: the folder that a `tokenizer.json` lies in, else the file's own name.
    #[arg(long)]
    pub name: Option<String>,
    /// How a `.tiktoken` file's tokenizer cuts text, which the file does not say: gpt2, cl100k, o200k, llama3, qwen2,
    /// tekken or deepseek3.
    #[arg(long, value_name = "WAY")]
    pub splitting: Option<String>,
}

/// How a table is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// The table itself: `.tollgate`.
    #[default]
    Table,
    /// As text: `.base64`.
    Base64,
    /// As `tokenizers` of token-counter or cost-quota: `.yaml`.
    Yaml,
}
