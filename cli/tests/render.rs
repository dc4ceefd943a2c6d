//! `tollgate render` as users run it: exit codes, and an Envoy that validates what it prints.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};

use tollgate_envoy_harness::Envoy;
use tollgate_envoy_harness::scratch::Scratch;

/// Smallest module that Envoy accepts: memory, an allocator, the ABI's marker, no callbacks.
const MODULE: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x09\x02\x60\x00\x00\x60\x01\x7f\x01\x7f\
    \x03\x03\x02\x00\x01\
    \x05\x03\x01\x00\x01\
    \x07\x3b\x04\
    \x06memory\x02\x00\
    \x17proxy_abi_version_0_2_1\x00\x00\
    \x0b_initialize\x00\x00\
    \x06malloc\x00\x01\
    \x0a\x0a\x02\x02\x00\x0b\x05\x00\x41\x80\x08\x0b";

/// Every setting that is rendered. Envoy 1.36 has no `prefix` of a key.
const EVERYTHING: &str = r#"
version: 1
mode: audit
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
  - {id: quotes, match: {regex: "it's \"[\\\\w]+\"\\x{85}"}, action: log, examples: {match: ['it''s "a"']}}
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
    std::fs::write(&module, MODULE).unwrap();
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
fn envoy_accepts_the_rendering_of_the_reference_policy() {
    let scratch = Scratch::new("render").unwrap();
    let envoy = Envoy::find_or_install().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    validate(&envoy, scratch.path(), &root.join("examples/gateway/tollgate.yaml"));
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
