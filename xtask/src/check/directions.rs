//! Dependency directions between crates, read from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tollgate_envoy_harness::{Context, Error, Result};

use crate::cargo;

/// Crates of the workspace (by folder) that a crate may depend on. The first matching line decides; a crate that matches none is
/// a violation. `core/*` matches every folder in `core/`.
const ALLOWED: &[(&str, &[&str])] = &[
    ("core/llm", &[]),
    ("core/config", &[]),
    ("core/names", &[]),
    ("core/digest", &[]),
    ("core/prices", &["core/names"]),
    ("core/tokens", &["core/digest", "core/llm", "core/names"]),
    ("core/inspect", &["core/digest", "core/llm", "core/names"]),
    ("core/route", &["core/llm", "core/names"]),
    ("core/quota", &["core/names", "core/prices"]),
    ("core/policy", &["core/*"]),
    ("filters/kit", &["core/config", "core/llm"]),
    ("filters/bundle", &["filters/*"]),
    ("filters/gateway", &["filters/*", "core/*"]),
    ("filters/*", &["filters/kit", "core/*"]),
    ("host", &[]),
    // `--backend envoy` runs the same tests in a real Envoy.
    ("cli", &["core/*", "host", "envoy-harness"]),
    ("tests/mock-llm", &[]),
    ("envoy-harness", &[]),
    ("tests/workspace", &["envoy-harness"]),
    // The probe must not share a constant with the host that it is compared with.
    ("tests/conformance/probe", &[]),
    ("tests/fuzz", &["core/*"]),
    // Two crates of the core are measured separately, in engines without a host.
    ("tests/bench/engines", &["envoy-harness", "tests/workspace"]),
    (
        "tests/bench/inspect",
        &["core/inspect", "core/llm", "core/policy", "tests/bench/engines", "envoy-harness", "tests/workspace"],
    ),
    ("tests/bench/instructions", &["cli", "host", "envoy-harness", "tests/workspace"]),
    ("tests/bench/llm", &["tests/bench/engines", "envoy-harness", "tests/workspace"]),
    ("tests/bench/llm/subject", &["core/llm"]),
    ("tests/bench/tokens", &["tests/bench/engines", "envoy-harness", "tests/workspace"]),
    ("tests/bench/tokens/subject", &["core/llm", "core/tokens"]),
    // Examples in the documentation are parsed by the types that they document.
    ("tests/docs", &["core/*", "filters/*", "cli", "envoy-harness", "tests/workspace"]),
    // Prompts and responses without usage are counted by the tokenizer that is not under test there.
    ("tests/soak", &["core/llm", "core/tokens", "envoy-harness", "tests/workspace", "tests/mock-llm"]),
    ("tests/e2e", &["envoy-harness", "tests/workspace", "tests/mock-llm", "tests/gateway"]),
    ("tests/*", &["envoy-harness", "tests/workspace", "tests/mock-llm", "host", "cli"]),
    ("xtask", &["envoy-harness", "tests/workspace"]),
];

/// External crates that only these folders may depend on directly.
const RESERVED: &[(&str, &[&str])] =
    &[("proxy-wasm", &["filters/kit"]), ("wasmtime", &["host", "tests/bench/engines"])];

/// Crates that no crate of `core/` may depend on, directly or indirectly: they bring a host, a clock or a network.
const NOT_IN_CORE: &[&str] =
    &["proxy-wasm", "wasmtime", "wasmi", "tokio", "mio", "hyper", "reqwest", "ureq", "socket2", "chrono", "time"];

/// Crates of the workspace with their dependencies, by folder.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    crates: BTreeMap<String, Dependencies>,
}

#[derive(Clone, Debug, Default)]
struct Dependencies {
    /// Folders of the workspace crates in its manifest, in any section.
    workspace: BTreeSet<String>,
    /// Names of the external crates in its manifest.
    outside: BTreeSet<String>,
    /// Names of all crates that are compiled into it, directly or indirectly.
    behind: BTreeSet<String>,
}

impl Workspace {
    /// Reads the workspace from cargo, for the machine that this runs on.
    pub(crate) fn load() -> Result<Workspace> {
        let host = cargo::rustc(&["-vV"])?.unwrap_or_default();
        let host = host.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.ok_or_else(|| Error::new("`rustc -vV` prints no host"))?;
        let text = cargo::output(&["metadata", "--format-version", "1", "--filter-platform", host])?;
        let metadata =
            serde_json::from_slice(&text).context(|| "cannot parse the output of `cargo metadata`".into())?;
        Workspace::read(&metadata).ok_or_else(|| Error::new("`cargo metadata` has an unknown shape"))
    }

    /// Parses the JSON of `cargo metadata --format-version 1`; returns `None` if its shape is unknown.
    fn read(metadata: &Value) -> Option<Workspace> {
        let root = metadata["workspace_root"].as_str()?;
        let packages = metadata["packages"].as_array()?;
        let names: BTreeMap<&str, &str> = packages
            .iter()
            .map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
            .collect::<Option<_>>()?;
        let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
            .as_array()?
            .iter()
            .map(|node| Some((node["id"].as_str()?, node)))
            .collect::<Option<_>>()?;
        let mut crates = BTreeMap::new();
        for id in metadata["workspace_members"].as_array()? {
            let id = id.as_str()?;
            let package = packages.iter().find(|package| package["id"] == id)?;
            let folder = folder(root, package["manifest_path"].as_str()?.strip_suffix("/Cargo.toml")?)?;
            let mut dependencies = Dependencies::default();
            for dependency in package["dependencies"].as_array()? {
                match dependency["path"].as_str() {
                    Some(path) => dependencies.workspace.insert(folder_or_path(root, path)),
                    None => dependencies.outside.insert(dependency["name"].as_str()?.to_owned()),
                };
            }
            let mut seen = BTreeSet::new();
            let mut next = vec![id];
            while let Some(id) = next.pop() {
                for dependency in nodes.get(id)?["deps"].as_array()? {
                    let kinds = dependency["dep_kinds"].as_array()?;
                    let compiled_in = kinds.iter().any(|kind| kind["kind"].is_null());
                    let id = dependency["pkg"].as_str()?;
                    if compiled_in && seen.insert(id) {
                        next.push(id);
                    }
                }
            }
            dependencies.behind = seen.iter().filter_map(|id| names.get(id)).map(|name| (*name).to_owned()).collect();
            crates.insert(folder, dependencies);
        }
        Some(Workspace { crates })
    }
}

fn folder(root: &str, path: &str) -> Option<String> {
    Some(path.strip_prefix(root)?.trim_matches('/').to_owned())
}

fn folder_or_path(root: &str, path: &str) -> String {
    folder(root, path).unwrap_or_else(|| path.to_owned())
}

fn fits(pattern: &str, folder: &str) -> bool {
    match pattern.strip_suffix("/*") {
        Some(parent) => {
            folder.strip_prefix(parent).and_then(|rest| rest.strip_prefix('/')).is_some_and(|f| !f.contains('/'))
        }
        None => pattern == folder,
    }
}

/// Returns the violations of the tables above, as messages.
pub(crate) fn violations(workspace: &Workspace) -> Vec<String> {
    let mut found = Vec::new();
    for (folder, dependencies) in &workspace.crates {
        let Some((_, allowed)) = ALLOWED.iter().find(|(pattern, _)| fits(pattern, folder)) else {
            found.push(format!("{folder} is in no row of the table in xtask/src/check/directions.rs"));
            continue;
        };
        for other in &dependencies.workspace {
            if other == folder || !allowed.iter().any(|pattern| fits(pattern, other)) {
                found.push(format!("{folder} must not depend on {other}"));
            }
        }
        for (name, owners) in RESERVED {
            if dependencies.outside.contains(*name) && !owners.contains(&folder.as_str()) {
                found.push(format!("{folder} must not depend on {name}: only {} may", owners.join(" and ")));
            }
        }
        if fits("core/*", folder) {
            for name in NOT_IN_CORE.iter().filter(|name| dependencies.behind.contains(**name)) {
                found.push(format!("{folder} must not depend on {name}, not even indirectly"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn this_workspace_has_no_violation() {
        let workspace = Workspace::load().unwrap();
        assert!(workspace.crates["filters/kit"].workspace.contains("core/llm"));
        assert_eq!(violations(&workspace), [""; 0]);
    }

    /// Checks a workspace with correct dependencies of the real one, and one more crate or dependency.
    fn with(folder: &str, workspace: &[&str], outside: &[&str], behind: &[&str]) -> Vec<String> {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let mut crates = BTreeMap::new();
        for (folder, edges, names) in [
            ("core/llm", &[][..], &["memchr"][..]),
            ("core/quota", &["core/prices"], &[]),
            ("filters/kit", &["core/llm"], &["proxy-wasm"]),
            ("filters/bundle", &["filters/kit", "filters/cost-quota"], &[]),
            ("filters/cost-quota", &["filters/kit", "core/quota", "core/tokens"], &[]),
            ("cli", &["core/llm", "host"], &[]),
            ("host", &[], &["wasmtime"]),
        ] {
            let dependencies = Dependencies { workspace: set(edges), outside: set(names), behind: set(names) };
            crates.insert(folder.to_owned(), dependencies);
        }
        let dependencies: &mut Dependencies = crates.entry(folder.to_owned()).or_default();
        dependencies.workspace.extend(set(workspace));
        dependencies.outside.extend(set(outside));
        dependencies.behind.extend(set(behind));
        violations(&Workspace { crates })
    }

    #[test]
    fn every_forbidden_dependency_is_reported() {
        assert_eq!(with("core/llm", &[], &[], &[]), [""; 0]);
        for (folder, edge) in [
            ("core/llm", "filters/kit"),
            ("core/llm", "core/tokens"),
            ("core/tokens", "core/quota"),
            ("core/quota", "core/llm"),
            ("filters/kit", "core/quota"),
            ("filters/cost-quota", "filters/token-counter"),
            ("filters/cost-quota", "filters/bundle"),
            ("filters/cost-quota", "tests/workspace"),
            ("filters/cost-quota", "envoy-harness"),
            ("host", "core/llm"),
            ("host", "filters/kit"),
            ("cli", "filters/kit"),
            ("tests/mock-llm", "core/llm"),
            ("envoy-harness", "core/llm"),
            ("envoy-harness", "tests/workspace"),
            ("cli", "tests/workspace"),
            ("tests/workspace", "core/llm"),
            ("tests/e2e", "filters/kit"),
            ("tests/e2e", "core/llm"),
            ("xtask", "core/llm"),
            ("core/llm", "/elsewhere/crate"),
        ] {
            assert_eq!(with(folder, &[edge], &[], &[]), [format!("{folder} must not depend on {edge}")]);
        }
    }

    #[test]
    fn only_kit_depends_on_the_abi_and_only_host_on_the_engine() {
        for (folder, name) in [("filters/cost-quota", "proxy-wasm"), ("cli", "wasmtime"), ("filters/kit", "wasmtime")] {
            let found = with(folder, &[], &[name], &[]);
            assert!(
                found.len() == 1 && found[0].starts_with(&format!("{folder} must not depend on {name}")),
                "{found:?}"
            );
        }
        assert_eq!(with("core/llm", &[], &["proxy-wasm"], &["proxy-wasm"]).len(), 2);
    }

    #[test]
    fn an_indirect_dependency_of_the_core_on_a_host_is_reported() {
        assert_eq!(
            with("core/tokens", &[], &["innocent"], &["innocent", "tokio"]),
            ["core/tokens must not depend on tokio, not even indirectly"]
        );
    }

    #[test]
    fn a_crate_without_a_row_is_reported() {
        for folder in ["util", "core", "core/llm/derive", "filtersx/kit"] {
            let found = with(folder, &[], &[], &[]);
            assert!(found.len() == 1 && found[0].contains("is in no row"), "{folder}: {found:?}");
        }
    }

    /// Dependencies are read by folder, from every section, and indirect ones only if they are compiled in.
    #[test]
    fn metadata_is_read() {
        let package = |folder: &str, dependencies: Value| {
            json!({"id": folder, "name": folder.replace('/', "-"), "manifest_path": format!("/w/{folder}/Cargo.toml"),
                   "dependencies": dependencies})
        };
        let dep = |id: &str, kind: Value| json!({"pkg": id, "dep_kinds": [{"kind": kind}]});
        let metadata = json!({
            "workspace_root": "/w",
            "workspace_members": ["core/llm", "filters/kit"],
            "packages": [
                package("core/llm", json!([{"name": "a", "path": null}, {"name": "t", "kind": "dev"}])),
                package("filters/kit", json!([{"name": "tollgate-llm", "path": "/w/core/llm"}, {"name": "proxy-wasm"}])),
                {"id": "a", "name": "a"}, {"id": "mio", "name": "mio"}, {"id": "t", "name": "tokio"},
                {"id": "p", "name": "proxy-wasm"},
            ],
            "resolve": {"nodes": [
                {"id": "core/llm", "deps": [dep("a", Value::Null), dep("t", json!("dev"))]},
                {"id": "filters/kit", "deps": [dep("core/llm", Value::Null), dep("p", Value::Null)]},
                {"id": "a", "deps": [dep("mio", Value::Null)]},
                {"id": "mio", "deps": []}, {"id": "t", "deps": []}, {"id": "p", "deps": []},
            ]},
        });
        let workspace = Workspace::read(&metadata).unwrap();
        let llm = &workspace.crates["core/llm"];
        assert_eq!(llm.outside.iter().collect::<Vec<_>>(), ["a", "t"]);
        assert_eq!(llm.behind.iter().collect::<Vec<_>>(), ["a", "mio"]);
        assert_eq!(workspace.crates["filters/kit"].workspace.iter().collect::<Vec<_>>(), ["core/llm"]);
        assert_eq!(violations(&workspace), ["core/llm must not depend on mio, not even indirectly"]);
    }
}
