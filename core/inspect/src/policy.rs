//! Validated and compiled policy.

use crate::error::{ExampleError, PatternError, PolicyError, Problem};
use crate::pattern::char_classes::CharClasses;
use crate::pattern::char_set::{CharSets, CharSetsBuilder};
use crate::pattern::compile::{self, Border};
use crate::pattern::keywords::Trie;
use crate::pattern::lead::Lead;
use crate::pattern::program::Program;
use crate::raw::{OnUnscannable, RawPattern, RawPolicy, RawRule};
use crate::rule::{Action, Direction, Rule, RuleIndex};
use crate::search::leads::{Leads, MAX_LEADS};
use crate::search::matcher::Matcher;
use crate::search::prefilter::{Prefilter, StateCache};
use crate::search::scratch::Scratch;
use crate::search::start_set::StartSet;
use crate::search::view::View;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Maximum number of rules in a policy.
pub const MAX_RULES: usize = 2048;
/// Maximum number of keywords in a rule.
const MAX_KEYWORDS: usize = 4096;
/// Maximum length of a keyword.
const MAX_KEYWORD_BYTES: usize = 256;
/// Maximum number of nodes of all rules together: about 3 MB.
const MAX_ALL_NODES: usize = 256 * 1024;
/// Maximum number of words for the start sets of a search: 512 KB.
const MAX_SET_WORDS: usize = 64 * 1024;
const MATCH_BYTES: (u32, u32) = (16, 16 * 1024);
const STATUS: (u32, u32) = (400, 599);
const MAX_ID_BYTES: usize = 64;
const MAX_REPLACEMENT_BYTES: usize = 256;
const MAX_MESSAGE_BYTES: usize = 1024;

/// Validated rules, ready to match.
#[derive(Debug)]
pub struct Policy {
    rules: Box<[Rule]>,
    sets: CharSets,
    max_match_bytes: usize,
    on_unscannable: OnUnscannable,
    leads: Leads,
    rules_by_first_char: RulesByFirstChar,
    prefilters: [Prefilter; 2],
    memory: Mutex<SearchMemory>,
}

/// Working memory of searches: at most a few megabytes, and nothing of any text stays in it.
#[derive(Debug, Default)]
pub(crate) struct SearchMemory {
    pub(crate) scratch: Scratch,
    /// States of the prefilter of each direction.
    pub(crate) caches: [StateCache; 2],
}

/// For each ASCII character, and once for all other characters: the rules on responses without a lead whose matches may
/// start with it.
type RulesByFirstChar = Box<[Box<[RuleIndex]>]>;

impl Policy {
    /// Validates and compiles a policy.
    ///
    /// # Errors
    /// The first problem found, see [`Problem`].
    pub fn from_raw(raw: RawPolicy) -> Result<Policy, PolicyError> {
        let at = |path: &str, problem| PolicyError { path: path.to_owned(), rule: None, problem };
        if raw.rules.len() > MAX_RULES {
            return Err(at("rules", Problem::TooMany(MAX_RULES)));
        }
        in_range(raw.max_match_bytes, MATCH_BYTES).map_err(|problem| at("max_match_bytes", problem))?;
        let max_match_bytes = raw.max_match_bytes as usize;
        let mut sets = CharSetsBuilder::default();
        let mut ids = BTreeSet::new();
        let mut nodes = 0;
        let mut rules = Vec::with_capacity(raw.rules.len());
        for (index, rule) in raw.rules.into_iter().enumerate() {
            let id = check_id(&rule.id, &mut ids).map_err(|problem| at(&format!("rules[{index}].id"), problem))?;
            let rule = check(rule, max_match_bytes, &mut sets).and_then(|rule| {
                nodes += rule.program.len();
                if nodes > MAX_ALL_NODES { Err(FieldError("match", Problem::TooLargeTogether)) } else { Ok(rule) }
            });
            rules.push(rule.map_err(|FieldError(field, problem)| PolicyError {
                path: format!("rules[{index}].{field}"),
                rule: Some(id),
                problem,
            })?);
        }
        let edits_responses = rules.iter().any(|rule| rule.response && rule.action > Action::Log);
        let unscannable = if edits_responses { OnUnscannable::Block } else { OnUnscannable::Pass };
        let sets = sets.build();
        let char_classes = Arc::new(CharClasses::new(rules.iter().map(|rule| &rule.program), &sets));
        let on_responses = rules.iter().enumerate().filter(|(_, rule)| rule.response);
        let leads: Vec<(RuleIndex, Lead)> = on_responses
            .filter_map(|(at, rule)| Some((RuleIndex(at as u32), Lead::of(&rule.program, &sets)?)))
            .take(MAX_LEADS)
            .collect();
        Ok(Policy {
            rules_by_first_char: rules_by_first_char(&rules, &leads),
            leads: Leads::new(leads, &sets),
            prefilters: [Direction::Request, Direction::Response].map(|direction| {
                let programs = rules.iter().filter(|rule| rule.is_on(direction)).map(|rule| &rule.program);
                Prefilter::new(programs, char_classes.clone())
            }),
            sets,
            max_match_bytes,
            on_unscannable: raw.on_unscannable.unwrap_or(unscannable),
            memory: Mutex::default(),
            rules: rules.into(),
        })
    }

    /// Returns `true` if any rule inspects texts of this direction.
    pub fn has(&self, direction: Direction) -> bool {
        self.rules.iter().any(|rule| rule.is_on(direction))
    }

    /// Returns `true` if a rule of this direction redacts or blocks. Otherwise nothing needs to be held back for a verdict.
    pub fn can_edit(&self, direction: Direction) -> bool {
        self.rules.iter().any(|rule| rule.is_on(direction) && rule.action > Action::Log)
    }

    /// Returns the rules in file order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Returns the rule at an index of this policy.
    pub fn rule(&self, index: RuleIndex) -> Option<&Rule> {
        self.rules.get(index.get())
    }

    /// Returns the maximum length of a match in bytes.
    pub fn max_match_bytes(&self) -> usize {
        self.max_match_bytes
    }

    /// Returns the handling of a response that cannot be inspected.
    pub fn on_unscannable(&self) -> OnUnscannable {
        self.on_unscannable
    }

    /// Checks every example against its rule.
    ///
    /// # Errors
    /// All examples that contradict their rule.
    pub fn check_examples(&self) -> Result<(), Vec<ExampleError>> {
        let mut scratch = Scratch::default();
        let mut errors = Vec::new();
        for rule in &self.rules {
            for (examples, should_match) in [(&rule.matching_examples, true), (&rule.non_matching_examples, false)] {
                for (index, text) in examples.iter().enumerate() {
                    let mut matched = false;
                    Matcher::new(0).read(&rule.target(&self.sets), View::whole(text), &mut scratch, |_| {
                        matched = true;
                        false
                    });
                    if matched != should_match {
                        errors.push(ExampleError { rule: rule.id.to_string(), should_match, index });
                    }
                }
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// Returns the rules of a direction with their indices.
    pub(crate) fn on(&self, direction: Direction) -> impl Iterator<Item = (RuleIndex, &Rule)> {
        self.rules
            .iter()
            .enumerate()
            .filter(move |(_, rule)| rule.is_on(direction))
            .map(|(at, rule)| (RuleIndex(at as u32), rule))
    }

    /// Returns the leads of the rules on responses.
    pub(crate) fn leads(&self) -> &Leads {
        &self.leads
    }

    /// Returns the rules on responses without a lead whose matches may start with `c`, in file order.
    pub(crate) fn starting_with(&self, c: char) -> &[RuleIndex] {
        let rules = self.rules_by_first_char.get((c as usize).min(0x80));
        debug_assert!(rules.is_some(), "the table has an entry for every ASCII character and one for all others");
        rules.map_or(&[], |rules| rules)
    }

    /// Returns the first index of `text` at or after `from` where a match of a rule on responses may start, or its length.
    pub(crate) fn next_start(&self, text: &str, from: usize) -> usize {
        let remaining = text.get(from..).unwrap_or("");
        remaining
            .char_indices()
            .find(|&(_, c)| !self.starting_with(c).is_empty() || self.leads.has(c, &self.sets))
            .map_or(text.len(), |(at, _)| from + at)
    }

    /// Returns the character sets of all rules.
    pub(crate) fn sets(&self) -> &CharSets {
        &self.sets
    }

    /// Returns the prefilter of a direction.
    pub(crate) fn prefilter(&self, direction: Direction) -> &Prefilter {
        let [request, response] = &self.prefilters;
        match direction {
            Direction::Request => request,
            Direction::Response => response,
        }
    }

    /// Runs `work` with the memory that all searches of this policy share. If another thread is using it, `work` gets fresh
    /// memory.
    pub(crate) fn with_memory<T>(&self, work: impl FnOnce(&mut SearchMemory) -> T) -> T {
        match self.memory.try_lock() {
            Ok(mut memory) => work(&mut memory),
            Err(_) => work(&mut SearchMemory::default()),
        }
    }
}

impl SearchMemory {
    /// Returns the scratch memory and the prefilter states of one direction.
    pub(crate) fn parts(&mut self, direction: Direction) -> (&mut Scratch, &mut StateCache) {
        let [request, response] = &mut self.caches;
        let cache = match direction {
            Direction::Request => request,
            Direction::Response => response,
        };
        (&mut self.scratch, cache)
    }
}

fn rules_by_first_char(rules: &[Rule], leads: &[(RuleIndex, Lead)]) -> RulesByFirstChar {
    let has_lead = |at: usize| leads.binary_search_by_key(&RuleIndex(at as u32), |(rule, _)| *rule).is_ok();
    // One character above 0x7f represents all of them: `can_start_with` does not distinguish them.
    let table = (0..=0x80u8).map(char::from).map(|c| {
        let on_responses = rules.iter().enumerate().filter(|(at, rule)| rule.response && !has_lead(*at));
        let starting = on_responses.filter(|(_, rule)| rule.program.can_start_with(c));
        starting.map(|(at, _)| RuleIndex(at as u32)).collect()
    });
    table.collect()
}

/// Field of a rule and its problem.
struct FieldError(&'static str, Problem);

fn check(raw: RawRule, max_match_bytes: usize, sets: &mut CharSetsBuilder) -> Result<Rule, FieldError> {
    let program = compile(&raw.pattern, sets)?;
    let shortest = program.shortest();
    if shortest > max_match_bytes {
        let problem = PatternError::TooLong { shortest, max: max_match_bytes };
        return Err(FieldError("match", problem.into()));
    }
    let starts = StartSet::new(program.longest(), max_match_bytes);
    if program.len() * starts.width() > MAX_SET_WORDS {
        return Err(FieldError("match", PatternError::TooLarge.into()));
    }
    let directions = raw.applies_to.unwrap_or(vec![Direction::Request, Direction::Response]);
    if directions.is_empty() {
        return Err(FieldError("applies_to", Problem::Empty));
    }
    if raw.action != Action::Redact && raw.replacement.is_some() {
        return Err(FieldError("replacement", Problem::OnlyWith("`action: redact`")));
    }
    if raw.action != Action::Block && raw.status.is_some() {
        return Err(FieldError("status", Problem::OnlyWith("`action: block`")));
    }
    if raw.action != Action::Block && raw.message.is_some() {
        return Err(FieldError("message", Problem::OnlyWith("`action: block`")));
    }
    let status = raw.status.unwrap_or(400);
    in_range(u32::from(status), STATUS).map_err(|problem| FieldError("status", problem))?;
    let replacement = raw.replacement.unwrap_or_else(|| format!("[{}]", raw.id));
    not_longer(&replacement, MAX_REPLACEMENT_BYTES).map_err(|problem| FieldError("replacement", problem))?;
    let message = raw.message.unwrap_or_else(|| format!("Refused by rule {} of the gateway's policy.", raw.id));
    not_longer(&message, MAX_MESSAGE_BYTES).map_err(|problem| FieldError("message", problem))?;
    Ok(Rule {
        id: raw.id.into(),
        description: raw.description.map(Into::into),
        program,
        starts,
        request: directions.contains(&Direction::Request),
        response: directions.contains(&Direction::Response),
        action: raw.action,
        replacement: replacement.into(),
        status,
        message: message.into(),
        matching_examples: raw.examples.matches.into(),
        non_matching_examples: raw.examples.no_match.into(),
    })
}

fn compile(raw: &RawPattern, sets: &mut CharSetsBuilder) -> Result<Program, FieldError> {
    let unicode = raw.unicode.unwrap_or(false);
    match (&raw.regex, &raw.keywords) {
        (Some(regex), None) => {
            if raw.ignore_case.is_some() {
                return Err(FieldError("match.ignore_case", Problem::OnlyWith("keywords; in a regex, write `(?i)`")));
            }
            if raw.word.is_some() {
                return Err(FieldError("match.word", Problem::OnlyWith("keywords; in a regex, write `\\b`")));
            }
            compile::regex(regex, unicode, sets).map_err(|error| FieldError("match.regex", error.into()))
        }
        (None, Some(keywords)) => {
            let error = |problem| FieldError("match.keywords", problem);
            if keywords.is_empty() || keywords.iter().any(String::is_empty) {
                return Err(error(Problem::Empty));
            }
            if keywords.len() > MAX_KEYWORDS {
                return Err(error(Problem::TooMany(MAX_KEYWORDS)));
            }
            for keyword in keywords {
                not_longer(keyword, MAX_KEYWORD_BYTES).map_err(error)?;
            }
            let trie = Trie::new(keywords.iter().map(String::as_str), raw.ignore_case.unwrap_or(true));
            let border = match (raw.word.unwrap_or(true), unicode) {
                (false, _) => Border::None,
                (true, false) => Border::Script,
                (true, true) => Border::Unicode,
            };
            compile::keywords(&trie, border, sets)
                .map_err(|pattern_error| error(pattern_error.into()))
        }
        _ => Err(FieldError("match", Problem::NeedsOnePattern)),
    }
}

fn check_id(id: &str, ids: &mut BTreeSet<String>) -> Result<String, Problem> {
    let valid = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    if id.is_empty() {
        return Err(Problem::Empty);
    }
    not_longer(id, MAX_ID_BYTES)?;
    if !id.bytes().all(valid) {
        return Err(Problem::InvalidId);
    }
    if !ids.insert(id.to_owned()) {
        return Err(Problem::DuplicateId);
    }
    Ok(id.to_owned())
}

fn not_longer(text: &str, max: usize) -> Result<(), Problem> {
    if text.len() > max { Err(Problem::TooLong(max)) } else { Ok(()) }
}

fn in_range(value: u32, (min, max): (u32, u32)) -> Result<(), Problem> {
    if (min..=max).contains(&value) { Ok(()) } else { Err(Problem::OutOfRange(min, max)) }
}

#[cfg(test)]
mod tests;
