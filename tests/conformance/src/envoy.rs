//! Runs scenarios in a real Envoy.
//!
//! Every setup is an Envoy process on ports of its own with upstreams of its own. The lines of the filters are in Envoy's
//! log. A step of an exchange follows the one before when Envoy has read that one (see
//! [`read_barrier`](tollgate_envoy_harness::read_barrier)), and a scenario follows another when no client is connected to
//! Envoy any more.

use std::path::Path;
use std::time::{Duration, Instant};

use tollgate_envoy_harness::gateway::{Options, parse_stats};
use tollgate_envoy_harness::read_barrier::ReadBarrier;
use tollgate_envoy_harness::{Bootstrap, Context, Envoy, Error, Gateway, Result, StartError};

use crate::normal::Numbers;
use crate::scenario::{Exchange, Scenario, Setup};
use crate::trace::{Recorded, by_cluster, trace_line, unordered};

mod bootstrap;
mod client;
mod upstream;

use upstream::Upstreams;

/// Last line of a scenario that ends the whole process.
const DIES: &str = "Envoy dies";

/// Runs a setup in Envoy and returns the trace of each of its scenarios.
pub fn run(envoy: &Envoy, module: &Path, setup: &Setup) -> Result<Vec<Recorded>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context(|| "no runtime".into())?.block_on(run_setup(envoy, module, setup))
}

async fn run_setup(envoy: &Envoy, module: &Path, setup: &Setup) -> Result<Vec<Recorded>> {
    let upstreams = Upstreams::start()?;
    let bootstrap = Bootstrap::from_document(bootstrap::bootstrap(setup, module, &upstreams.addresses));
    let options =
        Options { concurrency: setup.workers, log_format: Some("%v".into()), access_log: false, ..Options::default() };
    let gateway = match Gateway::start(envoy, bootstrap, &options) {
        Ok(gateway) if setup.refused => return Err(Error::new(format!("Envoy starts:\n{}", gateway.log()?))),
        Ok(gateway) => gateway,
        Err(StartError::Ended { log, .. }) if setup.refused => {
            return Ok(vec![Recorded { scenario: "start".into(), lines: log_lines(&log, &mut Numbers::default()) }]);
        }
        Err(StartError::Ended { log, .. }) => return Err(Error::new(format!("Envoy does not start:\n{log}"))),
        Err(error) => return Err(error.into()),
    };
    upstreams.behind(gateway.admin());
    let barrier = ReadBarrier::new(client::COUNTER);
    barrier.attach(gateway.admin());
    let mut recorded = Vec::new();
    if setup.start {
        let lines = log_lines(&gateway.log()?, &mut Numbers::default());
        let lines = if setup.workers > 1 { unordered(lines) } else { lines };
        recorded.push(Recorded { scenario: "start".into(), lines });
    }
    for scenario in &setup.scenarios {
        let lines = run_scenario(scenario, &gateway, &upstreams, &barrier)
            .await
            .context(|| format!("{}/{}", setup.name, scenario.name))?;
        recorded.push(Recorded { scenario: scenario.name.clone(), lines });
    }
    if !setup.stats.is_empty() {
        let mut stats: Vec<_> = parse_stats(&gateway.admin_get("/stats")?).collect();
        stats.sort();
        stats.retain(|(name, _)| setup.stats.iter().any(|prefix| name.starts_with(prefix)));
        let lines = stats.into_iter().map(|(name, value)| format!("{name} {value}")).collect();
        recorded.push(Recorded { scenario: "stats".into(), lines });
    }
    Ok(recorded)
}

async fn run_scenario(
    scenario: &Scenario,
    gateway: &Gateway,
    upstreams: &Upstreams,
    barrier: &ReadBarrier,
) -> Result<Vec<String>> {
    let (mut lines, mut numbers) = (Vec::new(), Numbers::default());
    for step in &scenario.steps {
        let logged = gateway.log()?.len();
        upstreams.prepare(step);
        tokio::time::sleep(Duration::from_millis(step.after_ms)).await;
        let seen = match step.nothing {
            true => None,
            false => Some(client::exchange(step, gateway, barrier).await?),
        };
        let ended = wait_for_end(gateway, step).await;
        let dies = gateway.admin().get_async("/ready").await.is_err();
        if !dies {
            ended?;
            barrier.write_off_unread().await;
            upstreams.write_off_unread().await;
        }
        let log = gateway.log()?;
        let new = log_lines(log.get(logged..).unwrap_or_default(), &mut numbers);
        lines.extend(if step.nothing { unordered(new) } else { new });
        if dies {
            // Such a scenario is the last of its setup. What the two ends still saw is a matter of chance.
            lines.push(DIES.into());
            return Ok(lines);
        }
        lines.extend(by_cluster(upstreams.seen()));
        lines.extend(seen.map(|seen| seen.lines("client")).unwrap_or_default());
    }
    Ok(lines)
}

/// Waits until no client is connected to Envoy any more.
async fn wait_for_end(gateway: &Gateway, step: &Exchange) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let stats = gateway.admin().get_async("/stats?filter=^http%5C.p%5C.downstream_(cx|rq)_active$").await?;
        let mut active = parse_stats(&stats).map(|(_, value)| value).peekable();
        if active.peek().is_some() && active.all(|value| value == 0) {
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

/// Returns the lines of the log that are about the plugins.
fn log_lines(log: &str, numbers: &mut Numbers) -> Vec<String> {
    log.lines().filter_map(|line| trace_line(line, numbers)).collect()
}
