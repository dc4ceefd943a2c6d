//! Measures how fast rules are searched: those of all packs, or of a gitleaks configuration.
//!
//! `tollgate-bench-inspect RULES [--rules=N] [--only=NAME] [NAME=TEXTS.jsonl ...]` prints, for texts of several kinds and for those
//! of the files (one JSON object with `text` per line), MB/s of the firewall, of aho-corasick with the same literals, and the
//! ratio. Then the time per event of a stream and the number of bytes held back. `RULES` is `packs` or the path of a gitleaks
//! configuration, which is not part of the project. `--lines` prints one measurement per line, for `section.rs`.
//!
//! `tollgate-bench-inspect compare MODULE [--write]` measures the packs in this program and, built as a module, in the V8 of Node.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for the terminal")]

mod gitleaks;
mod packs;
#[cfg(not(target_arch = "wasm32"))]
mod section;
mod stream;
mod texts;

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aho_corasick::dfa::DFA;
use aho_corasick::{Input, MatchKind, StartKind, automaton::Automaton, automaton::OverlappingState};
use serde_json::json;
use stream::Held;
use tollgate_inspect::{Policy, RawPolicy, Rule, capture_groups, inspect_request};
use tollgate_llm::{Dialect, ParseLimits, Request};

/// Time for which each text is measured.
const MEASURED: Duration = Duration::from_millis(400);
/// Size of the texts in bytes.
const SIZE: usize = 16 << 10;
const USAGE: &str =
    "usage: tollgate-bench-inspect packs|GITLEAKS_TOML [--rules=N] [--only=NAME] [--lines] [NAME=TEXTS.jsonl ...]";

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        #[cfg(not(target_arch = "wasm32"))]
        ["compare", module, ref flags @ ..] => section::compare(module, flags),
        [rules, ref args @ ..] => measure(rules, args),
        [] => Err(USAGE.into()),
    }
}

/// Measures rules and prints the results.
fn measure(rules: &str, args: &[&str]) -> Result<(), Box<dyn Error>> {
    let (mut only, mut files) = (None, Vec::new());
    let (mut most, mut prints_lines) = (usize::MAX, false);
    for arg in args {
        match arg.split_once('=') {
            None if *arg == "--lines" => prints_lines = true,
            Some(("--rules", count)) => most = count.parse()?,
            Some(("--only", name)) => only = Some(name),
            Some((name, path)) => files.push((name, path)),
            None => return Err(USAGE.into()),
        }
    }
    let start = Instant::now();
    let (policy, literals) = if rules == "packs" { packs::read(most)? } else { of_gitleaks(rules, most)? };
    let configured = start.elapsed().as_secs_f64() * 1e3;
    let printer = Printer { prints_lines };
    printer.configured(policy.rules().len(), configured);
    printer.memory();
    let (policy, automaton) = (Arc::new(policy), automaton(&literals)?);
    let mut texts = texts::generated();
    texts.retain(|(own, _)| only.is_none_or(|only| own == only));
    for (name, path) in files {
        texts.push(texts::read(name, path)?);
    }
    for (name, text) in &texts {
        let (firewall, matches) = firewall(&policy, text)?;
        let alone = speed(text, |chunk| {
            let mut state = OverlappingState::start();
            let mut count = 0;
            let input = Input::new(chunk);
            while automaton.try_find_overlapping(&input, &mut state).is_ok() && state.get_match().is_some() {
                count += 1;
            }
            count
        });
        printer.text(name, firewall, alone, matches);
    }
    for (name, text) in &texts {
        printer.stream(name, &stream::measure(text, &policy)?);
    }
    Ok(())
}

/// Policy, and the literals that aho-corasick is measured with.
type Measured = (Policy, Vec<Vec<u8>>);

/// Returns the policy of a gitleaks configuration with at most `most` rules, and their keywords.
fn of_gitleaks(file: &str, most: usize) -> Result<Measured, Box<dyn Error>> {
    let mut rules = gitleaks::read(&std::fs::read_to_string(file)?);
    rules.truncate(most);
    rules.retain(|rule| policy(std::slice::from_ref(rule), "redact").is_ok());
    let keywords = rules.iter().flat_map(|rule| &rule.keywords).map(|keyword| keyword.as_bytes().to_vec()).collect();
    Ok((policy(&rules, "redact")?, keywords))
}

/// Returns the literals of all rules of a policy.
fn literals(policy: &Policy) -> Vec<Vec<u8>> {
    let literals = policy.rules().iter().flat_map(Rule::literals);
    let distinct: std::collections::BTreeSet<&[u8]> = literals.collect();
    distinct.into_iter().map(<[u8]>::to_vec).collect()
}

fn automaton(literals: &[Vec<u8>]) -> Result<DFA, String> {
    let mut builder = DFA::builder();
    let builder = builder.match_kind(MatchKind::Standard).start_kind(StartKind::Unanchored);
    let built = builder.ascii_case_insensitive(true).prefilter(false).build(literals);
    built.map_err(|error| error.to_string())
}

/// Printer of measurements, as tables or in lines.
struct Printer {
    prints_lines: bool,
}

impl Printer {
    fn configured(&self, rules: usize, milliseconds: f64) {
        if self.prints_lines {
            return println!("configured\t{rules}\t{milliseconds}");
        }
        println!("{rules} rules, configured in {milliseconds:.1} ms");
        println!("{:<24} {:>10} {:>14} {:>6} {:>8}", "text", "MB/s", "aho-corasick", "ratio", "matches");
    }

    fn text(&self, name: &str, firewall: f64, alone: f64, matches: u64) {
        if self.prints_lines {
            return println!("text\t{name}\t{firewall}\t{alone}");
        }
        println!("{name:<24} {firewall:>10.1} {alone:>14.1} {:>6.2} {matches:>8}", firewall / alone);
    }

    fn stream(&self, name: &str, Held { with_rules, without_rules, p50, p90, p99, most }: &Held) {
        if self.prints_lines {
            return println!("stream\t{name}\t{with_rules}\t{without_rules}\t{p50}\t{p99}");
        }
        println!(
            "{name:<24} {with_rules:>6.2} us per event ({without_rules:.2} without rules), held p50 {p50} p90 {p90} p99 {p99} max \
             {most} bytes"
        );
    }

    /// Prints the size of the linear memory of a module in MiB.
    fn memory(&self) {
        #[cfg(target_arch = "wasm32")]
        println!("memory\t{}", core::arch::wasm32::memory_size(0) as f64 / 16.0);
    }
}

/// Builds a policy of rules with this action on both directions.
fn policy(rules: &[gitleaks::Rule], action: &str) -> Result<Policy, Box<dyn Error>> {
    let rules: Vec<_> = rules
        .iter()
        .map(|rule| {
            let has_group = capture_groups(&rule.regex).is_ok_and(|groups| groups.len() == 1);
            let pattern =
                if has_group { json!({"regex": rule.regex, "group": 1}) } else { json!({"regex": rule.regex}) };
            json!({"id": rule.id.to_lowercase(), "match": pattern, "action": action})
        })
        .collect();
    let raw: RawPolicy = serde_json::from_value(json!({ "rules": rules }))?;
    Ok(Policy::from_raw(raw)?)
}

/// Returns MB/s of text of the firewall, in requests with a single message, and the number of matches.
fn firewall(policy: &Policy, text: &str) -> Result<(f64, u64), Box<dyn Error>> {
    let mut bodies = Vec::new();
    for chunk in chunks(text) {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": chunk}]}).to_string().into_bytes();
        let request = Request::parse(Dialect::OpenAiChat, &body, &ParseLimits::default())?;
        bodies.push((request, body));
    }
    let mut matches = 0;
    let mut pass =
        || matches = bodies.iter().map(|(request, body)| inspect_request(policy, request, body).matches).sum();
    let speed = repeat(text.len(), &mut pass);
    Ok((speed, matches))
}

/// Returns MB/s of `work` over the chunks of a text.
fn speed(text: &str, work: impl Fn(&str) -> u64) -> f64 {
    let chunks: Vec<&str> = chunks(text).collect();
    repeat(text.len(), &mut || {
        black_box(chunks.iter().map(|chunk| work(chunk)).sum::<u64>());
    })
}

fn repeat(bytes: usize, pass: &mut impl FnMut()) -> f64 {
    pass(); // builds states and fills caches
    let (start, mut passes) = (Instant::now(), 0u32);
    while start.elapsed() < MEASURED || passes < 2 {
        pass();
        passes += 1;
    }
    bytes as f64 * f64::from(passes) / start.elapsed().as_secs_f64() / 1e6
}

/// Splits a text into chunks of about [`SIZE`].
fn chunks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (chunk, after) = rest.split_at(rest.floor_char_boundary(SIZE));
        rest = after;
        Some(chunk)
    })
}
