//! A missing `allow_on_headers_stop_iteration`, in each filter of the chain.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::json;

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

/// Header of a request whose body the filter in front keeps.
const KEEP: &str = "x-keep-body";

/// Filter that passes heads at once and keeps a body while it asks a service that does not answer, as an `ext_proc` does.
const KEEPING_FILTER: &str = r#"
function envoy_on_request(handle)
  if handle:headers():get("x-keep-body") then
    for _ in handle:bodyChunks() do
      handle:httpCall("silent", {[":method"] = "GET", [":path"] = "/", [":authority"] = "silent"}, "", 4000)
      break
    end
  end
end
"#;

/// After a first body has proven the flag, a filter in front may keep a body for longer than the watchdog waits.
pub async fn kept_body(deployment: Deployment) {
    let mut findings = Findings::new(deployment.name);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mock = deployment::mock();
    let mut bootstrap = deployment.bootstrap(&mock);
    let resources = &mut bootstrap.document_mut()["static_resources"];
    let address =
        json!({"socket_address": {"address": "127.0.0.1", "port_value": silent.local_addr().unwrap().port()}});
    let endpoint = json!({"lb_endpoints": [{"endpoint": {"address": address}}]});
    let cluster = json!({"name": "silent", "load_assignment": {"cluster_name": "silent", "endpoints": [endpoint]}});
    resources["clusters"].as_array_mut().unwrap().push(cluster);
    let manager = &mut resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let lua = json!({"name": "keep", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
        "default_source_code": {"inline_string": KEEPING_FILTER},
    }});
    manager["http_filters"].as_array_mut().unwrap().insert(0, lua);
    let gateway = deployment.start(bootstrap);
    for &framing in Framing::PLAIN {
        for (request, is_kept) in [(Chat::new(), false), (Chat::new().header(KEEP, "yes"), true)] {
            findings.about(format_args!("kept: {is_kept} / {framing}"));
            let started = Instant::now();
            let request = request.at("/v1/chat/completions");
            match client::exchange(gateway.address(), &request, framing, Stay::ToTheEnd).await {
                Ok(response) => findings.same("status", response.status, 200),
                Err(error) => findings.add(error),
            }
            let is_late = started.elapsed() > LIMIT;
            findings.same("the body was kept for longer than the watchdog waits", is_late, is_kept);
        }
    }
    findings.settle();
}
