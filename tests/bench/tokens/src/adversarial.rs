//! Adversarial texts of one megabyte.

use tollgate_envoy_harness::{Error, Result};

use crate::engine::{Engine, Engines, numbers};
use crate::target::Targets;

/// Measurements of one text: its name, the minimum milliseconds for all of it, and in each round the ratio to half of
/// it. Both are measured in direct succession, so that a ratio belongs to one round, and the median counts: the minima
/// would be unrelated, since half of a text finds a quiet moment more often than all of it.
struct Text {
    name: String,
    all: f64,
    times_half: Vec<f64>,
}

impl Text {
    fn times_half(&self) -> f64 {
        let mut all = self.times_half.clone();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// Runs the adversarial texts. Every round is a new process or VM without warm caches.
pub(crate) fn run(engines: &Engines, rounds: usize, targets: &mut Targets) -> Result<()> {
    println!(
        "One adversarial megabyte, o200k_base: ms, the best of {rounds} (times that of half of it, the middle one)\n"
    );
    let mut columns = Vec::new();
    for engine in Engine::ALL {
        eprintln!("    adversarial texts, {}", engine.name());
        let mut best: Vec<Text> = Vec::new();
        let mut growth = 0.0_f64;
        for _ in 0..rounds {
            let printed = engines.run(engine, &["adversarial", "o200k_base"], None)?;
            for (place, line) in printed.lines().enumerate() {
                let (name, rest) = line.split_once('\t').unwrap_or_default();
                let [half, all, grown] =
                    numbers(rest).ok_or_else(|| Error::new(format!("{} printed {line:?}", engine.name())))?;
                growth = growth.max(grown);
                match best.get_mut(place) {
                    Some(text) => {
                        text.all = text.all.min(all);
                        text.times_half.push(all / half);
                    }
                    None => best.push(Text { name: name.to_owned(), all, times_half: vec![all / half] }),
                }
            }
        }
        columns.push((engine, best, growth));
    }
    println!("| | {} |", Engine::ALL.map(Engine::name).join(" | "));
    println!("|---|{}", "---:|".repeat(Engine::ALL.len()));
    let names = columns.first().into_iter().flat_map(|(_, best, _)| best).map(|text| &text.name);
    for (place, name) in names.enumerate() {
        let cells = columns.iter().filter_map(|(_, best, _)| best.get(place));
        let cells: Vec<String> = cells.map(|text| format!("{:.1} ({:.1})", text.all, text.times_half())).collect();
        println!("| {name} | {} |", cells.join(" | "));
    }
    println!();
    for (_, best, growth) in columns.iter().filter(|(engine, ..)| *engine == Engine::V8) {
        let worst = |key: fn(&Text) -> f64| best.iter().max_by(|a, b| key(a).total_cmp(&key(b)));
        if let Some(text) = worst(|text| text.all) {
            targets.time_at_most(format!("V8, an adversarial megabyte ({})", text.name), 40.0, text.all, " ms");
            let base = targets.base.unwrap_or(f64::NAN);
            let what = format!("V8, any input ({}): times tiktoken-rs, native, on English", text.name);
            targets.at_least(what, 0.33, 1e3 / text.all / base, "x");
        }
        if let Some(text) = worst(Text::times_half) {
            targets.at_most(format!("V8, times half of it ({})", text.name), 2.2, text.times_half(), "x");
        }
        targets.at_most("memory after all of them: more than before", 1.0, growth / 1e6, " MB");
    }
    Ok(())
}
