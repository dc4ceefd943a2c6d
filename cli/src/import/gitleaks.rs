//! Import of gitleaks configurations (`gitleaks.toml`).
//!
//! Members of a gitleaks rule and their counterparts in a policy:
//!
//! | gitleaks | policy |
//! |---|---|
//! | `regex`, in Go's syntax | `match.regex`; the leading `[\w.-]{0,50}?` that many rules have is dropped, since it changes no secret |
//! | secret: `secretGroup`, else the first group with text | `match.group` |
//! | `entropy` of the secret | `match.entropy` |
//! | `keywords` anywhere in the file | `match.keywords`: in the match or in front of it |
//! | `allowlists` on secret, match or line | `match.allow`; the global ones are `allow_lists`. Expressions on a match whose lead was dropped apply to the line |
//! | `path`, `paths`, `commits` | left out: a prompt has none |

mod allow;
mod config;
pub(super) mod go_regex;
mod rule;

use std::collections::BTreeSet;

use serde_json::json;

use super::{Imported, Options, WIDTH};
use crate::yaml::Node;
use allow::Members;
pub use config::Config;
use rule::GlobalLists;

/// Name of the allow list with the global allow lists of the configuration.
const GLOBAL_LIST: &str = "gitleaks";

/// Converts a configuration.
#[must_use]
pub fn import(config: &Config, options: &Options) -> Imported {
    let mut notes = Vec::new();
    if config.extend.is_some() {
        notes.push("`extend`: left out; import the other configuration, too".to_owned());
    }
    let lists = config.allowlist.iter().chain(&config.allowlists);
    let (targeted, common): (Vec<_>, Vec<_>) = lists.partition(|list| !list.target_rules.is_empty());
    let mut members = Members::default();
    let mut list_notes = Vec::new();
    // A list for all rules applies to those without their leads, too.
    let expressions = config.rules.iter().filter_map(|rule| rule.regex.as_deref());
    let had_lead = expressions.into_iter().any(|regex| go_regex::convert(regex).had_lead);
    common.into_iter().for_each(|list| members.add(list, had_lead, &mut list_notes));
    notes.extend(list_notes.into_iter().map(|note| format!("global: {note}")));
    let list = members.node(&[]);
    let global = GlobalLists { has_common: list.is_some(), targeted };
    let mut rules = Vec::new();
    let mut ids = BTreeSet::new();
    for source in &config.rules {
        let mut rule_notes = Vec::new();
        match rule::convert(source, &global, options, &mut ids, &mut rule_notes) {
            Ok(node) => rules.push(node),
            Err(reason) => rule_notes.push(format!("left out: {reason}")),
        }
        notes.extend(rule_notes.into_iter().map(|note| format!("rule `{}`: {note}", source.id)));
    }
    let count = rules.len();
    let mut firewall = vec![("max_match_bytes".to_owned(), Node::Scalar(json!(options.max_match_bytes)))];
    if let Some(list) = list {
        firewall.push(("allow_lists".to_owned(), Node::Map(vec![(GLOBAL_LIST.to_owned(), list)])));
    }
    firewall.push(("rules".to_owned(), Node::List(rules)));
    let document =
        Node::Map(vec![("version".to_owned(), Node::Scalar(json!(1))), ("firewall".to_owned(), Node::Map(firewall))]);
    let mut text = format!("# {count} rules, imported from a gitleaks configuration by `tollgate import gitleaks`.\n");
    document.lines(WIDTH).iter().for_each(|line| text.extend([line, "\n"]));
    Imported { text, rules: count, notes }
}

#[cfg(test)]
mod tests;
