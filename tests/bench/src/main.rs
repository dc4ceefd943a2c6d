//! Cost of the filters: `cargo xtask bench`.
//!
//! Several Envoys run the reference bootstrap side by side. They differ only in their wasm filters: none, one that does
//! nothing, each of ours alone, all of ours. All receive the same requests in turn. The compared quantity is the CPU time that
//! the kernel accounts to the Envoy process: unlike wall-clock time and throughput, it contains neither this program, nor the
//! mock provider in one of its threads, nor whatever else runs on the machine. Taking turns balances the remaining influence of
//! other processes (caches, clock rates), see [`measure`].
//!
//! Every response is checked: each is a 200 of the right length, the first of each kind is read in full, and the access log
//! must show that the filters were at work.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for the terminal")]

use std::net::SocketAddr;
use std::process::{Command, ExitCode};

use tollgate_envoy_harness::{Context, Envoy, Error, Result};
use tollgate_mock_llm::{Knobs, MockLlm, Options};
use tollgate_workspace as workspace;

use measure::Plan;
use page::About;

mod client;
mod load;
mod measure;
mod page;
mod process;
mod prose;
mod series;
mod subject;
mod trivial;
mod variant;

/// Page on which the results are published.
const PAGE: &str = "docs/benchmarks.md";

const HELP: &str = "\
tollgate-bench [--quick | --write]: cost of the filters; run it as `cargo xtask bench`, which builds what it needs

  --quick   smoke run: shows that it works, with meaningless numbers
  --write   writes docs/benchmarks.md
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        [] => run(Plan::FULL, false),
        ["--quick"] => run(Plan::QUICK, false),
        ["--write"] => run(Plan::FULL, true),
        ["--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(Error::new(format!("unknown arguments `{}` (see --help)", other.join(" ")))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(plan: Plan, write: bool) -> Result<()> {
    let envoy = Envoy::find_or_install()?;
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let options = Options { knobs: upstream_knobs(), record: false, ..Options::new(vec![("openai".into(), any)]) };
    let mock = MockLlm::start(options).context(|| "the mock provider does not start".into())?;
    let upstream = mock.address("openai").ok_or_else(|| Error::new("the mock provider has no address"))?;
    let measured = measure::measure(&envoy, upstream, plan, &|progress| eprintln!("    {progress}"))?;
    let page = page::render(&measured, &About { envoy: envoy.version().into(), rustc: rustc()?, plan });
    print!("{page}");
    if write {
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
