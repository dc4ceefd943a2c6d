//! Import of Presidio recognizers: a registry (`recognizers:`), the `ad_hoc_recognizers` of a request, or recognizers alone, in YAML
//! or JSON.
//!
//! Members of a recognizer and their counterparts in a policy:
//!
//! | Presidio | policy |
//! |---|---|
//! | `patterns`, in Python's syntax, with its flags | a rule each, with `match.regex`; assertions on one character at its borders are `match.not_before` and `match.not_after` |
//! | `score` of a pattern | `severity`: `error` from 0.8, `warning` from 0.5, else `notice` |
//! | `context`, which raises a score | `match.context` of patterns with a score below 0.5; without such words their rules are in `mode: audit` |
//! | `deny_list` | a rule with `match.keywords` |
//! | `supported_entity` | `id`, and `match.validate` where the entity has a checksum |
//! | `supported_language` | left out: rules apply to all languages |
//! | recognizers that are built into Presidio | left out: the pack `pii` has rules for most of their entities |

mod config;
mod python_regex;
mod rule;

use std::collections::BTreeSet;

use serde_json::json;

use crate::yaml::Node;

use super::{Imported, Options, WIDTH};
pub use config::{Config, Recognizer};

/// Converts recognizers.
#[must_use]
pub fn import(config: &Config, options: &Options) -> Imported {
    let mut notes = Vec::new();
    let mut rules = Vec::new();
    let mut ids = BTreeSet::new();
    for recognizer in &config.recognizers {
        let mut own = Vec::new();
        rules.extend(rule::convert(recognizer, config.flags, options, &mut ids, &mut own));
        let name = recognizer.shown_name();
        notes.extend(own.into_iter().map(|note| format!("recognizer `{name}`: {note}")));
    }
    let count = rules.len();
    let firewall = Node::Map(vec![("rules".to_owned(), Node::List(rules))]);
    let document = Node::Map(vec![("version".to_owned(), Node::Scalar(json!(1))), ("firewall".to_owned(), firewall)]);
    let mut text = format!("# {count} rules, imported from recognizers of Presidio by `tollgate import presidio`.\n");
    document.lines(WIDTH).iter().for_each(|line| text.extend([line, "\n"]));
    Imported { text, rules: count, notes }
}

#[cfg(test)]
mod tests;
