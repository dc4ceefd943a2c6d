//! Steps of a lookup, for people.

use std::fmt;

use super::CATCH_ALL;
use crate::affix::{Head, Prefix, Suffix, heads, tails};

/// Step from a requested name to the entry that applies to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// A prefix was left out.
    Prefix(Prefix, &'a str),
    /// A suffix was left out.
    Suffix(Suffix, &'a str),
    /// The rest is the name of an entry.
    Exact(&'a str),
    /// The rest starts with the prefix of this wildcard.
    Wildcard(&'a str),
    /// The entry is an alias; the lookup continues with its target.
    Alias {
        /// Name of the entry.
        name: &'a str,
        /// Target of the alias.
        target: &'a str,
    },
}

/// Appends the steps from a name to an entry found under one of its heads.
pub(crate) fn push<'a>(steps: &mut Vec<Step<'a>>, name: &'a str, found: Head<'a>, entry: &'a str) {
    if entry != CATCH_ALL {
        for head in heads(name) {
            steps.extend(head.left_out.map(|(kind, text)| Step::Prefix(kind, text)));
            if head == found {
                break;
            }
        }
    }
    if entry.ends_with('*') {
        steps.push(Step::Wildcard(entry));
        return;
    }
    if found.text != entry {
        for (kind, text, rest) in tails(found.text) {
            steps.push(Step::Suffix(kind, text));
            if rest == entry {
                break;
            }
        }
    }
    steps.push(Step::Exact(entry));
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Prefix(kind, text) => {
                let kind = match kind {
                    Prefix::Provider => "provider",
                    Prefix::Region => "region",
                    Prefix::Vendor => "vendor",
                    Prefix::FineTuned => "fine-tuning",
                };
                write!(f, "without the {kind} prefix `{text}`")
            }
            Step::Suffix(kind, text) => {
                let kind = match kind {
                    Suffix::FineTuned => "owner of the fine-tuned model",
                    Suffix::Revision => "revision",
                    Suffix::Date => "date",
                    Suffix::Latest => "version",
                };
                write!(f, "without the {kind} `{text}`")
            }
            Step::Exact(name) => write!(f, "entry `{name}`"),
            Step::Wildcard(name) => write!(f, "wildcard `{name}`"),
            Step::Alias { name, target } => write!(f, "`{name}` is an alias of `{target}`"),
        }
    }
}
