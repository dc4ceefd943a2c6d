//! Renders the results as a page.

use std::fmt::Write as _;

use crate::load::{ANSWER_WORDS, LOADS};
use crate::measure::{Cell, Measured, Plan};
use crate::series::{median, spread};
use crate::variant::Variant;

/// Conditions of the measurement.
#[derive(Clone, Debug)]
pub(crate) struct About {
    /// Version of Envoy, such as `1.40.0`.
    pub(crate) envoy: String,
    /// Version of rustc, such as `rustc 1.95.0`.
    pub(crate) rustc: String,
    /// Extent of the measurement.
    pub(crate) plan: Plan,
}

/// Renders the whole page in Markdown.
pub(crate) fn render(measured: &[Measured], about: &About) -> String {
    let mut page = String::new();
    // Writing to a string does not fail.
    let _ = write_page(&mut page, measured, about);
    page
}

fn write_page(page: &mut String, measured: &[Measured], about: &About) -> std::fmt::Result {
    let Plan { rounds, starts, .. } = about.plan;
    let (envoy, rustc) = (&about.envoy, &about.rustc);
    writeln!(page, "# What the filters cost\n")?;
    if about.plan == Plan::QUICK {
        writeln!(page, "**A smoke run (`--quick`): these numbers mean nothing.**\n")?;
    }
    writeln!(
        page,
        "Made by `cargo xtask bench --write` with Envoy {envoy} (`--concurrency 1`) and modules by {rustc}; the median of \
         {rounds} rounds, of {starts} starts. Do not edit it: run the command.\n"
    )?;
    writeln!(page, "## CPU time of Envoy per request\n")?;
    writeln!(
        page,
        "As a multiple of the same Envoy, with the same configuration, without wasm; in parentheses the time itself.\n"
    )?;
    let names: Vec<&str> = LOADS.iter().map(|load| load.name).collect();
    writeln!(page, "| | {} |", names.join(" | "))?;
    writeln!(page, "|---|{}", "--:|".repeat(LOADS.len()))?;
    for row in measured {
        let cells = cells(measured, row).map(|(plain, cell)| {
            let ratio = median(&ratios(plain, cell));
            format!("{} ({})", multiple(ratio), duration(median(&cell.cpu)))
        });
        writeln!(page, "| {} | {} |", row.variant.name(), cells.collect::<Vec<_>>().join(" | "))?;
    }
    let spreads = (0..LOADS.len()).map(|at| {
        let of = measured
            .iter()
            .filter_map(|row| Some(spread(&ratios(plain(measured)?.cells.get(at)?, row.cells.get(at)?))));
        percent(of.fold(0.0, f64::max))
    });
    writeln!(page, "| *half of the rounds lie within* | ±{} |", spreads.collect::<Vec<_>>().join(" | ±"))?;
    writeln!(page, "\n## Memory, start, size\n")?;
    writeln!(page, "| | memory after all loads | start | CPU time to start | module | gzip -9 |")?;
    writeln!(page, "|---|--:|--:|--:|--:|--:|")?;
    for row in measured {
        write_process(page, measured, row)?;
    }
    writeln!(page, "\n## How to read it\n")?;
    write_reading(page, measured)
}

fn write_process(page: &mut String, measured: &[Measured], row: &Measured) -> std::fmt::Result {
    let plain = plain(measured).unwrap_or(row);
    let wall = |of: &Measured| median(&of.starts.iter().map(|start| start.wall.as_secs_f64()).collect::<Vec<_>>());
    let cpu = |of: &Measured| median(&of.starts.iter().map(|start| start.cpu.as_secs_f64()).collect::<Vec<_>>());
    let (module, gzip) = match row.module {
        Some(module) => (bytes(module.bytes), bytes(module.gzip)),
        None => ("–".to_owned(), "–".to_owned()),
    };
    writeln!(
        page,
        "| {} | {} ({:.0} MiB) | {} ({}) | {} ({}) | {module} | {gzip} |",
        row.variant.name(),
        multiple(row.resident as f64 / plain.resident.max(1) as f64),
        row.resident as f64 / f64::from(1 << 20),
        multiple(wall(row) / wall(plain)),
        duration(wall(row)),
        multiple(cpu(row) / cpu(plain)),
        duration(cpu(row)),
    )
}

fn write_reading(page: &mut String, measured: &[Measured]) -> std::fmt::Result {
    let at_a_time = LOADS.first().map_or(0, |load| load.in_flight);
    writeln!(
        page,
        "The ratios are the numbers. All variants ran side by side and took turns, so what else the machine did hit all of them \
         alike, and a difference smaller than the last row is none. The times in parentheses are of that machine at that hour \
         and promise nothing, but where Envoy alone needs next to nothing they say more than a multiple of it. CPU time is what \
         the kernel booked on the Envoy process, without client and provider; what one worker can do at most is its inverse. \
         The first columns are prompts of so much text, {at_a_time} at a time, with a JSON answer of {ANSWER_WORDS} words. The \
         last two are the same answer streamed to a prompt of 1 KB: written by the provider at once, so that Envoy passes it on \
         in a few pieces, or each event by itself, as a model does, so that every event goes Envoy's whole way and filters weigh \
         less. The configuration is `envoy/envoy.yaml`, with budgets that no run reaches and with a route for what no filter \
         has routed. Memory is what the process has in RAM after all of it, with one worker; each further worker has a virtual \
         machine of its own. CPU time to start is mostly V8 compiling the module.\n"
    )?;
    let counted = LOADS.iter().enumerate().filter(|(_, load)| !load.is_streamed()).filter_map(|(at, load)| {
        let tokens = find(measured, Variant::Bundle)?.cells.get(at)?.input_tokens?;
        Some((load.name, tokens, share_of_counting(measured, at)?))
    });
    let counted: Vec<_> = counted.collect();
    let each = |say: &dyn Fn(&(&str, u64, f64)) -> String| counted.iter().map(say).collect::<Vec<_>>().join(", ");
    let dominated: Vec<_> = counted.iter().filter(|(.., share)| *share > 0.5).map(|(name, ..)| *name).collect();
    let conclusion = match dominated.as_slice() {
        [] => "So it dominates nowhere.".to_owned(),
        names => format!("So token counting dominates at {}.", names.join(" and ")),
    };
    writeln!(
        page,
        "The prompts have {} tokens, all of them counted before the call: by token-counter, by cost-quota where it is alone, and \
         once for both where all four are. Of what all four add to Envoy's CPU time the counting is {} (what token-counter takes \
         above model-router, which holds and reads the same body and does next to nothing else). {conclusion} \
         Counting alone: [measurements of token counting](measurements/tokens.md).",
        each(&|(name, tokens, _)| format!("{tokens} ({name})")),
        each(&|(name, _, share)| format!("{} at {name}", percent(*share))),
    )
}

/// Returns the share of token counting in the CPU time that the bundle adds per request.
fn share_of_counting(measured: &[Measured], at: usize) -> Option<f64> {
    let cpu = |variant| Some(median(&find(measured, variant)?.cells.get(at)?.cpu));
    let counting = cpu(Variant::Alone("token-counter"))? - cpu(Variant::Alone("model-router"))?;
    let added = cpu(Variant::Bundle)? - cpu(Variant::Plain)?;
    (added > 0.0).then(|| (counting / added).clamp(0.0, 1.0))
}

fn find(measured: &[Measured], variant: Variant) -> Option<&Measured> {
    measured.iter().find(|row| row.variant == variant)
}

/// Returns the baseline.
fn plain(measured: &[Measured]) -> Option<&Measured> {
    find(measured, Variant::Plain)
}

/// Pairs the cells of a row with those of the baseline.
fn cells<'a>(measured: &'a [Measured], row: &'a Measured) -> impl Iterator<Item = (&'a Cell, &'a Cell)> {
    plain(measured).into_iter().flat_map(|plain| &plain.cells).zip(&row.cells)
}

/// Returns the ratio of each round.
fn ratios(plain: &Cell, cell: &Cell) -> Vec<f64> {
    plain.cpu.iter().zip(&cell.cpu).map(|(plain, cpu)| cpu / plain.max(1e-9)).collect()
}

/// Formats a ratio with three digits, since more are never accurate: `1.04×`, `35.1×`, `748×`.
fn multiple(ratio: f64) -> String {
    format!("{}×", three_digits(ratio))
}

/// Formats a duration: `31.2 µs`, `1.97 ms`, `4.08 s`.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{} µs", three_digits(s * 1e6)),
        s if s < 1.0 => format!("{} ms", three_digits(s * 1e3)),
        s => format!("{} s", three_digits(s)),
    }
}

fn three_digits(number: f64) -> String {
    match number {
        n if n < 9.995 => format!("{n:.2}"),
        n if n < 99.95 => format!("{n:.1}"),
        n => format!("{n:.0}"),
    }
}

fn percent(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}

/// Formats a size: `412 B`, `448 kB`, `7.61 MB`.
fn bytes(bytes: usize) -> String {
    match bytes as f64 {
        n if n < 1e3 => format!("{n} B"),
        n if n < 1e6 => format!("{} kB", three_digits(n / 1e3)),
        n => format!("{} MB", three_digits(n / 1e6)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::measure::Module;
    use crate::subject::Start;
    use crate::variant::VARIANTS;

    /// Returns measurements in which variant n takes n times the CPU time of the baseline, except in one outlying round.
    fn measured() -> Vec<Measured> {
        let rows = VARIANTS.into_iter().zip(1_u8..).map(|(variant, n)| {
            let n = f64::from(n);
            let cpu = [1.0, 2.0, 3.0, 4.0, 40.0].map(|round| 20e-6 * n * round).to_vec();
            Measured {
                variant,
                module: (variant != Variant::Plain).then_some(Module { bytes: 412, gzip: 7_605_209 }),
                starts: vec![Start { wall: Duration::from_millis(50).mul_f64(n), cpu: Duration::from_millis(30) }],
                cells: vec![Cell { requests: 10, cpu, input_tokens: Some(231) }; LOADS.len()],
                resident: (64 << 20) * n as u64,
            }
        });
        rows.collect()
    }

    fn about(plan: Plan) -> About {
        About { envoy: "1.40.0".into(), rustc: "rustc 1.95.0".into(), plan }
    }

    fn cells<'a>(page: &'a str, name: &str) -> Vec<Vec<&'a str>> {
        let rows = page.lines().filter(|line| line.starts_with(&format!("| {name}")));
        rows.map(|row| row.trim_matches('|').split('|').map(str::trim).skip(1).collect()).collect()
    }

    #[test]
    fn a_ratio_is_the_median_over_the_rounds() {
        let page = render(&measured(), &about(Plan::FULL));
        let [cpu, process] = cells(&page, "token-counter").try_into().unwrap();
        assert_eq!(cpu, ["4.00× (240 µs)"; LOADS.len()]);
        assert_eq!(process, ["4.00× (256 MiB)", "4.00× (200 ms)", "1.00× (30.0 ms)", "412 B", "7.61 MB"]);
        assert_eq!(cells(&page, "no wasm")[0], ["1.00× (60.0 µs)"; LOADS.len()]);
        assert_eq!(cells(&page, "no wasm")[1][3..], ["–", "–"]);
        assert_eq!(cells(&page, "*half of the rounds")[0], ["±0 %"; LOADS.len()]);
        for variant in VARIANTS {
            assert_eq!(cells(&page, variant.name()).len(), 2, "{}", variant.name());
        }
    }

    #[test]
    fn the_share_of_counting_is_that_of_the_measurements() {
        let mut measured = measured();
        // (4 - 6) of (7 - 1): nothing.
        assert!(render(&measured, &about(Plan::FULL)).contains("0 % at 1 KB, 0 % at 16 KB, 0 % at 256 KB"));
        let times = |cell: &mut Cell, factor: f64| cell.cpu.iter_mut().for_each(|cpu| *cpu *= factor);
        // (10 - 6) of (7 - 1).
        let counter = measured.iter_mut().find(|row| row.variant == Variant::Alone("token-counter")).unwrap();
        times(&mut counter.cells[1], 2.5);
        let page = render(&measured, &about(Plan::FULL));
        assert!(page.contains("0 % at 1 KB, 67 % at 16 KB, 0 % at 256 KB"), "{page}");
        assert!(page.contains("token counting dominates at 16 KB."), "{page}");
        assert!(page.contains("231 (1 KB), 231 (16 KB)"), "{page}");
    }

    #[test]
    fn the_page_of_a_smoke_run_is_marked() {
        assert!(render(&measured(), &about(Plan::QUICK)).contains("these numbers mean nothing"));
        assert!(!render(&measured(), &about(Plan::FULL)).contains("these numbers mean nothing"));
    }

    #[test]
    fn numbers_have_three_digits() {
        let digits = [0.984, 1.0, 9.994, 9.996, 35.12, 99.96, 748.3].map(multiple);
        assert_eq!(digits, ["0.98×", "1.00×", "9.99×", "10.0×", "35.1×", "100×", "748×"]);
        assert_eq!([31.2e-6, 0.00197, 4.08].map(duration), ["31.2 µs", "1.97 ms", "4.08 s"]);
        assert_eq!([412, 448_611, 7_605_209].map(bytes), ["412 B", "449 kB", "7.61 MB"]);
    }
}
