use std::collections::BTreeSet;
use std::path::Path as FilePath;

use tollgate_envoy_harness::scratch::Scratch;

use super::*;
use crate::envoy_routes::EnvoyRoutes;
use crate::policy_file;

fn settings() -> Settings {
    Settings {
        name: "tollgate.yaml".to_owned(),
        listen: SocketAddr::from(([0, 0, 0, 0], 10000)),
        admin: SocketAddr::from(([127, 0, 0, 1], 9901)),
        module: "/etc/tollgate/tollgate.wasm".to_owned(),
        envoy: None,
    }
}

fn rendered(text: &str) -> Result<Rendering, Vec<String>> {
    let document = Document::parse("tollgate.yaml", text);
    render(RenderTarget::Envoy, &document, &settings())
        .map_err(|found| found.iter().map(|located| document.show(located)).collect())
}

/// Reads YAML as the command reads Envoy's configurations.
fn read(text: &str) -> Value {
    let document = Document::parse("envoy.yaml", text);
    assert!(document.errors().is_empty(), "{:?}\n{text}", document.errors());
    document.value().clone()
}

/// Returns the configuration of the filter.
fn configuration(envoy: &Value) -> &Value {
    let filter = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0";
    envoy.pointer(&format!("{filter}/typed_config/config/configuration/value")).unwrap()
}

/// To update: `cargo xtask schemas --write`
#[test]
fn the_checked_in_bootstrap_of_the_reference_policy_is_current() {
    let root = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let policy = policy_file::load(&root.join("examples/gateway/tollgate.yaml"), &mut BTreeSet::new()).unwrap();
    let current = render(RenderTarget::Envoy, &policy, &settings()).unwrap();
    assert_eq!(current.warnings, []);
    let checked_in = std::fs::read_to_string(root.join("envoy/envoy.yaml")).unwrap();
    assert!(checked_in == current.text, "stale: tollgate render examples/gateway/tollgate.yaml > envoy/envoy.yaml");
}

/// Parts of a policy, and parts of the text, with `|` at the start of each line.
const RENDERED: &[(&str, &str)] = &[
    // A route for every route of the models, in the order of the file; an alias has none of its own.
    (
        "models: {b: {route: two, provider: q}, a: {route: q}, c: {alias_of: a}}\n\
         providers: {q: {address: 'q:1'}}",
        "|routes:
         |# `timeout: 0s` because a streamed response may take minutes; `idle_timeout` ends a stalled one.
         |# `auto_host_rewrite` replaces the gateway's host name by that of the provider's endpoint.
         |- match:
         |    prefix: /
         |    headers: [{name: x-tollgate-route, string_match: {exact: two}}]
         |  route: {cluster: q, timeout: 0s, idle_timeout: 300s, auto_host_rewrite: true}
         |- match:
         |    prefix: /
         |    headers: [{name: x-tollgate-route, string_match: {exact: q}}]
         |  route: {cluster: q, timeout: 0s, idle_timeout: 300s, auto_host_rewrite: true}
         |# A route that Tollgate sets",
    ),
    // Names that YAML could take for something else.
    (
        "models: {a: {route: '1', provider: 'on'}}\nproviders: {'on': {address: '127.0.0.1:1'}}",
        "|  headers: [{name: x-tollgate-route, string_match: {exact: \"1\"}}]
         |route: {cluster: \"on\", timeout: 0s, idle_timeout: 300s, auto_host_rewrite: true}",
    ),
    // A provider without TLS and key.
    (
        "models: {a: {route: p}}\nproviders: {p: {address: 'vllm:8000', health_path: /health, connect_timeout: 500ms}}",
        "|- name: p
         |  type: STRICT_DNS
         |  dns_lookup_family: V4_PREFERRED
         |  connect_timeout: 0.5s
         |  per_connection_buffer_limit_bytes: 8454144
         |  circuit_breakers: {thresholds: [{max_connections: 4096, max_pending_requests: 4096, max_requests: 4096}]}
         |  typed_extension_protocol_options:
         |    envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
         |      \"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
         |      explicit_http_config: {http_protocol_options: {enable_trailers: true}}
         |  health_checks:
         |  - {timeout: 5s, interval: 10s, unhealthy_threshold: 3, healthy_threshold: 1, http_health_check: {path: /health, host: vllm}}
         |  load_assignment:
         |    cluster_name: p
         |    endpoints:
         |    - lb_endpoints:
         |      - endpoint: {address: {socket_address: {address: vllm, port_value: 8000}}}",
    ),
    // TLS by the port, a key from the environment.
    (
        "models: {a: {route: p}}\nproviders: {p: {address: 'api.openai.com:443', key: {env: OPENAI_API_KEY}}}",
        "|secrets:
         |- name: p-key
         |  generic_secret: {secret: {environment_variable: OPENAI_API_KEY}}",
    ),
    (
        "models: {a: {route: p}}\nproviders: {p: {address: 'api.openai.com:443', key: {env: OPENAI_API_KEY}}}",
        "|    auto_config:
         |      http_protocol_options: {enable_trailers: true}
         |      http2_protocol_options: {}
         |    http_filters:
         |    - name: envoy.filters.http.credential_injector
         |      typed_config:
         |        \"@type\": type.googleapis.com/envoy.extensions.filters.http.credential_injector.v3.CredentialInjector
         |        overwrite: true
         |        credential:
         |          name: envoy.http.injected_credentials.generic
         |          typed_config:
         |            \"@type\": type.googleapis.com/envoy.extensions.http.injected_credentials.generic.v3.Generic
         |            credential: {name: p-key}
         |            header: authorization
         |            header_value_prefix: \"Bearer \"
         |    - name: envoy.filters.http.header_mutation",
    ),
    (
        "models: {a: {route: p}}\nproviders: {p: {address: 'api.openai.com:443'}}",
        "|- endpoint:
         |    hostname: api.openai.com
         |    address: {socket_address: {address: api.openai.com, port_value: 443}}",
    ),
    (
        "models: {a: {route: p}}\nproviders: {p: {address: '10.0.0.1:8443', tls: {sni: llm.example.com, ca_file: /etc/ca.pem}, http2: true}}",
        "|sni: llm.example.com
         |common_tls_context:
         |  alpn_protocols: [h2]
         |  validation_context:
         |    trusted_ca: {filename: /etc/ca.pem}
         |    match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: llm.example.com}}]",
    ),
    // The caller's names, and the client's credential unless the provider's is in the same header.
    (
        "identity: {consumer: {header: X-User}, team: {header: x-team}}\nmodels: {a: {route: p}}\n\
         providers: {p: {address: 'p:1', key: {file: /etc/key, header: X-Api-Key}}}",
        "|- name: envoy.filters.http.header_mutation
         |  typed_config:
         |    \"@type\": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
         |    mutations:
         |      request_mutations:
         |      - remove: x-user
         |      - remove: x-team
         |      - remove: x-tollgate-route
         |      - remove: x-tollgate-model
         |      - remove: x-tollgate-prefix-hash
         |      - remove: x-forwarded-for
         |      - remove: x-envoy-external-address
         |      - remove: authorization
         |      - remove: api-key
         |      - remove: x-goog-api-key
         |- name: envoy.filters.http.upstream_codec",
    ),
    // The filter that identifies callers is not rendered.
    (
        "identity: {consumer: {jwt: [payload, sub]}}\nmodels: {a: {route: p}}\nproviders: {p: {address: 'p:1'}}",
        "|#
         |# The policy takes the caller's name from metadata.filter_metadata.envoy.filters.http.jwt_authn.payload.sub: the filter",
    ),
    // A prefix in front of every path.
    (
        "models: {a: {route: p}}\nproviders: {p: {address: 'p:1', path_prefix: /llm, idle_timeout: 20m, model_list: true}}",
        "|route: {cluster: p, timeout: 0s, idle_timeout: 1200s, prefix_rewrite: /llm/, auto_host_rewrite: true}",
    ),
    (
        "models: {a: {route: p}}\nproviders: {p: {address: 'p:1', path_prefix: /llm, model_list: true}}",
        "|  path_separated_prefix: /v1/models
         |  headers: [{name: \":method\", string_match: {exact: GET}}]
         |route: {cluster: p, timeout: 60s, prefix_rewrite: /llm/v1/models, auto_host_rewrite: true}",
    ),
    (
        "firewall: {rules: [{id: a, match: {keywords: [x]}, action: hash}]}\nmodels: {a: {route: p}}\nproviders: {p: {address: 'p:1'}}",
        "|environment_variables: {host_env_keys: [TOLLGATE_PLACEHOLDER_KEY]}",
    ),
    // Envoy's limits follow the policy's.
    (
        "limits: {max_request_bytes: 16711680}\nmodels: {a: {route: p}}\nproviders: {p: {address: 'p:1'}}",
        "|per_connection_buffer_limit_bytes: 16777216",
    ),
    (
        "limits: {max_request_bytes: 16711680}\nmodels: {a: {route: p}}\nproviders: {p: {address: 'p:1'}}",
        "|initial_stream_window_size: 16777216
         |# Shared by all streams of a connection: held bodies must not block the other streams.
         |initial_connection_window_size: 268435456",
    ),
    (
        "limits: {max_request_bytes: 16711680}\nmodels: {a: {route: p}}\nproviders: {p: {address: 'p:1'}}",
        "|request_body_buffer_limit: 34603008",
    ),
];

/// Returns `true` if the lines occur in the text one after another, indented by the same number of spaces.
fn has_lines(text: &str, lines: &[&str]) -> bool {
    let all: Vec<&str> = text.lines().collect();
    all.windows(lines.len()).any(|window| {
        let Some(width) = window[0].len().checked_sub(lines[0].len()) else { return false };
        let indentation = " ".repeat(width);
        window.iter().zip(lines).enumerate().all(|(at, (found, line))| {
            let found = found.strip_prefix(&indentation).unwrap_or_default();
            // The last line may go on.
            found == *line || at + 1 == lines.len() && found.starts_with(line)
        })
    })
}

#[test]
fn every_setting_has_its_place() {
    let mut wrong = Vec::new();
    for (policy, part) in RENDERED {
        let text = rendered(&format!("version: 1\n{policy}\n")).unwrap().text;
        let lines: Vec<&str> = part.lines().map(|line| line.split_once('|').unwrap().1).collect();
        if !has_lines(&text, &lines) {
            wrong.push(format!("{policy}\n{}", lines.join("\n")));
        }
        assert!(!text.contains("{{") && !text.contains("\n\n\n") && !text.contains(" \n"), "{text}");
    }
    assert!(wrong.is_empty(), "{} parts are missing:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn routes_of_a_rendering_have_clusters() {
    for (policy, _) in RENDERED {
        let policy = format!("version: 1\n{policy}\n");
        let envoy = read(&rendered(&policy).unwrap().text);
        assert_eq!(EnvoyRoutes::of(&envoy).findings(&read(&policy)), [], "{policy}");
    }
}

#[test]
fn what_cannot_be_rendered_is_reported_at_its_place() {
    for (policy, start, advice) in [
        ("models: {a: {route: p}}", "1:1: error[not-renderable]: the policy has no `providers`", "OPENAI_API_KEY"),
        (
            "models: {a: {provider: p}}\nproviders: {p: {address: 'p:1'}}",
            "2:1: error[not-renderable]: no model has a `route`",
            "\"*\"",
        ),
        (
            "models: {a: {route: p}}\nproviders: {p: {address: 'p:1'}}\nlimits: {max_response_bytes: 4294967296}",
            "4:30: error[not-renderable]: the limit is above",
            "",
        ),
        (
            "identity: {consumer: {header: x}}\nmodels: {a: {route: p}}\nproviders: {p: {address: 'p:1'}}\n\
             budgets: [{name: a, unit: tokens, limit: 9007199254740993, window: 1d}]",
            "5:42: error[not-renderable]: the number is above 9007199254740992",
            "",
        ),
        ("models: {a: {rout: p}}", "2:14: error[unknown-key]: unknown key `rout`", "did you mean `route`?"),
    ] {
        let found = rendered(&format!("version: 1\n{policy}\n")).unwrap_err();
        let [found] = &found[..] else { panic!("{found:?}") };
        assert!(found.starts_with(&format!("tollgate.yaml:{start}")) && found.contains(advice), "{found}");
    }
}

#[test]
fn the_filter_gets_the_policy_without_providers_and_examples() {
    let scratch = Scratch::new("render").unwrap();
    let write = |name: &str, text: &str| std::fs::write(scratch.path().join(name), text).unwrap();
    write(
        "tollgate.yaml",
        "version: 1\ninclude: [rules.yaml]\nmodels: {z: {route: p}, a: {route: p}}\nproviders: {p: {address: 'p:1', key: {env: KEY}}}\n",
    );
    let rule = "id: a, match: {regex: '\\bkey\\b'}, action: block";
    let other = rule.replace("id: a", "id: b");
    write(
        "rules.yaml",
        &format!(
            "firewall: {{rules: [{{{rule}, examples: {{match: [the key], no_match: [keys]}}}},\n\
             {{{other}, description: Keys., tests: {{match: [the key]}}}}]}} # rules\n"
        ),
    );
    let document = policy_file::load(&scratch.path().join("tollgate.yaml"), &mut BTreeSet::new()).unwrap();
    let text = render(RenderTarget::Envoy, &document, &settings()).unwrap().text;
    let envoy = read(&text);
    let policy = "version: 1\nmodels: {z: {route: p}, a: {route: p}}\n";
    assert_eq!(*configuration(&envoy), read(&format!("{policy}firewall: {{rules: [{{{rule}}}, {{{other}}}]}}\n")));
    assert!(CompiledPolicy::from_value(configuration(&envoy)).is_ok());
    // In the order of the file.
    assert!(text.find("z: {route: p}") < text.find("a: {route: p}"));
}

#[test]
fn a_large_policy_is_reported() {
    let policy = |words: usize| {
        let words: Vec<String> = (0..words).map(|word| format!("heron-{word:08}")).collect();
        format!(
            "version: 1\nmodels: {{a: {{route: p}}}}\nproviders: {{p: {{address: 'p:1'}}}}\n\
             firewall: {{rules: [{{id: a, match: {{keywords: [{}]}}, action: log}}]}}\n",
            words.join(", ")
        )
    };
    // Each word has 17 bytes of JSON.
    assert_eq!(rendered(&policy(1_000)).unwrap().warnings, []);
    let document = Document::parse("tollgate.yaml", &policy(16_000));
    let mut findings = Vec::new();
    InlinedPolicy::of(&document, &mut findings);
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].starts_with("warning[large-policy]: the policy has 266 KiB in Envoy's configuration"),
        "{lines:?}"
    );
}
