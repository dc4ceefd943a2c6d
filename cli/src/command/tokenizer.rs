//! `tollgate tokenizer`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tollgate_tokens::compile::{CompileError, huggingface, tekken, tiktoken};
use tollgate_tokens::{Splitting, Tokenizer};

use crate::args::{CompileArgs, TokenizerCommand};
use crate::nearest::nearest;
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

/// A table that was compiled.
pub(super) fn load(file: &Path) -> Result<Tokenizer, Problem> {
    let bytes = fs::read(file).map_err(|error| Problem::of(file, format!("cannot be read: {error}")))?;
    Tokenizer::load(bytes).map_err(|error| Problem::of(file, error.to_string()))
}

fn compile(args: &CompileArgs) -> Result<PathBuf, Problem> {
    let file = &args.file;
    let bytes = fs::read(file).map_err(|error| Problem::of(file, format!("cannot be read: {error}")))?;
    let name = args.name.clone().unwrap_or_else(|| name_of(file));
    let table = table(args, &name, &bytes)?;
    // A table that cannot be used is not left lying about.
    Tokenizer::load(table.clone()).map_err(|error| Problem::of(file, error.to_string()))?;
    let path = args.output.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.tollgate")));
    fs::write(&path, table).map_err(|error| Problem::of(&path, format!("cannot be written: {error}")))?;
    Ok(path)
}

fn table(args: &CompileArgs, name: &str, bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    let says = |error: CompileError| Problem::of(&args.file, error.to_string());
    if !bytes.trim_ascii_start().starts_with(b"{") {
        let splitting = splitting(args.splitting.as_deref())?;
        return tiktoken(name, splitting, bytes).map_err(says);
    }
    if args.splitting.is_some() {
        return Err(Problem::new("--splitting is for .tiktoken files: this one says how it cuts text"));
    }
    // Both are JSON; Hugging Face's has the `model` in an object of its own.
    match huggingface(name, bytes) {
        Err(error) => tekken(name, bytes).map_err(|_| says(error)),
        table => table.map_err(says),
    }
}

fn splitting(name: Option<&str>) -> Result<Splitting, Problem> {
    let names = Splitting::ALL.map(|(name, _)| name);
    let Some(name) = name else {
        let names = names.join(", ");
        return Err(Problem::new(format!(
            "a .tiktoken file does not say how it cuts text: --splitting does ({names})"
        )));
    };
    Splitting::from_name(name).ok_or_else(|| {
        let near = nearest(name, names).unwrap_or("o200k");
        Problem::new(format!("no such way to cut text: did you mean `{near}`?"))
    })
}

/// A model's folder says more than `tokenizer.json`.
fn name_of(file: &Path) -> String {
    let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let is_generic = file.file_name().is_some_and(|name| name == "tokenizer.json" || name == "tekken.json");
    let folder = file.parent().filter(|_| is_generic).and_then(|folder| folder.file_name());
    folder.map(|name| name.to_string_lossy().into_owned()).or_else(|| stem(file)).unwrap_or_else(|| "tokenizer".into())
}
