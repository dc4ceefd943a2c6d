//! Packs of firewall rules: every rule finds its examples, and honest texts pass.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod workspace;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tollgate::policy_file;
use tollgate::rule_packs::{find, names};
use tollgate_envoy_harness::scratch::Scratch;
use tollgate_inspect::{Direction, Policy, inspect_text, inspect_uneditable};

/// Returns the rules of a pack up to a level.
fn rules(pack: &str, paranoia: u8) -> Policy {
    let scratch = Scratch::new("rule-packs").unwrap();
    let path = scratch.path().join("tollgate.yaml");
    let text = format!("version: 1\nfirewall: {{packs: [{pack}], paranoia: {paranoia}}}\n");
    std::fs::write(&path, text).unwrap();
    let document = policy_file::load(&path, &mut Default::default()).unwrap();
    let policy = document.compile().unwrap_or_else(|found| panic!("{found:#?}"));
    policy.firewall.unwrap()
}

#[test]
fn every_rule_passes_its_examples() {
    for pack in names() {
        let mut file: Value = serde_saphyr::from_str(find(pack).unwrap()).unwrap();
        for rule in file["firewall"]["rules"].as_array_mut().unwrap() {
            rule.as_object_mut().unwrap().remove("paranoia");
            for kind in ["match", "no_match"] {
                let examples = rule["examples"][kind].as_array().unwrap_or_else(|| panic!("{rule}: no {kind}"));
                assert!(!examples.is_empty(), "{rule}");
            }
        }
        file["firewall"].as_object_mut().unwrap().remove("owasp");
        let policy = Policy::from_raw(serde_json::from_value(file["firewall"].take()).unwrap()).unwrap();
        assert_eq!(policy.check_examples(), Ok(()), "{pack}");
        for rule in policy.rules() {
            assert!(rule.id().starts_with(&format!("{pack}.")) && rule.description().is_some(), "{}", rule.id());
        }
    }
}

/// Warnings about rules that a user of a pack could not mend.
#[test]
fn packs_have_no_findings() {
    for pack in names() {
        let scratch = Scratch::new("rule-packs").unwrap();
        let path = scratch.path().join("tollgate.yaml");
        std::fs::write(&path, format!("version: 1\nfirewall: {{packs: [{pack}], paranoia: 4}}\n")).unwrap();
        let document = policy_file::load(&path, &mut Default::default()).unwrap();
        let policy = document.compile().unwrap_or_else(|found| panic!("{found:#?}"));
        assert_eq!(policy.warnings, [], "{pack}");
    }
}

#[test]
fn every_rule_names_its_risks() {
    for pack in names() {
        let policy = rules(pack, 4);
        let unnamed: Vec<&str> =
            policy.rules().iter().filter(|rule| rule.owasp().is_empty()).map(|rule| rule.id()).collect();
        assert!(unnamed.is_empty(), "{unnamed:?}");
    }
    let extraction = rules("extraction", 4);
    let of = |id: &str| extraction.rules().iter().find(|rule| rule.id() == id).unwrap().owasp();
    assert_eq!(of("extraction.what-is-prompt"), ["LLM07:2025"]);
    assert_eq!(of("extraction.repeat-forever"), ["LLM02:2025", "LLM10:2025"], "a rule overrides its pack");
}

#[test]
fn packs_have_rules_of_every_kind() {
    assert!(rules("secrets", 1).rules().len() >= 150);
    let levels = |pack| [1, 2, 3, 4].map(|level| rules(pack, level).rules().len());
    for pack in names() {
        let levels = levels(pack);
        assert!(levels.is_sorted() && levels[0] >= 7 && levels[3] > levels[0], "{pack}: {levels:?}");
    }
}

#[test]
fn settings_of_a_pack_apply_to_its_rules() {
    let policy = rules("{name: secrets, action: log, except: [secrets.jwt, secrets.private-key]}", 1);
    let all = rules("secrets", 1);
    assert_eq!(policy.rules().len() + 2, all.rules().len());
    assert!(policy.rules().iter().all(|rule| rule.action().name() == "log" && rule.id() != "secrets.jwt"));
    assert!(all.rules().iter().all(|rule| rule.action().name() == "redact"));
}

/// Rules with `head` and `tail` restore nothing; the rest of the pack does.
#[test]
fn a_pack_restores_what_its_placeholders_replace() {
    let restores = |pack: &str| rules(pack, 1).restores();
    assert!(restores("{name: secrets, restore: true}") && restores("{name: pii, restore: true}"));
    assert!(!restores("secrets") && !restores("{name: pii, restore: true, mode: audit}"));
    let scratch = Scratch::new("rule-packs").unwrap();
    let path = scratch.path().join("tollgate.yaml");
    for pack in ["{name: injection, restore: true}", "{name: pii, action: mask, restore: true}"] {
        std::fs::write(&path, format!("version: 1\nfirewall: {{packs: [{pack}]}}\n")).unwrap();
        let document = policy_file::load(&path, &mut Default::default()).unwrap();
        let found = format!("{:?}", document.compile().unwrap_err());
        assert!(found.contains("replaces values in requests by placeholders"), "{pack}: {found}");
    }
}

/// Adds the texts of all files with these extensions below a folder.
fn texts(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_source = path
            .extension()
            .is_some_and(|extension| ["rs", "md", "toml", "py", "sh"].iter().any(|known| extension == *known));
        match path.is_dir() {
            true => texts(&path, files),
            false if is_source => files.push((path.clone(), std::fs::read_to_string(&path).unwrap())),
            false => {}
        }
    }
}

/// Rules that find what the sources and pages of this project contain: examples of secrets, and marks of chat templates,
/// which tokenizers know.
const CONTAINED: [&str; 4] =
    ["secrets.aws.access-key", "secrets.github.token", "secrets.private-key", "injection.chat.template"];

/// Sources, scripts and pages are what honest prompts contain.
#[test]
fn code_and_documentation_are_not_reported() {
    let root = workspace::root();
    let mut files = Vec::new();
    for folder in ["core", "filters", "host/src", "envoy-harness", "xtask", "docs"] {
        texts(&root.join(folder), &mut files);
    }
    // Tests, the sources of the firewall and the pages on its rules have examples.
    let is_example = |path: &Path| {
        path.components().any(|part| {
            ["tests", "tests.rs", "inspect", "target", "writing-rules.md", "decisions.md", "mcp.md"]
                .iter()
                .any(|name| part.as_os_str() == *name)
        })
    };
    files.retain(|(path, _)| !is_example(path));
    assert!(files.len() > 200, "{} files", files.len());
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pack in names() {
        let policy = rules(pack, 1);
        for (path, text) in &files {
            for rule in inspect_uneditable(&policy, text).rules {
                let rule = policy.rule(rule).unwrap().id().to_owned();
                if CONTAINED.contains(&rule.as_str()) {
                    continue;
                }
                found.entry(rule).or_default().push(path.display().to_string());
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// A prompt with all pages, or all sources of a crate, is large and honest: it must not take more work than a text may.
#[test]
fn long_honest_texts_are_not_too_costly() {
    const BYTES: usize = 300_000;
    let all = names().join(", ");
    for paranoia in [1, 3] {
        let policy = rules(&all, paranoia);
        for folder in ["docs", "core/llm/src"] {
            let mut files = Vec::new();
            texts(&workspace::root().join(folder), &mut files);
            let mut text: String = files.into_iter().map(|(_, text)| text).collect();
            text.truncate(text.floor_char_boundary(BYTES));
            let report = inspect_text(&policy, Direction::Request, &text);
            assert_eq!((report.cause, report.unscanned), (None, 0), "{folder}, level {paranoia}, {} bytes", text.len());
        }
    }
}
