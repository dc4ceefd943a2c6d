//! A missing `allow_on_headers_stop_iteration`, in each filter of the chain.

use std::time::{Duration, Instant};

use crate::chat::Chat;
use crate::client::{self, Framing, Stay};
use crate::deployment::{self, Deployment};
use crate::findings::Findings;

/// Longest time until the client gets its 500.
const LIMIT: Duration = Duration::from_secs(3);

/// Whichever filter lacks the flag, the client gets a 500 instead of hanging, and the log names the flag. Behind a filter
/// that holds the request, the whole body has arrived before the head.
pub async fn each_position(deployment: Deployment) {
    let mut findings = Findings::new(deployment.name);
    for &filter in deployment.filters {
        let mock = deployment::mock();
        let mut bootstrap = deployment.bootstrap(&mock);
        let plugin = bootstrap.plugins().unwrap().find(|plugin| plugin["root_id"] == filter).unwrap();
        plugin["allow_on_headers_stop_iteration"] = false.into();
        let gateway = deployment.start(bootstrap);
        for &framing in Framing::PLAIN {
            findings.about(format_args!("{filter} without the flag / {framing}"));
            let started = Instant::now();
            let request = Chat::new().at("/v1/chat/completions");
            match client::exchange(gateway.address(), &request, framing, Stay::ToTheEnd).await {
                Ok(response) => findings.same("status", response.status, 500),
                Err(error) => findings.add(error),
            }
            let duration = started.elapsed();
            findings.holds(duration < LIMIT, format_args!("it took {duration:?}"));
        }
        findings.same("requests at an upstream", mock.received().len(), 0);
        let log = gateway.log().unwrap();
        let is_named =
            log.lines().any(|line| line.contains("[error]") && line.contains("allow_on_headers_stop_iteration"));
        findings.holds(is_named, format_args!("the log does not name the flag:\n{log}"));
    }
    findings.settle();
}
