//! Cost of the filters: `cargo xtask bench`.
//!
//! Several Envoys run the reference bootstrap side by side. They differ only in their filters: none, Envoy's own one for LLM
//! APIs, a wasm filter that does nothing, each of ours alone, all of ours, the gateway filter. All receive the same requests in
//! turn, each with another body, since the filters cache the counts of texts. The compared quantity is the CPU time that
//! the kernel accounts to the Envoy process: unlike wall-clock time and throughput, it contains neither this program, nor the
//! mock provider in one of its threads, nor whatever else runs on the machine. Taking turns balances the remaining influence of
//! other processes (caches, clock rates), see [`measure`].
//!
//! Every response is checked: each is a 200 of the right length, the first of each kind is read in full, and its entry in the
//! access log must show that the filters were at work. Other requests are not logged, unless asked for: writing an entry costs
//! Envoy as much as a small request.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for the terminal")]

use std::net::SocketAddr;
use std::process::{Command, ExitCode};

use tollgate_envoy_harness::{Context, Envoy, Error, Result};
use tollgate_mock_llm::{Knobs, MockLlm, Options};
use tollgate_workspace as workspace;

use measure::Bench;
use page::About;
use plan::Plan;

mod body;
mod bootstrap;
mod client;
mod conversation;
mod corpus;
mod load;
mod measure;
mod native;
mod numbers;
mod page;
mod plan;
mod process;
mod prose;
mod series;
mod subject;
mod trivial;
mod turns;
mod variant;

/// Page on which the results are published.
const PAGE: &str = "docs/benchmarks.md";

const HELP: &str = "\
tollgate-bench [options]: cost of the filters; run it as `cargo xtask bench`, which builds what it needs

  --quick       smoke run: shows that it works, with meaningless numbers
  --write       writes docs/benchmarks.md
  --rounds=N    number of rounds in place of 7
  --access-log  logs every request, as the reference does
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        arguments => Plan::parse(arguments).and_then(run),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(plan: Plan) -> Result<()> {
    let envoy = Envoy::find_or_install()?;
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let options = Options { knobs: upstream_knobs(), record: false, ..Options::new(vec![("openai".into(), any)]) };
    let mock = MockLlm::start(options).context(|| "the mock provider does not start".into())?;
    let upstream = mock.address("openai").ok_or_else(|| Error::new("the mock provider has no address"))?;
    let report = |progress: &str| eprintln!("    {progress}");
    let bench = Bench::new(&envoy, upstream, plan, &report)?;
    let measured = bench.loads()?;
    let turns = bench.conversations()?;
    let page = page::render(&measured, &turns, &About { envoy: envoy.version().into(), rustc: rustc()?, plan });
    print!("{page}");
    if plan.is_written {
        let path = workspace::root().join(PAGE);
        let old = std::fs::read_to_string(&path).unwrap_or_default();
        let page = with_others(page, &old);
        std::fs::write(&path, page).context(|| format!("cannot write {}", path.display()))?;
        eprintln!("    written to {PAGE}");
    }
    Ok(())
}

/// Returns the new page with the sections that other commands have written on the old one, from their first mark on.
fn with_others(page: String, old: &str) -> String {
    match old.find("<!-- written by `cargo xtask bench llm") {
        Some(at) => format!("{}\n\n{}", page.trim_end(), old.split_at(at).1),
        None => page,
    }
}

/// Returns the settings of the upstream, which responds to every request with the same text.
fn upstream_knobs() -> Knobs {
    Knobs { answer: Some(load::response_text()), ..Knobs::default() }
}

/// Returns the version of rustc, such as `rustc 1.95.0`.
fn rustc() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").filter(|path| !path.is_empty()).unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").current_dir(workspace::root()).output();
    let text = output.context(|| "cannot start rustc".into())?.stdout;
    let text = String::from_utf8_lossy(&text);
    Ok(text.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}
