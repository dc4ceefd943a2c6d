//! Mistakes of the operator: what Envoy's log and the client's response say about them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tollgate_envoy_harness::{Gateway, gateway};

use crate::chat::Chat;
use crate::client::{self, Framing, Stay};
use crate::deployment::{self, COUNTER, Deployment, INSPECTOR, QUOTA, ROUTER, envoy};
use crate::findings::Findings;

/// Without the flag, Envoy never shows a filter the body of a request whose headers the filter holds. The client must receive
/// an error instead of hanging, and the log must tell the operator why.
pub async fn without_the_flag(deployment: Deployment) {
    let mut findings = Findings::new(deployment.name);
    let mock = deployment::mock();
    let bootstrap = deployment.bootstrap(&mock).allow_on_headers_stop_iteration(false).unwrap();
    let gateway = deployment.start(bootstrap);
    for &framing in Framing::ALL {
        findings.about(format_args!("allow_on_headers_stop_iteration: false / {framing}"));
        let started = Instant::now();
        let request = Chat::new().at("/v1/chat/completions");
        match client::exchange(gateway.address(), &request, framing, Stay::ToTheEnd).await {
            Ok(response) => {
                findings.same("status", response.status, 500);
                let error = response.decoded().error.unwrap_or_default();
                findings.same("error.type", error["type"].as_str(), Some("server_error"));
            }
            Err(error) => findings.add(error),
        }
        let took = started.elapsed();
        findings.holds(took < Duration::from_secs(30), format_args!("it took {took:?}"));
    }
    findings.same("requests at an upstream", mock.received().len(), 0);
    let log = gateway.log().unwrap();
    let named = log.lines().filter(|line| line.contains("[error]") && line.contains("allow_on_headers_stop_iteration"));
    findings.holds(named.count() > 0, format_args!("the log does not name the flag:\n{log}"));
    // A request without a body works all the same.
    let get = client::Request { method: "GET", path: "/v1/models".into(), headers: Vec::new(), body: Vec::new() };
    let models = client::exchange(gateway.address(), &get, Framing::Http1Length, Stay::ToTheEnd).await;
    findings.same("status of GET /v1/models", models.map(|response| response.status), Ok(200));
    findings.settle();
}

/// A wrong configuration keeps Envoy from starting, and the log names the wrong field.
pub fn wrong_configurations() {
    let mut findings = Findings::new("alone");
    let mock = deployment::mock();
    let limits = |limits: Value| json!({"limits": limits});
    let rule = |field: &str, value: Value| {
        let mut rule = json!({"id": "a", "match": {"regex": "x"}, "action": "block"});
        rule[field] = value;
        json!({"rules": [rule]})
    };
    let budget = json!({"name": "a", "unit": "tokens", "limit": -1, "window": "1m"});
    let rows = [
        (INSPECTOR, rule("match", json!({"regex": "("})), "rules[0].match"),
        (INSPECTOR, rule("action", json!("stop")), "rules[0].action"),
        (INSPECTOR, json!({"rule": []}), "rule"),
        (INSPECTOR, limits(json!({"max_request_byte": 1})), "limits"),
        (COUNTER, limits(json!({"on_unscannable": "ignore"})), "limits.on_unscannable"),
        (QUOTA, json!({"consumer": {"header": "x"}, "budgets": [budget]}), "budgets[0].limit"),
        (ROUTER, json!({"models": {"m": {"rout": "a"}}}), "models.m"),
    ];
    for (filter, configuration, field) in rows {
        findings.about(format_args!("{filter} configured with {configuration}"));
        let deployment = Deployment::alone("", alone(filter));
        let bootstrap = deployment.bootstrap(&mock).configure(filter, configuration).unwrap();
        let options = gateway::Options { log_level: "error".into(), ..gateway::Options::default() };
        match Gateway::start(envoy(), bootstrap, &options) {
            Ok(_) => findings.add("Envoy accepted it"),
            Err(error) => {
                let error = error.to_string();
                let refusal = error.lines().find(|line| line.contains("configuration refused"));
                findings.holds(
                    refusal.is_some_and(|line| line.contains(filter) && line.contains(field)),
                    format_args!("the log does not name {field:?}: {error}"),
                );
            }
        }
    }
    findings.settle();
}

fn alone(filter: &str) -> &'static [&'static str] {
    const ALONE: [[&str; 1]; 4] = [[INSPECTOR], [COUNTER], [QUOTA], [ROUTER]];
    ALONE.iter().find(|only| only[0] == filter).unwrap()
}
