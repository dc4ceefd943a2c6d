//! Measurement: all variants run side by side, and each has its turn in every round.
//!
//! The other work of the machine changes from minute to minute, so only measurements of the same seconds are compared: a
//! round takes each load through all variants before the next load, and starts with another variant every time. Ratios are
//! taken within a round; the median over the rounds is reported.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tollgate_envoy_harness::scratch::Scratch;
use tollgate_envoy_harness::{Context, Envoy, Error, Gateway, Result};

use crate::load::LOADS;
use crate::subject::{Start, Subject, start};
use crate::trivial;
use crate::variant::{VARIANTS, Variant};

/// Extent of a measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plan {
    /// Number of starts of each variant.
    pub(crate) starts: usize,
    /// Warm-up time of each load in each variant. V8 recompiles a function, with more optimisation, once it has run for a while.
    pub(crate) warm_up: Duration,
    /// Number of rounds: measurements of each load in each variant.
    pub(crate) rounds: usize,
    /// Approximate time limit of one measurement.
    pub(crate) cell: Duration,
}

impl Plan {
    /// Plan for publishable numbers: about five minutes.
    pub(crate) const FULL: Plan =
        Plan { starts: 3, warm_up: Duration::from_millis(1500), rounds: 7, cell: Duration::from_millis(650) };
    /// Plan for a smoke run: half a minute, with meaningless numbers.
    pub(crate) const QUICK: Plan =
        Plan { starts: 1, warm_up: Duration::from_millis(200), rounds: 2, cell: Duration::from_millis(100) };
}

/// Measurements of a variant.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// Variant.
    pub(crate) variant: Variant,
    /// Module that it loads.
    pub(crate) module: Option<Module>,
    /// Starts.
    pub(crate) starts: Vec<Start>,
    /// Measurements by load.
    pub(crate) cells: Vec<Cell>,
    /// Resident memory after all loads, in bytes.
    pub(crate) resident: u64,
}

/// Size of a module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Module {
    /// Uncompressed size.
    pub(crate) bytes: usize,
    /// Size after gzip -9, which a registry transfers.
    pub(crate) gzip: usize,
}

/// Measurements of one load in one variant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    /// Number of requests per round.
    pub(crate) requests: usize,
    /// CPU time of Envoy per request in seconds, by round.
    pub(crate) cpu: Vec<f64>,
    /// Input tokens of the first request, if the variant counts.
    pub(crate) input_tokens: Option<u64>,
}

/// Measures all variants. `report` receives the progress.
pub(crate) fn measure(envoy: &Envoy, upstream: SocketAddr, plan: Plan, report: &dyn Fn(&str)) -> Result<Vec<Measured>> {
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
        report(&format!("start {} of {}", pass + 1, plan.starts));
        for (measured, running) in turns(&mut measured, &mut running, pass) {
            // The previous process ends first: only those that are kept run while this one starts.
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
        report(&format!("warming up: {name}"));
        let mut subject = Subject::connect(&runtime, measured.variant, gateway).context(|| name.into())?;
        for (load, cell) in LOADS.iter().zip(&mut measured.cells) {
            let what = || format!("{name}, {}", load.name);
            cell.input_tokens = subject.take_up(&runtime, load).context(what)?;
            cell.requests = subject.warm_up(&runtime, load, plan).context(what)?;
        }
        subjects.push(subject);
    }
    for round in 0..plan.rounds {
        report(&format!("round {} of {}", round + 1, plan.rounds));
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

/// Pairs both lists in the order of a round: each round starts with another pair, and every second one runs backwards, so that
/// no variant always follows the same one.
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
    fn every_round_has_another_order() {
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
