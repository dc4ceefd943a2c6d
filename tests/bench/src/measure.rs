//! Measurement: all variants run side by side, and each has its turn in every round.
//!
//! The other work of the machine changes from minute to minute, so only measurements of the same seconds are compared: a
//! round takes each load through all variants before the next load, and starts with another variant every time. Ratios are
//! taken within a round; the median over the rounds is reported. In a round all variants receive the same requests.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::runtime::Runtime;
use tollgate_envoy_harness::client::Request;
use tollgate_envoy_harness::scratch::Scratch;
use tollgate_envoy_harness::{Context, Envoy, Error, Gateway, Result};

use crate::client::request;
use crate::corpus::Corpus;
use crate::load::{LOADS, Load};
use crate::plan::Plan;
use crate::subject::{Checked, Start, Subject, start};
use crate::trivial;
use crate::variant::{Setup, VARIANTS, Variant};

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
    /// Length of a response.
    pub(crate) length: usize,
}

/// Inputs that all measurements share.
pub(crate) struct Bench<'a> {
    /// Envoy to run.
    pub(crate) envoy: &'a Envoy,
    /// Extent.
    pub(crate) plan: Plan,
    /// Edits of the bootstrap.
    pub(crate) setup: Setup,
    /// Texts of the bodies.
    pub(crate) corpus: Corpus,
    /// Runtime of the connections.
    pub(crate) runtime: Runtime,
    /// Receives the progress.
    pub(crate) report: &'a dyn Fn(&str),
    scratch: Scratch,
}

/// Numbers of bodies in a round: each round has others.
const NUMBERS: u64 = 1 << 20;

/// Minimum number of requests in a cell.
const FEWEST: usize = 5;

impl<'a> Bench<'a> {
    /// Prepares measurements in front of an upstream.
    pub(crate) fn new(
        envoy: &'a Envoy,
        upstream: SocketAddr,
        plan: Plan,
        report: &'a dyn Fn(&str),
    ) -> Result<Bench<'a>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context(|| "no runtime".into())?;
        let setup = Setup { upstream, is_logged: plan.is_logged, max_body_bytes: None };
        let bench =
            Bench { envoy, plan, setup, corpus: Corpus::new(), runtime, report, scratch: Scratch::new("bench")? };
        fs::write(bench.trivial(), trivial::module()).context(|| "cannot write the trivial module".into())?;
        Ok(bench)
    }

    fn trivial(&self) -> PathBuf {
        self.scratch.path().join("trivial.wasm")
    }

    /// Starts a variant.
    pub(crate) fn start(&self, variant: Variant, setup: &Setup) -> Result<(Gateway, Start)> {
        start(self.envoy, variant, variant.module(&self.trivial())?.as_deref(), setup)
    }

    /// Measures all variants under all loads.
    pub(crate) fn loads(&self) -> Result<Vec<Measured>> {
        let mut measured: Vec<Measured> = Vec::new();
        for variant in VARIANTS {
            let module = variant.module(&self.trivial())?.map(|path| size(&path)).transpose()?;
            let cells = vec![Cell::default(); LOADS.len()];
            measured.push(Measured { variant, module, starts: Vec::new(), cells, resident: 0 });
        }
        let running = self.start_all(&mut measured)?;
        let mut subjects: Vec<Subject> = Vec::new();
        for (measured, gateway) in measured.iter_mut().zip(running) {
            let name = measured.variant.name();
            (self.report)(&format!("warming up: {name}"));
            let mut subject = Subject::connect(&self.runtime, measured.variant, gateway).context(|| name.into())?;
            for (load, cell) in LOADS.iter().zip(&mut measured.cells) {
                self.warm_up(&mut subject, load, cell).context(|| format!("{name}, {}", load.name))?;
            }
            subjects.push(subject);
        }
        for round in 0..self.plan.rounds {
            (self.report)(&format!("round {} of {}", round + 1, self.plan.rounds));
            for (at, load) in LOADS.iter().enumerate() {
                self.round(&mut measured, &mut subjects, (at, load), round)?;
            }
        }
        for (measured, subject) in measured.iter_mut().zip(&subjects) {
            measured.resident = subject.resident()?;
            subject.check_counting()?;
        }
        Ok(measured)
    }

    /// Starts every variant several times, and returns those of the last time.
    fn start_all(&self, measured: &mut [Measured]) -> Result<Vec<Gateway>> {
        let mut running: Vec<Option<Gateway>> = measured.iter().map(|_| None).collect();
        for pass in 0..self.plan.starts {
            (self.report)(&format!("start {} of {}", pass + 1, self.plan.starts));
            for (measured, running) in turns(measured, &mut running, pass) {
                // The previous process ends first: only those that are kept run while this one starts.
                *running = None;
                let (gateway, start) = self.start(measured.variant, &self.setup)?;
                measured.starts.push(start);
                *running = Some(gateway);
            }
        }
        Ok(running.into_iter().flatten().collect())
    }

    /// Sends a load for a while, and determines how many requests of it fit into a cell.
    fn warm_up(&self, subject: &mut Subject, load: &Load, cell: &mut Cell) -> Result<()> {
        let first = load.body(&self.corpus, 0);
        let Checked { input_tokens, length } = subject.take_up(&self.runtime, load, first)?;
        let mut sent: u32 = 0;
        let mut spent = Duration::ZERO;
        while sent == 0 || spent < self.plan.warm_up {
            let requests = self.requests(load, 1 + u64::from(sent), load.in_flight);
            let begin = Instant::now();
            subject.send(&self.runtime, &requests, load.in_flight, length)?;
            spent += begin.elapsed();
            sent = sent.saturating_add(load.in_flight as u32);
        }
        let each = spent / sent;
        let fitting = (self.plan.cell.as_secs_f64() / each.as_secs_f64().max(1e-9)) as usize;
        let wanted = fitting.clamp(FEWEST, load.requests.max(FEWEST));
        // No connection may be idle at the end of a cell.
        *cell = Cell { requests: wanted.next_multiple_of(load.in_flight), cpu: Vec::new(), input_tokens, length };
        Ok(())
    }

    /// Measures a load once in every variant.
    fn round(
        &self,
        measured: &mut [Measured],
        subjects: &mut [Subject],
        (at, load): (usize, &Load),
        round: usize,
    ) -> Result<()> {
        // The cell's requests, and a tenth that is not measured.
        let of = |requests: usize| requests + load.in_flight.max(requests / 10);
        let most = measured.iter().filter_map(|row| row.cells.get(at)).map(|cell| of(cell.requests)).max().unwrap_or(0);
        let requests = self.requests(load, NUMBERS * (round as u64 + 1), most);
        for (measured, subject) in turns(measured, subjects, round + at) {
            let what = || format!("{}, {}", measured.variant.name(), load.name);
            let cell = measured.cells.get_mut(at).ok_or_else(|| Error::new("a load without a cell"))?;
            let requests = requests.get(..of(cell.requests)).unwrap_or(&requests);
            let cpu = subject.cpu_per_request(&self.runtime, requests, load.in_flight, cell.length).context(what)?;
            cell.cpu.push(cpu);
        }
        Ok(())
    }

    fn requests(&self, load: &Load, first: u64, count: usize) -> Vec<Request> {
        let numbers = first..first + count as u64;
        numbers.map(|number| request(load.body(&self.corpus, number), load.headers())).collect()
    }
}

/// Pairs both lists in the order of a round: each round starts with another pair, and every second one runs backwards, so that
/// no variant always follows the same one.
pub(crate) fn turns<'a, A, B>(a: &'a mut [A], b: &'a mut [B], round: usize) -> Vec<(&'a mut A, &'a mut B)> {
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
