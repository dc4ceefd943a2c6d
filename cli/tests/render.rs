//! `tollgate render` as users run it: exit codes, and an Envoy that validates what it prints.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tollgate_envoy_harness::blocking::Request;
use tollgate_envoy_harness::scratch::Scratch;
use tollgate_envoy_harness::{Bootstrap, EMPTY_MODULE, Envoy, Gateway, gateway};

mod workspace;

/// Every setting that is rendered. Envoy 1.36 has no `prefix` of a key.
const EVERYTHING: &str = r#"
version: 1
mode: audit
publish: [model, input_tokens, verdict]
identity: {consumer: {header: x-user}, team: {jwt: [payload, team]}}
limits: {max_request_bytes: 8000000, max_response_bytes: 2000000}
models:
  "gpt-*": {route: openai}
  "llama-*": {route: "10", provider: vllm}
  "claude-*": {route: anthropic}
  "mistral-*": {route: mistral}
  fast: {alias_of: llama-3}
prices: {override: {"gpt-*": {input: 2.5, output: "10"}}, on_unknown: pass}
budgets:
- {name: spend, unit: usd, limit: 0.1, window: 1h30m}
firewall:
  rules:
  - {id: quotes, match: {regex: "it's \"[\\\\w]+\"\\x{85}?"}, action: log, examples: {match: ['it''s "w"']}}
  - {id: "on", match: {keywords: ["yes", "0x1F", "1e3", "null", ": #", "é\u2028"]}, action: redact, replacement: ""}
counting: {mode: exact, references: estimate}
providers:
  openai: {address: "api.openai.com:443", key: {env: TOLLGATE_TEST_KEY, prefix: "PREFIX"}, model_list: true}
  anthropic: {address: "api.anthropic.com:443", key: {file: FILE, header: x-api-key}, idle_timeout: 15m}
  vllm: {address: "[::1]:8000", cluster: local, path_prefix: /llm, health_path: /health, connect_timeout: 250ms}
  mistral: {address: "10.0.0.1:8443", tls: {sni: mistral.internal, ca_file: CA}, http2: true, health_path: /ok}
"#;

/// Certificate authority that expires in a hundred years; nobody has its key.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBiTCCAS+gAwIBAgIUN0fHiJX5lE1sCxKytCdGm8avJ84wCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOVGVzdCBhdXRob3JpdHkwIBcNMjYxMTI5MDk0MjM2WhgPMjEy
NjExMDUwOTQyMzZaMBkxFzAVBgNVBAMMDlRlc3QgYXV0aG9yaXR5MFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAENZO+g8mB82RO/FivLZwpV5iv64UNufB+UAgI2EyM
c6ch3dXCOthmW0UPiQHXTTJLPVWH/zLJC+CV0uqHOKhH+KNTMFEwHQYDVR0OBBYE
FCuZ0ZseV0yCTKMUIC6dVBbMq2CaMB8GA1UdIwQYMBaAFCuZ0ZseV0yCTKMUIC6d
VBbMq2CaMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhANwa50OT
5QJ8YOgOf0IwbhE4d/3KbP0k3kiSAMHsgAizAiBpExe+Coc7uDmmxE6Skw3nVD7a
5wQah39XYDZrJmgcag==
-----END CERTIFICATE-----
";

fn render(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.arg("render").args(args).current_dir(folder).output().unwrap()
}

fn printed(output: &Output) -> (String, String) {
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Requires that the Envoy of this machine, or the one in `$ENVOY`, accepts the rendering of a policy.
fn validate(envoy: &Envoy, folder: &Path, policy: &Path) {
    let module = folder.join("nothing.wasm");
    std::fs::write(&module, EMPTY_MODULE).unwrap();
    let policy = policy.to_str().unwrap();
    let args = [policy, "--target", "envoy", "--module", module.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let output = render(folder, &args);
    let (text, errors) = printed(&output);
    assert!(output.status.success(), "{errors}");
    let path = folder.join("envoy.yaml");
    std::fs::write(&path, &text).unwrap();
    let mut command = Command::new(envoy.path());
    command.args(["--mode", "validate", "-l", "warn", "-c"]).arg(&path).env("TOLLGATE_TEST_KEY", "sk-test");
    let output = command.output().unwrap();
    assert!(output.status.success(), "Envoy {}: {}\n{text}", envoy.version(), printed(&output).1);

    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    let output = command.args(["check", policy, "--envoy"]).arg(&path).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output).0);
}

#[test]
fn guards_are_refused_for_an_older_envoy() {
    let scratch = Scratch::new("render").unwrap();
    let text = "version: 1\nmodels: {m: {route: local}}\nproviders: {local: {address: 'vllm:8000'}, mod: {address: 'mod:80'}}\n\
                firewall: {guards: [{name: mod, kind: openai-moderation, cluster: mod, authority: x, action: block}]}\n";
    std::fs::write(scratch.path().join("tollgate.yaml"), text).unwrap();
    for (version, code, words) in [
        ("1.36.9", 1, "4:28: error[envoy-version]: the guard `mod` needs Envoy 1.36.10 or newer: 1.36.9 may lose"),
        ("1.36.9", 1, "= help: upgrade Envoy to 1.36.10 or remove the guard"),
        ("1.39.1", 0, ""),
        ("1.39", 2, "expected a version of Envoy with three numbers"),
    ] {
        for command in ["check", "render"] {
            let mut process = Command::new(env!("CARGO_BIN_EXE_tollgate"));
            let output =
                process.args([command, "--envoy-version", version]).current_dir(scratch.path()).output().unwrap();
            let (text, errors) = printed(&output);
            assert_eq!(output.status.code(), Some(code), "{command} {version}: {text}{errors}");
            assert!(format!("{text}{errors}").contains(words), "{command} {version}: {text}{errors}");
        }
    }
}

#[test]
fn a_file_is_replaced_only_without_errors() {
    let scratch = Scratch::new("render").unwrap();
    let (policy, written) = (scratch.path().join("tollgate.yaml"), scratch.path().join("envoy.yaml"));
    std::fs::write(&written, "as before").unwrap();
    for (mode, code) in [("audits", 1), ("audit", 0)] {
        let text = format!(
            "version: 1\nmode: {mode}\nmodels: {{m: {{route: local}}}}\nproviders: {{local: {{address: 'vllm:8000'}}}}\n"
        );
        std::fs::write(&policy, text).unwrap();
        let output = render(scratch.path(), &["tollgate.yaml", "-o", "envoy.yaml"]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{}", printed(&output).1);
        let found = std::fs::read_to_string(&written).unwrap();
        assert_eq!(found == "as before", code == 1, "{found}");
    }
    let whole = printed(&render(scratch.path(), &["tollgate.yaml"])).0;
    assert_eq!(std::fs::read_to_string(&written).unwrap(), whole);
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 2, "no other file is left");
}

#[test]
fn envoy_accepts_the_rendering_of_the_reference_policy() {
    let scratch = Scratch::new("render").unwrap();
    let envoy = Envoy::find_or_install().unwrap();
    validate(&envoy, scratch.path(), &workspace::root().join("examples/gateway/tollgate.yaml"));
}

#[test]
fn envoy_accepts_every_setting_of_providers() {
    let scratch = Scratch::new("render").unwrap();
    let envoy = Envoy::find_or_install().unwrap();
    let (key, ca) = (scratch.path().join("key"), scratch.path().join("ca.pem"));
    std::fs::write(&key, "sk-test").unwrap();
    std::fs::write(&ca, CERTIFICATE).unwrap();
    let prefix = if envoy.version().starts_with("1.36.") { "" } else { "Bearer " };
    let policy = EVERYTHING
        .replace("FILE", key.to_str().unwrap())
        .replace("CA}", &format!("{}}}", ca.display()))
        .replace("PREFIX", prefix)
        // The certificates of the system are in another place on some of them.
        .replace("key: {env", &format!("tls: {{ca_file: {}}}, key: {{env", ca.display()))
        .replace("key: {file", &format!("tls: {{ca_file: {}}}, key: {{file", ca.display()));
    let path = scratch.path().join("tollgate.yaml");
    std::fs::write(&path, policy).unwrap();
    validate(&envoy, scratch.path(), &path);
}

/// Head of a request: its path and headers.
type Head = (String, BTreeMap<String, String>);

/// Starts an HTTP server that records the heads of its requests. It ends with the test process.
fn upstream() -> (SocketAddr, Arc<Mutex<Vec<Head>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let heads: Arc<Mutex<Vec<Head>>> = Arc::default();
    let recorded = Arc::clone(&heads);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, recorded) = (stream.unwrap(), Arc::clone(&recorded));
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while let Some(Ok(line)) = lines.next() {
                    let path = line.split(' ').nth(1).unwrap().to_owned();
                    let lines = lines.by_ref().map(Result::unwrap).take_while(|line| !line.is_empty());
                    let headers = lines.map(|line| {
                        let (name, value) = line.split_once(": ").unwrap();
                        (name.to_ascii_lowercase(), value.to_owned())
                    });
                    recorded.lock().unwrap().push((path, headers.collect()));
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
                }
            });
        }
    });
    (address, heads)
}

/// The module sets no header here; the client sets the route.
#[test]
fn a_provider_gets_its_key_and_nothing_about_the_caller() {
    let scratch = Scratch::new("render").unwrap();
    let envoy = Envoy::find_or_install().unwrap();
    let (address, heads) = upstream();
    let (module, key) = (scratch.path().join("nothing.wasm"), scratch.path().join("key"));
    std::fs::write(&module, EMPTY_MODULE).unwrap();
    std::fs::write(&key, "sk-test").unwrap();
    let prefix = if envoy.version().starts_with("1.36.") { "" } else { "Bearer " };
    let (key, port) = (key.display(), address.port());
    let policy = format!(
        "version: 1
identity: {{consumer: {{header: x-user}}}}
models: {{a: {{route: one}}, b: {{route: two}}, c: {{route: three}}}}
providers:
  one: {{address: '127.0.0.1:{port}', key: {{file: '{key}', prefix: '{prefix}'}}, path_prefix: /llm, model_list: true}}
  two: {{address: 'localhost:{port}', key: {{file: '{key}', header: X-Api-Key}}}}
  three: {{address: '127.0.0.1:{port}'}}
"
    );
    std::fs::write(scratch.path().join("tollgate.yaml"), policy).unwrap();
    let output = render(scratch.path(), &["--module", module.to_str().unwrap()]);
    let (text, errors) = printed(&output);
    assert!(output.status.success(), "{errors}");
    let gateway = Gateway::start(&envoy, Bootstrap::from_yaml(&text).unwrap(), &gateway::Options::default()).unwrap();

    let own = [("x-user", "alice"), ("x-tollgate-model", "a"), ("x-tollgate-prefix-hash", "1")];
    let client = [("authorization", "Bearer client"), ("x-api-key", "client"), ("x-goog-api-key", "client")];
    let authorization = format!("{prefix}sk-test");
    let kept = [own.as_slice(), &client, &[("x-tollgate-route", "three")]].concat();
    for (route, sent, received, headers) in [
        (Some("one"), "/v1/x?a=b", "/llm/v1/x?a=b", vec![("authorization", authorization.as_str())]),
        (None, "/v1/models", "/llm/v1/models", vec![("authorization", authorization.as_str())]),
        (Some("two"), "/v1/x", "/v1/x", vec![("x-api-key", "sk-test")]),
        (Some("three"), "/v1/x", "/v1/x", kept),
    ] {
        let mut sending = [own, client].concat();
        sending.extend(route.map(|route| ("x-tollgate-route", route)));
        let request = Request { headers: &sending, ..Request::get(sent) };
        let mut response = request.send(gateway.address(), Duration::from_secs(10)).unwrap();
        assert_eq!((response.status, response.text().unwrap().as_str()), (200, "ok"), "{route:?}");
        let (path, found) = heads.lock().unwrap().pop().unwrap();
        assert_eq!(path, received, "{route:?}");
        for name in own.iter().chain(&client).map(|(name, _)| *name).chain(["x-tollgate-route"]) {
            let expected = headers.iter().find(|(header, _)| *header == name).map(|(_, value)| *value);
            assert_eq!(found.get(name).map(String::as_str), expected, "{route:?} {name}");
        }
        assert_eq!(found.contains_key("x-forwarded-for"), route == Some("three"), "{route:?}");
    }
    for (route, path, status) in [(Some("four"), "/v1/x", 503), (None, "/v1/x", 404)] {
        let sending: Vec<(&str, &str)> = route.map(|route| ("x-tollgate-route", route)).into_iter().collect();
        let request = Request { headers: &sending, ..Request::get(path) };
        assert_eq!(request.send(gateway.address(), Duration::from_secs(10)).unwrap().status, status);
    }
    assert!(heads.lock().unwrap().is_empty());
}

#[test]
fn exit_codes_and_messages() {
    let scratch = Scratch::new("render").unwrap();
    const PROVIDERS: &str = "providers: {p: {address: 'p:1'}}";
    let valid = format!("version: 1\nmodels: {{a: {{route: p}}}}\n{PROVIDERS}\n");
    for (policy, args, code, output, errors) in [
        (valid.clone(), vec![], 0, "filename: /etc/tollgate/tollgate.wasm", ""),
        (valid.clone(), vec!["--listen", "[::1]:1"], 0, "{address: \"::1\", port_value: 1}", ""),
        (
            format!("version: 1\nmodels: {{b: {{route: p}}, '*': {{route: p}}}}\n{PROVIDERS}\n"),
            vec![],
            0,
            "http_filters:",
            "tollgate.yaml:2:10: warning[hidden-model]",
        ),
        ("version: 1\n".to_owned(), vec![], 1, "", "tollgate.yaml:1:1: error[not-renderable]"),
        (valid.replace("version: 1", "version: 2"), vec![], 1, "", "tollgate.yaml:1:10: error[invalid-value]"),
        (String::new(), vec!["none.yaml"], 2, "", "none.yaml: cannot read"),
        (String::new(), vec!["--target", "istio"], 2, "", "possible values: envoy"),
    ] {
        std::fs::write(scratch.path().join("tollgate.yaml"), &policy).unwrap();
        let result = render(scratch.path(), &args);
        let (text, found) = printed(&result);
        assert_eq!(result.status.code(), Some(code), "{policy}\n{found}");
        assert!(text.contains(output) && (text.is_empty() == (code != 0)), "{policy}\n{text}");
        assert!(found.contains(errors) && (!errors.is_empty() || found.is_empty()), "{policy}\n{found}");
    }
}
