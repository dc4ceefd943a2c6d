//! `tollgate tokenizer`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use tollgate_config::nearest;
use tollgate_tokens::compile::{CompileError, huggingface, tekken, tiktoken};
use tollgate_tokens::{MAX_TABLE_BYTES, Pretokenizer, Tokenizer};

use crate::args::{CompileArgs, TableFormat, TokenizerCommand};
use crate::problem::Problem;

pub(super) fn run(command: &TokenizerCommand) -> ExitCode {
    let TokenizerCommand::Compile(args) = command;
    match compile(args) {
        Ok(path) => {
            println!("{}", path.display());
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(2)
        }
    }
}

/// Loads a compiled tokenizer table.
pub(super) fn load(file: &Path) -> Result<Tokenizer, Problem> {
    let bytes = fs::read(file).map_err(|error| Problem::of(file, format!("cannot read: {error}")))?;
    Tokenizer::load(bytes).map_err(|error| Problem::of(file, error.to_string()))
}

fn compile(args: &CompileArgs) -> Result<PathBuf, Problem> {
    let file = &args.file;
    let bytes = fs::read(file).map_err(|error| Problem::of(file, format!("cannot read: {error}")))?;
    let name = args.name.clone().unwrap_or_else(|| name_of(file));
    let table = table(args, &name, &bytes)?;
    // Write only tables that load.
    Tokenizer::load(table.clone()).map_err(|error| Problem::of(file, error.to_string()))?;
    if args.format != TableFormat::Yaml && !args.models.is_empty() {
        return Err(Problem::new("--model requires --format yaml: no other format contains model names"));
    }
    if args.format != TableFormat::Table && table.len() > MAX_TABLE_BYTES {
        let size = table.len();
        return Err(Problem::of(
            file,
            format!("the table has {size} bytes, the filters accept at most {MAX_TABLE_BYTES}"),
        ));
    }
    let (ending, bytes) = match args.format {
        TableFormat::Table => ("tollgate", table),
        TableFormat::Base64 => ("base64", lines(&gzip(&table)?, "").into_bytes()),
        TableFormat::Yaml => ("yaml", yaml(&name, &args.models, &gzip(&table)?).into_bytes()),
    };
    let path = args.output.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.{ending}")));
    fs::write(&path, bytes).map_err(|error| Problem::of(&path, format!("cannot write: {error}")))?;
    Ok(path)
}

/// Compresses a table to about three quarters of its size, because a configuration is sent to every Envoy in one
/// message.
fn gzip(table: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::best());
    let written = writer.write_all(table).and_then(|()| writer.finish());
    written.map_err(|error| Problem::new(format!("cannot compress the table: {error}")))
}

/// Writes the `tokenizers` entry for token-counter and cost-quota.
fn yaml(name: &str, models: &[String], table: &[u8]) -> String {
    // A JSON string is also a YAML string.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let own = [format!("{name}*")];
    let models: Vec<String> = if models.is_empty() { &own } else { models }.iter().map(|model| quoted(model)).collect();
    let (name, models) = (quoted(name), models.join(", "));
    let lines = lines(table, "    ");
    format!("tokenizers:\n- name: {name}\n  models: [{models}]\n  table: |\n{lines}")
}

/// Encodes bytes as base64 in lines of 116 digits.
fn lines(bytes: &[u8], indent: &str) -> String {
    bytes.chunks(87).map(|line| format!("{indent}{}\n", STANDARD.encode(line))).collect()
}

fn table(args: &CompileArgs, name: &str, bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    let says = |error: CompileError| Problem::of(&args.file, error.to_string());
    if !bytes.trim_ascii_start().starts_with(b"{") {
        let pretokenizer = pretokenizer(args.splitting.as_deref())?;
        return tiktoken(name, pretokenizer, bytes).map_err(says);
    }
    if args.splitting.is_some() {
        return Err(Problem::new("--splitting is for .tiktoken files: this file names its pretokenizer"));
    }
    // Both formats are JSON; only Hugging Face's contains a `model` object.
    match huggingface(name, bytes) {
        Err(error) => tekken(name, bytes).map_err(|_| says(error)),
        table => table.map_err(says),
    }
}

fn pretokenizer(name: Option<&str>) -> Result<Pretokenizer, Problem> {
    let names = Pretokenizer::ALL.map(|(name, _)| name);
    let Some(name) = name else {
        let names = names.join(", ");
        return Err(Problem::new(format!(
            "a .tiktoken file does not name its pretokenizer: use --splitting ({names})"
        )));
    };
    Pretokenizer::from_name(name).ok_or_else(|| {
        let near = nearest(name, names).unwrap_or("o200k");
        Problem::new(format!("unknown pretokenizer: did you mean `{near}`?"))
    })
}

/// Derives a name from the path. The folder says more than a generic file name like `tokenizer.json`.
fn name_of(file: &Path) -> String {
    let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let is_generic = file.file_name().is_some_and(|name| name == "tokenizer.json" || name == "tekken.json");
    let folder = file.parent().filter(|_| is_generic).and_then(|folder| folder.file_name());
    folder.map(|name| name.to_string_lossy().into_owned()).or_else(|| stem(file)).unwrap_or_else(|| "tokenizer".into())
}
