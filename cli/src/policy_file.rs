//! Policy files (`tollgate.yaml`) with the files that they include.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tollgate_policy::document::Document;
use tollgate_policy::{Finding, Path as ValuePath, Severity, nearest};

use crate::problem::{Problem, Problems};
use crate::rule_packs;

/// Maximum depth of files that include files.
const MAX_DEPTH: usize = 8;

/// Reads a policy file and merges the files that it includes. Errors of the policy are findings of the document.
///
/// `files` gets the paths of all files that were read.
///
/// # Errors
/// The file itself cannot be read.
pub fn load(path: &Path, files: &mut BTreeSet<PathBuf>) -> Result<Document, Problem> {
    files.insert(path.to_owned());
    let text = std::fs::read_to_string(path).map_err(|error| Problem::of(path, format!("cannot read: {error}")))?;
    let mut document = Document::parse(&path.display().to_string(), &text);
    include(&mut document, path, &mut vec![path.to_owned()], files);
    prices(&mut document, path, files);
    add_packs(&mut document);
    Ok(document)
}

/// Reads a policy file and returns the configuration of the filter `tollgate`: the policy with the included files merged,
/// and without `providers`, which filters ignore (`tollgate render` leaves them out, too).
///
/// # Errors
/// The file cannot be read, or the policy is invalid: all its errors.
pub fn configuration(path: &Path, files: &mut BTreeSet<PathBuf>) -> Result<Value, Problems> {
    let document = load(path, files)?;
    match document.compile() {
        Ok(_) => {
            let mut configuration = document.value().clone();
            configuration.as_object_mut().and_then(|parts| parts.remove("providers"));
            Ok(configuration)
        }
        Err(found) => {
            let errors = found.iter().filter(|located| located.finding.severity == Severity::Error);
            Err(Problems(errors.map(Problem::of_finding).collect()))
        }
    }
}

/// Adds the rules of the packs that a document names.
pub fn add_packs(document: &mut Document) {
    let mut names = BTreeSet::new();
    for (settings, place) in document.take_packs() {
        if !names.insert(settings.name.clone()) {
            let message = format!("the pack `{}` is listed twice", settings.name);
            document.add_finding(Finding::error("invalid-value", place, message));
            continue;
        }
        match rule_packs::find(&settings.name) {
            Some(text) => {
                let pack = Document::parse(&format!("pack {}", settings.name), text);
                document.add_pack(pack, &settings, &place);
            }
            None => {
                let message = format!("unknown pack `{}`; one of {}", settings.name, rule_packs::names().join(", "));
                let mut finding = Finding::error("unknown-name", place, message);
                if let Some(near) = nearest(&settings.name, rule_packs::names()) {
                    finding = finding.with_help(format!("did you mean `{near}`?"));
                }
                document.add_finding(finding);
            }
        }
    }
}

/// Adds the file of prices that a document names.
fn prices(document: &mut Document, path: &Path, files: &mut BTreeSet<PathBuf>) {
    let Some((name, place)) = document.take_price_file() else { return };
    let file = path.parent().unwrap_or(Path::new("")).join(name);
    files.insert(file.clone());
    match std::fs::read_to_string(&file) {
        Ok(text) => document.add_prices(Document::parse(&file.display().to_string(), &text)),
        Err(error) => {
            document.add_finding(Finding::error("include", place, format!("cannot read the file: {error}")));
        }
    }
}

/// Merges the included files of a document; `open` lists the files that include it, itself last.
fn include(document: &mut Document, path: &Path, open: &mut Vec<PathBuf>, files: &mut BTreeSet<PathBuf>) {
    for (name, place) in document.take_includes(&ValuePath::default()) {
        let included = path.parent().unwrap_or(Path::new("")).join(&name);
        let mut refuse = |message: &str| document.add_finding(Finding::error("include", place.clone(), message));
        if open.contains(&included) {
            refuse("the file includes itself");
            continue;
        }
        if open.len() >= MAX_DEPTH {
            refuse("too many files that include each other");
            continue;
        }
        files.insert(included.clone());
        let text = match std::fs::read_to_string(&included) {
            Ok(text) => text,
            Err(error) => {
                refuse(&format!("cannot read the file: {error}"));
                continue;
            }
        };
        let mut other = Document::parse(&included.display().to_string(), &text);
        open.push(included.clone());
        include(&mut other, &included, open, files);
        open.pop();
        document.include(other);
    }
}

#[cfg(test)]
mod tests {
    use tollgate_envoy_harness::scratch::Scratch;

    use super::*;

    fn lines(document: &Document) -> Vec<String> {
        match document.compile() {
            Ok(_) => Vec::new(),
            Err(found) => found.iter().map(tollgate_policy::document::Located::line).collect(),
        }
    }

    #[test]
    fn included_files_are_merged_relative_to_their_file() {
        let scratch = Scratch::new("policy-file").unwrap();
        let folder = scratch.path();
        std::fs::create_dir(folder.join("teams")).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        write("tollgate.yaml", "version: 1\nidentity: {consumer: {header: x-user}}\ninclude: [teams/a.yaml]\n");
        write("teams/a.yaml", "include: [b.yaml]\nbudgets: [{name: a, unit: tokens, limit: 1, window: 1m}]\n");
        write("teams/b.yaml", "firewall: {rules: [{id: b, match: {keywords: [heron]}, action: block}]}\n");
        let mut files = BTreeSet::new();
        let document = load(&folder.join("tollgate.yaml"), &mut files).unwrap();
        assert_eq!(files.len(), 3);
        assert_eq!(document.value()["firewall"]["rules"][0]["id"], "b");
        let policy = document.compile().unwrap();
        assert!(policy.quota.is_some() && policy.firewall.is_some());
        assert!(document.print().contains(&format!("# {}:1", folder.join("teams/b.yaml").display())));
    }

    #[test]
    fn a_file_of_prices_becomes_part_of_the_policy() {
        let scratch = Scratch::new("policy-file").unwrap();
        let folder = scratch.path();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        write("tollgate.yaml", "version: 1\nprices: {table: built-in, file: prices.yaml}\n");
        write("prices.yaml", "version: 1\nmodels:\n  gpt-9: {input: '1', output: '2'}\n  bad: {input: '1'}\n");
        let mut files = BTreeSet::new();
        let document = load(&folder.join("tollgate.yaml"), &mut files).unwrap();
        assert_eq!(files.len(), 2);
        let found = lines(&document);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("prices.yaml:4:") && found[0].contains("`output`"), "{found:?}");
        write("prices.yaml", "version: 1\nmodels:\n  gpt-9: {input: '1', output: '2'}\n");
        let document = load(&folder.join("tollgate.yaml"), &mut files).unwrap();
        let policy = document.compile().unwrap();
        assert!(policy.prices.find("openai/gpt-9-2026-11-01", None).is_some());
        assert!(policy.prices.find("gpt-4o", None).is_some(), "the built-in table");
        // What a filter gets names no file.
        assert_eq!(document.value()["prices"]["file"], serde_json::Value::Null);
        for (text, words) in [
            ("version: 2\nmodels: {}\n", "the version of the format is 1"),
            ("budgets: []\n", "must not have `budgets`"),
            ("[]\n", "expected a map"),
        ] {
            write("prices.yaml", text);
            let found = lines(&load(&folder.join("tollgate.yaml"), &mut files).unwrap());
            assert!(found.iter().any(|line| line.contains("prices.yaml") && line.contains(words)), "{text}: {found:?}");
        }
        write("tollgate.yaml", "version: 1\nprices: {file: none.yaml}\n");
        let found = lines(&load(&folder.join("tollgate.yaml"), &mut files).unwrap());
        assert!(found[0].contains("error[include]: cannot read the file"), "{found:?}");
    }

    #[test]
    fn a_pack_that_is_listed_twice_is_one_finding() {
        let scratch = Scratch::new("policy-file").unwrap();
        let path = scratch.path().join("tollgate.yaml");
        for (packs, expected) in [
            ("[secrets, pii, secrets]", vec![":2:34: error[invalid-value]: the pack `secrets` is listed twice"]),
            ("[pii, {name: pii, action: log}]", vec![":2:25: error[invalid-value]: the pack `pii` is listed twice"]),
            ("[pii, pi, pi]", vec![":2:25: error[unknown-name]: unknown pack `pi`", ":2:29: error[invalid-value]"]),
            ("[pii, secrets]", vec![]),
        ] {
            std::fs::write(&path, format!("version: 1\nfirewall: {{packs: {packs}}}\n")).unwrap();
            let found = lines(&load(&path, &mut BTreeSet::new()).unwrap());
            assert_eq!(found.len(), expected.len(), "{packs}: {found:?}");
            found.iter().zip(expected).for_each(|(found, words)| assert!(found.contains(words), "{packs}: {found}"));
        }
    }

    #[test]
    fn files_that_include_themselves_or_are_absent_are_findings() {
        let scratch = Scratch::new("policy-file").unwrap();
        let path = scratch.path().join("tollgate.yaml");
        std::fs::write(&path, "version: 1\ninclude: [tollgate.yaml, none.yaml]\n").unwrap();
        let found = lines(&load(&path, &mut BTreeSet::new()).unwrap());
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("tollgate.yaml:2:11: error[include]: the file includes itself"), "{found:?}");
        assert!(found[1].contains(":2:26: error[include]: cannot read the file"), "{found:?}");
        assert!(load(&scratch.path().join("none.yaml"), &mut BTreeSet::new()).is_err());
    }
}
