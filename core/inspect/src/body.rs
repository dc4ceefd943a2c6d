//! Inspection of complete bodies: requests, and responses that are not streamed.

mod stale_annotations;

use crate::clean_texts::CleanTexts;
use crate::policy::Policy;
use crate::raw::OnUnscannable;
use crate::redactions::{First, Redaction, Redactions};
use crate::report::{Cause, Finding, Report};
use crate::rule::{Action, Direction, RuleIndex};
use crate::search::matcher::Match;
use crate::search::meter::Meter;
use crate::search::rule_search::{RuleSearch, Scope};
use stale_annotations::StaleAnnotations;
use std::borrow::Cow;
use std::ops::Range;
use tollgate_llm::{Channel, Edits, Overlap, Part, Request, Response, Role, Span, Str, TextKind, empty_value};

/// Maximum number of edits of one body. Each edit takes memory, and the client chooses how many there are; the largest known
/// prompts, redacted by every rule of a pack, need a few hundred.
const MAX_EDITS: usize = 16 * 1024;

/// Inspects every text of a request: system, user and assistant messages, tool results, tool calls, tool definitions, names,
/// and fields that the API does not define. Base64 data of images, audio and files is inspected verbatim, because nothing
/// guarantees that it is base64, but only by rules that begin with or contain literals; the decoded content is not inspected
/// and counts as unscanned.
///
/// The work is bounded by the size of the body. Texts beyond it are blocked, or pass and count as unscanned, as the policy
/// says for content that cannot be inspected.
///
/// Content of several parts, in a message or in the operator's instructions, is inspected part by part and also joined,
/// because the model reads it joined: a secret split over two parts is found, and redacted in both.
///
/// A policy that [remembers clean texts](Policy::remember_clean_texts) does not search them again.
pub fn inspect_request(policy: &Policy, request: &Request, body: &[u8]) -> Report {
    let mut inspection = Inspection::new(policy, Direction::Request, body);
    inspection.is_raw = request.is_form;
    let mut parts = Vec::new();
    let single = |part: usize| part..part + 1;
    let mut message = None;
    for (index, text) in request.texts.iter().enumerate() {
        // Of the texts outside of messages, only the operator's instructions are one text; inputs to embed, documents and
        // prompts in a list are independent.
        let is_independent = text.message.is_none() && !matches!(text.role, Role::System | Role::Developer);
        if text.message != message || is_independent {
            inspection.parts(&parts, single);
            parts.clear();
            message = text.message;
        }
        match text.kind {
            TextKind::Content => parts.push((index, text.str)),
            kind => {
                let encoded = matches!(kind, TextKind::Data | TextKind::ImageData)
                    || kind == TextKind::ImageUrl && is_base64(text.str, body);
                inspection.report.unscanned += u64::from(encoded);
                let scope = if encoded { Scope::WithLiterals } else { Scope::All };
                inspection.whole(&[(index, text.str)], scope);
            }
        }
    }
    inspection.parts(&parts, single);
    inspection.report
}

/// Inspects a single text that is no body. The findings have the index 0; the edits are those of the text.
pub fn inspect_text(policy: &Policy, direction: Direction, text: &str) -> Report {
    let mut inspection = Inspection::new(policy, direction, text.as_bytes());
    inspection.is_raw = true;
    inspection.whole(&[(0, Str { span: Span::new(0, text.len()), escaped: false })], Scope::All);
    inspection.report
}

/// Inspects a text that cannot be edited, such as that of a prompt given as token ids: a match of a rule that redacts blocks
/// the request. The report has no findings, since the text is not one of the body.
pub fn inspect_uneditable(policy: &Policy, text: &str) -> Report {
    let mut report = inspect_text(policy, Direction::Request, text);
    report.findings.clear();
    (report.redactions, report.edits) = (0, Edits::new());
    let redacts = |rule: &&RuleIndex| policy.rule(**rule).is_some_and(|rule| rule.action() == Action::Redact);
    if let Some(rule) = report.rules.iter().find(redacts).copied()
        && report.cause.is_none()
    {
        report.block(Cause::Rule(rule));
    }
    report
}

/// Inspects every text of a response that is not streamed: content, refusal, reasoning, names and arguments of tool calls,
/// transcripts and all other strings of every candidate.
///
/// The pieces of one channel are one text, as in a stream. Content in several blocks is inspected block by block and also
/// joined, because it is displayed joined. `logprobs` are not inspected: they repeat the content. If a rule may redact or
/// block, they are always removed from the response (`null`).
pub fn inspect_response(policy: &Policy, response: &Response, body: &[u8]) -> Report {
    let mut inspection = Inspection::new(policy, Direction::Response, body);
    inspection.is_raw = response.is_plain;
    let mut order: Vec<usize> = (0..response.texts.len()).collect();
    let channel = |at: &usize| response.texts.get(*at).map(|text| text.channel);
    order.sort_by_key(channel);
    let mut remaining = order.as_slice();
    // Parts are ordered so that texts come before annotations that refer to them.
    let mut stale = StaleAnnotations::new(&response.offsets);
    if response.in_blocks {
        inspection.blocks(response, &order).into_iter().for_each(|choice| stale.mark_choice(choice));
    }
    while let Some(first) = remaining.first().and_then(channel) {
        let len = if is_piecewise(first) { remaining.partition_point(|at| channel(at) <= Some(first)) } else { 1 };
        let (pieces, after) = remaining.split_at_checked(len).unwrap_or((remaining, &[]));
        if response.in_blocks && first.part == Part::Content {
            remaining = after;
            continue;
        }
        let parts: Vec<(usize, Str)> = pieces
            .iter()
            .filter_map(|at| Some((*at, response.texts.get(*at)?.str)))
            .filter(|(_, str)| !within(&response.logprobs, str.span) && !stale.contains(str.span))
            .collect();
        let redactions = inspection.report.redactions;
        inspection.whole(&parts, Scope::All);
        if inspection.report.redactions > redactions && first.part != Part::Other {
            stale.mark_choice(first.choice);
        }
        remaining = after;
    }
    if policy.can_edit(Direction::Response) {
        let mut empty = response.logprobs.iter().chain(stale.spans());
        inspection.edit(|edits| empty.try_for_each(|span| edits.replace(*span, empty_value(body, *span))));
    }
    inspection.report
}

/// Returns `true` if the texts of this channel are pieces of one text. Otherwise each one is a separate text: tool names
/// arrive complete, and texts in unknown fields need not belong together.
pub(crate) fn is_piecewise(channel: Channel) -> bool {
    !matches!(channel.part, Part::ToolName(_) | Part::ToolValue(_) | Part::Whole | Part::Other)
}

/// Returns `true` if `span` lies in one of `outer`, which are ascending and do not overlap.
pub(crate) fn within(outer: &[Span], span: Span) -> bool {
    let at = outer.partition_point(|outer| outer.end < span.end);
    outer.get(at).is_some_and(|outer| outer.start <= span.start)
}

/// Returns `true` for a `data:` URL with base64 data.
fn is_base64(url: Str, body: &[u8]) -> bool {
    let url = url.decode(body);
    let (head, _) = url.split_once(',').unwrap_or((&url, ""));
    head.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) && head.ends_with(";base64")
}

/// Piece of a text: its index among the texts of the parsed body, and its location.
type Piece = (usize, Str);

/// Inspection of one body.
struct Inspection<'a> {
    policy: &'a Policy,
    direction: Direction,
    body: &'a [u8],
    /// `true` if the texts are verbatim in the body, and not JSON strings.
    is_raw: bool,
    rules: RuleSearch<'a>,
    /// Work of all texts so far.
    meter: Meter,
    redactions: Redactions,
    report: Report,
    /// `true` if the policy remembers the texts of this body in which no rule matches.
    remembers: bool,
    /// `true` while no rule has matched in the current text.
    is_clean: bool,
}

impl<'a> Inspection<'a> {
    fn new(policy: &'a Policy, direction: Direction, body: &'a [u8]) -> Inspection<'a> {
        let rules = RuleSearch::new(policy, direction);
        let meter = Meter::for_bytes(body.len() as u64);
        let (redactions, report) = Default::default();
        let remembers = direction == Direction::Request && CleanTexts::is_for(body);
        Inspection {
            policy,
            direction,
            body,
            is_raw: false,
            rules,
            meter,
            redactions,
            report,
            remembers,
            is_clean: true,
        }
    }

    /// Inspects pieces of one text as one text.
    fn whole(&mut self, pieces: &[Piece], scope: Scope) {
        self.unless_clean(pieces, scope, |inspection| {
            let joined = Joined::new(pieces, inspection.body);
            inspection.search(&joined, 0..joined.text.len(), scope, |_| true);
            inspection.redact(&joined);
        });
    }

    /// Runs `inspect` on a text, unless no rule matched when it was inspected before. The result depends on its pieces and the
    /// scope alone.
    fn unless_clean<T: Default>(&mut self, pieces: &[Piece], scope: Scope, inspect: impl FnOnce(&mut Self) -> T) -> T {
        let literals = pieces.iter().map(|(_, str)| *str);
        let (policy, body) = (self.policy, self.body);
        // The literals of a form are not JSON: equal ones may be different texts.
        let digest = match self.remembers && !self.is_raw {
            true => policy.with_clean_texts(|clean| {
                let digest = clean.digest(literals, scope, body)?;
                Some((digest, clean.contains(digest)))
            }),
            false => None,
        };
        match digest.flatten() {
            None => inspect(self),
            Some((_, true)) => T::default(),
            Some((digest, false)) => {
                self.is_clean = true;
                let result = inspect(self);
                if self.is_clean {
                    policy.with_clean_texts(|clean| clean.insert(digest));
                }
                result
            }
        }
    }

    /// Inspects the content blocks of a response, given the order of its texts by channel. Returns the blocks with a
    /// redaction.
    fn blocks(&mut self, response: &Response, order: &[usize]) -> Vec<u32> {
        let texts = order.iter().filter_map(|at| Some((*at, response.texts.get(*at)?)));
        let content =
            texts.filter(|(_, text)| text.channel.part == Part::Content && !within(&response.logprobs, text.str.span));
        let (pieces, blocks): (Vec<Piece>, Vec<u32>) =
            content.map(|(at, text)| ((at, text.str), text.channel.choice)).unzip();
        let edited = self.parts(&pieces, |piece| {
            debug_assert!(piece < blocks.len() || blocks.is_empty(), "piece {piece} of {}", blocks.len());
            let block = blocks.get(piece).copied().unwrap_or_default();
            blocks.partition_point(|other| *other < block)..blocks.partition_point(|other| *other <= block)
        });
        edited.into_iter().filter_map(|piece| blocks.get(piece).copied()).collect()
    }

    /// Inspects parts separately and also joined. `part` returns the range of pieces of the part that a piece belongs to.
    /// Returns the pieces with a redaction.
    fn parts(&mut self, pieces: &[Piece], part: impl Fn(usize) -> Range<usize>) -> Vec<usize> {
        self.unless_clean(pieces, Scope::All, |inspection| inspection.search_parts(pieces, part))
    }

    fn search_parts(&mut self, pieces: &[Piece], part: impl Fn(usize) -> Range<usize>) -> Vec<usize> {
        let joined = Joined::new(pieces, self.body);
        let end_of = |piece: usize| joined.range(part(piece).end.saturating_sub(1)).end;
        let mut piece = 0;
        while piece < pieces.len() {
            self.search(&joined, joined.range(piece).start..end_of(piece), Scope::All, |_| true);
            piece = part(piece).end.max(piece + 1);
        }
        if part(0).end < pieces.len() {
            let crosses = |found: &Match| found.end > end_of(joined.piece_at(found.start)) as u64;
            self.search(&joined, 0..joined.text.len(), Scope::All, crosses);
        }
        self.redact(&joined)
    }

    /// Searches a range of the text for all rules and records the matches that `is_wanted` accepts.
    fn search(&mut self, joined: &Joined<'_>, range: Range<usize>, scope: Scope, is_wanted: impl Fn(&Match) -> bool) {
        let Some(text) = joined.text.get(range.clone()) else { return };
        let Inspection { policy, direction, rules, meter, redactions, report, is_clean, .. } = self;
        let offset = range.start as u64;
        let mut recorder = Recorder { report, redactions, text: joined, is_clean };
        let result = policy.with_memory(|memory| {
            let (scratch, cache) = memory.parts(*direction);
            scratch.meter = *meter;
            let result = rules.read(text, scope, scratch, cache, |index, rule, found| {
                let found = found.shifted(offset);
                if is_wanted(&found) {
                    recorder.record(index, rule.action(), &found);
                }
            });
            *meter = std::mem::take(&mut scratch.meter);
            result
        });
        if result.is_err() {
            self.is_clean = false;
            match policy.on_unscannable(*direction) {
                OnUnscannable::Block => self.report.block(Cause::TooCostly),
                OnUnscannable::Pass => self.report.unscanned += 1,
            }
        }
    }

    /// Adds edits for the redactions of the text. Returns the pieces that they change.
    fn redact(&mut self, joined: &Joined<'_>) -> Vec<usize> {
        // Most texts have no redactions.
        if self.redactions.is_empty() {
            self.edit(|_| Ok(()));
            return Vec::new();
        }
        self.redactions.sort();
        let mut replacements: Vec<Vec<(Range<usize>, &'a str)>> = vec![Vec::new(); joined.pieces.len()];
        while let First::Closed(redaction) = self.redactions.first(u64::MAX) {
            self.report.redactions += 1;
            let mut with = self.policy.rule(redaction.rule).map_or("", |rule| rule.replacement());
            let (first, end) = (joined.piece_at(redaction.start), redaction.end as usize);
            let mut start = redaction.start as usize;
            for (piece, replacements) in replacements.iter_mut().enumerate().skip(first) {
                if start >= end {
                    break;
                }
                let range = joined.range(piece);
                if start < range.end {
                    replacements.push((start - range.start..end.min(range.end) - range.start, with));
                    with = ""; // the first piece holds the whole replacement
                    start = range.end;
                }
            }
        }
        let (body, is_raw) = (self.body, self.is_raw);
        self.edit(|edits| {
            let mut spans = Vec::new();
            for ((_, str), replacements) in joined.pieces.iter().zip(&replacements) {
                let ranges: Vec<Range<usize>> = replacements.iter().map(|(range, _)| range.clone()).collect();
                spans.clear();
                str.raw_many(body, &ranges, &mut spans);
                spans.iter().zip(replacements).try_for_each(|(span, (_, with))| {
                    if is_raw { edits.replace(*span, *with) } else { edits.replace_text(*span, with) }
                })?;
            }
            Ok(())
        });
        let edited = replacements.iter().enumerate().filter(|(_, replacements)| !replacements.is_empty());
        edited.map(|(piece, _)| piece).collect()
    }

    /// Adds edits, unless the body is blocked. Blocks if there are too many edits or if they overlap.
    fn edit(&mut self, add: impl FnOnce(&mut Edits) -> Result<(), Overlap>) {
        if self.report.verdict == Some(Action::Block) {
            self.report.edits = Edits::new();
            return;
        }
        let added = add(&mut self.report.edits);
        if added.is_err() || self.report.edits.len() > MAX_EDITS {
            self.report.block(Cause::TooManyRedactions);
        }
    }
}

/// Destination of the matches in one text.
struct Recorder<'r> {
    report: &'r mut Report,
    redactions: &'r mut Redactions,
    text: &'r Joined<'r>,
    is_clean: &'r mut bool,
}

impl Recorder<'_> {
    fn record(&mut self, rule: RuleIndex, action: Action, found: &Match) {
        *self.is_clean = false;
        self.report.matched(rule, action);
        match action {
            Action::Log => {}
            Action::Redact => {
                let (start, end) = found.reported;
                self.redactions.push(Redaction { start, end, rule });
            }
            Action::Block => match &mut self.report.cause {
                Some(Cause::Rule(first)) => *first = rule.min(*first),
                cause => *cause = Some(Cause::Rule(rule)),
            },
        }
        self.report.add_finding(self.text.finding(rule, action, found));
    }
}

/// Pieces of a text, joined.
struct Joined<'a> {
    pieces: &'a [Piece],
    text: Cow<'a, str>,
    /// End of each piece in `text`.
    ends: Vec<usize>,
}

impl<'a> Joined<'a> {
    fn new(pieces: &'a [Piece], body: &'a [u8]) -> Joined<'a> {
        let mut joined = Joined { pieces, text: Cow::Borrowed(""), ends: Vec::with_capacity(pieces.len()) };
        for (_, str) in pieces {
            let piece = str.decode(body);
            if joined.ends.is_empty() {
                joined.text = piece;
            } else {
                joined.text.to_mut().push_str(&piece);
            }
            joined.ends.push(joined.text.len());
        }
        joined
    }

    /// Returns the range of a piece in the text.
    fn range(&self, piece: usize) -> Range<usize> {
        let start = piece.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        start..self.ends.get(piece).copied().unwrap_or(start)
    }

    /// Returns the piece that contains the character at a position of the text.
    fn piece_at(&self, position: u64) -> usize {
        self.ends.partition_point(|end| *end as u64 <= position)
    }

    fn finding(&self, rule: RuleIndex, action: Action, found: &Match) -> Finding {
        let (from, to) = found.reported;
        let piece = self.piece_at(from);
        debug_assert!(piece < self.pieces.len(), "a match is not empty, so a piece contains its start");
        let offset = self.range(piece).start;
        let text = self.pieces.get(piece).map_or(0, |(index, _)| *index);
        Finding { rule, action, text, range: from as usize - offset..to as usize - offset }
    }
}

#[cfg(test)]
mod tests;
