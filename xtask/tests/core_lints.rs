//! Tests of `core/clippy.toml`, which keeps clocks, files, the network and the rest of a host out of the crates in `core/`.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test fails by panicking, and says what it skips")]

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use tollgate_envoy_harness::scratch::Scratch;
use tollgate_workspace as workspace;

/// Functions that use a host, each with the path that clippy has to name.
const USES_OF_A_HOST: &[(&str, &str)] = &[
    ("pub fn a() { drop(std::fs::read(\"x\")); }", "std::fs::read"),
    ("pub fn a() { drop(std::fs::File::open(\"x\")); }", "std::fs::File"),
    ("pub fn a(path: &std::path::Path) -> bool { path.exists() }", "std::path::Path::exists"),
    ("pub fn a() -> u128 { std::time::Instant::now().elapsed().as_nanos() }", "std::time::Instant"),
    (
        "use std::time::{Duration, SystemTime};\npub fn a(at: SystemTime, _: Duration) { drop(at); }",
        "std::time::SystemTime",
    ),
    ("pub fn a() { drop(std::env::var(\"X\")); }", "std::env::var"),
    ("pub fn a() { drop(std::net::TcpStream::connect(\"x:1\")); }", "std::net::TcpStream"),
    (
        "use std::net::ToSocketAddrs;\npub fn a() { drop(\"x:1\".to_socket_addrs()); }",
        "std::net::ToSocketAddrs::to_socket_addrs",
    ),
    ("pub fn a() { std::thread::spawn(|| ()); }", "std::thread::spawn"),
    ("pub fn a() { std::process::exit(1) }", "std::process::exit"),
    ("pub fn a() { drop(std::process::Command::new(\"x\").status()); }", "std::process::Command"),
    ("pub fn a() { drop(std::io::stdin()); }", "std::io::stdin"),
];

/// Runs clippy on a source as if it were part of a crate in `core/`; returns what it prints, or `None` without clippy.
fn clippy(source: &str) -> Option<String> {
    let scratch = Scratch::new("core-lints").unwrap();
    let (file, metadata) = (scratch.path().join("lib.rs"), scratch.path().join("lib.rmeta"));
    fs::write(&file, source).unwrap();
    let output = Command::new("clippy-driver")
        .args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "-o"])
        .args([&metadata, &file])
        .current_dir(workspace::root())
        .env("CLIPPY_CONF_DIR", workspace::root().join("core"))
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    // rustup's proxy of a component that is not installed starts and fails.
    if printed.contains("'clippy-driver' is not installed") {
        return None;
    }
    assert!(output.status.success(), "{printed}");
    Some(printed)
}

#[test]
fn clippy_refuses_a_host_in_the_core() {
    for (source, path) in USES_OF_A_HOST {
        let Some(printed) = clippy(source) else {
            eprintln!("not tested: clippy is not installed (rustup component add clippy)");
            return;
        };
        let named =
            ["method", "type"].iter().any(|kind| printed.contains(&format!("use of a disallowed {kind} `{path}`")));
        assert!(named && printed.contains("A crate of the core "), "{source}\n{printed}");
    }
}

#[test]
fn clippy_accepts_what_only_looks_like_a_host() {
    let source = "//! Uses std::fs::read.\nuse std::time::Duration;\n\
                  /// Returns a timeout, not std::time::Instant::now().\npub fn a() -> Duration { Duration::from_secs(\"std::env::var\".len() as u64) }\n";
    assert!(clippy(source).is_none_or(|printed| printed.is_empty()), "{:?}", clippy(source));
}

/// Clippy takes settings from the nearest file only.
#[test]
fn the_settings_of_the_root_apply_to_the_core() {
    let settings = |path: &str| -> BTreeSet<String> {
        let text = fs::read_to_string(workspace::root().join(path)).unwrap();
        text.lines().filter(|line| line.contains(" = ") && !line.starts_with([' ', '#'])).map(str::to_owned).collect()
    };
    let missing: Vec<_> = settings("clippy.toml").difference(&settings("core/clippy.toml")).cloned().collect();
    assert!(missing.is_empty(), "core/clippy.toml lacks {missing:?} of clippy.toml");
}

/// A crate of the core with a clippy.toml of its own would be free of the lints, and so would one that allows them.
#[test]
fn no_crate_of_the_core_opts_out() {
    for entry in fs::read_dir(workspace::root().join("core")).unwrap() {
        let folder = entry.unwrap().path();
        for name in ["clippy.toml", ".clippy.toml"] {
            assert!(!folder.is_dir() || !folder.join(name).exists(), "{}: {name}", folder.display());
        }
        let mut folders = vec![folder.join("src")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let text = fs::read_to_string(&path).unwrap();
                    assert!(!text.contains("clippy::disallowed_"), "{} allows a host", path.display());
                }
            }
        }
    }
}
