//! Start-up cost of a new VM.

use tollgate_envoy_harness::{Context, Error, Result};

use crate::engine::{Engine, Engines, numbers};
use crate::target::Targets;

/// Number of starts of a module; the fastest counts.
const STARTS: usize = 7;

pub(crate) fn run(engines: &Engines, targets: &mut Targets) -> Result<()> {
    println!("Starting, the subject as a module\n");
    println!("| | module | memory | an instance | and a first count | further instances | first count |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    let programs = engines.programs();
    for (name, module) in [("o200k_base", &programs.small), ("and cl100k_base", &programs.module)] {
        let size = std::fs::metadata(module).context(|| module.display().to_string())?.len() as f64 / 1e6;
        let printed = engines.node(module, &["start"], None)?;
        let memory = numbers::<3>(&printed).map(|[_, after, _]| after / 1e6);
        let mut least = [f64::INFINITY; 4];
        for _ in 0..STARTS {
            let printed = engines.node(module, &["starts"], None)?;
            let times = numbers::<4>(&printed);
            let times = times.ok_or_else(|| Error::new(format!("{} printed {printed:?}", Engine::V8.name())))?;
            least.iter_mut().zip(times).for_each(|(least, time)| *least = least.min(time));
        }
        let [made, counted, made_again, counted_again] = least;
        let memory = memory.ok_or_else(|| Error::new(format!("{} printed {printed:?}", Engine::V8.name())))?;
        println!(
            "| {name} | {size:.2} MB | {memory:.2} MB | {made:.2} ms | {counted:.3} ms | {made_again:.2} ms | {counted_again:.3} ms |"
        );
        if name == "o200k_base" {
            targets.time_at_most("V8, a first count in a further VM", 0.2, counted_again, " ms");
            targets.at_most("memory after the start, o200k_base", 5.0, memory, " MB");
        }
    }
    println!();
    Ok(())
}
