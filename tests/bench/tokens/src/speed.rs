//! How fast texts and streams are counted.

use tollgate_testbed::{Error, Result};

use crate::corpora::Corpus;
use crate::engine::{Engine, Engines};
use crate::target::Targets;

/// What counts a text: a name, where it runs, and the library.
const SUBJECTS: &[(&str, Engine, &str)] = &[
    ("tiktoken-rs, native", Engine::Native, "tiktoken-rs"),
    ("bpe-openai, native", Engine::Native, "bpe-openai"),
    ("tiktoken-fast, native", Engine::Native, "tiktoken-fast"),
    ("Tollgate, native", Engine::Native, "tollgate"),
    ("Tollgate, wasmtime", Engine::Wasmtime, "tollgate"),
    ("Tollgate, V8", Engine::V8, "tollgate"),
    ("Tollgate, Envoy", Engine::Envoy, "tollgate"),
];

/// How many times as fast as tiktoken-rs natively counting is to be in V8, by corpus.
const ASKED: &[(&str, f64)] = &[("English", 6.0), ("code", 8.0), ("many languages", 4.0), ("JSON", 6.0)];
/// The most nanoseconds that four bytes of a stream are to take in V8.
const ASKED_OF_STREAMS: &[(&str, f64)] = &[("English", 150.0), ("code", 150.0), ("many languages", 400.0)];

/// So many parts the subject counts a text in.
const PARTS: usize = 8;

/// Bytes of a text, and the fewest seconds that each of its parts has taken.
#[derive(Clone, Copy, Default)]
struct Best {
    bytes: f64,
    seconds: Option<[f64; PARTS]>,
}

impl Best {
    fn saw(&mut self, bytes: f64, seconds: [f64; PARTS]) {
        let best = self.seconds.get_or_insert(seconds);
        for (best, seconds) in best.iter_mut().zip(seconds) {
            *best = best.min(seconds);
        }
        self.bytes = bytes;
    }

    /// In MB/s.
    fn speed(&self) -> f64 {
        self.bytes / 1e6 / self.seconds.map_or(f64::NAN, |seconds| seconds.iter().sum())
    }
}

/// Everything takes turns: what is compared, within the corpora, within the rounds.
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
                        "{subject} counts {counted} tokens of {}, others do not",
                        corpus.name
                    )));
                }
                if let Some(best) = best.get_mut(which).and_then(|row| row.get_mut(place)) {
                    best.saw(bytes, seconds);
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

/// A stream of four bytes at a time with the count after each.
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

fn head(corpora: &[Corpus]) {
    println!("| | {} |", corpora.iter().map(|corpus| corpus.name).collect::<Vec<_>>().join(" | "));
    println!("|---|{}", "---:|".repeat(corpora.len()));
}
