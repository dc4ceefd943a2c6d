//! Arguments of the subcommands that count tokens.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Arguments of `tollgate count`.
#[derive(Clone, Debug, Args)]
pub struct CountArgs {
    /// Files to count; `-` is standard input.
    #[arg(default_value = "-", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Encoding: o200k_base or cl100k_base. Default: o200k_base.
    #[arg(long, value_name = "E", conflicts_with_all = ["model", "tokenizer"])]
    pub encoding: Option<String>,
    /// Count with the tokenizer of this model. With --chat, it replaces the model named in the request.
    #[arg(long, value_name = "M")]
    pub model: Option<String>,
    /// Tokenizer table written by `tollgate tokenizer compile`.
    #[arg(long, value_name = "FILE")]
    pub tokenizer: Option<PathBuf>,
    /// Treat each file as a request body.
    #[arg(long, conflicts_with_all = ["encoding", "jsonl"])]
    pub chat: bool,
    /// With --chat: request path, which selects the API of the body (`/v1/messages`,
    /// `/v1beta/models/gemini-2.5-pro:generateContent`).
    #[arg(long, value_name = "PATH", default_value = "/v1/chat/completions")]
    pub path: String,
    /// Print one JSON object per file.
    #[arg(long)]
    pub json: bool,
    /// Treat each line as a JSON object with a `text` member and print an object with `tokens` for each.
    #[arg(long, conflicts_with = "json")]
    pub jsonl: bool,
}

/// Compile tokenizers.
#[derive(Clone, Debug, Subcommand)]
pub enum TokenizerCommand {
    /// Compile a tokenizer file into a table for `tollgate count --tokenizer` and the filters.
    ///
    /// Supports byte-level BPE only (Llama 3, Qwen, DeepSeek, Mistral's Tekken and similar). Any other tokenizer is
    /// rejected instead of being counted wrongly.
    Compile(CompileArgs),
}

/// Arguments of `tollgate tokenizer compile`.
#[derive(Clone, Debug, Args)]
pub struct CompileArgs {
    /// A Hugging Face `tokenizer.json`, a Mistral `tekken.json` or a `.tiktoken` file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Output file. Default: the tokenizer's name with the extension of the format, in the current folder.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Output format: `table` for `tollgate count --tokenizer`, `base64` for the table as text, or `yaml` for a
    /// complete configuration entry.
    #[arg(long, value_enum, value_name = "F", default_value_t)]
    pub format: TableFormat,
    /// With --format yaml: a model that uses the tokenizer (`llama-3.1-8b`), or a prefix of model names (`llama-3*`).
    /// Repeatable. Default: the tokenizer's name followed by `*`.
    #[arg(long = "model", value_name = "M")]
    pub models: Vec<String>,
    /// Name of the tokenizer. Default: the folder of a `tokenizer.json`, else the file name.
    #[arg(long)]
    pub name: Option<String>,
    /// Pretokenizer of a `.tiktoken` file, which the file does not name: gpt2, cl100k, o200k, llama3, qwen2, tekken or
    /// deepseek3.
    #[arg(long, value_name = "WAY")]
    pub splitting: Option<String>,
}

/// Output formats of `tollgate tokenizer compile`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// Binary table (`.tollgate`).
    #[default]
    Table,
    /// Table as base64 text (`.base64`).
    Base64,
    /// Entry for the `tokenizers` of token-counter or cost-quota (`.yaml`).
    Yaml,
}
