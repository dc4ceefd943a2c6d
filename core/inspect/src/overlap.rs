//! Overlap of a response with the system prompt of its request: words in a row that both have.
//!
//! Words are compared in lower case, without what is between them. A [`Reader`] reads a text of the response in pieces. If a rule may
//! act, it holds back the words that may be the beginning of an overlap: those of which every two in a row are in the prompt, too.

use crate::entities::Key;
use crate::error::Problem;
use crate::holdback::{Context, Holdback};
use crate::pattern::script::Script;
use crate::pattern::tool::has_other_pattern;
use crate::policy::Policy;
use crate::raw::RawRule;
use crate::report::{Cause, Report};
use crate::rule::{Action, Direction, RuleIndex};
use crate::rule_scope::Applicable;
use crate::rule_set::RuleSet;
use serde::Deserialize;
use std::collections::VecDeque;
use std::fmt;
use tollgate_llm::{Part, Request, Role, TextKind};

/// Range of [`RawOverlap::words`]: fewer occur in any two texts about one subject.
const WORDS: (u32, u32) = (6, 64);
const DEFAULT_WORDS: u32 = 12;
/// Maximum number of words of the prompt that are compared: the first ones.
const MAX_WORDS: usize = 16 * 1024;
/// Maximum length of a word in bytes. A longer one ends an overlap.
const MAX_WORD_BYTES: u64 = 128;
/// Maximum length of the text between two words of an overlap in bytes.
const MAX_GAP_BYTES: u64 = 128;
/// Base of the digests of words in a row: an odd number with well mixed bits.
const BASE: u64 = 0x9E37_79B9_7F4A_7C15;
/// Prime of FNV-1a.
const FNV_PRIME: u64 = 0x0000_0100_0000_01B3;

/// Words in a row that a response has in common with a text of the request.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawOverlap {
    /// Text of the request: `system`, the messages of the operator (also `developer`). Their first 16,384 words are compared, and
    /// none behind them.
    pub with: OverlapSource,
    /// Number of words in a row, 6 to 64. Default: 12.
    #[serde(default = "RawOverlap::default_words")]
    pub words: u32,
}

/// Text of a request with which responses are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OverlapSource {
    /// Messages of the operator: `system` and `developer`.
    System,
}

impl RawOverlap {
    fn default_words() -> u32 {
        DEFAULT_WORDS
    }
}

/// Takes the pattern `overlap` from a rule, which then searches no text, and returns its number of words. A keyword takes the place of
/// the pattern, because a rule has one.
pub(crate) fn expand(rule: &mut RawRule) -> Result<Option<usize>, (&'static str, Problem)> {
    let Some(RawOverlap { with: OverlapSource::System, words }) = rule.pattern.overlap.take() else { return Ok(None) };
    if has_other_pattern(&rule.pattern) {
        return Err(("match", Problem::OverlapAlone));
    }
    if !(WORDS.0..=WORDS.1).contains(&words) {
        return Err(("match.overlap.words", Problem::OutOfRange(WORDS.0, WORDS.1)));
    }
    if rule.action.action() == Action::Redact {
        return Err(("action", Problem::ActionOfOverlap));
    }
    match rule.applies_to.as_deref() {
        None => rule.applies_to = Some(vec![Direction::Response]),
        Some([Direction::Response]) => {}
        Some(_) => return Err(("applies_to", Problem::DirectionOfOverlap)),
    }
    if rule.scope.as_ref().is_some_and(|scope| scope.tools.is_some() || scope.arguments.is_some()) {
        return Err(("scope", Problem::OverlapOfArguments));
    }
    if !rule.examples.matches.is_empty() || !rule.examples.no_match.is_empty() {
        return Err(("examples", Problem::ExamplesOfCalls));
    }
    rule.pattern.keywords = Some(vec!["overlap".to_owned()]);
    Ok(Some(words as usize))
}

/// Returns `true` if texts of a part are compared: those that the model writes for people.
pub(crate) fn is_compared(part: Part) -> bool {
    matches!(
        part,
        Part::Content
            | Part::Refusal
            | Part::Transcript
            | Part::Reasoning
            | Part::ReasoningCopy
            | Part::ReasoningDetails
            | Part::Whole
    )
}

/// Keyed digests of the words of a prompt: of the first [`MAX_WORDS`], so that words behind them have no overlap.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Passages {
    /// Secret with which the digest of a word begins: digests tell nothing about the words without it.
    key: Key,
    /// Digests of single words and of two in a row, ascending.
    pairs: Vec<u64>,
    /// Digests of as many words in a row as rules ask for, ascending, by their number.
    runs: Vec<(usize, Vec<u64>)>,
}

/// Prints the numbers of digests.
impl fmt::Debug for Passages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passages({})", self.runs.iter().map(|(_, digests)| digests.len()).sum::<usize>())
    }
}

impl Passages {
    pub(crate) const fn new() -> Passages {
        Passages { key: Key::new(), pairs: Vec::new(), runs: Vec::new() }
    }

    /// Returns `true` if no text can have an overlap.
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Collects the words of the messages of the operator, for the rules of a policy that apply to a call.
    pub(crate) fn of_request(policy: &Policy, excluded: &RuleSet, request: &Request, body: &[u8]) -> Passages {
        let is_system = |role| matches!(role, Role::System | Role::Developer);
        let (key, mut words, mut ends) = (Key::of(policy), Vec::new(), Vec::new());
        let mut message = None;
        for text in request.texts.iter().filter(|text| is_system(text.role) && text.kind == TextKind::Content) {
            if message != Some(text.message) {
                ends.push(words.len());
                message = Some(text.message);
            }
            let mut reader = Words::new(key);
            reader.read(&text.str.decode(body), true, |step| match step {
                Step::Word { digest, .. } if words.len() < MAX_WORDS => words.push(digest),
                Step::Word { .. } => {}
                Step::Break => ends.push(words.len()),
            });
        }
        ends.push(words.len());
        let mut passages = Passages { key, ..Passages::new() };
        let on = policy.on_overlap().iter().filter(|(rule, _)| !excluded.contains(*rule));
        let messages: Vec<&[u64]> =
            ends.windows(2).filter_map(|ends| words.get(*ends.first()?..*ends.last()?)).collect();
        for (_, len) in on {
            let mut digests: Vec<u64> = messages.iter().flat_map(|words| words.windows(*len)).map(digest_of).collect();
            if !digests.is_empty() && !passages.runs.iter().any(|(own, _)| own == len) {
                digests.sort_unstable();
                digests.dedup();
                passages.runs.push((*len, digests));
            }
        }
        if !passages.runs.is_empty() {
            let single = messages.iter().flat_map(|words| words.windows(1));
            let pairs = single.chain(messages.iter().flat_map(|words| words.windows(2)));
            passages.pairs = pairs.map(digest_of).collect();
            passages.pairs.sort_unstable();
            passages.pairs.dedup();
        }
        passages
    }

    fn has_pair(&self, pair: &[u64]) -> bool {
        self.pairs.binary_search(&digest_of(pair)).is_ok()
    }
}

/// Returns the digest of words in a row.
fn digest_of(words: &[u64]) -> u64 {
    digest_in(words.len(), words.iter().copied())
}

fn digest_in(len: usize, words: impl Iterator<Item = u64>) -> u64 {
    words.fold(len as u64, |digest, word| (digest ^ word).wrapping_mul(BASE).rotate_left(29))
}

/// Event of a text.
enum Step {
    /// Word from one position to another.
    Word { digest: u64, start: u64, end: u64 },
    /// Something that ends an overlap.
    Break,
}

/// Reader of words in a text that arrives in pieces.
#[derive(Debug, Default)]
struct Words {
    key: Key,
    /// Position behind the text that was read.
    position: u64,
    /// Start and digest of the word in progress.
    word: Option<(u64, u64)>,
    /// End of the last word.
    last_end: u64,
    /// `true` if the word in progress, or the text behind the last word, is too long.
    is_broken: bool,
}

impl Words {
    fn new(key: Key) -> Words {
        Words { key, ..Words::default() }
    }

    /// Reads a piece. A word ends with the character behind it, or with the text.
    fn read(&mut self, piece: &str, is_last: bool, mut each: impl FnMut(Step)) {
        for c in piece.chars() {
            let at = self.position;
            self.position += c.len_utf8() as u64;
            let is_word = c.is_alphanumeric();
            let is_single = is_word && Script::of(c) == Script::Unspaced;
            // Characters that are not displayed neither belong to a word nor end it.
            let is_hidden = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}');
            if (is_single || !is_word && !is_hidden) && self.word.is_some() {
                self.end_word(at, &mut each);
            }
            if is_word {
                let (start, mut digest) = self.word.unwrap_or((at, self.key.seed()));
                for lower in c.to_lowercase() {
                    digest = (digest ^ u64::from(u32::from(lower))).wrapping_mul(FNV_PRIME);
                }
                self.word = Some((start, digest));
            }
            let (start, longest) = match self.word {
                Some((start, _)) => (start, MAX_WORD_BYTES),
                None => (self.last_end, MAX_GAP_BYTES),
            };
            if self.position - start > longest && !self.is_broken {
                self.is_broken = true;
                each(Step::Break);
            }
            if is_single {
                self.end_word(self.position, &mut each);
            }
        }
        if is_last && self.word.is_some() {
            self.end_word(self.position, &mut each);
        }
    }

    fn end_word(&mut self, end: u64, each: &mut impl FnMut(Step)) {
        let Some((start, digest)) = self.word.take() else { return };
        self.last_end = end;
        self.is_broken = false;
        if end - start <= MAX_WORD_BYTES {
            each(Step::Word { digest, start, end });
        }
    }

    /// Returns the start of the word in progress that may belong to an overlap.
    fn open_word(&self) -> Option<u64> {
        let (start, _) = self.word?;
        (self.position - start <= MAX_WORD_BYTES).then_some(start)
    }
}

/// Rule that compares a text.
#[derive(Debug)]
struct Watch {
    rule: RuleIndex,
    words: usize,
    /// `true` while the text goes on with the overlap that was reported.
    is_open: bool,
}

/// New overlap of a rule.
struct Found {
    rule: RuleIndex,
    start: u64,
}

/// Words of a text in a row, as far as rules need them.
#[derive(Debug)]
struct Overlaps {
    watches: Vec<Watch>,
    /// Digests and starts of the last words.
    recent: VecDeque<(u64, u64)>,
    /// Number of the last words of which every two in a row are in the prompt.
    run: usize,
    /// Number of words that the rule with most of them needs.
    most: usize,
}

impl Overlaps {
    /// Returns the overlaps of the rules that apply to a text; `None` if there are none.
    fn new(policy: &Policy, applicable: Applicable<'_>, passages: &Passages) -> Option<Overlaps> {
        if passages.is_empty() {
            return None;
        }
        let on = policy.on_overlap().iter().filter(|(rule, words)| {
            passages.runs.iter().any(|(own, _)| own == words) && applicable.has_only(policy, *rule)
        });
        let watches: Vec<Watch> =
            on.map(|(rule, words)| Watch { rule: *rule, words: *words, is_open: false }).collect();
        let most = watches.iter().map(|watch| watch.words).max()?;
        Some(Overlaps { watches, recent: VecDeque::with_capacity(most), run: 0, most })
    }

    /// Reads a step of the text and returns the overlaps that it makes, by rule.
    fn step(&mut self, passages: &Passages, step: &Step) -> Vec<Found> {
        let Step::Word { digest, start, .. } = *step else {
            self.recent.clear();
            self.run = 0;
            self.watches.iter_mut().for_each(|watch| watch.is_open = false);
            return Vec::new();
        };
        let follows = self.run > 0 && self.recent.back().is_some_and(|(last, _)| passages.has_pair(&[*last, digest]));
        self.run = match follows {
            true => self.run + 1,
            false => usize::from(passages.has_pair(&[digest])),
        };
        if self.recent.len() == self.most {
            self.recent.pop_front();
        }
        self.recent.push_back((digest, start));
        let mut found = Vec::new();
        let Overlaps { watches, recent, run, .. } = self;
        for Watch { rule, words, is_open } in watches {
            let was_open = std::mem::take(is_open);
            if *run < *words {
                continue;
            }
            let last = || recent.iter().skip(recent.len().saturating_sub(*words));
            let digest = digest_in(*words, last().map(|(digest, _)| *digest));
            let digests = passages.runs.iter().find(|(own, _)| own == words);
            *is_open = digests.is_some_and(|(_, digests)| digests.binary_search(&digest).is_ok());
            if *is_open && !was_open {
                found.extend(last().next().map(|(_, start)| Found { rule: *rule, start: *start }));
            }
        }
        found
    }

    /// Returns the start of the last words that may be the beginning of an overlap of at most `most` words.
    fn hold(&self, most: usize) -> Option<u64> {
        let held = self.run.min(most.saturating_sub(1));
        let first = self.recent.len().checked_sub(held).filter(|_| held > 0)?;
        self.recent.get(first).map(|(_, start)| *start)
    }
}

/// Records an overlap. Returns the cause if it is blocked.
fn record(policy: &Policy, index: RuleIndex, report: &mut Report) -> Option<Cause> {
    let rule = policy.rule(index)?;
    report.matched(index, rule.action());
    match rule.action() {
        Action::Log | Action::Redact => None,
        Action::Score => {
            report.scores.add(index, rule.points(), false);
            report.reached(policy, Direction::Response)
        }
        Action::Block => Some(Cause::Rule(index)),
    }
}

/// Compares a complete text and calls `each` with the rule and the range of every overlap, as far as the rule asks for words.
pub(crate) fn each_overlap(
    policy: &Policy,
    applicable: Applicable<'_>,
    passages: &Passages,
    text: &str,
    mut each: impl FnMut(RuleIndex, (u64, u64)),
) {
    let Some(mut overlaps) = Overlaps::new(policy, applicable, passages) else { return };
    Words::new(passages.key).read(text, true, |step| {
        let end = if let Step::Word { end, .. } = step { end } else { 0 };
        overlaps.step(passages, &step).into_iter().for_each(|found| each(found.rule, (found.start, end)));
    });
}

/// Compares a complete text and records the overlaps. Returns the cause if it is blocked.
pub(crate) fn inspect(
    policy: &Policy,
    applicable: Applicable<'_>,
    passages: &Passages,
    text: &str,
    report: &mut Report,
) -> Option<Cause> {
    let mut cause = None;
    each_overlap(policy, applicable, passages, text, |rule, _| {
        if cause.is_none() {
            cause = record(policy, rule, report);
        }
    });
    cause
}

/// Reader of a text of a stream in front of its [`Holdback`]: the overlaps, and the text that is held back because of them.
#[derive(Debug)]
pub(crate) struct Reader {
    words: Words,
    overlaps: Overlaps,
    /// Most words of a rule that may act, which are held back; 0 if none may.
    withheld: usize,
    /// End of the text, as far as it had not been given to the hold-back before the last piece.
    kept: String,
    /// Number of bytes of `kept` that were given since.
    given: usize,
    /// Position of `kept` in the text.
    base: u64,
}

impl Reader {
    /// Creates the reader of a text; `None` if no rule compares it.
    pub(crate) fn new(policy: &Policy, applicable: Applicable<'_>, passages: &Passages) -> Option<Reader> {
        let overlaps = Overlaps::new(policy, applicable, passages)?;
        let acts = |watch: &&Watch| policy.rule(watch.rule).is_some_and(|rule| rule.may_act_on(Direction::Response));
        let withheld = overlaps.watches.iter().filter(acts).map(|watch| watch.words).max().unwrap_or(0);
        let words = Words::new(passages.key);
        Some(Reader { words, overlaps, withheld, kept: String::new(), given: 0, base: 0 })
    }

    /// Returns the number of bytes that are held back.
    pub(crate) fn held(&self) -> usize {
        self.kept.len() - self.given
    }

    /// Adds a piece, gives the hold-back what no overlap can include, and appends what it releases to `out`. Returns the cause if the
    /// text is blocked: then all text in front of the overlap was given.
    pub(crate) fn push(
        &mut self,
        context: &mut Context<'_>,
        holdback: &mut Holdback,
        passages: &Passages,
        (piece, is_last): (&str, bool),
        out: &mut String,
    ) -> Option<Cause> {
        let cause = self.add(context, holdback, passages, (piece, is_last), out);
        // Once per piece: a piece may have many overlaps.
        self.kept.drain(..self.given);
        self.base += std::mem::take(&mut self.given) as u64;
        cause
    }

    fn add(
        &mut self,
        context: &mut Context<'_>,
        holdback: &mut Holdback,
        passages: &Passages,
        (piece, is_last): (&str, bool),
        out: &mut String,
    ) -> Option<Cause> {
        self.kept.push_str(piece);
        let mut steps = Vec::new();
        self.words.read(piece, is_last, |step| steps.push(step));
        for step in steps {
            let found = self.overlaps.step(passages, &step);
            if found.is_empty() {
                continue;
            }
            // What the hold-back has read when an overlap is recorded depends on the text alone.
            let Step::Word { end, .. } = step else { continue };
            let mut until = self.overlaps.hold(self.withheld).unwrap_or(end);
            let acting = found.iter().filter(|found| self.acts(context.policy, found.rule));
            until = acting.map(|found| found.start).fold(until, u64::min);
            if let Some(cause) = self.give(context, holdback, until, false, out) {
                return Some(cause);
            }
            let causes = found.iter().filter_map(|found| record(context.policy, found.rule, context.report));
            if let Some(cause) = causes.reduce(|first, _| first) {
                return Some(cause);
            }
        }
        let end = self.base + self.kept.len() as u64;
        let hold = self.overlaps.hold(self.withheld);
        let open = self.words.open_word().filter(|_| self.withheld > 0);
        let until = if is_last { end } else { hold.into_iter().chain(open).min().unwrap_or(end) };
        self.give(context, holdback, until, is_last, out)
    }

    fn acts(&self, policy: &Policy, rule: RuleIndex) -> bool {
        policy.rule(rule).is_some_and(|rule| rule.may_act_on(Direction::Response))
    }

    /// Gives the text up to a position to the hold-back.
    fn give(
        &mut self,
        context: &mut Context<'_>,
        holdback: &mut Holdback,
        until: u64,
        is_last: bool,
        out: &mut String,
    ) -> Option<Cause> {
        let len = until.saturating_sub(self.base) as usize;
        debug_assert!(self.kept.is_char_boundary(len), "{len} of {}", self.kept.len());
        let end = self.kept.floor_char_boundary(len).max(self.given);
        let given = self.kept.get(self.given..end).unwrap_or_default();
        self.given = end;
        if given.is_empty() && !is_last { None } else { holdback.push(context, given, is_last, out) }
    }
}

#[cfg(test)]
mod tests;
