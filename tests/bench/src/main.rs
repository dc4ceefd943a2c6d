//! What the filters cost: `cargo xtask bench`.
//!
//! The reference bootstrap is run in several Envoys side by side, which differ in their wasm filters alone: none, one that
//! does nothing, each of ours by itself, all of ours. All get the same requests in turn, and what is compared is the CPU time
//! that the kernel books on the Envoy process: neither this program, nor the mock provider that is a thread of it, nor
//! whatever else runs on the machine is in it, as wall-clock time and throughput would have it. What remains of the others
//! (caches, clock rates) is met by taking turns, see [`measure`].
//!
//! No answer counts that was not the right one: each is a 200 of the right length, the first of each kind is read in full, and
//! the access log has to show that the filters were at work.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for the terminal")]

use std::net::SocketAddr;
use std::process::{Command, ExitCode};

use tollgate_mock_llm::{Knobs, MockLlm, Options};
use tollgate_testbed::{Context, Envoy, Error, Result, workspace};

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

/// Where the results are published.
const PAGE: &str = "docs/benchmarks.md";

const HELP: &str = "\
tollgate-bench [--quick | --write]: what the filters cost; run it as `cargo xtask bench`, which builds what it needs

  --quick   a smoke run: whether it works, not what it costs
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
        other => Err(Error::new(format!("what is `{}`? (see --help)", other.join(" ")))),
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
    let measured = measure::measure(&envoy, upstream, plan, &|what| eprintln!("    {what}"))?;
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

/// The new page and what other commands have written on the old one: from the first mark of theirs on.
fn with_others(page: String, old: &str) -> String {
    match old.find("<!-- written by `cargo xtask bench llm") {
        Some(at) => format!("{}\n\n{}", page.trim_end(), old.split_at(at).1),
        None => page,
    }
}

/// The upstream answers everybody the same.
fn upstream_knobs() -> Knobs {
    Knobs { answer: Some(load::answer_text()), ..Knobs::default() }
}

/// `rustc 1.95.0`
fn rustc() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").filter(|path| !path.is_empty()).unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").current_dir(workspace::root()).output();
    let text = output.context(|| "cannot start rustc".into())?.stdout;
    let text = String::from_utf8_lossy(&text);
    Ok(text.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}
