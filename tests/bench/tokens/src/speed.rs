//! Speed of counting texts and streams.

use tollgate_envoy_harness::{Error, Result};

use crate::corpora::Corpus;
use crate::engine::{Engine, Engines};
use crate::target::Targets;

/// Measured subjects: name, engine and library.
const SUBJECTS: &[(&str, Engine, &str)] = &[
    ("tiktoken-rs, native", Engine::Native, "tiktoken-rs"),
    ("bpe-openai, native", Engine::Native, "bpe-openai"),
    ("tiktoken-fast, native", Engine::Native, "tiktoken-fast"),
    ("Tollgate, native", Engine::Native, "tollgate"),
    ("Tollgate, wasmtime", Engine::Wasmtime, "tollgate"),
    ("Tollgate, V8", Engine::V8, "tollgate"),
    ("Tollgate, Envoy", Engine::Envoy, "tollgate"),
];

/// Targets by corpus: speed in V8 as a multiple of native tiktoken-rs.
const ASKED: &[(&str, f64)] = &[("English", 6.0), ("code", 8.0), ("many languages", 4.0), ("JSON", 6.0)];
/// Targets by corpus: maximum nanoseconds per four bytes of a stream in V8.
const ASKED_OF_STREAMS: &[(&str, f64)] = &[("English", 150.0), ("code", 150.0), ("many languages", 400.0)];

/// Number of parts in which the subject counts a text.
const PARTS: usize = 8;

/// Bytes of a text, and the minimum seconds of each of its parts.
#[derive(Clone, Copy, Default)]
struct Best {
    bytes: f64,
    seconds: Option<[f64; PARTS]>,
}

impl Best {
    /// Records the times of one run.
    fn record(&mut self, bytes: f64, seconds: [f64; PARTS]) {
        let best = self.seconds.get_or_insert(seconds);
        for (best, seconds) in best.iter_mut().zip(seconds) {
            *best = best.min(seconds);
        }
        self.bytes = bytes;
    }

    /// Returns the speed in MB/s.
    fn speed(&self) -> f64 {
        self.bytes / 1e6 / self.seconds.map_or(f64::NAN, |seconds| seconds.iter().sum())
    }
}

/// Measures counting of texts. The subjects take turns within each corpus, the corpora within each round.
pub(crate) fn texts(
    engines: &Engines,
    corpora: &[Corpus],
    encoding: &str,
    rounds: usize,
    targets: &mut Targets,
) -> Result<()> {
    println!("MB/s, {encoding}, the best of {rounds} for each eighth (times tiktoken-rs, native)\n");
    head(corpora);
    let mut best = vec![vec![Best::default(); corpora.len()]; SUBJECTS.len()];
    for round in 0..rounds {
        eprintln!("    {encoding}, round {} of {rounds}", round + 1);
        for (place, corpus) in corpora.iter().enumerate() {
            let mut tokens = None;
            for turn in 0..SUBJECTS.len() {
                let which = (turn + round) % SUBJECTS.len();
                let Some((subject, engine, library)) = SUBJECTS.get(which) else { continue };
                let [bytes, counted, seconds @ ..] =
                    engines.numbers::<{ 2 + PARTS }>(*engine, &["count", library, encoding], Some(&corpus.path))?;
                if *tokens.get_or_insert(counted) != counted {
                    return Err(Error::new(format!(
                        "{subject} counts {counted} tokens of {}, unlike the others",
                        corpus.name
                    )));
                }
                if let Some(best) = best.get_mut(which).and_then(|row| row.get_mut(place)) {
                    best.record(bytes, seconds);
                }
            }
        }
    }
    let best: Vec<Vec<f64>> = best.iter().map(|row| row.iter().map(Best::speed).collect()).collect();
    let base = best.first().cloned().unwrap_or_default();
    for (row, (subject, engine, _)) in best.iter().zip(SUBJECTS) {
        let cells = row.iter().zip(&base).map(|(own, base)| format!("{own:.1} ({:.1}x)", own / base));
        println!("| {subject} | {} |", cells.collect::<Vec<_>>().join(" | "));
        if *engine == Engine::V8 && encoding == "o200k_base" {
            targets.base = base.first().copied();
            for ((corpus, own), base) in corpora.iter().zip(row).zip(&base) {
                let asked = ASKED.iter().find(|(name, _)| *name == corpus.name).map_or(0.0, |(_, asked)| *asked);
                targets.at_least(format!("V8, {}: times tiktoken-rs, native", corpus.name), asked, own / base, "x");
            }
        }
    }
    println!();
    Ok(())
}

/// Measures a stream of four-byte chunks with the count after each.
pub(crate) fn streams(engines: &Engines, corpora: &[Corpus], rounds: usize, targets: &mut Targets) -> Result<()> {
    println!("A stream of four-byte deltas with the count after each, o200k_base: ns a delta, the best of {rounds}\n");
    head(corpora);
    let mut best = vec![vec![f64::INFINITY; corpora.len()]; Engine::ALL.len()];
    for round in 0..rounds {
        eprintln!("    streams, round {} of {rounds}", round + 1);
        for (place, corpus) in corpora.iter().enumerate() {
            for (row, engine) in best.iter_mut().zip(Engine::ALL) {
                let [deltas, seconds, _] = engines.numbers(engine, &["stream", "o200k_base"], Some(&corpus.path))?;
                if let Some(best) = row.get_mut(place) {
                    *best = best.min(seconds * 1e9 / deltas);
                }
            }
        }
    }
    for (row, engine) in best.iter().zip(Engine::ALL) {
        let cells: Vec<String> = row.iter().map(|own| format!("{own:.0}")).collect();
        println!("| {} | {} |", engine.name(), cells.join(" | "));
        for (corpus, own) in corpora.iter().zip(row).filter(|_| engine == Engine::V8) {
            if let Some((_, asked)) = ASKED_OF_STREAMS.iter().find(|(name, _)| *name == corpus.name) {
                targets.time_at_most(format!("V8, a stream of {}: four bytes", corpus.name), *asked, *own, " ns");
            }
        }
    }
    println!();
    Ok(())
}

/// Prints the head of a table.
fn head(corpora: &[Corpus]) {
    println!("| | {} |", corpora.iter().map(|corpus| corpus.name).collect::<Vec<_>>().join(" | "));
    println!("|---|{}", "---:|".repeat(corpora.len()));
}
