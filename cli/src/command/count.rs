//! `tollgate count`.

use std::fs;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use serde::Deserialize;
use serde_json::json;
use tollgate_config::nearest;
use tollgate_llm::{Endpoint, ParseLimits, Request};
use tollgate_tokens::{Encoding, Profile, Tokenizer};

use super::tokenizer;
use crate::args::CountArgs;
use crate::problem::Problem;

pub(super) fn run(args: &CountArgs) -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let counted = count_all(args, &mut out);
    // A closed pipe is not an error: the reader has seen enough.
    let flushed = out.flush();
    match (counted, flushed) {
        (Err(problem), _) => {
            eprintln!("error: {problem}");
            ExitCode::from(2)
        }
        (Ok(()), Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::from(2),
        _ => ExitCode::SUCCESS,
    }
}

fn count_all(args: &CountArgs, out: &mut impl Write) -> Result<(), Problem> {
    let counter = Counter::new(args)?;
    let endpoint = args.chat.then(|| endpoint(&args.path)).transpose()?;
    for file in &args.files {
        let bytes = read(file)?;
        if args.jsonl {
            lines(&counter, file, &bytes, out)?;
            continue;
        }
        let (tokens, mut object) = match &endpoint {
            Some(endpoint) => counter.request(endpoint, file, &bytes)?,
            None => counter.text(file, &bytes)?,
        };
        let name = file.display().to_string();
        if args.json {
            if let (Some(object), true) = (object.as_object_mut(), args.files.len() > 1) {
                object.insert("file".into(), name.into());
            }
            print(out, &object.to_string());
        } else if args.files.len() > 1 {
            print(out, &format!("{tokens}\t{name}"));
        } else {
            print(out, &tokens.to_string());
        }
    }
    Ok(())
}

/// Input line of `--jsonl`.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    text: std::borrow::Cow<'a, str>,
}

fn lines(counter: &Counter, file: &Path, bytes: &[u8], out: &mut impl Write) -> Result<(), Problem> {
    for (at, line) in bytes.split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty()) {
        // The parser's own message may quote the text, so it is not shown.
        let line: Line<'_> = serde_json::from_slice(line).map_err(|error| Problem {
            line: at as u64 + 1,
            column: error.column() as u64,
            ..Problem::of(file, "not a JSON object with a `text` member")
        })?;
        print(out, &format!("{{\"tokens\": {}}}", counter.profile.tokenizer().count(&line.text)));
    }
    Ok(())
}

/// Tokenizer and profile selected by the arguments.
struct Counter {
    profile: Profile,
    tokenizer: Option<Tokenizer>,
    model: Option<String>,
}

impl Counter {
    fn new(args: &CountArgs) -> Result<Counter, Problem> {
        let tokenizer = match (&args.tokenizer, &args.encoding) {
            (Some(file), _) => Some(tokenizer::load(file)?),
            (None, Some(name)) => Some(encoding(name)?.into()),
            (None, None) => None,
        };
        let profile = match &args.model {
            Some(model) => Profile::of(model),
            None => Profile::of("").with_tokenizer(Encoding::O200kBase.into()),
        };
        let profile = match &tokenizer {
            Some(tokenizer) => profile.with_tokenizer(tokenizer.clone()),
            None => profile,
        };
        if let (Some(model), false, false) = (&args.model, profile.is_exact(), args.json) {
            let name = profile.tokenizer().name();
            eprintln!("note: the tokenizer of {model} is not built in; the count is an estimate made with {name}");
        }
        Ok(Counter { profile, tokenizer, model: args.model.clone() })
    }

    fn text(&self, file: &Path, bytes: &[u8]) -> Result<(u64, serde_json::Value), Problem> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| Problem::of(file, format!("not UTF-8 at byte {}", error.valid_up_to())))?;
        let tokens = self.profile.tokenizer().count(text);
        let object = json!({
            "tokens": tokens, "exact": self.profile.is_exact(), "encoding": self.profile.tokenizer().name(),
        });
        Ok((tokens, object))
    }

    fn request(&self, endpoint: &Endpoint, file: &Path, body: &[u8]) -> Result<(u64, serde_json::Value), Problem> {
        let request = Request::parse_at(endpoint, body, &ParseLimits::default())
            .map_err(|error| Problem::of(file, error.to_string()))?;
        let own = request.model_name(body);
        let model = self.model.as_deref().or(own.as_deref());
        let mut profile = Profile::of(model.unwrap_or_default());
        if let Some(tokenizer) = &self.tokenizer {
            profile = profile.with_tokenizer(tokenizer.clone());
        }
        let count = profile.count(&request, body);
        let object = json!({
            "tokens": count.tokens, "exact": count.exact, "encoding": profile.tokenizer().name(), "model": model,
            "dialect": request.dialect.name(), "estimate_margin": profile.margin().to_string(),
            "reserved": profile.margin().reserved(count.tokens),
            "parts": {
                "text": count.text, "framing": count.framing, "tools": count.tools, "images": count.images,
                "media": count.media,
            },
        });
        Ok((count.tokens, object))
    }
}

fn encoding(name: &str) -> Result<Encoding, Problem> {
    Encoding::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Encoding::ALL.iter().map(|encoding| encoding.name()).collect();
        let near = nearest(name, names.iter().copied()).unwrap_or("o200k_base");
        Problem::new(format!("unknown encoding: did you mean `{near}`? (Available: {})", names.join(", ")))
    })
}

fn endpoint(path: &str) -> Result<Endpoint, Problem> {
    Endpoint::detect(b"POST", path.as_bytes()).ok_or_else(|| Problem::new(format!("unknown API path `{path}`")))
}

/// Reads a file, or standard input if its name is `-`.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, Problem> {
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(file)
    };
    bytes.map_err(|error| Problem::of(file, format!("cannot read: {error}")))
}

fn print(out: &mut impl Write, line: &str) {
    // A failed write is reported by the final flush.
    let _ = writeln!(out, "{line}");
}
