//! Inspection of complete bodies: requests, and responses that are not streamed.

pub(crate) mod guarded;
mod joined;
mod stale_annotations;

use crate::arguments;
use crate::clean_texts::CleanTexts;
use crate::json_strings::{self, Hit, Replacement};
use crate::members;
use crate::overlap;
use crate::policy::Policy;
use crate::raw::{OnUneditable, OnUnscannable};
use crate::redactions::{First, Redaction, Redactions};
use crate::report::{Cause, Finding, Report};
use crate::request_facts::RequestFacts;
use crate::restore::{PlaceholderValues, is_restorable};
use crate::rule::{Action, Direction, RuleIndex};
use crate::rule_scope::{Applicable, ScopedTexts};
use crate::rule_set::{NO_RULES, RuleSet};
use crate::search::matcher::Match;
use crate::search::meter::Meter;
use crate::search::rule_search::{RuleSearch, Scope};
use crate::view::View;
use joined::Joined;
use stale_annotations::StaleAnnotations;
use std::borrow::Cow;
use std::ops::Range;
use tollgate_llm::{
    Channel, Edits, Overlap, Part, Request, Response, Role, RpcMessage, RpcText, Span, Str, TextKind, empty_value,
};

/// Maximum number of edits of one body. Each edit takes memory, and the client chooses how many there are; the largest known
/// prompts, redacted by every rule of a pack, need a few hundred.
const MAX_EDITS: usize = 16 * 1024;

/// Inspects every text of a request: system, user and assistant messages, tool results, tool calls, tool definitions, names,
/// and fields that the API does not define. Base64 data of images, audio and files is inspected verbatim, because nothing
/// guarantees that it is base64, but only by rules that begin with or contain literals; the decoded content is not inspected
/// and counts as unscanned.
///
/// A text that is JSON, such as a result of a tool, is also inspected with its strings decoded, and is JSON after a redaction.
///
/// The work is bounded by the size of the body. Texts beyond it are blocked, or pass and count as unscanned, as the policy
/// says for content that cannot be inspected.
///
/// Content of several parts, in a message or in the operator's instructions, is inspected part by part and also joined,
/// because the model reads it joined: a secret split over two parts is found, and redacted in both.
///
/// A policy that [remembers clean texts](Policy::remember_clean_texts) does not search them again.
pub fn inspect_request(policy: &Policy, request: &Request, body: &[u8]) -> Report {
    inspect_request_without(policy, &NO_RULES, request, body)
}

/// Inspects a request like [`inspect_request`], by all rules but `excluded` ([`Policy::excluded`]).
pub fn inspect_request_without(policy: &Policy, excluded: &RuleSet, request: &Request, body: &[u8]) -> Report {
    let rules = Applicable { excluded, texts: ScopedTexts::of_request(request) };
    let mut inspection = Inspection::new(policy, Direction::Request, body, rules);
    inspection.is_raw = request.is_form;
    let mut parts = Vec::new();
    let single = |part: usize| part..part + 1;
    let mut message = None;
    for (index, text) in request.texts.iter().enumerate() {
        // Of the texts outside of messages, only the operator's instructions are one text; inputs to embed, documents and
        // prompts in a list are independent.
        let is_independent = text.message.is_none() && !matches!(text.role, Role::System | Role::Developer);
        if text.message != message || is_independent {
            inspection.parts(&parts, Depth::Json, single);
            parts.clear();
            message = text.message;
        }
        if within(&request.uneditable, text.str.span) {
            inspection.uneditable((index, text.str));
            continue;
        }
        match text.kind {
            TextKind::ToolNumber => inspection.number((index, text.str)),
            TextKind::Content => parts.push((index, text.str)),
            TextKind::Document => {
                inspection.whole(&[(index, text.str)], Depth::File);
            }
            kind => {
                let encoded = matches!(kind, TextKind::Data | TextKind::ImageData)
                    || kind == TextKind::ImageUrl && is_base64(text.str, body);
                inspection.report.unscanned += u64::from(encoded);
                inspection.whole(&[(index, text.str)], if encoded { Depth::Base64 } else { Depth::Json });
            }
        }
    }
    inspection.parts(&parts, Depth::Json, single);
    if !policy.members().is_empty() && !request.is_form {
        members::inspect(policy, excluded, body, &mut inspection.report);
    }
    if policy.judges_tools() {
        inspection.applicable.texts = ScopedTexts::DefinedTools;
        for name in &request.tool_names {
            inspection.whole(&[(usize::MAX, *name)], Depth::Text);
        }
    }
    let calls_tool = |message: &RpcMessage| message.is(body, "tools/call");
    if arguments::has_rules(policy, excluded, &NO_FACTS) && request.rpc.iter().any(calls_tool) {
        inspection.calls(&NO_FACTS, body);
    }
    inspection.finish()
}

/// Inspects a single text that is no body. The findings have the index 0; the edits are those of the text.
pub fn inspect_text(policy: &Policy, direction: Direction, text: &str) -> Report {
    inspect_text_without(policy, &NO_RULES, direction, text)
}

/// Inspects a single text like [`inspect_text`], by all rules but `excluded`.
pub fn inspect_text_without(policy: &Policy, excluded: &RuleSet, direction: Direction, text: &str) -> Report {
    inspect_metered(policy, direction, text, &mut Meter::for_bytes(text.len() as u64), Applicable::except(excluded))
}

/// Inspects a single text like [`inspect_text`], by some rules and with a meter that it shares with others.
pub(crate) fn inspect_metered(
    policy: &Policy,
    direction: Direction,
    text: &str,
    meter: &mut Meter,
    rules: Applicable<'_>,
) -> Report {
    let mut inspection = Inspection::new(policy, direction, text.as_bytes(), rules);
    inspection.is_raw = true;
    let before = meter.used();
    inspection.meter = *meter;
    inspection.whole(&[(0, Str { span: Span::new(0, text.len()), escaped: false })], Depth::Json);
    *meter = inspection.meter;
    let report = inspection.finish();
    Report { work: report.work.saturating_sub(before), ..report }
}

/// Inspects a text that must not be edited: a signature, an identifier. See [`Request::uneditable`]. It shares a meter with
/// others.
pub(crate) fn inspect_opaque(
    policy: &Policy,
    direction: Direction,
    text: &str,
    meter: &mut Meter,
    rules: Applicable<'_>,
) -> Report {
    let mut inspection = Inspection::new(policy, direction, text.as_bytes(), rules);
    inspection.is_raw = true;
    let before = meter.used();
    inspection.meter = *meter;
    inspection.uneditable((0, Str { span: Span::new(0, text.len()), escaped: false }));
    *meter = inspection.meter;
    let report = inspection.finish();
    Report { work: report.work.saturating_sub(before), ..report }
}

/// Inspects a text that cannot be edited, such as that of a prompt given as token ids: a match of a rule that redacts blocks
/// the request. The report has no findings, since the text is not one of the body.
pub fn inspect_uneditable(policy: &Policy, text: &str) -> Report {
    inspect_uneditable_without(policy, &NO_RULES, text)
}

/// Inspects a text like [`inspect_uneditable`], by all rules but `excluded`.
pub fn inspect_uneditable_without(policy: &Policy, excluded: &RuleSet, text: &str) -> Report {
    let mut meter = Meter::for_bytes(text.len() as u64);
    let mut report = inspect_metered(policy, Direction::Request, text, &mut meter, Applicable::except(excluded));
    report.findings.clear();
    (report.redactions, report.edits) = (0, Edits::new());
    report.placeholders = PlaceholderValues::default();
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
    inspect_response_without(policy, &NO_RULES, (&NO_VALUES, &NO_FACTS), response, body)
}

/// Set of no values.
static NO_VALUES: PlaceholderValues = PlaceholderValues::new();
static NO_FACTS: RequestFacts = RequestFacts::new();

/// Inspects a response like [`inspect_response`], by all rules but `excluded`, and restores the values of the request
/// ([`Report::placeholders`]) in its texts: never in arguments of tools. It is compared with facts about the request.
pub fn inspect_response_without(
    policy: &Policy,
    excluded: &RuleSet,
    (values, facts): (&PlaceholderValues, &RequestFacts),
    response: &Response,
    body: &[u8],
) -> Report {
    let rules = Applicable { excluded, texts: ScopedTexts::Response(&response.texts) };
    let mut inspection = Inspection::new(policy, Direction::Response, body, rules);
    inspection.is_raw = response.is_plain;
    let values = Some(values).filter(|values| !values.is_empty());
    inspection.restores = values;
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
        if overlap::is_compared(first.part) {
            inspection.compare(facts, first.part, response, pieces);
        }
        if response.in_blocks && first.part == Part::Content {
            remaining = after;
            continue;
        }
        let parts: Vec<(usize, Str)> = pieces
            .iter()
            .filter_map(|at| Some((*at, response.texts.get(*at)?.str)))
            .filter(|(_, str)| !within(&response.logprobs, str.span) && !stale.contains(str.span))
            .collect();
        let (uneditable, parts): (Vec<Piece>, Vec<Piece>) =
            parts.into_iter().partition(|(_, str)| within(&response.uneditable, str.span));
        if first.part == Part::Rpc(RpcText::Media) {
            inspection.report.unscanned += uneditable.len() as u64;
        }
        uneditable.into_iter().for_each(|piece| inspection.uneditable(piece));
        if first.part == Part::ToolNumber {
            parts.into_iter().for_each(|piece| inspection.number(piece));
            remaining = after;
            continue;
        }
        inspection.restores = values.filter(|_| is_restorable(first.part));
        let is_edited = inspection.whole(&parts, if may_be_json(first.part) { Depth::Json } else { Depth::Text });
        if is_edited && first.part != Part::Other {
            stale.mark_choice(first.choice);
        }
        remaining = after;
    }
    let parts = response.texts.iter().map(|text| text.channel.part);
    if arguments::has_rules(policy, excluded, facts) && !response.is_plain && arguments::may_call(parts, body) {
        inspection.calls(facts, body);
    }
    if policy.can_edit(Direction::Response) || values.is_some() {
        let mut empty = response.logprobs.iter().chain(stale.spans());
        inspection.edit(|edits| empty.try_for_each(|span| edits.replace(*span, empty_value(body, *span))));
    }
    inspection.finish()
}

/// Returns `true` if the texts of this channel are pieces of one text. Otherwise each one is a separate text: tool names
/// arrive complete, and texts in unknown fields need not belong together.
pub(crate) fn is_piecewise(channel: Channel) -> bool {
    !matches!(
        channel.part,
        Part::ToolName(_)
            | Part::ToolValue(_)
            | Part::ToolNumber
            | Part::Whole
            | Part::WholeArguments
            | Part::Rpc(_)
            | Part::Other
    )
}

/// Returns `true` if texts of a part are arguments of a tool call, which are searched for JSON. Other texts of responses are
/// searched as they are, because a stream does not hold them until they are complete.
pub(crate) fn is_arguments(part: Part) -> bool {
    matches!(part, Part::ToolArguments(_) | Part::ToolValue(_) | Part::WholeArguments)
}

/// Returns `true` if texts of a part are searched for JSON: arguments of tool calls, and results of tools, which arrive whole.
pub(crate) fn may_be_json(part: Part) -> bool {
    is_arguments(part) || matches!(part, Part::Rpc(RpcText::Result | RpcText::ResultCopy))
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

/// Depth to which a text is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// As it is, for rules with literals only.
    Base64,
    /// As it is.
    Text,
    /// As it is and, if it is JSON, with its strings decoded.
    Json,
    /// As it is and, where it is JSON, with its strings decoded.
    File,
}

impl Depth {
    fn scope(self) -> Scope {
        if self == Depth::Base64 { Scope::WithLiterals } else { Scope::All }
    }
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
    applicable: Applicable<'a>,
    /// Ranges of the current text that are JSON.
    json: Vec<Range<usize>>,
    /// Values that are restored in the current text.
    restores: Option<&'a PlaceholderValues>,
    report: Report,
    /// `true` if the policy remembers the texts of this body in which no rule matches.
    remembers: bool,
    /// `true` while no rule has matched in the current text.
    is_clean: bool,
}

impl<'a> Inspection<'a> {
    fn new(policy: &'a Policy, direction: Direction, body: &'a [u8], applicable: Applicable<'a>) -> Inspection<'a> {
        let rules = RuleSearch::new(policy, direction);
        let meter = Meter::for_bytes(body.len() as u64);
        let (redactions, json, report) = Default::default();
        let remembers = direction == Direction::Request && CleanTexts::is_for(body);
        Inspection {
            policy,
            direction,
            body,
            is_raw: false,
            rules,
            meter,
            redactions,
            applicable,
            json,
            restores: None,
            report,
            remembers,
            is_clean: true,
        }
    }

    /// Returns the report. A blocked body is not edited.
    fn finish(mut self) -> Report {
        self.report.work = self.meter.used();
        if self.report.cause.is_none()
            && let Some(cause) = self.report.reached(self.policy, self.direction)
        {
            self.report.block(cause);
        }
        if self.report.verdict == Some(Action::Block) {
            self.report.edits = Edits::new();
        }
        self.report
    }

    /// Compares a text of the response, given the indexes of its pieces, with the request.
    fn compare(&mut self, facts: &RequestFacts, part: Part, response: &Response, pieces: &[usize]) {
        if facts.passages.is_empty() {
            return;
        }
        let Inspection { policy, applicable, body, report, .. } = self;
        let pieces = pieces.iter().filter_map(|at| Some((*at, response.texts.get(*at)?.str)));
        let pieces: Vec<Piece> = pieces.filter(|(_, str)| !within(&response.logprobs, str.span)).collect();
        let joined = Joined::new(&pieces, body);
        let applicable = Applicable::to_part(part, applicable.excluded);
        overlap::each_overlap(policy, applicable, &facts.passages, &joined.text, |index, range| {
            let Some(rule) = policy.rule(index) else { return };
            report.matched(index, rule.action());
            match rule.action() {
                Action::Log | Action::Redact => {}
                Action::Score => report.scores.add(index, rule.points(), false),
                Action::Block => report.block_by(index),
            }
            report.add_finding(joined.finding(index, rule.action(), range));
        });
    }

    /// Judges the arguments of the calls in a response.
    fn calls(&mut self, facts: &RequestFacts, body: &[u8]) {
        let Inspection { policy, applicable, meter, report, .. } = self;
        let excluded = applicable.excluded;
        let Some(calls) = arguments::calls(body, true) else {
            if let Some(cause) = arguments::unreadable(policy, excluded, facts, report) {
                report.block(cause);
            }
            return;
        };
        for call in calls {
            let cause = arguments::inspect(policy, excluded, facts, (&call.tool(), &call.arguments), meter, report);
            match cause {
                Some(Cause::Rule(rule)) => report.block_by(rule),
                Some(cause) => report.block(cause),
                None => {}
            }
        }
    }

    /// Inspects pieces of one text as one text. Returns `true` if it changes.
    fn whole(&mut self, pieces: &[Piece], depth: Depth) -> bool {
        self.unless_clean(pieces, depth.scope(), |inspection| {
            let joined = Joined::new(pieces, inspection.body);
            inspection.search(&joined, 0..joined.text.len(), depth);
            !inspection.redact(&joined, |_| 0..pieces.len()).is_empty()
        })
    }

    /// Switches the rules off that do not apply to a text.
    fn switch_off(&mut self, pieces: &[Piece]) {
        let Inspection { policy, rules, meter, applicable, .. } = self;
        meter.add_checks(policy.scoped().len() * pieces.len());
        rules.switch_off(applicable.off(policy, pieces.iter().map(|(index, _)| *index)));
    }

    /// Runs `inspect` on a text, unless no rule matched when it was inspected before. The result depends on its pieces, the scope and
    /// the rules that apply to it.
    fn unless_clean<T: Default>(&mut self, pieces: &[Piece], scope: Scope, inspect: impl FnOnce(&mut Self) -> T) -> T {
        self.switch_off(pieces);
        let literals = pieces.iter().map(|(_, str)| *str);
        let (policy, body) = (self.policy, self.body);
        // The literals of a form are not JSON: equal ones may be different texts.
        let digest = match self.remembers && !self.is_raw {
            true => policy.with_clean_texts(|clean| {
                let digest = clean.digest(literals, (scope, self.rules.off()), body)?;
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

    /// Inspects a number, which becomes a string where it is redacted.
    fn number(&mut self, piece: Piece) {
        let pieces = [piece];
        self.switch_off(&pieces);
        let joined = Joined::new(&pieces, self.body);
        self.search(&joined, 0..joined.text.len(), Depth::Text);
        self.redact_number(&joined, piece.1);
    }

    /// Replaces a number with redactions by a string.
    fn redact_number(&mut self, joined: &Joined<'_>, number: Str) {
        if self.redactions.is_empty() {
            return;
        }
        let string = json_strings::quoted(&joined.text, 0..joined.text.len(), &self.closed(joined, &[]));
        self.edit(|edits| edits.replace(number.span, string));
    }

    /// Inspects a text that must not be edited, by the rules with literals. A match of a rule that redacts is reported, and the
    /// text counts as unscanned, or it blocks, as the policy says.
    fn uneditable(&mut self, piece: Piece) {
        let pieces = [piece];
        self.switch_off(&pieces);
        let joined = Joined::new(&pieces, self.body);
        let verdict = std::mem::take(&mut self.report.verdict);
        self.search(&joined, 0..joined.text.len(), Depth::Base64);
        if self.report.verdict == Some(Action::Redact) {
            self.report.verdict = Some(Action::Log);
        }
        self.report.verdict = self.report.verdict.max(verdict);
        self.report.unscanned += u64::from(!self.redactions.is_empty());
        let redactions = std::mem::take(&mut self.redactions);
        if self.policy.on_uneditable() == OnUneditable::Block
            && let Some(rule) = redactions.iter().map(|redaction| redaction.rule).min()
        {
            self.report.verdict = Some(Action::Block);
            self.report.block_by(rule);
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
        let edited = self.parts(&pieces, Depth::Text, |piece| {
            debug_assert!(piece < blocks.len() || blocks.is_empty(), "piece {piece} of {}", blocks.len());
            let block = blocks.get(piece).copied().unwrap_or_default();
            blocks.partition_point(|other| *other < block)..blocks.partition_point(|other| *other <= block)
        });
        edited.into_iter().filter_map(|piece| blocks.get(piece).copied()).collect()
    }

    /// Inspects parts separately, to this depth, and also joined. `part` returns the range of pieces of the part that a piece
    /// belongs to. Returns the pieces with a redaction.
    fn parts(&mut self, pieces: &[Piece], depth: Depth, part: impl Fn(usize) -> Range<usize>) -> Vec<usize> {
        self.unless_clean(pieces, Scope::All, |inspection| inspection.search_parts(pieces, depth, part))
    }

    fn search_parts(&mut self, pieces: &[Piece], depth: Depth, part: impl Fn(usize) -> Range<usize>) -> Vec<usize> {
        let joined = Joined::new(pieces, self.body);
        let end_of = |piece: usize| joined.range(part(piece).end.saturating_sub(1)).end;
        let mut piece = 0;
        while piece < pieces.len() {
            self.search(&joined, joined.range(piece).start..end_of(piece), depth);
            piece = part(piece).end.max(piece + 1);
        }
        if part(0).end < pieces.len() {
            let crosses = |found: &Match| found.end > end_of(joined.piece_at(found.start)) as u64;
            self.search_text(&joined, 0..joined.text.len(), Scope::All, crosses);
        }
        self.redact(&joined, part)
    }

    /// Searches a range of the text for all rules and records the matches.
    fn search(&mut self, joined: &Joined<'_>, range: Range<usize>, depth: Depth) {
        let text = joined.text.get(range.clone()).unwrap_or_default();
        let is_file = depth == Depth::File;
        if !is_file && (depth != Depth::Json || !json_strings::is_json(text)) {
            return self.search_text(joined, range, depth.scope(), |_| true);
        }
        let Inspection { policy, rules, meter, redactions, report, is_clean, applicable, json, .. } = self;
        let (hits, result) = policy.with_memory(|memory| {
            memory.scratch.meter = *meter;
            let mut search = |text: &str, hits: &mut Vec<Hit>| {
                memory.scratch.meter.allow_bytes(text.len() as u64);
                rules.read_views(text, Scope::All, memory, |rule, _, view, found| {
                    let (start, end) = found.reported;
                    hits.push(Hit { rule, view, start: start as usize, end: end as usize });
                })
            };
            let mut hits = Vec::new();
            let result = search(text, &mut hits).and_then(|()| match is_file {
                true => json_strings::search_file(text, &mut search, &mut hits),
                false => json_strings::search_strings(text, &mut search, &mut hits),
            });
            *meter = std::mem::take(&mut memory.scratch.meter);
            (hits, result)
        });
        match is_file {
            true => {
                let places = hits.iter().map(|hit| (hit.start, hit.end)).collect();
                let touched = json_strings::touched(text, places);
                json.extend(touched.into_iter().map(|part| part.start + range.start..part.end + range.start));
            }
            false => json.push(range.clone()),
        }
        let mut recorder = Recorder { policy, applicable: *applicable, report, redactions, text: joined, is_clean };
        for hit in hits {
            let action = policy.rule(hit.rule).map_or(Action::Log, |rule| rule.action());
            let offset = range.start as u64;
            recorder.record(hit.rule, action, hit.view, (offset + hit.start as u64, offset + hit.end as u64));
        }
        if result.is_err() {
            self.too_costly();
        }
    }

    /// Searches a range of the text as it is and records the matches that `is_wanted` accepts.
    fn search_text(
        &mut self,
        joined: &Joined<'_>,
        range: Range<usize>,
        scope: Scope,
        is_wanted: impl Fn(&Match) -> bool,
    ) {
        let Some(text) = joined.text.get(range.clone()) else { return };
        let Inspection { policy, rules, meter, redactions, report, is_clean, applicable, .. } = self;
        let offset = range.start as u64;
        let mut recorder = Recorder { policy, applicable: *applicable, report, redactions, text: joined, is_clean };
        let result = policy.with_memory(|memory| {
            memory.scratch.meter = *meter;
            let result = rules.read_views(text, scope, memory, |index, rule, view, found| {
                let found = found.shifted(offset);
                if is_wanted(&found) {
                    recorder.record(index, rule.action(), view, found.reported);
                }
            });
            *meter = std::mem::take(&mut memory.scratch.meter);
            result
        });
        if result.is_err() {
            self.too_costly();
        }
    }

    /// Handles a text that takes too long to inspect.
    fn too_costly(&mut self) {
        self.is_clean = false;
        match self.policy.on_unscannable(self.direction) {
            OnUnscannable::Block => self.report.block(Cause::TooCostly),
            OnUnscannable::Pass => self.report.unscanned += 1,
        }
    }

    /// Adds edits for the redactions of the text, and for the values that are restored in each of its parts, which `part` returns
    /// for a piece. Returns the pieces that change.
    fn redact(&mut self, joined: &Joined<'_>, part: impl Fn(usize) -> Range<usize>) -> Vec<usize> {
        let json = std::mem::take(&mut self.json);
        // Most texts have no redactions.
        if self.redactions.is_empty() && self.restores.is_none() {
            return Vec::new();
        }
        let closed = self.closed(joined, &json);
        let mut closed = joined.fit(closed, &json);
        if let Some(values) = self.restores {
            let (restored, count) = joined.restore(closed, values, part);
            self.report.restored += count;
            closed = restored;
        }
        let mut replacements: Vec<Vec<Replacement<'a>>> = vec![Vec::new(); joined.pieces.len()];
        for (redacted, mut with) in closed {
            let mut start = redacted.start;
            for (piece, replacements) in replacements.iter_mut().enumerate().skip(joined.piece_at(start as u64)) {
                if start >= redacted.end {
                    break;
                }
                let range = joined.range(piece);
                if start < range.end {
                    let end = redacted.end.min(range.end);
                    // The first piece holds the whole replacement.
                    replacements.push((start - range.start..end - range.start, std::mem::take(&mut with)));
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
                    if is_raw { edits.replace(*span, with.as_bytes()) } else { edits.replace_text(*span, with) }
                })?;
            }
            Ok(())
        });
        let edited = replacements.iter().enumerate().filter(|(_, replacements)| !replacements.is_empty());
        edited.map(|(piece, _)| piece).collect()
    }

    /// Returns the replacements of the current text.
    fn closed(&mut self, joined: &Joined<'_>, json: &[Range<usize>]) -> Vec<Replacement<'a>> {
        self.redactions.sort();
        let restores = |rule: RuleIndex| self.policy.rule(rule).is_some_and(|rule| rule.restores);
        // A value that another rule replaces, too, is restored only if all of them say so.
        let is_kept = |redaction: &&Redaction| self.direction == Direction::Request && !restores(redaction.rule);
        let kept: Vec<Redaction> = self.redactions.iter().filter(is_kept).copied().collect();
        let mut closed: Vec<Replacement<'a>> = Vec::new();
        while let First::Closed(redaction) = self.redactions.first(u64::MAX, None) {
            self.report.redactions += 1;
            let range = redaction.start as usize..redaction.end as usize;
            let value = value(&joined.text, range.clone(), json);
            let with = self.policy.rule(redaction.rule);
            let is_value = self.direction == Direction::Request || self.policy.replaces_as_value(value.len());
            let replaced = Some(&*value).filter(|_| is_value);
            let with = with.map(|rule| rule.replacement_of(replaced, self.policy.placeholder_key()));
            let with = with.unwrap_or_default();
            if self.direction == Direction::Request && restores(redaction.rule) {
                let next = kept.partition_point(|kept| kept.start < redaction.start);
                let is_mixed = kept.get(next).is_some_and(|kept| kept.start < redaction.end);
                if !is_mixed {
                    self.report.placeholders.insert(&with, &value);
                }
            }
            closed.push((range, with));
        }
        closed
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

/// Returns the text at a range: decoded once, if the range is in JSON.
fn value<'t>(text: &'t str, range: Range<usize>, json: &[Range<usize>]) -> Cow<'t, str> {
    let at = json.partition_point(|json| json.end < range.end);
    let is_json = json.get(at).is_some_and(|json| json.start <= range.start);
    let span = Span::new(range.start, range.end);
    Str { span, escaped: is_json && span.of(text.as_bytes()).contains(&b'\\') }.decode(text.as_bytes())
}

/// Destination of the matches in one text.
struct Recorder<'r> {
    policy: &'r Policy,
    applicable: Applicable<'r>,
    report: &'r mut Report,
    redactions: &'r mut Redactions,
    text: &'r Joined<'r>,
    is_clean: &'r mut bool,
}

impl Recorder<'_> {
    fn record(&mut self, rule: RuleIndex, action: Action, view: View, (start, end): (u64, u64)) {
        let found = self.policy.rule(rule);
        *self.is_clean = false;
        let text = || Some(self.text.pieces.get(self.text.piece_at(start))?.0);
        if found.is_some_and(|found| !self.applicable.has(rule, found, text)) {
            return;
        }
        self.report.matched(rule, action);
        match action {
            Action::Log => {}
            Action::Score => {
                let text = self.text.pieces.get(self.text.piece_at(start)).map(|(index, _)| *index);
                let in_result = text.is_some_and(|text| self.applicable.texts.is_tool_result(text));
                let points = self.policy.rule(rule).map_or(0, |rule| rule.points());
                self.report.scores.add(rule, points, in_result);
            }
            Action::Redact => {
                self.redactions.push(Redaction { start, end, rule });
            }
            Action::Block => self.report.block_by(rule),
        }
        self.report.add_finding(Finding { view, ..self.text.finding(rule, action, (start, end)) });
    }
}

#[cfg(test)]
mod tests;
