//! `tollgate bench`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde_json::json;
use tollgate_inspect::RuleSet;
use tollgate_llm::{Dialect, Endpoint};

use crate::args::{BenchCommand, BenchFirewallArgs, DirectionArg};
use crate::inspection::Inspector;
use crate::inspection::corpus::{self, Count, Counts};
use crate::inspection::speed::{self, Speed};
use crate::problem::Problem;

pub(super) fn run(command: &BenchCommand) -> ExitCode {
    let BenchCommand::Firewall(args) = command;
    match firewall(args) {
        Ok((text, misses)) => {
            let printed = super::print(text.as_bytes());
            misses.iter().for_each(|miss| eprintln!("{miss}"));
            if misses.is_empty() { printed } else { ExitCode::from(1) }
        }
        Err(problems) => {
            problems.iter().for_each(|problem| eprint!("{problem}"));
            ExitCode::from(2)
        }
    }
}

/// Returns the report, and the corpora that miss a bound.
fn firewall(args: &BenchFirewallArgs) -> Result<(String, Vec<String>), Vec<String>> {
    let fail = |problem: Problem| vec![format!("error: {problem}\n")];
    let filters = args.filters.iter().map(|filter| {
        let (name, value) = filter
            .split_once('=')
            .ok_or_else(|| fail(Problem::new(format!("--where: `{filter}` is not of the form `name=value`"))))?;
        Ok((name.to_owned(), value.to_owned()))
    });
    let filters = filters.collect::<Result<Vec<_>, Vec<String>>>()?;
    let endpoint = Endpoint::from(Dialect::OpenAiChat);
    let direction = args.direction.map(DirectionArg::direction);
    let (mut text, mut misses) = (String::new(), Vec::new());
    for file in &args.corpora {
        let bytes = super::count::read(file).map_err(fail)?;
        let lines = String::from_utf8(bytes).map_err(|_| fail(Problem::of(file, "not UTF-8")))?;
        let samples = corpus::parse(&lines, &filters)
            .map_err(|(line, message)| fail(Problem { line: line as u64, column: 1, ..Problem::of(file, message) }))?;
        // Each corpus has a policy of its own, whose memory is empty: its first pass is cold.
        let policy = super::inspect::rules(&args.policy)?;
        let inspector =
            Inspector { policy: &policy, excluded: &RuleSet::new(), direction, endpoint: &endpoint, show_text: false };
        let speed = speed::measure(&inspector, &samples);
        let counts = corpus::count(&inspector, &samples, args.own_rule);
        let name =
            file.file_stem().map_or_else(|| file.display().to_string(), |stem| stem.to_string_lossy().into_owned());
        text.push_str(&match args.json {
            true => report_json(&name, &counts, &speed),
            false => report(&name, &counts, &speed, args.wrong),
        });
        misses.extend(missed(file, &counts, args));
    }
    Ok((text, misses))
}

/// Returns the bounds that a corpus misses.
fn missed(file: &Path, counts: &Counts, args: &BenchFirewallArgs) -> Vec<String> {
    let mut misses = Vec::new();
    let Counts { positive, negative, .. } = counts;
    if let Some(min) = args.min_recall.filter(|min| positive.n > 0 && positive.share() < *min) {
        misses.push(format!("{}: recall {} is below {}", file.display(), percent(positive.share()), percent(min)));
    }
    if let Some(max) = args.max_fpr.filter(|max| negative.n > 0 && negative.share() > *max) {
        misses.push(format!(
            "{}: false positives {} are above {}",
            file.display(),
            percent(negative.share()),
            percent(max)
        ));
    }
    misses
}

fn report(name: &str, counts: &Counts, speed: &Speed, with_wrong: bool) -> String {
    let mut text = String::new();
    let mut line = |indent: &str, name: &str, measure: &str, count: &Count| {
        if count.n > 0 {
            let (from, to) = count.interval();
            let (share, from, to) = (percent(count.share()), percent(from), percent(to));
            let of = format!("{} of {}", count.hits, count.n);
            let _ = writeln!(text, "{:<44} {measure:<6} {of:>14} {share:>8} [{from}, {to}]", format!("{indent}{name}"));
        }
    };
    line("", name, "recall", &counts.positive);
    line("", name, "fpr", &counts.negative);
    for (technique, (positive, negative)) in &counts.techniques {
        line("  ", technique, "recall", positive);
        line("  ", technique, "fpr", negative);
    }
    speed_lines(name, speed).iter().for_each(|line| text.extend([line, "\n"]));
    if with_wrong {
        counts.wrong.iter().for_each(|id| {
            let _ = writeln!(text, "  wrong: {id}");
        });
    }
    text
}

/// Returns the lines on the speed of a corpus.
fn speed_lines(name: &str, speed: &Speed) -> Vec<String> {
    let Some(warm) = speed.warm() else { return Vec::new() };
    let cold = speed.cold().unwrap_or_default();
    let ratio = speed.ratio().map(|ratio| format!(", {ratio:.1} times as long as aho-corasick")).unwrap_or_default();
    let mut lines = vec![format!("{name:<44} speed  {cold:.2} MB/s cold, {warm:.2} MB/s warm{ratio}")];
    let per_byte = speed.nodes_per_byte().unwrap_or_default();
    let worst = speed.worst.as_ref().map(|(id, worst)| format!(", at most {worst:.2} in {id}")).unwrap_or_default();
    lines.push(format!("{name:<44} work   {per_byte:.2} nodes per byte{worst}"));
    lines
}

fn report_json(name: &str, counts: &Counts, speed: &Speed) -> String {
    let of = |count: &Count| {
        let (from, to) = count.interval();
        json!({"n": count.n, "hits": count.hits, "share": count.share(), "interval": [from, to]})
    };
    let techniques: serde_json::Map<_, _> = counts
        .techniques
        .iter()
        .map(|(name, (positive, negative))| (name.clone(), json!({"positive": of(positive), "negative": of(negative)})))
        .collect();
    let line = json!({
        "corpus": name, "positive": of(&counts.positive), "negative": of(&counts.negative), "techniques": techniques,
        "wrong": counts.wrong,
        "speed": {
            "bytes": speed.bytes, "cold_mb_per_s": speed.cold(), "warm_mb_per_s": speed.warm(), "to_aho_corasick": speed.ratio(),
            "nodes_per_byte": speed.nodes_per_byte(),
            "worst": speed.worst.as_ref().map(|(id, worst)| json!({"id": id, "nodes_per_byte": worst})),
        },
    });
    format!("{line}\n")
}

/// Returns a share in percent.
fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
