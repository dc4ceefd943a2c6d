//! Included files: they may only narrow the policy that includes them.

use serde_json::{Map, Value};
use tollgate_config::{Finding, Path, Step};
use tollgate_llm::StreamLimits;

use super::{Document, Located};
use crate::firewall::RawFirewall;

/// Help of every file that does more.
const ONLY_NARROWS: &str = "an included file may add budgets and rules and lower limits";

impl Document {
    /// Takes the list of files that the document includes at `path`, with the path of each name.
    pub fn take_includes(&mut self, path: &Path) -> Vec<(String, Path)> {
        let Some(Value::Object(members)) = at(&mut self.value, path) else { return Vec::new() };
        // Names of another type are errors of the reader.
        let valid = matches!(members.get("include"), Some(Value::Array(names)) if names.iter().all(Value::is_string));
        let Some(Value::Array(names)) = members.remove("include").filter(|_| valid) else { return Vec::new() };
        let list = path.key("include");
        let name = |(index, name): (usize, Value)| Some((name.as_str()?.to_owned(), list.index(index)));
        names.into_iter().enumerate().filter_map(name).collect()
    }

    /// Takes the name of the file of prices that the document names, with its path.
    pub fn take_price_file(&mut self) -> Option<(String, Path)> {
        let path = Path::part("prices");
        let members = at(&mut self.value, &path)?.as_object_mut()?;
        // A name of another type is an error of the reader.
        let name = members.get("file")?.as_str()?.to_owned();
        members.remove("file");
        Some((name, path.key("file")))
    }

    /// Takes the parts of a file that belongs to this document. `None`, with a finding, if it has none.
    fn take_parts(&mut self, mut file: Document) -> Option<(Document, Map<String, Value>)> {
        file.marks.set_source(self.sources.len());
        if let Value::Object(parts) = std::mem::take(&mut file.value) {
            return Some((file, parts));
        }
        let finding = Finding::error("wrong-type", Path::default(), "expected a map");
        self.adopt(file, vec![finding]);
        None
    }

    /// Adds the models of a file of prices as `prices.models`, and reports what else the file has.
    pub fn add_prices(&mut self, file: Document) {
        let Some((mut file, parts)) = self.take_parts(file) else { return };
        let target = Path::part("prices").key("models");
        let mut findings = Vec::new();
        for (name, part) in parts {
            let path = Path::part(&name);
            match (name.as_str(), part) {
                ("version", part) if part == 1 => {}
                ("version", _) => {
                    findings.push(Finding::error("invalid-value", path, "the version of the format is 1"));
                }
                ("models", models) if at(&mut self.value, &target).is_none() => {
                    *self.marks.entry(&target) = file.marks.entry(&path).clone();
                    *entry(&mut self.value, &target, Value::Null) = models;
                }
                ("models", _) => {
                    let message = "the policy has `prices.models` besides the file";
                    findings.push(Finding::error("invalid-value", path, message).at_key());
                }
                _ => {
                    let message = format!("a file of prices must not have `{name}`");
                    findings.push(Finding::error("unknown-key", path, message).at_key());
                }
            }
        }
        self.adopt(file, findings);
    }

    /// Adds a finding about this document.
    pub fn add_finding(&mut self, finding: Finding) {
        let located = self.locate(vec![finding]);
        self.findings.extend(located);
    }

    /// Merges the policy of an included file, and reports what it must not do.
    pub fn include(&mut self, included: Document) {
        let Some((mut included, parts)) = self.take_parts(included) else { return };
        let mut findings = Vec::new();
        for (name, part) in parts {
            let path = Path::part(&name);
            match (name.as_str(), part) {
                ("version", part) if part == 1 => {}
                ("version", _) => {
                    findings.push(Finding::error("invalid-value", path, "the version of the format is 1"));
                }
                ("budgets", Value::Array(budgets)) => {
                    findings.extend(self.unlisted_consumers(&budgets));
                    self.append(&path, budgets, &mut included);
                }
                ("firewall", Value::Object(members)) => self.rules(members, &mut included, &mut findings),
                ("limits", Value::Object(members)) => self.lower(members, &mut included, &mut findings),
                _ => findings.push(widens(path, format!("an included file must not have `{name}`")).at_key()),
            }
        }
        self.adopt(included, findings);
    }

    /// Appends the elements of a list, with their positions.
    fn append(&mut self, path: &Path, elements: Vec<Value>, included: &mut Document) {
        let marks = included.marks.entry(path).members.clone();
        let list = entry(&mut self.value, path, Value::Array(Vec::new()));
        let Value::Array(list) = list else { return };
        let target = self.marks.entry(path);
        for (index, element) in elements.into_iter().enumerate() {
            if let Some(marks) = marks.get(&Step::Index(index)) {
                target.members.insert(Step::Index(list.len()), marks.clone());
            }
            list.push(element);
        }
    }

    fn rules(&mut self, members: Map<String, Value>, included: &mut Document, findings: &mut Vec<Finding>) {
        let firewall = Path::part("firewall");
        for (key, value) in members {
            match (key.as_str(), value) {
                ("rules", Value::Array(rules)) => self.append(&firewall.key("rules"), rules, included),
                ("allow_lists", Value::Object(lists)) => self.allow_lists(lists, included, findings),
                ("max_match_bytes", value) if value.is_u64() => self.raise_match_bytes(value, included),
                _ => {
                    findings.push(widens(firewall.key(&key), format!("an included file must not set `{key}`")).at_key())
                }
            }
        }
    }

    /// Raises `max_match_bytes` to that of an included file, whose rules need it: all rules then find more.
    fn raise_match_bytes(&mut self, value: Value, included: &mut Document) {
        let path = Path::part("firewall").key("max_match_bytes");
        let default = u64::from(RawFirewall::default().max_match_bytes);
        let current = at(&mut self.value, &path).map_or(Some(default), |current| current.as_u64());
        if current.is_some_and(|current| value.as_u64() > Some(current)) {
            *self.marks.entry(&path) = included.marks.entry(&path).clone();
            *entry(&mut self.value, &path, Value::Null) = value;
        }
    }

    /// Adds allow lists. Only the rules that name a list are affected by it, so an included file must not replace one.
    fn allow_lists(&mut self, lists: Map<String, Value>, included: &mut Document, findings: &mut Vec<Finding>) {
        let path = Path::part("firewall").key("allow_lists");
        for (name, list) in lists {
            let path = path.key(&name);
            if at(&mut self.value, &path).is_some() {
                findings.push(widens(path, format!("the including file has an allow list `{name}`, too")).at_key());
                continue;
            }
            *self.marks.entry(&path) = included.marks.entry(&path).clone();
            *entry(&mut self.value, &path, Value::Null) = list;
        }
    }

    fn lower(&mut self, members: Map<String, Value>, included: &mut Document, findings: &mut Vec<Finding>) {
        let defaults = StreamLimits::default();
        let event_bytes = self.default_event_bytes();
        for (key, value) in members {
            let path = Path::part("limits").key(&key);
            let current = at(&mut self.value, &path).cloned();
            let default = match key.as_str() {
                "max_request_bytes" => defaults.max_request_bytes.into(),
                "max_response_bytes" => defaults.max_response_bytes.into(),
                "max_event_bytes" => event_bytes.clone(),
                "max_held_bytes" => defaults.max_held_bytes.into(),
                "on_unscannable" => "refuse".into(),
                _ => "pass".into(),
            };
            let current: Value = current.unwrap_or(default);
            let raises = match (current.as_u64(), value.as_u64()) {
                (Some(current), Some(value)) => value > current,
                _ => current == "refuse" && value == "pass",
            };
            if raises {
                findings.push(widens(path, format!("an included file must not raise `{key}`")));
                continue;
            }
            *self.marks.entry(&path) = included.marks.entry(&path).clone();
            *entry(&mut self.value, &path, Value::Null) = value;
        }
    }

    /// Reports consumers that a budget would take out of the common budgets.
    fn unlisted_consumers(&mut self, budgets: &[Value]) -> Vec<Finding> {
        let listed = |budget: &Value| -> Vec<String> {
            let names = budget.get("for").and_then(Value::as_array).into_iter().flatten();
            names.filter_map(|name| name.as_str().map(str::to_owned)).collect()
        };
        let own = at(&mut self.value, &Path::part("budgets")).and_then(|list| list.as_array().cloned());
        let known: Vec<String> = own.iter().flatten().flat_map(listed).collect();
        let mut findings = Vec::new();
        for (index, budget) in budgets.iter().enumerate() {
            if listed(budget).iter().any(|name| !known.contains(name)) {
                let path = Path::part("budgets").index(index).key("for");
                let message = "`for` takes a consumer out of the common budgets of the including file";
                findings.push(widens(path, message.to_owned()));
            }
        }
        findings
    }

    /// Adds the files and findings of an included document.
    fn adopt(&mut self, included: Document, findings: Vec<Finding>) {
        let offset = self.sources.len();
        let located = included.locate_in(findings, offset);
        self.sources.extend(included.sources);
        let own = included.findings.into_iter().map(|mut located| {
            located.position.source += offset;
            located
        });
        self.findings.extend(own.chain(located));
    }

    /// Locates findings after the marks have been moved by `offset` files.
    fn locate_in(&self, findings: Vec<Finding>, offset: usize) -> Vec<Located> {
        let locate = |finding: Finding| {
            let position = self.marks.position(&finding.path, finding.at_key);
            let source = self.sources.get(position.source.saturating_sub(offset));
            Located { file: source.map(|source| source.name.clone()).unwrap_or_default(), finding, position }
        };
        findings.into_iter().map(locate).collect()
    }
}

fn widens(path: Path, message: String) -> Finding {
    Finding::error("include-widens", path, message).with_help(ONLY_NARROWS)
}

/// Returns the value at a path.
pub(super) fn at<'v>(value: &'v mut Value, path: &Path) -> Option<&'v mut Value> {
    path.0.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(index) => value.get_mut(index),
    })
}

/// Returns the value at a path of keys; adds maps on the way, and `default` at its end.
pub(super) fn entry<'v>(value: &'v mut Value, path: &Path, default: Value) -> &'v mut Value {
    let mut value = value;
    for (at, step) in path.0.iter().enumerate() {
        let Step::Key(key) = step else { return value };
        let is_last = at + 1 == path.0.len();
        if !value.is_object() {
            *value = Value::Object(Map::new());
        }
        let next = if is_last { default.clone() } else { Value::Object(Map::new()) };
        match value {
            Value::Object(members) => value = members.entry(key.clone()).or_insert(next),
            other => return other,
        }
    }
    value
}
