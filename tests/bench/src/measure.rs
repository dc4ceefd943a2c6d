//! The run: all variants stand side by side, and every one of them gets its turn in every round.
//!
//! What else the machine does changes from minute to minute, so nothing is compared that was not measured within the same
//! seconds: a round takes each load through all variants before the next load, and begins with another variant every time.
//! A ratio is that of one round; of the rounds the median counts.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tollgate_testbed::scratch::Scratch;
use tollgate_testbed::{Context, Envoy, Error, Gateway, Result};

use crate::load::LOADS;
use crate::subject::{Start, Subject, start};
use crate::trivial;
use crate::variant::{VARIANTS, Variant};

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plan {
    /// How often each variant is started.
    pub(crate) starts: usize,
    /// How long each load warms each variant up. V8 compiles a function anew, and better, once it has run for a while.
    pub(crate) warm_up: Duration,
    /// How often each variant gets each load.
    pub(crate) rounds: usize,
    /// How long that takes at most, roughly.
    pub(crate) cell: Duration,
}

impl Plan {
    /// For numbers: some five minutes.
    pub(crate) const FULL: Plan =
        Plan { starts: 3, warm_up: Duration::from_millis(1500), rounds: 7, cell: Duration::from_millis(650) };
    /// To see that it works: half a minute, and no number to believe in.
    pub(crate) const QUICK: Plan =
        Plan { starts: 1, warm_up: Duration::from_millis(200), rounds: 2, cell: Duration::from_millis(100) };
}

/// What was measured of a variant.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// Which.
    pub(crate) variant: Variant,
    /// What it loads.
    pub(crate) module: Option<Module>,
    /// Each start.
    pub(crate) starts: Vec<Start>,
    /// By load.
    pub(crate) cells: Vec<Cell>,
    /// Memory in RAM after all loads, in bytes.
    pub(crate) resident: u64,
}

/// The size of a module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Module {
    /// As it is.
    pub(crate) bytes: usize,
    /// After gzip -9, which is what a registry transfers.
    pub(crate) gzip: usize,
}

/// One load on one variant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    /// Requests per round.
    pub(crate) requests: usize,
    /// CPU time of Envoy per request in seconds, by round.
    pub(crate) cpu: Vec<f64>,
    /// Tokens that the first answer was charged for, if the variant counts.
    pub(crate) input_tokens: Option<u64>,
}

/// Measures everything. `say` is told what goes on.
pub(crate) fn measure(envoy: &Envoy, upstream: SocketAddr, plan: Plan, say: &dyn Fn(&str)) -> Result<Vec<Measured>> {
    let scratch = Scratch::new("bench")?;
    let trivial = scratch.path().join("trivial.wasm");
    fs::write(&trivial, trivial::module()).context(|| "cannot write the trivial module".into())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context(|| "no runtime".into())?;

    let mut measured: Vec<Measured> = Vec::new();
    for variant in VARIANTS {
        let module = variant.module(&trivial)?.map(|path| size(&path)).transpose()?;
        let cells = vec![Cell::default(); LOADS.len()];
        measured.push(Measured { variant, module, starts: Vec::new(), cells, resident: 0 });
    }

    let mut running: Vec<Option<Gateway>> = VARIANTS.map(|_| None).into();
    for pass in 0..plan.starts {
        say(&format!("start {} of {}", pass + 1, plan.starts));
        for (measured, running) in turns(&mut measured, &mut running, pass) {
            // The one before ends first: nothing else runs while this one starts, except those that stay.
            *running = None;
            let module = measured.variant.module(&trivial)?;
            let (gateway, start) = start(envoy, measured.variant, module.as_deref(), upstream)?;
            measured.starts.push(start);
            *running = Some(gateway);
        }
    }

    let mut subjects: Vec<Subject> = Vec::new();
    for (measured, gateway) in measured.iter_mut().zip(running.into_iter().flatten()) {
        let name = measured.variant.name();
        say(&format!("warming up: {name}"));
        let mut subject = Subject::connect(&runtime, measured.variant, gateway).context(|| name.into())?;
        for (load, cell) in LOADS.iter().zip(&mut measured.cells) {
            let what = || format!("{name}, {}", load.name);
            cell.input_tokens = subject.take_up(&runtime, load).context(what)?;
            cell.requests = subject.warm_up(&runtime, load, plan).context(what)?;
        }
        subjects.push(subject);
    }
    for round in 0..plan.rounds {
        say(&format!("round {} of {}", round + 1, plan.rounds));
        for (at, load) in LOADS.iter().enumerate() {
            for (measured, subject) in turns(&mut measured, &mut subjects, round + at) {
                let what = || format!("{}, {}", measured.variant.name(), load.name);
                let cell = measured.cells.get_mut(at).ok_or_else(|| Error::new("a load without a cell"))?;
                cell.cpu.push(subject.cpu_per_request(&runtime, load, cell.requests).context(what)?);
            }
        }
    }
    for (measured, subject) in measured.iter_mut().zip(&subjects) {
        measured.resident = subject.resident()?;
    }
    Ok(measured)
}

/// Both lists side by side, in the order of a round: each begins with another, and every second one goes backwards, so that
/// nobody always comes after the same one.
fn turns<'a, A, B>(a: &'a mut [A], b: &'a mut [B], round: usize) -> Vec<(&'a mut A, &'a mut B)> {
    let mut pairs: Vec<_> = a.iter_mut().zip(b).collect();
    let first = round.checked_rem(pairs.len()).unwrap_or(0);
    pairs.rotate_left(first);
    if round % 2 == 1 {
        pairs.reverse();
    }
    pairs
}

fn size(module: &Path) -> Result<Module> {
    let what = || format!("cannot read {}", module.display());
    let bytes = fs::read(module).context(what)?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let gzip = encoder.write_all(&bytes).and_then(|()| encoder.finish()).context(what)?;
    Ok(Module { bytes: bytes.len(), gzip: gzip.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_takes_all_in_another_order() {
        for (round, order) in
            [(0, ["a1", "b2", "c3"]), (1, ["a1", "c3", "b2"]), (2, ["c3", "a1", "b2"]), (3, ["c3", "b2", "a1"])]
        {
            let (mut letters, mut numbers) = (["a", "b", "c"], [1, 2, 3]);
            let taken = turns(&mut letters, &mut numbers, round).into_iter();
            let taken: Vec<_> = taken.map(|(letter, number)| format!("{letter}{number}")).collect();
            assert_eq!(taken, order);
        }
        assert!(turns::<u8, u8>(&mut [], &mut [], 3).is_empty());
    }
}
