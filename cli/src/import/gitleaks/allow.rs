//! Allow lists.

use serde_json::json;
use tollgate_inspect::{Policy, RawPolicy};

use crate::yaml::Node;

use super::super::strings;
use super::config::AllowList;
use super::go_regex;

/// Members of an allow list of a policy.
#[derive(Debug, Default)]
pub(super) struct Members {
    stop_words: Vec<String>,
    regex: Vec<String>,
    match_regex: Vec<String>,
    line_regex: Vec<String>,
}

impl Members {
    /// Adds an allow list, and reports what a policy cannot express. Expressions on the match of a rule without its lead apply to
    /// the line, which contains the text that the lead matches.
    pub(super) fn add(&mut self, list: &AllowList, had_lead: bool, notes: &mut Vec<String>) {
        let kinds = [&list.commits, &list.paths, &list.regexes, &list.stopwords];
        let is_and = matches!(list.condition.to_ascii_uppercase().as_str(), "AND" | "&&");
        if is_and && kinds.iter().filter(|kind| !kind.is_empty()).count() > 1 {
            notes.push("allow list with condition AND: left out; more is reported".to_owned());
            return;
        }
        if !list.paths.is_empty() || !list.commits.is_empty() {
            notes.push("paths and commits of an allow list: left out, a prompt has none".to_owned());
        }
        let target = match list.regex_target.as_str() {
            "match" if had_lead && !list.regexes.is_empty() => {
                notes.push("allow list on the match: applies to the line up to the end of the match".to_owned());
                &mut self.line_regex
            }
            "match" => &mut self.match_regex,
            "line" => {
                notes.push("allow list on the line: only up to the end of the match".to_owned());
                &mut self.line_regex
            }
            _ => &mut self.regex,
        };
        for expression in &list.regexes {
            let converted = go_regex::convert_whole(expression);
            match check(&converted) {
                Ok(()) => target.push(converted),
                Err(reason) => notes.push(format!("expression `{expression}` of an allow list: left out, {reason}")),
            }
        }
        self.stop_words.extend(list.stopwords.iter().filter(|word| !word.is_empty()).cloned());
    }

    /// Returns the members as a node; `None` if there are none.
    pub(super) fn node(&self, lists: &[String]) -> Option<Node> {
        let Members { stop_words, regex, match_regex, line_regex } = self;
        let members = [
            ("lists", lists),
            ("stop_words", stop_words),
            ("regex", regex),
            ("match_regex", match_regex),
            ("line_regex", line_regex),
        ];
        let members = members.into_iter().filter(|(_, list)| !list.is_empty());
        let members: Vec<_> = members.map(|(name, list)| (name.to_owned(), strings(list))).collect();
        (!members.is_empty()).then_some(Node::Map(members))
    }
}

/// Returns the reason why an expression cannot be in an allow list.
fn check(expression: &str) -> Result<(), String> {
    let policy = json!({"rules": [], "allow_lists": {"list": {"regex": [expression]}}});
    let raw: RawPolicy = serde_json::from_value(policy).map_err(|error| error.to_string())?;
    Policy::from_raw(raw).map(|_| ()).map_err(|error| error.problem.to_string())
}
