//! Scenarios in a real Envoy.
//!
//! Every setup is an Envoy process on ports of its own with upstreams of its own, all in one thread of ours. What the
//! filters tell is in Envoy's log; a step of an exchange follows the one before when Envoy has read that
//! (see [`counted`]), and a scenario follows another when Envoy has no connection of a client any more.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tollgate_testbed::{Context, Envoy, Error, Result};

use crate::normal::Numbers;
use crate::scenario::{Exchange, Scenario, Setup};
use crate::trace::{Recorded, by_cluster, told, unordered};

mod bootstrap;
mod client;
mod counted;
mod http1;
mod process;
mod upstream;

use counted::Written;
use process::{Process, Refused};
use upstream::Upstreams;

/// A scenario that ends the whole process.
const DIES: &str = "Envoy dies";

/// Runs a setup in Envoy: the trace of each of its scenarios.
pub fn run(envoy: &Envoy, module: &Path, setup: &Setup) -> Result<Vec<Recorded>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context(|| "no runtime".into())?.block_on(run_setup(envoy, module, setup))
}

async fn run_setup(envoy: &Envoy, module: &Path, setup: &Setup) -> Result<Vec<Recorded>> {
    let upstreams = Upstreams::start().await?;
    let bootstrap = bootstrap::bootstrap(setup, module, &upstreams.addresses);
    let process = match Process::start(envoy, &bootstrap, setup.workers).await? {
        Ok(process) if setup.refused => return Err(Error::new(format!("Envoy starts:\n{}", process.log()?))),
        Ok(process) => Arc::new(process),
        Err(Refused(log)) if setup.refused => {
            return Ok(vec![Recorded { scenario: "start".into(), lines: log_lines(&log, &mut Numbers::default()) }]);
        }
        Err(Refused(log)) => return Err(Error::new(format!("Envoy does not start:\n{log}"))),
    };
    upstreams.behind(process.clone());
    let written = Written::new(client::COUNTER);
    let mut recorded = Vec::new();
    if setup.start {
        let lines = log_lines(&process.log()?, &mut Numbers::default());
        let lines = if setup.workers > 1 { unordered(lines) } else { lines };
        recorded.push(Recorded { scenario: "start".into(), lines });
    }
    for scenario in &setup.scenarios {
        let lines = run_scenario(scenario, &process, &upstreams, &written)
            .await
            .context(|| format!("{}/{}", setup.name, scenario.name))?;
        recorded.push(Recorded { scenario: scenario.name.clone(), lines });
    }
    if !setup.stats.is_empty() {
        let mut lines = Vec::new();
        for (name, value) in process.all_stats().await? {
            if setup.stats.iter().any(|prefix| name.starts_with(prefix)) {
                lines.push(format!("{name} {value}"));
            }
        }
        recorded.push(Recorded { scenario: "stats".into(), lines });
    }
    Ok(recorded)
}

async fn run_scenario(
    scenario: &Scenario,
    process: &Arc<Process>,
    upstreams: &Upstreams,
    written: &Written,
) -> Result<Vec<String>> {
    let (mut lines, mut numbers) = (Vec::new(), Numbers::default());
    for step in &scenario.steps {
        let logged = process.log()?.len();
        upstreams.prepare(step);
        tokio::time::sleep(Duration::from_millis(step.after_ms)).await;
        let seen = match step.nothing {
            true => None,
            false => Some(client::exchange(step, process, written).await?),
        };
        let ended = over(process, step).await;
        let dies = !process.is_running().await;
        if !dies {
            ended?;
            written.account(process).await;
            upstreams.account(process).await;
        }
        let log = process.log()?;
        let said = log_lines(log.get(logged..).unwrap_or_default(), &mut numbers);
        lines.extend(if step.nothing { unordered(said) } else { said });
        if dies {
            // Such a scenario is the last of its setup. What the two ends still saw is chance.
            lines.push(DIES.into());
            return Ok(lines);
        }
        lines.extend(by_cluster(upstreams.seen().await));
        lines.extend(seen.map(|seen| seen.lines("client")).unwrap_or_default());
    }
    Ok(lines)
}

/// Waits until Envoy has no stream any more.
async fn over(process: &Process, step: &Exchange) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let stats = process.stats("^http%5C.p%5C.downstream_(cx|rq)_active$").await?;
        if !stats.is_empty() && stats.values().all(|active| *active == 0) {
            break;
        }
        if Instant::now() > end {
            return Err(Error::new("a stream does not end"));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    tokio::time::sleep(Duration::from_millis(step.linger_ms)).await;
    Ok(())
}

/// What the log tells of the plugins.
fn log_lines(log: &str, numbers: &mut Numbers) -> Vec<String> {
    log.lines().filter_map(|line| told(line, numbers)).collect()
}
