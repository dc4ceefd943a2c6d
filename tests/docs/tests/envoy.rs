//! Envoy accepts every piece of a bootstrap on a page, as a change of the reference bootstrap.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tollgate_envoy_harness::scratch::Scratch;
use tollgate_envoy_harness::{EMPTY_MODULE, Envoy};
use tollgate_workspace as workspace;

use crate::page::{Block, Page};
use crate::policy;

/// Lists in the reference bootstrap, by the names that blocks use. An entry of a block replaces the entry of the same name; new
/// entries are inserted at the beginning, so that filters precede those of Tollgate and routes precede the last one.
const LISTS: &[(&str, &str)] = &[
    ("http_filters", concat!("/static_resources/listeners/0/filter_chains/0/filters/0", "/typed_config/http_filters")),
    (
        "routes",
        concat!(
            "/static_resources/listeners/0/filter_chains/0/filters/0",
            "/typed_config/route_config/virtual_hosts/0/routes"
        ),
    ),
    ("clusters", "/static_resources/clusters"),
    ("secrets", "/static_resources/secrets"),
];

/// Inserts a block into the list that it names; returns `false` if it names none.
fn put(document: &mut Value, block: &Block) -> bool {
    let Some((_, pointer)) = LISTS.iter().find(|(place, _)| *place == block.purpose) else { return false };
    if *pointer == "/static_resources/secrets" {
        let resources = document["static_resources"].as_object_mut().unwrap();
        resources.entry("secrets").or_insert_with(|| json!([]));
    }
    let list = document.pointer_mut(pointer).and_then(Value::as_array_mut).unwrap_or_else(|| panic!("{pointer}"));
    let Value::Array(new) = block.yaml() else { panic!("{}: not a list", block.place) };
    let mut front = Vec::new();
    for entry in new {
        match list.iter_mut().find(|old| entry.get("name").is_some_and(|name| old.get("name") == Some(name))) {
            Some(old) => *old = entry,
            None => front.push(entry),
        }
    }
    list.splice(0..0, front);
    true
}

/// Replaces the file names of the reference and the pages by existing files.
fn with_files(value: &mut Value, module: &Path, text: &Path) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| with_files(item, module, text)),
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(path) if name == "filename" && path.ends_with(".wasm") => *member = json!(module),
                    Some(path) if name == "filename" && path.starts_with("/etc/tollgate/") => *member = json!(text),
                    _ => with_files(member, module, text),
                }
            }
        }
        _ => {}
    }
}

/// Each section of a page is one change of the reference bootstrap.
#[test]
fn envoy_accepts_every_piece_of_a_bootstrap_on_a_page() {
    let dir = Scratch::new("docs").unwrap();
    let (module, secret) = (dir.path().join("nothing.wasm"), dir.path().join("secret"));
    fs::write(&module, EMPTY_MODULE).unwrap();
    fs::write(&secret, "Bearer sk-test").unwrap();
    let envoy = Envoy::find_or_install().unwrap();
    let mut sections: BTreeMap<(String, String), Vec<Block>> = BTreeMap::new();
    for page in Page::all() {
        for block in page.blocks() {
            if block.language == "yaml" && LISTS.iter().any(|(place, _)| *place == block.purpose) {
                sections.entry((page.path.display().to_string(), block.section.clone())).or_default().push(block);
            }
        }
    }
    assert!(sections.len() >= 3, "only {} sections", sections.len());
    for ((page, section), blocks) in &sections {
        let mut bootstrap = workspace::chain_bootstrap().unwrap();
        let document = bootstrap.document_mut();
        assert!(blocks.iter().all(|block| put(document, block)));
        with_files(document, &module, &secret);
        let path = dir.path().join("envoy.json");
        fs::write(&path, bootstrap.to_json()).unwrap();
        envoy.validate(&path).unwrap_or_else(|error| panic!("{page}, section {section:?}: {error}"));
    }
}

/// Every YAML block names a filter, the policy file or a list of the bootstrap, so that no example escapes the tests above.
#[test]
fn every_yaml_block_names_its_purpose() {
    let pages = Page::all().into_iter().filter(|page| page.path.starts_with("docs"));
    for block in pages.flat_map(|page| page.blocks()).filter(|block| block.language == "yaml") {
        let known = LISTS.iter().any(|(place, _)| *place == block.purpose)
            || block.purpose == policy::PURPOSE
            || workspace::FILTERS.contains(&block.purpose.as_str());
        assert!(known, "{}: no test checks `yaml {}`", block.place, block.purpose);
    }
}

#[test]
fn an_entry_replaces_its_namesake_or_is_inserted_first() {
    let mut document = json!({"static_resources": {"clusters": [{"name": "a"}, {"name": "b"}]}});
    let text = "```yaml clusters\n- {name: c}\n- {name: b, x: 1}\n```\n```yaml secrets\n- {name: s}\n```\n";
    let page = Page { path: "x.md".into(), text: text.into() };
    assert!(page.blocks().iter().all(|block| put(&mut document, block)));
    let clusters = json!([{"name": "c"}, {"name": "a"}, {"name": "b", "x": 1}]);
    assert_eq!(document["static_resources"], json!({"clusters": clusters, "secrets": [{"name": "s"}]}));
}
