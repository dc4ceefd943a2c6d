//! Packs of rules: their rules become part of the document, as its settings say.

use serde::Deserialize;
use serde_json::{Map, Value};
use tollgate_config::{Finding, Path, Step, nearest};
use tollgate_inspect::{RawAction, RawExamples, RuleMode};

use super::Document;
use super::include::{at, entry};
use crate::packs::RawPack;
use crate::paranoia::RawParanoia;

/// Members of a rule that only some actions have, and these actions.
const MEMBERS_OF_ACTIONS: [(&str, &[RawAction]); 4] = [
    ("replacement", &[RawAction::Redact, RawAction::Placeholder]),
    ("restore", &[RawAction::Placeholder]),
    ("status", &[RawAction::Block]),
    ("message", &[RawAction::Block]),
];

impl Document {
    /// Takes the list of packs, with the path of each. A list with an invalid element stays, for the reader to report.
    pub fn take_packs(&mut self) -> Vec<(RawPack, Path)> {
        let firewall = Path::part("firewall");
        let Some(Value::Object(members)) = at(&mut self.value, &firewall) else { return Vec::new() };
        let Some(Value::Array(list)) = members.get("packs") else { return Vec::new() };
        let packs: Result<Vec<RawPack>, _> = list.iter().map(RawPack::deserialize).collect();
        let Ok(packs) = packs else { return Vec::new() };
        members.remove("packs");
        let path = firewall.key("packs");
        packs.into_iter().enumerate().map(|(index, pack)| (pack, path.index(index))).collect()
    }

    /// Appends the rules of a pack, without their examples; its settings are at `place`. Rules with a level above
    /// `firewall.paranoia`, 1 by default, are left out; those above its `block` only log.
    pub fn add_pack(&mut self, mut pack: Document, settings: &RawPack, place: &Path) {
        pack.marks.set_source(self.sources.len());
        let list = Path::part("firewall").key("rules");
        let rules = match at(&mut pack.value, &list) {
            Some(Value::Array(rules)) => std::mem::take(rules),
            _ => Vec::new(),
        };
        debug_assert!(!rules.is_empty(), "a pack has rules");
        let owasp = pack.value.pointer("/firewall/owasp").cloned();
        self.check_exceptions(&rules, settings, place);
        let levels = self.value.pointer("/firewall/paranoia").and_then(|levels| RawParanoia::deserialize(levels).ok());
        let levels = levels.unwrap_or_default();
        let mut restores = false;
        for (index, rule) in rules.into_iter().enumerate() {
            let Value::Object(mut rule) = rule else { continue };
            let marks = pack.marks.entry(&list).members.get(&Step::Index(index)).cloned();
            // They test the pack, not the policy.
            RawExamples::KEYS.iter().for_each(|key| drop(rule.remove(*key)));
            let level = rule.remove("paranoia").and_then(|level| level.as_u64()).unwrap_or(1);
            let is_excepted = settings.except.iter().any(|id| rule.get("id") == Some(&Value::from(id.as_str())));
            if level > u64::from(levels.detect) || is_excepted {
                continue;
            }
            if let Some(owasp) = owasp.as_ref().filter(|_| !rule.contains_key("owasp")) {
                rule.insert("owasp".to_owned(), owasp.clone());
            }
            if let Some(action) = settings.action {
                set_action(&mut rule, action);
            }
            if settings.restore && can_restore(&rule) {
                rule.insert("restore".to_owned(), true.into());
                restores = true;
            }
            if !settings.tag.is_empty() {
                let tags = rule.entry("tag").or_insert_with(|| Value::Object(Map::new()));
                for (name, value) in &settings.tag {
                    tags.as_object_mut()
                        .into_iter()
                        .for_each(|tags| drop(tags.insert(name.clone(), value.as_str().into())));
                }
            }
            if settings.mode == Some(RuleMode::Audit) || level > u64::from(levels.block) {
                rule.insert("mode".to_owned(), "audit".into());
            }
            let Value::Array(own) = entry(&mut self.value, &list, Value::Array(Vec::new())) else { break };
            if let Some(marks) = marks {
                self.marks.entry(&list).members.insert(Step::Index(own.len()), marks);
            }
            own.push(Value::Object(rule));
        }
        if settings.restore && !restores {
            let message =
                format!("no rule of the pack `{}` replaces values in requests by placeholders", settings.name);
            let finding = Finding::error("invalid-value", place.key("restore"), message);
            self.add_finding(finding.with_help("add `action: placeholder`, or remove `restore`"));
        }
        self.sources.extend(pack.sources);
    }

    /// Reports ids of `except` that the pack does not have.
    fn check_exceptions(&mut self, rules: &[Value], settings: &RawPack, place: &Path) {
        let ids: Vec<&str> = rules.iter().filter_map(|rule| rule.get("id")?.as_str()).collect();
        for (index, id) in settings.except.iter().enumerate() {
            if ids.contains(&id.as_str()) {
                continue;
            }
            let message = format!("the pack `{}` has no rule `{id}`", settings.name);
            let mut finding = Finding::error("unknown-name", place.key("except").index(index), message);
            if let Some(near) = nearest(id, ids.iter().copied()) {
                finding = finding.with_help(format!("did you mean `{near}`?"));
            }
            self.add_finding(finding);
        }
    }
}

/// Returns `true` if a rule of a pack may restore the values that it replaced: it has placeholders with digests, in requests, and finds
/// a value in any text, whatever is beside it.
fn can_restore(rule: &Map<String, Value>) -> bool {
    let has = |member: &str| rule.get("match").is_some_and(|pattern| pattern.get(member).is_some());
    let directions = rule.get("applies_to").or(rule.get("on")).and_then(Value::as_array);
    let needs_words = has("group") || has("context") || has("keywords") && has("regex");
    let is_limited = |limit: &str| rule.get("scope").is_some_and(|scope| scope.get(limit).is_some());
    rule.get("action").and_then(Value::as_str) == Some(RawAction::Placeholder.name())
        && !(has("head") || has("members") || needs_words)
        && !["roles", "messages", "parts"].into_iter().any(is_limited)
        && directions.is_none_or(|directions| directions.contains(&"request".into()))
}

/// Replaces the action of a rule, and removes members that only its own action has.
fn set_action(rule: &mut Map<String, Value>, action: RawAction) {
    for (member, of) in MEMBERS_OF_ACTIONS {
        if !of.contains(&action) {
            rule.remove(member);
        }
    }
    rule.insert("action".to_owned(), action.name().into());
}
