//! Results as a section of `docs/benchmarks.md`.

use std::fmt::Write as _;

use tollgate_envoy_harness::{Error, Result};

use crate::engine::Engine;
use crate::samples::Row;

/// First line of the section; `cargo xtask bench --write` leaves everything from here on unchanged.
pub(crate) const BEGIN: &str = "<!-- written by `cargo xtask bench llm --write` -->";

/// Returns the page with its section replaced, or with the section appended.
pub(crate) fn into_page(page: &str, section: &str) -> String {
    let before = page.split_once(BEGIN).map_or(page, |(before, _)| before).trim_end();
    format!("{before}\n\n{BEGIN}\n{section}")
}

/// Renders the section in Markdown. `versions` names the tools used.
pub(crate) fn render(measured: &[(Engine, Vec<Row>)], rounds: u32, versions: &str) -> Result<String> {
    let mut text = String::new();
    write_section(&mut text, measured, rounds, versions)?;
    Ok(text)
}

fn write_section(text: &mut String, measured: &[(Engine, Vec<Row>)], rounds: u32, versions: &str) -> Result<()> {
    let failed = |_| Error::new("cannot write to a string");
    writeln!(text, "## Reading a request\n").map_err(failed)?;
    writeln!(
        text,
        "Made by `cargo xtask bench llm --write` with {versions}; the fastest of {rounds} samples, which all ways and \
         engines took in turns. How fast `core/llm` turns a chat request into its view (model, flags, every text with \
         its role and place, all of it validated), in gigabytes per second; in parentheses how many times as fast that is \
         as `serde_json` into a `Value`, and into structs that borrow model and messages alone. The machine was busy with \
         other things as well: the ratios are the numbers.\n"
    )
    .map_err(failed)?;
    let names: Vec<&str> = measured.iter().map(|(engine, _)| engine.name()).collect();
    writeln!(text, "| | {} |", names.join(" | ")).map_err(failed)?;
    writeln!(text, "|---|{}", "--:|".repeat(names.len())).map_err(failed)?;
    let bodies = measured.first().map_or(0, |(_, rows)| rows.len());
    for at in 0..bodies {
        let rows: Vec<&Row> = measured.iter().filter_map(|(_, rows)| rows.get(at)).collect();
        let cells: Result<Vec<String>> = rows
            .iter()
            .map(|row| {
                let (view, value, typed) = (row.way("view")?, row.way("value")?, row.way("typed")?);
                let speed = figures(row.speed("view")?);
                Ok(format!("{speed} GB/s ({}×, {}×)", figures(value / view), figures(typed / view)))
            })
            .collect();
        writeln!(text, "| {} | {} |", rows.first().map_or("", |row| &row.body), cells?.join(" | ")).map_err(failed)?;
    }
    writeln!(text, "\nThe times themselves, and those of `Request::model_only`:\n").map_err(failed)?;
    writeln!(text, "| | engine | `Value` | structs | view | model only |").map_err(failed)?;
    writeln!(text, "|---|---|--:|--:|--:|--:|").map_err(failed)?;
    for at in 0..bodies {
        for (engine, rows) in measured {
            let Some(row) = rows.get(at) else { continue };
            let times: Result<Vec<String>> =
                ["value", "typed", "view", "model"].into_iter().map(|way| Ok(duration(row.way(way)?))).collect();
            writeln!(text, "| {} | {} | {} |", row.body, engine.name(), times?.join(" | ")).map_err(failed)?;
        }
    }
    writeln!(
        text,
        "\nThe texts are prose with an escape every 60 bytes or so and a letter outside of ASCII every 700, code with an \
         escape every 15 bytes, and Japanese, which has no byte of ASCII but its escapes. Natively `core/llm` uses \
         words of eight bytes: what ships is the module."
    )
    .map_err(failed)
}

/// Formats a number with three significant figures.
fn figures(number: f64) -> String {
    match number {
        number if number >= 99.95 => format!("{number:.0}"),
        number if number >= 9.995 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        time if time >= 999_500.0 => format!("{} ms", figures(time / 1e6)),
        time if time >= 999.5 => format!("{} µs", figures(time / 1e3)),
        time => format!("{time:.0} ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn page_has_the_section_once() {
        let page = "# Page\n\nText.\n";
        let once = into_page(page, "## New\n");
        assert_eq!(once, format!("# Page\n\nText.\n\n{BEGIN}\n## New\n"));
        assert_eq!(into_page(&once, "## Newer\n"), once.replace("New", "Newer"));
    }

    #[test]
    fn ratios_and_times() {
        let rows = |view: &str| {
            samples::read(&format!(
                "1 KB\t1000\tvalue\t4000\n1 KB\t1000\ttyped\t1500\n1 KB\t1000\tview\t{view}\n1 KB\t1000\tmodel\t150\n"
            ))
        };
        let measured = [(Engine::V8, rows("500").unwrap()), (Engine::Native, rows("2000000").unwrap())];
        let text = render(&measured, 3, "rustc 1.0").unwrap();
        for line in [
            "| | V8 | native |",
            "| 1 KB | 2.00 GB/s (8.00×, 3.00×) | 0.00 GB/s (0.00×, 0.00×) |",
            "| 1 KB | V8 | 4.00 µs | 1.50 µs | 500 ns | 150 ns |",
            "| 1 KB | native | 4.00 µs | 1.50 µs | 2.00 ms | 150 ns |",
        ] {
            assert!(text.lines().any(|own| own == line), "{line}\n{text}");
        }
        assert!(render(&[(Engine::V8, samples::read("a\t1\tview\t1").unwrap())], 1, "").is_err());
    }
}
