//! Extent of a run, from the arguments.

use std::time::Duration;

use tollgate_envoy_harness::{Context, Error, Result};

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
    /// Maximum number of rounds with conversations.
    pub(crate) conversations: usize,
    /// Number of turns beside which another client is observed, in a round.
    pub(crate) observed: usize,
    /// `true` if every request is logged.
    pub(crate) is_logged: bool,
    /// `true` for a smoke run, whose numbers mean nothing.
    pub(crate) is_smoke: bool,
    /// `true` if the page is written.
    pub(crate) is_written: bool,
}

impl Plan {
    /// Plan for publishable numbers: about ten minutes.
    pub(crate) const FULL: Plan = Plan {
        starts: 3,
        warm_up: Duration::from_millis(1500),
        rounds: 7,
        cell: Duration::from_millis(650),
        conversations: 3,
        observed: 4,
        is_logged: false,
        is_smoke: false,
        is_written: false,
    };
    /// Plan for a smoke run: a minute, with meaningless numbers.
    pub(crate) const QUICK: Plan = Plan {
        starts: 1,
        warm_up: Duration::from_millis(200),
        rounds: 2,
        cell: Duration::from_millis(100),
        conversations: 1,
        observed: 1,
        is_smoke: true,
        ..Plan::FULL
    };

    /// Parses the arguments.
    pub(crate) fn parse(arguments: &[&str]) -> Result<Plan> {
        let mut plan = if arguments.contains(&"--quick") { Plan::QUICK } else { Plan::FULL };
        for argument in arguments {
            match argument.split_once('=') {
                None if *argument == "--quick" => {}
                None if *argument == "--write" => plan.is_written = true,
                None if *argument == "--access-log" => plan.is_logged = true,
                Some(("--rounds", number)) => {
                    let number: usize = number.parse().context(|| format!("{argument} is not a number"))?;
                    plan.rounds = number.max(1);
                    plan.conversations = plan.conversations.min(plan.rounds);
                }
                _ => return Err(Error::new(format!("unknown argument `{argument}` (see --help)"))),
            }
        }
        if plan.is_smoke && plan.is_written {
            return Err(Error::new("--quick and --write exclude each other: a smoke run has no numbers to publish"));
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_change_the_plan() {
        assert_eq!(Plan::parse(&[]).unwrap(), Plan::FULL);
        assert_eq!(Plan::parse(&["--quick"]).unwrap(), Plan::QUICK);
        let plan = Plan::parse(&["--rounds=2", "--write", "--access-log"]).unwrap();
        assert_eq!(plan, Plan { rounds: 2, conversations: 2, is_written: true, is_logged: true, ..Plan::FULL });
        for wrong in [&["--rounds"][..], &["--rounds=x"], &["--fast"], &["--quick", "--write"]] {
            Plan::parse(wrong).unwrap_err();
        }
    }
}
