//! Measures how fast the rules of a gitleaks configuration are searched, natively.
//!
//! `tollgate-bench-inspect GITLEAKS_TOML [--rules=N] [--only=NAME] [NAME=TEXTS.jsonl ...]` prints, for texts of several kinds and for those of
//! the files (one JSON object with `text` per line), MB/s of the firewall, of aho-corasick with the same keywords, and the ratio.
//! Then the time per event of a stream and the number of bytes held back. The configuration is not part of the project.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for the terminal")]

mod gitleaks;
mod stream;
mod texts;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aho_corasick::dfa::DFA;
use aho_corasick::{Input, MatchKind, StartKind, automaton::Automaton, automaton::OverlappingState};
use serde_json::json;
use tollgate_inspect::{Policy, RawPolicy, capture_groups, inspect_request};
use tollgate_llm::{Dialect, ParseLimits, Request};

/// Time for which each text is measured.
const MEASURED: Duration = Duration::from_millis(400);
/// Size of the texts in bytes.
const SIZE: usize = 16 << 10;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: tollgate-bench-inspect GITLEAKS_TOML [--rules=N] [--only=NAME] [NAME=TEXTS.jsonl ...]";
    let file = args.next().ok_or(usage)?;
    let mut texts = texts::generated();
    let mut most = usize::MAX;
    for arg in args {
        match arg.split_once('=') {
            Some(("--rules", count)) => most = count.parse()?,
            Some(("--only", name)) => texts.retain(|(own, _)| own == name),
            Some((name, path)) => texts.push(texts::read(name, path)?),
            None => return Err(usage.into()),
        }
    }
    let mut rules = gitleaks::read(&std::fs::read_to_string(file)?);
    rules.truncate(most);
    let found = rules.len();
    rules.retain(|rule| policy(std::slice::from_ref(rule), "redact").is_ok());
    let start = Instant::now();
    let redacting = Arc::new(policy(&rules, "redact")?);
    println!("{} of {found} rules, configured in {:.1} ms", rules.len(), start.elapsed().as_secs_f64() * 1e3);
    let keywords: Vec<&str> = rules.iter().flat_map(|rule| &rule.keywords).map(String::as_str).collect();
    let literals = DFA::builder()
        .match_kind(MatchKind::Standard)
        .start_kind(StartKind::Unanchored)
        .ascii_case_insensitive(true)
        .prefilter(false)
        .build(&keywords)
        .map_err(|error| error.to_string())?;
    println!("{:<24} {:>10} {:>14} {:>6} {:>8}", "text", "MB/s", "aho-corasick", "ratio", "matches");
    for (name, text) in &texts {
        let (firewall, matches) = firewall(&redacting, text)?;
        let alone = speed(text, |chunk| {
            let mut state = OverlappingState::start();
            let mut count = 0;
            let input = Input::new(chunk);
            while literals.try_find_overlapping(&input, &mut state).is_ok() && state.get_match().is_some() {
                count += 1;
            }
            count
        });
        println!("{name:<24} {firewall:>10.1} {alone:>14.1} {:>6.2} {matches:>8}", firewall / alone);
    }
    for (name, text) in &texts {
        stream::measure(name, text, &redacting)?;
    }
    Ok(())
}

/// Builds a policy of rules with this action on both directions.
fn policy(rules: &[gitleaks::Rule], action: &str) -> Result<Policy, Box<dyn std::error::Error>> {
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
fn firewall(policy: &Policy, text: &str) -> Result<(f64, u64), Box<dyn std::error::Error>> {
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
