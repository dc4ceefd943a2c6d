//! The harness on a real Envoy, with the reference bootstrap and a module that does nothing in place of the filters. The
//! filters themselves are tested in tests/e2e.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test, its helpers included, fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use tollgate_envoy_harness::blocking::Request;
use tollgate_envoy_harness::scratch::Scratch;
use tollgate_envoy_harness::{Bootstrap, EMPTY_MODULE, Envoy, Gateway, gateway};
use tollgate_workspace as workspace;

fn envoy() -> &'static Envoy {
    static ENVOY: OnceLock<Envoy> = OnceLock::new();
    ENVOY.get_or_init(|| Envoy::find_or_install().unwrap())
}

/// Writes a module that does nothing.
fn module(dir: &Scratch) -> PathBuf {
    let path = dir.path().join("nothing.wasm");
    fs::write(&path, EMPTY_MODULE).unwrap();
    path
}

/// Starts an HTTP server that responds to every request with its own name. It ends with the test process.
fn upstream(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|n| n > 0) {
                    if line == "\r\n" {
                        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{name}", name.len()).unwrap();
                    }
                    line.clear();
                }
            });
        }
    });
    address
}

fn bootstrap(dir: &Scratch) -> Bootstrap {
    workspace::reference_bootstrap()
        .and_then(|b| b.module(&module(dir)))
        .and_then(|b| b.upstream("openai", upstream("openai")))
        .and_then(|b| b.upstream("local", upstream("local")))
        .unwrap()
}

fn start(bootstrap: Bootstrap, options: &gateway::Options) -> Gateway {
    Gateway::start(envoy(), bootstrap, options).unwrap()
}

fn get(gateway: &Gateway, headers: &[(&str, &str)]) -> (u16, String, String) {
    let request = Request { method: "GET", path: "/v1/models?key=secret", headers, body: b"" };
    let mut response = request.send(gateway.address(), Duration::from_secs(10)).unwrap();
    let id = response.header("x-tollgate-request-id").unwrap_or_default().to_owned();
    (response.status, response.text().unwrap(), id)
}

#[test]
fn the_reference_routes_logs_and_stops() {
    let dir = Scratch::new("test").unwrap();
    let options = gateway::Options { concurrency: 2, ..gateway::Options::default() };
    let mut gateway = start(bootstrap(&dir), &options);
    assert!(gateway.is_running());
    assert!(Path::new(&format!("/proc/{}", gateway.pid().unwrap())).exists() || !Path::new("/proc").exists());

    for (headers, status, body, cluster) in [
        (&[][..], 200, "openai", json!("openai")),
        (&[("x-tollgate-route", "openai")], 200, "openai", json!("openai")),
        (&[("x-tollgate-route", "local")], 200, "local", json!("local")),
        (&[("x-tollgate-route", "elsewhere")], 503, "no_route", Value::Null),
    ] {
        let (got, text, id) = get(&gateway, headers);
        assert_eq!(got, status, "{text}");
        assert!(text.contains(body), "{text}");
        let entry = gateway.access_log_entry(&id).unwrap();
        assert_eq!((&entry["status"], &entry["upstream_cluster"]), (&json!(status), &cluster), "{entry}");
        assert_eq!((&entry["path"], &entry["verdict"]), (&json!("/v1/models"), &Value::Null), "{entry}");
    }

    assert_eq!(gateway.stats("http.gateway.downstream_rq_2xx").unwrap().values().sum::<u64>(), 3);
    let mut escaped = Request::get("/v1/chat%2Fcompletions").send(gateway.address(), Duration::from_secs(10)).unwrap();
    let text = escaped.text().unwrap();
    assert_eq!((escaped.status, text.contains("openai")), (404, false), "{text}");

    let (log, access_log) = gateway.stop().unwrap();
    assert_eq!(access_log.lines().count(), 5);
    let complaints: Vec<_> = log.lines().filter(|l| l.contains("[error]") || l.contains("[critical]")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[test]
fn a_gateway_ends_when_dropped_and_leaves_no_files() {
    let dir = Scratch::new("test").unwrap();
    let gateway = start(bootstrap(&dir), &gateway::Options::default());
    let address = gateway.address();
    drop(gateway);
    assert!(std::net::TcpStream::connect(address).is_err());
}

/// The Envoy from PyPI asks to be killed with the thread that started it: tests share gateways across theirs.
#[test]
fn a_gateway_outlives_the_thread_that_started_it() {
    let dir = Scratch::new("test").unwrap();
    let bootstrap = bootstrap(&dir);
    let mut gateway = std::thread::spawn(|| start(bootstrap, &gateway::Options::default())).join().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(gateway.is_running());
    assert_eq!(get(&gateway, &[]).0, 200);
}

#[test]
fn the_error_shows_why_envoy_rejects_a_bootstrap() {
    let dir = Scratch::new("test").unwrap();
    let path = dir.path().join("broken.wasm");
    fs::write(&path, "this is no module").unwrap();
    let bootstrap = workspace::reference_bootstrap().and_then(|b| b.module(&path)).unwrap();
    let error = Gateway::start(envoy(), bootstrap, &gateway::Options::default()).unwrap_err().to_string();
    assert!(error.contains("it ended with") && error.contains("Unable to create Wasm plugin"), "{error}");
}

/// Users give Envoy the YAML, whose parser may read `on`, `off` and numbers differently from ours; tests give it the JSON
/// that our parser made of the YAML.
#[test]
fn envoy_parses_the_yaml_as_our_parser_does() {
    parsed_alike("envoy/chain.yaml");
}

#[test]
fn envoy_parses_the_rendered_yaml_as_our_parser_does() {
    parsed_alike("envoy/envoy.yaml");
}

/// Returns the YAML of a bootstrap with these files, on loopback.
fn runnable_yaml(file: &str, module: &std::path::Path, access_log: &std::path::Path) -> String {
    let yaml = fs::read_to_string(workspace::root().join(file)).unwrap();
    yaml.replace("/etc/tollgate/tollgate.wasm", module.to_str().unwrap())
        .replace("/dev/stdout", access_log.to_str().unwrap())
        .replace("address: 0.0.0.0, port_value: 10000", "address: 127.0.0.1, port_value: 0")
        .replace("port_value: 9901", "port_value: 0")
}

fn parsed_alike(file: &str) {
    let dir = Scratch::new("test").unwrap();
    let module = module(&dir);
    let access_log = dir.path().join("access.log");
    let ours =
        workspace::bootstrap(file).and_then(|b| b.module(&module)?.on_loopback()?.access_log(&access_log)).unwrap();
    let yaml = runnable_yaml(file, &module, &access_log);
    let (theirs, ours) = (dump(&dir, &yaml, "envoy.yaml"), dump(&dir, &ours.to_json(), "envoy.json"));
    assert!(theirs.pointer("/static_resources/listeners/0").is_some(), "{theirs}");
    assert_eq!(theirs, ours);
}

/// Returns the bootstrap that an Envoy has read from a configuration.
fn dump(dir: &Scratch, config: &str, name: &str) -> Value {
    let path = dir.path().join(name);
    fs::write(&path, config).unwrap();
    let address = dir.path().join(format!("{name}.address"));
    let log = fs::File::create(dir.path().join(format!("{name}.log"))).unwrap();
    let _child = tollgate_envoy_harness::child::ChildBuilder::new(envoy().path())
        .args(["--concurrency", "1", "-l", "off", "--disable-hot-restart", "--use-dynamic-base-id", "-c"])
        .arg(&path)
        .arg("--admin-address-path")
        .arg(&address)
        .stderr(log)
        .spawn()
        .unwrap();
    let end = std::time::Instant::now() + Duration::from_secs(60);
    let text = loop {
        assert!(std::time::Instant::now() < end, "{name} did not start");
        std::thread::sleep(Duration::from_millis(20));
        let Some(admin) = fs::read_to_string(&address).ok().and_then(|text| text.trim().parse().ok()) else {
            continue;
        };
        let Ok(mut answer) = Request::get("/config_dump?resource=").send(admin, Duration::from_secs(10)) else {
            continue;
        };
        let _ = answer.text();
        let mut answer = Request::get("/config_dump").send(admin, Duration::from_secs(10)).unwrap();
        break answer.text().unwrap();
    };
    let dump: Value = serde_json::from_str(&text).unwrap();
    let bootstrap = dump["configs"].as_array().unwrap().iter().find(|config| config.get("bootstrap").is_some());
    let mut bootstrap = bootstrap.unwrap()["bootstrap"].clone();
    bootstrap["node"] = Value::Null;
    bootstrap
}

/// The filter therefore reads `2.7` in quotes as a number: `entropy: {min: 2.7}` of the packs is such a one.
#[test]
fn envoy_reads_a_number_with_a_fraction_in_yaml_as_a_string() {
    let dir = Scratch::new("test").unwrap();
    let yaml = runnable_yaml("envoy/envoy.yaml", &module(&dir), &dir.path().join("access.log"));
    assert!(yaml.contains("version: 1\n"), "{yaml}");
    let read = dump(&dir, &yaml.replacen("version: 1\n", "version: 2.7\n", 1), "envoy.yaml").to_string();
    assert!(read.contains(r#""version":"2.7""#), "{read}");
}

/// `envoy/provider.yaml` replaces a cluster of the reference and adds its secret.
#[test]
fn the_provider_snippet_is_valid_in_the_reference() {
    let dir = Scratch::new("test").unwrap();
    let key = dir.path().join("key");
    fs::write(&key, "Bearer sk-test").unwrap();
    let snippet = fs::read_to_string(workspace::root().join("envoy/provider.yaml")).unwrap();
    let snippet = snippet.replace("/etc/tollgate/openai-key", key.to_str().unwrap());
    let mut snippet = Bootstrap::from_yaml(&snippet).unwrap().document_mut()["static_resources"].take();
    let cluster = snippet["clusters"][0].take();

    let mut bootstrap = bootstrap(&dir);
    let resources = &mut bootstrap.document_mut()["static_resources"];
    resources["secrets"] = snippet["secrets"].take();
    let clusters = resources["clusters"].as_array_mut().unwrap();
    let mock = clusters.iter_mut().find(|c| c["name"] == cluster["name"]).unwrap();
    *mock = cluster;
    let path = dir.path().join("envoy.json");
    fs::write(&path, bootstrap.to_json()).unwrap();
    envoy().validate(&path).unwrap();
}
