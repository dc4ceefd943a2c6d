//! Validated and compiled policy.

mod conditions;
mod pattern;
mod rule;

use crate::caller::{Caller, CallerNeeds};
use crate::clean_texts::CleanTexts;
use crate::error::{ExampleError, PolicyError, Problem};
use crate::exception::Restrictions;
use crate::guard;
use crate::members::{self, Members};
use crate::pattern::assertion::Before;
use crate::pattern::char_classes::CharClasses;
use crate::pattern::char_set::{CharSets, CharSetsBuilder};
use crate::pattern::lead::Lead;
use crate::pattern::program::Program;
use crate::pattern::tail::Tail;
use crate::raw::{OnUneditable, OnUnscannable, RawAction, RawPolicy, RawRule};
use crate::rule::{Action, Direction, Rule, RuleIndex};
use crate::rule_set::RuleSet;
use crate::score::Thresholds;
use crate::search::gates::{GatedRule, Gates};
use crate::search::leads::{Leads, MAX_LEADS};
use crate::search::matcher::Matcher;
use crate::search::prefilter::{Prefilter, StateCache};
use crate::search::scratch::Scratch;
use crate::search::starters::Starters;
use crate::search::text_gates::{GatedPattern, TextGates};
use crate::search::window::Window;
use crate::substitute::Substitute;
use crate::view::{View, Wanted, each_derived};
use rule::{FieldError, check, check_id, guarded, restrict};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tollgate_digest::KeyedDigest;

/// Maximum number of rules in a policy.
pub const MAX_RULES: usize = 2048;
/// Maximum number of nodes of all rules together: about 3 MB.
const MAX_ALL_NODES: usize = 256 * 1024;
const MATCH_BYTES: (u32, u32) = (16, 16 * 1024);
/// Statuses of error responses.
pub(crate) const STATUS: (u32, u32) = (400, 599);
/// Maximum length of the message of an error response.
pub(crate) const MAX_MESSAGE_BYTES: usize = 1024;

/// Validated rules, ready to match.
#[derive(Debug)]
pub struct Policy {
    rules: Box<[Rule]>,
    sets: CharSets,
    max_match_bytes: usize,
    /// `None`: depends on the rules of the direction.
    on_unscannable: Option<OnUnscannable>,
    on_uneditable: OnUneditable,
    /// Number of bytes in front of a match that conditions of rules on responses need.
    look_behind: usize,
    /// See [`Policy::reach_of_changes`].
    reach_of_changes: usize,
    /// Gates of streams.
    gates: Gates,
    /// Gates of complete texts.
    text_gates: TextGates,
    leads: Leads,
    starters: Starters,
    /// `true` if all searches in streams begin at literals.
    streams_need_gates_only: bool,
    /// Rules without a gate of each [`Lane`].
    ungated: [Box<[RuleIndex]>; Lane::COUNT],
    prefilters: [Prefilter; Lane::COUNT],
    /// Calls to which rules do not apply.
    restrictions: Restrictions,
    /// Members of requests that rules judge.
    members: Members,
    /// `true` if a rule on requests judges names of tools.
    judges_tools: bool,
    /// Rules that judge arguments of calls, ascending.
    on_arguments: Box<[RuleIndex]>,
    /// Rules that judge where arguments come from, ascending.
    on_provenance: Box<[RuleIndex]>,
    /// Rules that compare responses with the system prompt, ascending, each with its number of words.
    on_overlap: Box<[(RuleIndex, usize)]>,
    /// Rules of which a scope or their kind says which texts they judge, ascending.
    scoped: Box<[RuleIndex]>,
    /// Thresholds of scores.
    thresholds: Thresholds,
    /// Views that rules on requests search.
    request_views: Wanted,
    /// Source of the secret key of the clean texts; `None`: every text is searched.
    clean_texts_key: Option<fn() -> [u8; 16]>,
    /// Key of hashes and placeholders.
    placeholder_key: KeyedDigest,
    memory: Mutex<SearchMemory>,
}

/// Working memory of searches: at most a few megabytes, and nothing of any text stays in it.
#[derive(Debug, Default)]
pub(crate) struct SearchMemory {
    pub(crate) scratch: Scratch,
    /// States of the prefilter of each [`Lane`].
    caches: [StateCache; Lane::COUNT],
    /// Texts of requests in which no rule matched.
    clean: Option<CleanTexts>,
}

/// Direction and view. Rules on responses search no other view than the text as it is.
#[derive(Clone, Copy, Debug)]
struct Lane(Direction, View);

impl Lane {
    const COUNT: usize = View::ALL.len() + 1;

    /// Returns all lanes, by their index.
    fn all() -> [Lane; Lane::COUNT] {
        let [raw, folded, letters, decoded, hidden] = View::ALL.map(|view| Lane(Direction::Request, view));
        [Lane(Direction::Response, View::Raw), raw, folded, letters, decoded, hidden]
    }

    fn index(self) -> usize {
        match self {
            Lane(Direction::Response, _) => 0,
            Lane(Direction::Request, view) => 1 + view as usize,
        }
    }

    /// Returns `true` if a rule is searched for.
    fn has(self, rule: &Rule) -> bool {
        rule.is_on(self.0) && rule.views.has(self.1)
    }
}

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
        if raw.guards.len() > guard::MAX_GUARDS {
            return Err(at("guards", Problem::TooMany(guard::MAX_GUARDS)));
        }
        in_range(raw.max_match_bytes, MATCH_BYTES).map_err(|problem| at("max_match_bytes", problem))?;
        let max_match_bytes = raw.max_match_bytes as usize;
        let placeholder_key = default_key(&raw);
        let thresholds = Thresholds::new(raw.scores.unwrap_or_default());
        let thresholds = thresholds.map_err(|(field, problem)| at(&format!("scores.{field}"), problem))?;
        let (lists, list_nodes) = conditions::named_lists(&raw.allow_lists)
            .map_err(|(field, problem)| at(&format!("allow_lists{field}"), problem))?;
        let mut sets = CharSetsBuilder::default();
        let mut ids = BTreeSet::new();
        let mut nodes = list_nodes;
        let mut rules = Vec::with_capacity(raw.rules.len());
        let mut restrictions = Restrictions::default();
        for (index, rule) in raw.rules.into_iter().enumerate() {
            let id = check_id(&rule.id, &mut ids).map_err(|problem| at(&format!("rules[{index}].id"), problem))?;
            let (scope, exceptions) = (rule.scope.clone().unwrap_or_default(), rule.exceptions.clone());
            let restricted = restrict(&mut restrictions, RuleIndex(index as u32), &scope, &exceptions);
            let rule = restricted.and_then(|()| check(rule, max_match_bytes, &lists, &mut sets, &thresholds)).and_then(
                |rule| {
                    nodes += rule.programs().map(|(program, _)| program.len()).sum::<usize>() + rule.conditions.nodes();
                    nodes += rule.tail.as_ref().map_or(0, Tail::nodes);
                    if nodes > MAX_ALL_NODES {
                        Err(FieldError("match".into(), Problem::TooLargeTogether))
                    } else {
                        Ok(rule)
                    }
                },
            );
            rules.push(rule.map_err(|FieldError(field, problem)| PolicyError {
                path: format!("rules[{index}].{field}"),
                rule: Some(id),
                problem,
            })?);
        }
        for (index, guard) in raw.guards.iter().enumerate() {
            let rule = guarded(guard, rules.len(), &mut ids, &mut restrictions, |rule| {
                check(rule, max_match_bytes, &lists, &mut sets, &thresholds)
            });
            rules.push(rule.map_err(|FieldError(field, problem)| PolicyError {
                path: format!("guards[{index}].{field}"),
                rule: None,
                problem,
            })?);
        }
        restrictions.add_all(&raw.exceptions, &rules)?;
        let sets = sets.build();
        let gates = gates(&rules, max_match_bytes);
        let text_gates = text_gates(&rules, max_match_bytes);
        let (all, gated) = (&rules, &text_gates);
        let others = |lane: Lane| {
            let rules = all.iter().enumerate().map(|(at, rule)| (RuleIndex(at as u32), rule));
            rules.filter(move |(at, rule)| lane.has(rule) && !gated.has(*at, lane.1))
        };
        let others_of_all =
            Lane::all().into_iter().flat_map(|lane| others(lane).map(move |(_, rule)| rule.program(lane.1)));
        let char_classes = Arc::new(CharClasses::new(others_of_all, &sets));
        let ungated = Lane::all().map(|lane| others(lane).map(|(at, _)| at).collect::<Box<[RuleIndex]>>());
        let prefilters = Lane::all().map(|lane| {
            let programs: Vec<&Program> = others(lane).map(|(_, rule)| rule.program(lane.1)).collect();
            Prefilter::new(&programs, &sets, char_classes.clone())
        });
        let on_requests = rules.iter().filter(|rule| rule.request);
        let request_views = on_requests.fold(Wanted::default(), |all, rule| all.or(Wanted::of(rule.views)));
        let in_streams = rules.iter().enumerate().map(|(at, rule)| (RuleIndex(at as u32), rule));
        let in_streams = in_streams.filter(|(at, rule)| rule.response && rule.views.has(View::Raw) && !gates.has(*at));
        let leads: Vec<(RuleIndex, Lead)> = in_streams
            .clone()
            .filter_map(|(at, rule)| Some((at, Lead::of(&rule.program, &sets)?)))
            .take(MAX_LEADS)
            .collect();
        let has_lead = |at: &RuleIndex| leads.binary_search_by_key(at, |(rule, _)| *rule).is_ok();
        let starters = Starters::new(&in_streams.clone().filter(|(at, _)| !has_lead(at)).collect::<Vec<_>>(), &sets);
        let streams_need_gates_only = in_streams.clone().next().is_none();
        Ok(Policy {
            streams_need_gates_only,
            gates,
            text_gates,
            starters,
            leads: Leads::new(leads, &sets),
            ungated,
            prefilters,
            restrictions,
            members: Members::new(&rules),
            on_arguments: {
                let all = rules.iter().enumerate().filter(|(_, rule)| rule.arguments.is_some());
                all.map(|(at, _)| RuleIndex(at as u32)).collect()
            },
            on_provenance: {
                let all = rules.iter().enumerate();
                let all = all.filter(|(_, rule)| rule.arguments.as_ref().is_some_and(|own| own.judges_provenance()));
                all.map(|(at, _)| RuleIndex(at as u32)).collect()
            },
            on_overlap: {
                let all = (0..).map(RuleIndex).zip(&rules);
                all.filter_map(|(index, rule)| Some((index, rule.overlap?))).collect()
            },
            judges_tools: rules.iter().any(|rule| rule.is_tool && rule.request),
            scoped: {
                let all = rules.iter().enumerate().filter(|(_, rule)| rule.scope.is_some() || rule.is_tool);
                all.map(|(at, _)| RuleIndex(at as u32)).collect()
            },
            thresholds,
            request_views,
            sets,
            max_match_bytes,
            look_behind: {
                let on_responses = rules.iter().filter(|rule| rule.response);
                on_responses.map(|rule| rule.conditions.look_behind()).max().unwrap_or(0)
            },
            reach_of_changes: {
                let behind = rules.iter().map(|rule| rule.conditions.look_behind()).max().unwrap_or(0);
                max_match_bytes + behind + 1
            },
            on_unscannable: raw.on_unscannable,
            on_uneditable: raw.on_uneditable,
            placeholder_key,
            clean_texts_key: None,
            memory: Mutex::default(),
            rules: rules.into(),
        })
    }

    /// Remembers texts of large requests in which no rule matched, so that they are not searched again when the conversation is
    /// sent with its next turn. `key` returns 128 secret random bits, and is called before the first such text.
    pub fn remember_clean_texts(&mut self, key: fn() -> [u8; 16]) {
        self.clean_texts_key = Some(key);
    }

    /// Returns the number of texts that were not searched because no rule had matched before.
    #[cfg(test)]
    pub(crate) fn clean_texts(&self) -> u64 {
        self.with_memory(|memory| memory.clean.as_ref().map_or(0, CleanTexts::hits))
    }

    /// Runs `work` with the clean texts. `None`: the policy remembers none, or another thread is using them.
    pub(crate) fn with_clean_texts<T>(&self, work: impl FnOnce(&mut CleanTexts) -> T) -> Option<T> {
        let key = self.clean_texts_key?;
        let mut memory = self.memory.try_lock().ok()?;
        Some(work(memory.clean.get_or_insert_with(|| CleanTexts::new(key()))))
    }

    pub(crate) fn rules_mut(&mut self) -> &mut [Rule] {
        &mut self.rules
    }

    /// Sets the secret of hashes and placeholders. Without one they depend on the policy: they are equal wherever the same
    /// policy runs, and whoever has the policy can try values.
    pub fn set_placeholder_key(&mut self, secret: &[u8]) {
        self.placeholder_key = KeyedDigest::new(secret);
    }

    /// Returns `true` if a rule restores in responses what it replaced in the request.
    pub fn restores(&self) -> bool {
        self.rules.iter().any(|rule| rule.restores && rule.action == Action::Redact)
    }

    /// Returns `true` if the replacement of a text of this size in a response may depend on the text. A stream keeps no more until
    /// it is replaced; only redactions of several rules that overlap are larger.
    pub(crate) fn replaces_as_value(&self, bytes: usize) -> bool {
        bytes <= 4 * self.max_match_bytes
    }

    /// Returns `true` if a rule hashes values or replaces them by placeholders, which have a key.
    pub fn needs_placeholder_key(&self) -> bool {
        let is_keyed = |rule: &Rule| matches!(rule.substitute, Substitute::Hash | Substitute::Placeholder);
        self.rules.iter().any(|rule| rule.action == Action::Redact && is_keyed(rule))
    }

    /// Returns the key of hashes and placeholders.
    pub(crate) fn placeholder_key(&self) -> &KeyedDigest {
        &self.placeholder_key
    }

    /// Returns `true` if any rule inspects texts of this direction.
    pub fn has(&self, direction: Direction) -> bool {
        self.rules.iter().any(|rule| rule.is_on(direction))
    }

    /// Returns `true` if a rule of this direction redacts or blocks, or adds to a score that may block. Otherwise nothing needs to be held back for a verdict.
    pub fn can_edit(&self, direction: Direction) -> bool {
        self.rules.iter().any(|rule| rule.is_on(direction) && rule.may_act_on(direction))
    }

    /// Returns the facts of a call that scopes and exceptions ask for; `None` if all rules apply to all calls.
    pub fn caller_needs(&self) -> Option<CallerNeeds> {
        self.restrictions.needs()
    }

    /// Returns the rules that do not apply to a call.
    pub fn excluded(&self, caller: &Caller<'_>) -> RuleSet {
        self.restrictions.excluded(caller)
    }

    /// Returns the members of requests that rules judge.
    pub(crate) fn members(&self) -> &Members {
        &self.members
    }

    /// Returns the rules that judge arguments of calls, ascending.
    pub(crate) fn on_arguments(&self) -> &[RuleIndex] {
        &self.on_arguments
    }

    /// Returns the rules that judge where arguments come from, ascending.
    pub(crate) fn on_provenance(&self) -> &[RuleIndex] {
        &self.on_provenance
    }

    /// Returns the rules that compare responses with the system prompt, ascending, each with its number of words.
    pub(crate) fn on_overlap(&self) -> &[(RuleIndex, usize)] {
        &self.on_overlap
    }

    /// Returns `true` if a rule compares responses with [facts about the request](crate::RequestFacts).
    pub fn compares_with_request(&self) -> bool {
        !self.on_provenance.is_empty() || !self.on_overlap.is_empty()
    }

    /// Returns `true` if a rule matches a text as it is, whatever views it searches.
    pub(crate) fn matches_raw(&self, rule: &Rule, text: &str, scratch: &mut Scratch) -> bool {
        let mut matched = false;
        Matcher::new(0).read(&rule.target(View::Raw, &self.sets), Window::whole(text), scratch, |_| {
            matched = true;
            false
        });
        matched
    }

    /// Returns `true` if a rule judges arguments of calls: those of a model in responses, and those that a request makes itself (Model
    /// Context Protocol).
    pub fn judges_arguments(&self) -> bool {
        !self.on_arguments.is_empty()
    }

    /// Returns `true` if a rule on requests judges names of tools.
    pub(crate) fn judges_tools(&self) -> bool {
        self.judges_tools
    }

    /// Returns the rules of which a scope or their kind says which texts they judge.
    pub(crate) fn scoped(&self) -> &[RuleIndex] {
        &self.scoped
    }

    /// Returns the thresholds of scores.
    pub(crate) fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// Returns the rules in file order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Returns the rule at an index of this policy.
    pub fn rule(&self, index: RuleIndex) -> Option<&Rule> {
        self.rules.get(index.get())
    }

    /// Returns the handling of a match that a rule would redact in a value that must not be edited.
    pub fn on_uneditable(&self) -> OnUneditable {
        self.on_uneditable
    }

    /// Returns the maximum length of a match in bytes.
    pub fn max_match_bytes(&self) -> usize {
        self.max_match_bytes
    }

    /// Returns the number of bytes around a change of a view in which matches may depend on it: those of the longest match, what
    /// conditions look at in front of it, and the character behind it.
    pub(crate) fn reach_of_changes(&self) -> usize {
        self.reach_of_changes
    }

    /// Returns the number of bytes in front of a match that conditions of rules on responses need.
    pub(crate) fn look_behind(&self) -> usize {
        self.look_behind
    }

    /// Returns the handling of content of this direction that cannot be inspected.
    pub fn on_unscannable(&self, direction: Direction) -> OnUnscannable {
        let default = if self.can_edit(direction) { OnUnscannable::Block } else { OnUnscannable::Pass };
        self.on_unscannable.unwrap_or(default)
    }

    /// Checks every example against its rule.
    ///
    /// # Errors
    /// All examples that contradict their rule.
    pub fn check_examples(&self) -> Result<(), Vec<ExampleError>> {
        let mut errors = Vec::new();
        for rule in &self.rules {
            for (examples, should_match) in [(&rule.matching_examples, true), (&rule.non_matching_examples, false)] {
                for (index, text) in examples.iter().enumerate() {
                    if self.matches(rule, text) != should_match {
                        errors.push(ExampleError { rule: rule.id.to_string(), should_match, index });
                    }
                }
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// Returns `true` if a rule matches a complete text.
    fn matches(&self, rule: &Rule, text: &str) -> bool {
        if let Some(names) = &rule.members {
            return members::matches(names, text);
        }
        let mut scratch = Scratch::default();
        if rule.arguments.is_some() {
            return self.matches_raw(rule, text, &mut scratch);
        }
        let mut matched = false;
        let mut search = |view: View, text: &str| {
            Matcher::new(0).read(&rule.target(view, &self.sets), Window::whole(text), &mut scratch, |_| {
                matched = true;
                false
            });
        };
        if rule.views.has(View::Raw) {
            search(View::Raw, text);
        }
        each_derived(text, Wanted::of(rule.views), |view, derived| {
            search(view, derived.text());
            true
        });
        matched
    }

    /// Returns the views that rules of a direction search.
    pub(crate) fn views(&self, direction: Direction) -> Wanted {
        match direction {
            Direction::Request => self.request_views,
            Direction::Response => Wanted::RAW,
        }
    }

    /// Returns the leads of the rules on responses.
    pub(crate) fn leads(&self) -> &Leads {
        &self.leads
    }

    /// Returns the rules on responses whose searches in a stream begin neither at a literal nor at the end of a lead.
    pub(crate) fn starters(&self) -> &Starters {
        &self.starters
    }

    /// Returns the first index of `text` at or after `from` where the search of one of the [`starters`](Self::starters) or a lead
    /// may begin; else the length of the text. `before` is the character before `from`.
    pub(crate) fn next_start(&self, text: &str, from: usize, before: Option<char>) -> usize {
        if self.streams_need_gates_only {
            return text.len();
        }
        let mut before = Before::of(before);
        let mut remaining = text.get(from..).unwrap_or("").char_indices();
        let start = remaining.find(|&(_, c)| self.may_start(std::mem::replace(&mut before, Before::of(Some(c))), c));
        start.map_or(text.len(), |(at, _)| from + at)
    }

    /// Returns `true` if [`next_start`](Self::next_start) stops at `c` behind a character of the kind `before`.
    pub(crate) fn may_start(&self, before: Before, c: char) -> bool {
        !self.starters.at(before, c).is_empty() || self.leads.has(c, &self.sets)
    }

    /// Returns the character sets of all rules.
    pub(crate) fn sets(&self) -> &CharSets {
        &self.sets
    }

    /// Returns the gates of all rules.
    pub(crate) fn gates(&self) -> &Gates {
        &self.gates
    }

    /// Returns the gates of complete texts.
    pub(crate) fn text_gates(&self) -> &TextGates {
        &self.text_gates
    }

    /// Returns the rules of a direction and view without a gate, in file order.
    pub(crate) fn ungated(&self, direction: Direction, view: View) -> &[RuleIndex] {
        self.ungated.get(Lane(direction, view).index()).map_or(&[], |rules| rules)
    }

    /// Returns the prefilter of the rules of a direction and view without a gate.
    pub(crate) fn prefilter(&self, direction: Direction, view: View) -> &Prefilter {
        let [first, ..] = &self.prefilters;
        self.prefilters.get(Lane(direction, view).index()).unwrap_or(first)
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
    /// Returns the scratch memory and the prefilter states of a direction and view.
    pub(crate) fn parts(&mut self, direction: Direction, view: View) -> (&mut Scratch, Option<&mut StateCache>) {
        (&mut self.scratch, self.caches.get_mut(Lane(direction, view).index()))
    }
}

/// Returns the key of hashes and placeholders of a policy without a secret: it depends on what its keyed rules search for.
fn default_key(raw: &RawPolicy) -> KeyedDigest {
    let is_keyed = |rule: &&RawRule| matches!(rule.action, RawAction::Hash | RawAction::Placeholder);
    let text = |rule: &RawRule| format!("{:?} {:?}\n", rule.id, rule.pattern);
    let text: String = raw.rules.iter().filter(is_keyed).map(text).collect();
    KeyedDigest::new(text.as_bytes())
}

/// Builds the gates of complete texts.
fn text_gates(rules: &[Rule], max_match_bytes: usize) -> TextGates {
    let patterns = rules.iter().enumerate().flat_map(|(at, rule)| {
        rule.programs().map(move |(program, views)| GatedPattern {
            rule: RuleIndex(at as u32),
            chains: program.chains(),
            views,
            repeated: rule.views.repeated(),
            request: rule.request,
            response: rule.response,
        })
    });
    TextGates::new(&patterns.collect::<Vec<_>>(), max_match_bytes)
}

/// Builds the gates of streams.
fn gates(rules: &[Rule], max_match_bytes: usize) -> Gates {
    let on_responses = rules.iter().enumerate().filter(|(_, rule)| rule.response && rule.views.has(View::Raw));
    let gated = on_responses.filter_map(|(at, rule)| {
        Some(GatedRule {
            rule: RuleIndex(at as u32),
            literals: rule.program.literals()?,
            edits: rule.may_act_on(Direction::Response),
            withheld_from: rule.withheld_from(),
        })
    });
    Gates::new(&gated.collect::<Vec<_>>(), max_match_bytes)
}

pub(crate) fn not_longer(text: &str, max: usize) -> Result<(), Problem> {
    if text.len() > max { Err(Problem::TooLong(max)) } else { Ok(()) }
}

pub(crate) fn in_range(value: u32, (min, max): (u32, u32)) -> Result<(), Problem> {
    if (min..=max).contains(&value) { Ok(()) } else { Err(Problem::OutOfRange(min, max)) }
}

#[cfg(test)]
mod tests;
