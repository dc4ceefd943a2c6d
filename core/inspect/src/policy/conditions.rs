//! Validates and compiles the conditions of a rule.

use super::{in_range, not_longer};
use crate::condition::Conditions;
use crate::condition::allow::{Allow, AllowList, NamedLists, RawAllow};
use crate::condition::context::{Context, RANGE as WINDOW};
use crate::condition::entropy::{Entropy, RANGE as ENTROPY};
use crate::condition::keywords::Keywords;
use crate::condition::list::OneOrMany;
use crate::condition::neighbor::{self, Neighbors};
use crate::condition::url::{self, Url};
use crate::condition::validate::Validators;
use crate::error::Problem;
use crate::pattern::char_set::{CharSetId, CharSetsBuilder};
use crate::pattern::url::RawUrl;
use crate::raw::RawPattern;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Maximum number of words of a list.
const MAX_WORDS: usize = 4096;
/// Maximum length of a word.
const MAX_WORD_BYTES: usize = 256;
/// Maximum number of expressions or values of an allow list.
const MAX_ALLOWED: usize = 256;
/// Maximum length of an allowed value.
const MAX_VALUE_BYTES: usize = 1024;

/// Maximum number of named allow lists.
const MAX_LISTS: usize = 256;

/// Field, relative to `match` or to the allow lists, and its problem.
type FieldProblem = (String, Problem);

/// Compiles the conditions beside a pattern.
pub(super) fn compile(
    raw: &RawPattern,
    max_match_bytes: usize,
    lists: &NamedLists,
) -> Result<Conditions, FieldProblem> {
    let mut builder = CharSetsBuilder::default();
    let sets = &mut builder;
    let at = |field: &str, problem: Problem| (field.to_owned(), problem);
    let has_pattern = raw.regex.is_some()
        || raw.head.is_some()
        || raw.url.is_some()
        || raw.codepoints.is_some()
        || raw.canary.is_some();
    let keywords = match &raw.keywords {
        Some(list) if has_pattern => {
            words(list).map_err(|problem| at("keywords", problem))?;
            Some(Keywords::new(list, max_match_bytes))
        }
        _ => None,
    };
    let entropy = match raw.entropy {
        None => None,
        Some(raw) => {
            let entropy = Entropy::new(raw);
            Some(entropy.ok_or_else(|| at("entropy.min", Problem::Entropy(ENTROPY.0, ENTROPY.1)))?)
        }
    };
    if let Some(context) = &raw.context {
        words(&context.words).map_err(|problem| at("context.words", problem))?;
        in_range(context.window, WINDOW).map_err(|problem| at("context.window", problem))?;
    }
    let allow = raw.allow.as_ref().map(|raw| allow(raw, lists)).transpose()?.unwrap_or_default();
    if raw.group.as_ref().is_some_and(|groups| groups.0.is_empty()) {
        return Err(at("group", Problem::Empty));
    }
    let validators = raw.validate.clone().unwrap_or_default().0;
    if raw.validate.is_some() && validators.is_empty() {
        return Err(at("validate", Problem::Empty));
    }
    let neighbors = Neighbors {
        before: excluded(raw.not_before.as_ref(), sets).map_err(|problem| at("not_before", problem))?,
        after: excluded(raw.not_after.as_ref(), sets).map_err(|problem| at("not_after", problem))?,
    };
    if let Some(raw) = &raw.url {
        check_url(raw)?;
    }
    Ok(Conditions {
        sets: builder.build(),
        neighbors,
        url: raw.url.as_ref().map(Url::new),
        entropy,
        validators: Validators(validators.into()),
        keywords,
        context: raw.context.as_ref().map(Context::new),
        allow,
    })
}

/// Checks the pattern `url`.
fn check_url(raw: &RawUrl) -> Result<(), FieldProblem> {
    let at = |field: &str, problem: Problem| (format!("url.{field}"), problem);
    for (field, hosts) in [("allow_hosts", &raw.allow_hosts), ("hosts", &raw.hosts)] {
        if hosts.len() > url::MAX_HOSTS {
            return Err(at(field, Problem::TooMany(url::MAX_HOSTS)));
        }
        if hosts.iter().any(String::is_empty) {
            return Err(at(field, Problem::Empty));
        }
        hosts.iter().try_for_each(|host| not_longer(host, MAX_WORD_BYTES)).map_err(|problem| at(field, problem))?;
    }
    in_range(raw.min_query, url::QUERY).map_err(|problem| at("min_query", problem))
}

/// Checks a list of words.
pub(super) fn words(list: &[String]) -> Result<(), Problem> {
    if list.is_empty() || list.iter().any(String::is_empty) {
        return Err(Problem::Empty);
    }
    if list.len() > MAX_WORDS {
        return Err(Problem::TooMany(MAX_WORDS));
    }
    list.iter().try_for_each(|word| not_longer(word, MAX_WORD_BYTES))
}

fn excluded(classes: Option<&OneOrMany<String>>, sets: &mut CharSetsBuilder) -> Result<Option<CharSetId>, Problem> {
    match classes {
        None => Ok(None),
        Some(OneOrMany(classes)) if classes.is_empty() => Err(Problem::Empty),
        Some(OneOrMany(classes)) => neighbor::set(classes, sets).map(Some).ok_or(Problem::CharClass),
    }
}

/// Compiles the allow lists of a policy. Returns the number of their nodes, too.
pub(super) fn named_lists(raw: &BTreeMap<String, RawAllow>) -> Result<(NamedLists, usize), FieldProblem> {
    if raw.len() > MAX_LISTS {
        return Err((String::new(), Problem::TooMany(MAX_LISTS)));
    }
    let mut lists = NamedLists::new();
    let mut nodes = 0;
    for (name, raw) in raw {
        let list = match raw.lists.is_empty() {
            true => allow_list(raw),
            false => Err(("lists".to_owned(), Problem::OnlyWith("rules"))),
        };
        let list = list.map_err(|(field, problem)| (format!(".{name}.{field}"), problem))?;
        nodes += list.nodes();
        lists.insert(name.clone(), Arc::new(list));
    }
    Ok((lists, nodes))
}

fn allow(raw: &RawAllow, lists: &NamedLists) -> Result<Allow, FieldProblem> {
    let own = allow_list(raw).map_err(|(field, problem)| (format!("allow.{field}"), problem))?;
    let named = raw.lists.iter().enumerate().map(|(index, name)| {
        let list = lists.get(name).cloned();
        list.ok_or_else(|| (format!("allow.lists[{index}]"), Problem::UnknownList))
    });
    Ok(Allow::new(own, named.collect::<Result<Vec<_>, _>>()?))
}

fn allow_list(raw: &RawAllow) -> Result<AllowList, FieldProblem> {
    for (name, list, max_len, max_bytes) in [
        ("values", &raw.values, MAX_ALLOWED, MAX_VALUE_BYTES),
        ("stop_words", &raw.stop_words, MAX_WORDS, MAX_WORD_BYTES),
        ("regex", &raw.regex, MAX_ALLOWED, usize::MAX),
        ("match_regex", &raw.match_regex, MAX_ALLOWED, usize::MAX),
        ("line_regex", &raw.line_regex, MAX_ALLOWED, usize::MAX),
    ] {
        let at = |problem| (name.to_owned(), problem);
        if list.len() > max_len {
            return Err(at(Problem::TooMany(max_len)));
        }
        if list.iter().any(String::is_empty) {
            return Err(at(Problem::Empty));
        }
        list.iter().try_for_each(|value| not_longer(value, max_bytes)).map_err(at)?;
    }
    AllowList::new(raw).map_err(|(path, error)| (path, error.into()))
}
