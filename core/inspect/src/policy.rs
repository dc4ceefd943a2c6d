//! A policy that has been checked and compiled.

use crate::error::{ExampleError, PatternError, PolicyError, Problem};
use crate::pattern::alphabet::Alphabet;
use crate::pattern::class::{Classes, ClassesBuilder};
use crate::pattern::compile;
use crate::pattern::keywords::Trie;
use crate::pattern::program::Program;
use crate::raw::{OnUnscannable, RawPattern, RawPolicy, RawRule};
use crate::rule::{Action, Direction, Rule, RuleIndex};
use crate::search::matcher::Matcher;
use crate::search::scratch::Scratch;
use crate::search::screen::{Screen, States};
use crate::search::starts::Starts;
use crate::search::view::View;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Rules a policy may have.
pub const MAX_RULES: usize = 2048;
/// Keywords one rule may have, and bytes of one.
const MAX_KEYWORDS: usize = 4096;
const MAX_KEYWORD_BYTES: usize = 256;
/// Nodes of all rules together: about 3 MB.
const MAX_ALL_NODES: usize = 256 * 1024;
/// Words a search may need for its sets of starts: 512 KB.
const MAX_SET_WORDS: usize = 64 * 1024;
const MATCH_BYTES: (u32, u32) = (16, 16 * 1024);
const STATUS: (u32, u32) = (400, 599);
const MAX_ID_BYTES: usize = 64;
const MAX_REPLACEMENT_BYTES: usize = 256;
const MAX_MESSAGE_BYTES: usize = 1024;

/// Rules, ready to match.
#[derive(Debug)]
pub struct Policy {
    rules: Box<[Rule]>,
    classes: Classes,
    max_match_bytes: usize,
    on_unscannable: OnUnscannable,
    starters: Starters,
    screens: [Screen; 2],
    memory: Mutex<Memory>,
}

/// What searches work in: never more than some megabytes, and nothing of any text stays in it.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) scratch: Scratch,
    /// The states of the screen of each direction.
    pub(crate) states: [States; 2],
}

/// Per ASCII character, and once for all others: the rules on responses whose matches may start with it.
type Starters = Box<[Box<[RuleIndex]>]>;

impl Policy {
    /// Checks and compiles a policy.
    ///
    /// # Errors
    /// The first thing that is wrong; see [`Problem`].
    pub fn from_raw(raw: RawPolicy) -> Result<Policy, PolicyError> {
        let at = |path: &str, problem| PolicyError { path: path.to_owned(), rule: None, problem };
        if raw.rules.len() > MAX_RULES {
            return Err(at("rules", Problem::TooMany(MAX_RULES)));
        }
        in_range(raw.max_match_bytes, MATCH_BYTES).map_err(|problem| at("max_match_bytes", problem))?;
        let max_match_bytes = raw.max_match_bytes as usize;
        let mut classes = ClassesBuilder::default();
        let mut ids = BTreeSet::new();
        let mut nodes = 0;
        let mut rules = Vec::with_capacity(raw.rules.len());
        for (index, rule) in raw.rules.into_iter().enumerate() {
            let id = check_id(&rule.id, &mut ids).map_err(|problem| at(&format!("rules[{index}].id"), problem))?;
            let rule = check(rule, max_match_bytes, &mut classes).and_then(|rule| {
                nodes += rule.program.len();
                if nodes > MAX_ALL_NODES { Err(Wrong("match", Problem::TooLargeTogether)) } else { Ok(rule) }
            });
            rules.push(rule.map_err(|Wrong(field, problem)| PolicyError {
                path: format!("rules[{index}].{field}"),
                rule: Some(id),
                problem,
            })?);
        }
        let edits_responses = rules.iter().any(|rule| rule.response && rule.action > Action::Log);
        let unscannable = if edits_responses { OnUnscannable::Block } else { OnUnscannable::Pass };
        let starters = starters(&rules);
        let classes = classes.build();
        let alphabet = Arc::new(Alphabet::new(rules.iter().map(|rule| &rule.program), &classes));
        Ok(Policy {
            starters,
            screens: [Direction::Request, Direction::Response].map(|direction| {
                let programs = rules.iter().filter(|rule| rule.is_on(direction)).map(|rule| &rule.program);
                Screen::new(programs, alphabet.clone())
            }),
            classes,
            max_match_bytes,
            on_unscannable: raw.on_unscannable.unwrap_or(unscannable),
            memory: Mutex::default(),
            rules: rules.into(),
        })
    }

    /// Whether any rule looks at texts of this direction: if not, there is nothing to inspect.
    pub fn has(&self, direction: Direction) -> bool {
        self.rules.iter().any(|rule| rule.is_on(direction))
    }

    /// Whether a rule of this direction redacts or blocks: if not, nothing needs to be held for a verdict.
    pub fn can_edit(&self, direction: Direction) -> bool {
        self.rules.iter().any(|rule| rule.is_on(direction) && rule.action > Action::Log)
    }

    /// The rules in file order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule at an index of this policy.
    pub fn rule(&self, index: RuleIndex) -> Option<&Rule> {
        self.rules.get(index.get())
    }

    /// The longest match in bytes.
    pub fn max_match_bytes(&self) -> usize {
        self.max_match_bytes
    }

    /// What happens to an answer that cannot be inspected.
    pub fn on_unscannable(&self) -> OnUnscannable {
        self.on_unscannable
    }

    /// Whether every example proves what it should.
    ///
    /// # Errors
    /// All that do not.
    pub fn check_examples(&self) -> Result<(), Vec<ExampleError>> {
        let mut scratch = Scratch::default();
        let mut wrong = Vec::new();
        for rule in &self.rules {
            for (examples, should_match) in [(&rule.matching, true), (&rule.not_matching, false)] {
                for (index, text) in examples.iter().enumerate() {
                    let mut matched = false;
                    Matcher::new(0).read(&rule.target(&self.classes), View::whole(text), true, &mut scratch, |_| {
                        matched = true;
                        false
                    });
                    if matched != should_match {
                        wrong.push(ExampleError { rule: rule.id.to_string(), should_match, index });
                    }
                }
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// The rules of a direction with their places.
    pub(crate) fn on(&self, direction: Direction) -> impl Iterator<Item = (RuleIndex, &Rule)> {
        self.rules
            .iter()
            .enumerate()
            .filter(move |(_, rule)| rule.is_on(direction))
            .map(|(at, rule)| (RuleIndex(at as u32), rule))
    }

    /// The rules on responses whose matches may start with `c`, in file order.
    pub(crate) fn starting_with(&self, c: char) -> &[RuleIndex] {
        self.starters.get((c as usize).min(0x80)).map_or(&[], |rules| rules)
    }

    /// The first index of `text` from `from` on where a match of a rule on responses may start, or its length.
    pub(crate) fn next_start(&self, text: &str, from: usize) -> usize {
        let rest = text.get(from..).unwrap_or("");
        rest.char_indices().find(|&(_, c)| !self.starting_with(c).is_empty()).map_or(text.len(), |(at, _)| from + at)
    }

    pub(crate) fn classes(&self) -> &Classes {
        &self.classes
    }

    pub(crate) fn screen(&self, direction: Direction) -> &Screen {
        let [request, response] = &self.screens;
        match direction {
            Direction::Request => request,
            Direction::Response => response,
        }
    }

    /// Runs `work` with the memory that all searches of this policy share. (One thread at a time has it; another one
    /// gets memory of its own.)
    pub(crate) fn with_memory<T>(&self, work: impl FnOnce(&mut Memory) -> T) -> T {
        match self.memory.try_lock() {
            Ok(mut memory) => work(&mut memory),
            Err(_) => work(&mut Memory::default()),
        }
    }
}

impl Memory {
    /// The parts, with the states of one direction.
    pub(crate) fn parts(&mut self, direction: Direction) -> (&mut Scratch, &mut States) {
        let [request, response] = &mut self.states;
        let states = match direction {
            Direction::Request => request,
            Direction::Response => response,
        };
        (&mut self.scratch, states)
    }
}

fn starters(rules: &[Rule]) -> Starters {
    // Any character above 0x7f stands for all: programs do not tell them apart either.
    let table = (0..=0x80u8).map(char::from).map(|c| {
        let starting = rules.iter().enumerate().filter(|(_, rule)| rule.response && rule.program.can_start_with(c));
        starting.map(|(at, _)| RuleIndex(at as u32)).collect()
    });
    table.collect()
}

/// A field of a rule, and what is wrong with it.
struct Wrong(&'static str, Problem);

fn check(raw: RawRule, max_match_bytes: usize, classes: &mut ClassesBuilder) -> Result<Rule, Wrong> {
    let program = compile(&raw.pattern, classes)?;
    let shortest = program.shortest();
    if shortest > max_match_bytes {
        let problem = PatternError::TooLong { shortest, max: max_match_bytes };
        return Err(Wrong("match", problem.into()));
    }
    let starts = Starts::new(program.longest(), max_match_bytes);
    if program.len() * starts.width() > MAX_SET_WORDS {
        return Err(Wrong("match", PatternError::TooLarge.into()));
    }
    let directions = raw.applies_to.unwrap_or(vec![Direction::Request, Direction::Response]);
    if directions.is_empty() {
        return Err(Wrong("applies_to", Problem::Empty));
    }
    if raw.action != Action::Redact && raw.replacement.is_some() {
        return Err(Wrong("replacement", Problem::OnlyWith("action: redact")));
    }
    if raw.action != Action::Block && raw.status.is_some() {
        return Err(Wrong("status", Problem::OnlyWith("action: block")));
    }
    if raw.action != Action::Block && raw.message.is_some() {
        return Err(Wrong("message", Problem::OnlyWith("action: block")));
    }
    let status = raw.status.unwrap_or(400);
    in_range(u32::from(status), STATUS).map_err(|problem| Wrong("status", problem))?;
    let replacement = raw.replacement.unwrap_or_else(|| format!("[{}]", raw.id));
    not_longer(&replacement, MAX_REPLACEMENT_BYTES).map_err(|problem| Wrong("replacement", problem))?;
    let message = raw.message.unwrap_or_else(|| format!("Refused by rule {} of the gateway's policy.", raw.id));
    not_longer(&message, MAX_MESSAGE_BYTES).map_err(|problem| Wrong("message", problem))?;
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
        matching: raw.examples.matches.into(),
        not_matching: raw.examples.no_match.into(),
    })
}

fn compile(raw: &RawPattern, classes: &mut ClassesBuilder) -> Result<Program, Wrong> {
    match (&raw.regex, &raw.keywords) {
        (Some(regex), None) => {
            if raw.ignore_case.is_some() {
                return Err(Wrong("match.ignore_case", Problem::OnlyWith("keywords; a regex says (?i)")));
            }
            if raw.word.is_some() {
                return Err(Wrong("match.word", Problem::OnlyWith("keywords; a regex says \\b")));
            }
            compile::regex(regex, classes).map_err(|error| Wrong("match.regex", error.into()))
        }
        (None, Some(keywords)) => {
            let wrong = |problem| Wrong("match.keywords", problem);
            if keywords.is_empty() || keywords.iter().any(String::is_empty) {
                return Err(wrong(Problem::Empty));
            }
            if keywords.len() > MAX_KEYWORDS {
                return Err(wrong(Problem::TooMany(MAX_KEYWORDS)));
            }
            for keyword in keywords {
                not_longer(keyword, MAX_KEYWORD_BYTES).map_err(wrong)?;
            }
            let trie = Trie::new(keywords.iter().map(String::as_str), raw.ignore_case.unwrap_or(true));
            compile::keywords(&trie, raw.word.unwrap_or(true), classes).map_err(|error| wrong(error.into()))
        }
        _ => Err(Wrong("match", Problem::NeedsOnePattern)),
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
