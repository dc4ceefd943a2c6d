//! Rules.

use std::collections::BTreeSet;

use serde_json::json;
use tollgate_inspect::{CaptureGroup, RawPolicy, capture_groups};

use crate::yaml::Node;

use super::super::{Options, rule_id, string, strings, trial};
use super::GLOBAL_LIST;
use super::allow::Members;
use super::config::{AllowList, Rule};
use super::go_regex::{self, Converted};

/// Allow lists of the configuration.
pub(super) struct GlobalLists<'c> {
    /// `true` if the policy has an allow list for all rules.
    pub(super) has_common: bool,
    /// Lists for some rules only.
    pub(super) targeted: Vec<&'c AllowList>,
}

/// Converts a rule.
///
/// # Errors
/// The reason why there is no such rule in a policy.
pub(super) fn convert(
    rule: &Rule,
    global: &GlobalLists<'_>,
    options: &Options,
    ids: &mut BTreeSet<String>,
    notes: &mut Vec<String>,
) -> Result<Node, String> {
    let regex = rule.regex.as_deref().filter(|regex| !regex.is_empty());
    let Converted { regex, had_lead } = go_regex::convert(regex.ok_or("it has no regex, only a path")?);
    if rule.path.is_some() {
        notes.push("`path`: left out, the rule applies to all texts".to_owned());
    }
    if !rule.required.is_empty() {
        notes.push("`required`: left out, the rule applies without the others".to_owned());
    }
    let mut pattern = vec![("regex".to_owned(), string(&regex))];
    let groups = capture_groups(&regex).map_err(|error| format!("its regex {error}"))?;
    if let Some(group) = group(rule, &groups, notes) {
        pattern.push(("group".to_owned(), group));
    }
    let keywords: Vec<String> = rule.keywords.iter().filter(|keyword| !keyword.is_empty()).cloned().collect();
    if !keywords.is_empty() {
        pattern.push(("keywords".to_owned(), strings(&keywords)));
    }
    if rule.entropy > 0.0 {
        let min = Node::Scalar(json!(rule.entropy));
        pattern.push(("entropy".to_owned(), Node::Map(vec![("min".to_owned(), min)])));
    }
    let mut allow = Members::default();
    let targeted = global.targeted.iter().copied().filter(|list| list.target_rules.contains(&rule.id));
    rule.allowlist.iter().chain(&rule.allowlists).chain(targeted).for_each(|list| allow.add(list, had_lead, notes));
    let lists: &[String] = if global.has_common { &[GLOBAL_LIST.to_owned()] } else { &[] };
    if let Some(allow) = allow.node(lists) {
        pattern.push(("allow".to_owned(), allow));
    }
    let id = rule_id::unique(&rule.id, &options.prefix, ids);
    let mut members = vec![("id".to_owned(), string(&id))];
    if !rule.description.is_empty() {
        members.push(("description".to_owned(), string(&rule.description)));
    }
    members.push(("match".to_owned(), Node::Map(pattern)));
    members.push(("action".to_owned(), string(&options.action)));
    let allow_lists = [(GLOBAL_LIST.to_owned(), Default::default())].into();
    let others = RawPolicy { max_match_bytes: options.max_match_bytes, allow_lists, ..RawPolicy::default() };
    if trial::compile(&Node::Map(members.clone()), others)? {
        notes.push("`slow: true`: its regex has neither a rare literal nor a maximum length".to_owned());
        members.push(("slow".to_owned(), Node::Scalar(json!(true))));
    }
    ids.insert(id);
    Ok(Node::Map(members))
}

/// Returns the groups that gitleaks takes as the secret: the one that the rule names, else the first one with text.
fn group(rule: &Rule, groups: &[CaptureGroup], notes: &mut Vec<String>) -> Option<Node> {
    if rule.secret_group > 0 {
        return Some(Node::Scalar(json!(rule.secret_group)));
    }
    if groups.iter().any(|group| group.repeats) {
        notes.push("a group in a repetition: left out, the whole match is the secret".to_owned());
        return None;
    }
    match groups {
        [] => None,
        [only] => Some(Node::Scalar(json!(only.index))),
        several => Some(Node::List(several.iter().map(|group| Node::Scalar(json!(group.index))).collect())),
    }
}
