//! Instructions that counting executes, by text: a part of `cargo xtask bench instructions`.
//!
//! wasmtime counts them (as units of fuel) while the subject counts each corpus. The numbers are exact, so a change of one
//! percent is visible. The corpora are of this machine: compare modules on one machine, with `--against`.

use std::fs;
use std::path::Path;

use tollgate_bench_engines::Module;
use tollgate_envoy_harness::scratch::Scratch;
use tollgate_envoy_harness::{Context, Error, Result};

use crate::corpora;

/// Prints the instructions for each corpus and encoding, and the ratio to another subject.
pub(crate) fn run(subject: &Path, against: Option<&Path>) -> Result<()> {
    let scratch = Scratch::new("bench-instructions")?;
    let corpora = corpora::write(scratch.path())?;
    let compile = |path: &Path| {
        let bytes = fs::read(path).context(|| path.display().to_string())?;
        Module::compile_counting(&bytes)
    };
    let module = compile(subject)?;
    let other = against.map(compile).transpose()?;
    match other {
        Some(_) => println!("{:>14} {:>14} {:>7}  counting", "before", "instructions", "ratio"),
        None => println!("{:>14}  counting", "instructions"),
    }
    for encoding in ["o200k_base", "cl100k_base"] {
        for corpus in &corpora {
            let text = fs::read(&corpus.path).context(|| corpus.path.display().to_string())?;
            let count = |module: &Module| module.instructions(&["count", "tollgate", encoding], text.clone());
            let instructions = count(&module)?;
            let name = format!("{encoding}, {}", corpus.name);
            match &other {
                Some(other) => {
                    let before = count(other)?;
                    let ratio = instructions as f64 / before as f64;
                    println!("{before:>14} {instructions:>14} {ratio:>7.4}  {name}");
                }
                None => println!("{instructions:>14}  {name}"),
            }
        }
    }
    let english = corpora.first().map(|corpus| fs::read(&corpus.path)).transpose().context(|| "a corpus".into())?;
    english.map_or(Ok(()), |text| conversations(&module, &text))
}

/// Prints the instructions of the first and the twentieth turn of a conversation: of parsing, and what counting adds to it.
fn conversations(module: &Module, text: &[u8]) -> Result<()> {
    println!("\n{:>12} {:>12} {:>12} {:>12}  turn of a conversation", "parse", "count", "cached", "bound");
    for bytes in ["560000", "3500000"] {
        for (before, turn) in [("0", "1"), ("19", "20")] {
            let all =
                |mode: &str, turns: &str| module.instructions(&["conversation", mode, bytes, turns], text.to_vec());
            let of = |mode: &str| Ok::<_, Error>(all(mode, turn)?.saturating_sub(all(mode, before)?));
            let parse = of("parse")?;
            // Building the body of a turn is part of the first number.
            let [count, cached, bound] =
                ["count", "cached", "bound"].map(|mode| of(mode).map(|all| all.saturating_sub(parse)));
            println!("{parse:>12} {:>12} {:>12} {:>12}  {bytes} bytes, turn {turn}", count?, cached?, bound?);
        }
    }
    Ok(())
}
