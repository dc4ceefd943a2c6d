//! Demonstration: starts a gateway with a mock provider and sends it a tour of requests.

mod call;
mod stack;
mod tour;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use tollgate_envoy_harness::{Context, Error, Result};

use crate::{modules, progress, setup};
use stack::{CONSUMER_HEADER, Stack};

/// Action once the stack is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Run the tour and stop.
    Tour,
    /// Run the tour and leave the stack running.
    Keep,
    /// Print the addresses as JSON and leave the stack running.
    Json,
}

impl Mode {
    /// Parses the arguments after `demo`.
    pub(crate) fn parse(flags: &[&str]) -> Result<Mode> {
        match flags {
            [] => Ok(Mode::Tour),
            ["--keep"] => Ok(Mode::Keep),
            ["--keep", "--json"] | ["--json", "--keep"] => Ok(Mode::Json),
            _ => Err(Error::new(format!("demo takes --keep, or --keep --json, not `{}`", flags.join(" ")))),
        }
    }
}

/// Runs `cargo xtask demo`.
pub(crate) fn run(mode: Mode) -> Result<ExitCode> {
    setup::target()?;
    let envoy = setup::envoy()?;
    modules::build_bundle()?;
    let mock = stack::build_mock()?;

    // From here on there are files to remove, so an interrupt ends the demo in an orderly way.
    let interrupt = Interrupt::watch()?;
    progress::step(&format!("starting a mock provider and Envoy {}", envoy.version()));
    let mut stack = Stack::start(&envoy, &mock)?;
    let mut as_expected = true;
    if mode != Mode::Json {
        progress::step("the tour, with the policy examples/gateway/tollgate.yaml");
        as_expected = tour::run(&stack, &interrupt)?;
    }
    if mode == Mode::Tour && as_expected && !interrupt.came() {
        println!("`cargo xtask demo --keep` leaves the gateway running for you to try.");
    }
    if mode != Mode::Tour && !interrupt.came() {
        match mode {
            Mode::Json => println!("{}", addresses(&stack)),
            _ => print!("{}", what_to_try(&stack)),
        }
        while !interrupt.came() {
            stack.check()?;
            std::thread::sleep(Duration::from_millis(100));
        }
        progress::step("stopping");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(match (interrupt.came(), as_expected) {
        (true, _) => ExitCode::from(130),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::FAILURE,
    })
}

/// Request to stop, by a signal.
#[derive(Debug)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    fn watch() -> Result<Interrupt> {
        let came = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // In this order, the first signal only sets the flag, and the second ends the process at once.
            let watched = signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&came))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&came)));
            watched.context(|| "cannot watch for signals".into())?;
        }
        Ok(Interrupt(came))
    }

    /// Returns `true` once a signal has arrived.
    pub(crate) fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Renders the addresses for scripts. Both protocols share one port: HTTP/2 is with prior knowledge.
fn addresses(stack: &Stack) -> String {
    json!({
        "gateway": stack.gateway.url(),
        "gateway_h2": stack.gateway.url(),
        "admin": format!("http://{}", stack.gateway.admin().address()),
        "mock": format!("http://{}", stack.mock_address("openai")),
        "consumer_header": CONSUMER_HEADER,
    })
    .to_string()
}

fn what_to_try(stack: &Stack) -> String {
    let gateway = stack.gateway.url();
    let ask = format!("{gateway}/v1/chat/completions -H 'content-type: application/json' -H '{CONSUMER_HEADER}: you'");
    format!(
        "\nThe gateway is running; try it (Ctrl-C stops it):\n
  # a chat call; a streamed call; a call over HTTP/2 with the alias `fast`
  curl -s  {ask} \\
    -d '{{\"model\":\"gpt-4o\",\"messages\":[{{\"role\":\"user\",\"content\":\"Why are there tolls?\"}}]}}'
  curl -sN {ask} \\
    -d '{{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"Why are there tolls?\"}}]}}'
  curl -s --http2-prior-knowledge {ask} \\
    -d '{{\"model\":\"fast\",\"messages\":[{{\"role\":\"user\",\"content\":\"Why are there tolls?\"}}]}}'
  # the access log, the requests that the provider received, and the metrics
  tail -n 3 {log}
  curl -s http://{mock}/received
  curl -s http://{admin}/stats/prometheus | grep tollgate

",
        log = stack.gateway.access_log_path().display(),
        mock = stack.mock_address("openai"),
        admin = stack.gateway.admin().address(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read() {
        for (flags, mode) in [
            (&[][..], Some(Mode::Tour)),
            (&["--keep"], Some(Mode::Keep)),
            (&["--keep", "--json"], Some(Mode::Json)),
            (&["--json", "--keep"], Some(Mode::Json)),
            (&["--json"], None),
            (&["--keep", "--keep"], None),
            (&["keep"], None),
        ] {
            assert_eq!(Mode::parse(flags).ok(), mode, "{flags:?}");
        }
    }
}
