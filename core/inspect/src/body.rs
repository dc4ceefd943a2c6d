//! Inspection of bodies that are there as a whole: requests, and answers that are not streamed.

mod gone;

use crate::cuts::{Cut, Cuts, First};
use crate::pattern::program::Program;
use crate::policy::Policy;
use crate::report::{Cause, Finding, Report};
use crate::rule::{Action, Direction, Rule, RuleIndex};
use crate::search::matcher::{Match, Matcher};
use crate::search::screen::Programs;
use crate::search::view::View;
use gone::Gone;
use std::borrow::Cow;
use std::ops::Range;
use tollgate_llm::{Channel, Edits, Overlap, Part, Request, Response, Role, Span, Str, TextKind, emptied};

/// Edits that redactions of one body may need. Every one costs memory that the client would choose; the largest prompts
/// we know of, redacted by every rule of a pack, need some hundreds.
const MAX_EDITS: usize = 16 * 1024;

/// Inspects every text of a request, whoever's it is: system, user, assistant, tool results, tool calls, tool
/// definitions, names, and fields that the API does not know. What should be base64 data (of images, sounds and files)
/// is inspected as it stands, since nothing says that it is; what it stands for is not, and is counted as unscanned.
///
/// Content that comes in several parts, in a message or in what the operator says, is inspected part by part and also
/// joined, since that is how the model reads it: a secret cut in two parts is found, and redacted in both.
pub fn inspect_request(policy: &Policy, request: &Request, body: &[u8]) -> Report {
    let mut inspection = Inspection::new(policy, Direction::Request, body);
    inspection.is_raw = request.is_form;
    let mut parts = Vec::new();
    let alone = |part: usize| part..part + 1;
    let mut message = None;
    for (index, text) in request.texts.iter().enumerate() {
        // What stands outside of messages is one text only where it is what the operator says: inputs to embed, documents and
        // prompts in a list are read one by one.
        let is_alone = text.message.is_none() && !matches!(text.role, Role::System | Role::Developer);
        if text.message != message || is_alone {
            inspection.parts(&parts, alone);
            parts.clear();
            message = text.message;
        }
        match text.kind {
            TextKind::Content => parts.push((index, text.str)),
            kind => {
                let encoded = kind == TextKind::Data || kind == TextKind::ImageUrl && is_base64(text.str, body);
                inspection.report.unscanned += u64::from(encoded);
                inspection.whole(&[(index, text.str)]);
            }
        }
    }
    inspection.parts(&parts, alone);
    inspection.report
}

/// Inspects every text of an answer that is not streamed: of every candidate the content, the refusal, the reasoning,
/// names and arguments of tool calls, transcripts and all other strings.
///
/// The pieces of one channel are one text, as in a stream. Where an answer is made of blocks, what they say is inspected
/// block by block and also joined, since that is how it is shown. `logprobs` are not inspected: they say the content again, so
/// where a rule may redact or block they are taken out of the answer (`null`), matched or not.
pub fn inspect_response(policy: &Policy, response: &Response, body: &[u8]) -> Report {
    let mut inspection = Inspection::new(policy, Direction::Response, body);
    inspection.is_raw = response.is_plain;
    let mut order: Vec<usize> = (0..response.texts.len()).collect();
    let channel = |at: &usize| response.texts.get(*at).map(|text| text.channel);
    order.sort_by_key(channel);
    let mut rest = order.as_slice();
    // Parts sort so that what is said comes before what points into it.
    let mut gone = Gone::new(&response.offsets);
    if response.in_blocks {
        inspection.blocks(response, &order).into_iter().for_each(|choice| gone.changed(choice));
    }
    while let Some(first) = rest.first().and_then(channel) {
        let len = if is_piecewise(first) { rest.partition_point(|at| channel(at) <= Some(first)) } else { 1 };
        let (pieces, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        if response.in_blocks && first.part == Part::Content {
            rest = after;
            continue;
        }
        let parts: Vec<(usize, Str)> = pieces
            .iter()
            .filter_map(|at| Some((*at, response.texts.get(*at)?.str)))
            .filter(|(_, str)| !within(&response.logprobs, str.span) && !gone.contains(str.span))
            .collect();
        let redactions = inspection.report.redactions;
        inspection.whole(&parts);
        if inspection.report.redactions > redactions && first.part != Part::Other {
            gone.changed(first.choice);
        }
        rest = after;
    }
    if policy.can_edit(Direction::Response) {
        let mut empty = response.logprobs.iter().chain(gone.spans());
        inspection.edit(|edits| empty.try_for_each(|span| edits.replace(*span, emptied(body, *span))));
    }
    inspection.report
}

/// Whether texts of this channel are pieces of one text. If not, each is a text by itself: names of tools come whole,
/// and what is in unknown places is not known to go together.
pub(crate) fn is_piecewise(channel: Channel) -> bool {
    !matches!(channel.part, Part::ToolName(_) | Part::ToolValue(_) | Part::Whole | Part::Other)
}

/// Whether `span` lies in one of `outer`, which ascend and do not overlap.
pub(crate) fn within(outer: &[Span], span: Span) -> bool {
    let at = outer.partition_point(|outer| outer.end < span.end);
    outer.get(at).is_some_and(|outer| outer.start <= span.start)
}

/// Whether a URL holds its data itself, in base64.
fn is_base64(url: Str, body: &[u8]) -> bool {
    let url = url.decode(body);
    let (head, _) = url.split_once(',').unwrap_or((&url, ""));
    head.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) && head.ends_with(";base64")
}

/// A piece of a text: its index among the texts of the view, and where it stands.
type Piece = (usize, Str);

struct Inspection<'a> {
    policy: &'a Policy,
    direction: Direction,
    body: &'a [u8],
    /// Whether texts stand in the body as they are, and not in JSON.
    is_raw: bool,
    /// The rules of the direction, and their programs.
    rules: Vec<(RuleIndex, &'a Rule)>,
    programs: Vec<&'a Program>,
    /// How far the exact search of a rule has come in the text, by its place among `rules`; none: to its beginning.
    done: Vec<(usize, u64)>,
    cuts: Cuts,
    report: Report,
}

impl<'a> Inspection<'a> {
    fn new(policy: &'a Policy, direction: Direction, body: &'a [u8]) -> Inspection<'a> {
        let rules: Vec<_> = policy.on(direction).collect();
        let programs = rules.iter().map(|(_, rule)| &rule.program).collect();
        let (done, cuts, report) = Default::default();
        Inspection { policy, direction, body, is_raw: false, rules, programs, done, cuts, report }
    }

    /// Inspects pieces of one text as one text.
    fn whole(&mut self, pieces: &[Piece]) {
        let joined = Joined::new(pieces, self.body);
        self.search(&joined, 0..joined.text.len(), |_| true);
        self.redact(&joined);
    }

    /// Inspects what the blocks of an answer say; gives back those of which something was redacted. `order` has the texts
    /// in the order of their channels.
    fn blocks(&mut self, response: &Response, order: &[usize]) -> Vec<u32> {
        let texts = order.iter().filter_map(|at| Some((*at, response.texts.get(*at)?)));
        let said =
            texts.filter(|(_, text)| text.channel.part == Part::Content && !within(&response.logprobs, text.str.span));
        let (pieces, blocks): (Vec<Piece>, Vec<u32>) =
            said.map(|(at, text)| ((at, text.str), text.channel.choice)).unzip();
        let edited = self.parts(&pieces, |piece| {
            let block = blocks.get(piece).copied().unwrap_or_default();
            blocks.partition_point(|other| *other < block)..blocks.partition_point(|other| *other <= block)
        });
        edited.into_iter().filter_map(|piece| blocks.get(piece).copied()).collect()
    }

    /// Inspects parts that are texts by themselves and one text together; `part` says from which piece to which the one
    /// goes that a piece belongs to. Gives back the pieces of which something was redacted.
    fn parts(&mut self, pieces: &[Piece], part: impl Fn(usize) -> Range<usize>) -> Vec<usize> {
        let joined = Joined::new(pieces, self.body);
        let end_of = |piece: usize| joined.range(part(piece).end.saturating_sub(1)).end;
        let mut piece = 0;
        while piece < pieces.len() {
            self.search(&joined, joined.range(piece).start..end_of(piece), |_| true);
            piece = part(piece).end.max(piece + 1);
        }
        if part(0).end < pieces.len() {
            let crosses = |found: &Match| found.end > end_of(joined.piece_at(found.start)) as u64;
            self.search(&joined, 0..joined.text.len(), crosses);
        }
        self.redact(&joined)
    }

    /// Runs every rule over a range of the text and keeps the matches that `wanted` wants.
    fn search(&mut self, joined: &Joined<'_>, range: Range<usize>, wanted: impl Fn(&Match) -> bool) {
        let Some(text) = joined.text.get(range.clone()).filter(|_| !self.rules.is_empty()) else { return };
        let Inspection { policy, direction, rules, programs, done, cuts, report, .. } = self;
        let offset = range.start as u64;
        done.clear();
        policy.with_memory(|memory| {
            let (scratch, states) = memory.parts(*direction);
            // Matches that end at `end`, or before: an exact search from as far back as one of them can begin.
            let mut exact = |place: usize, end: usize, until: u64| {
                let Some((index, rule)) = rules.get(place) else { return };
                let at = match done.binary_search_by_key(&place, |(place, _)| *place) {
                    Ok(at) => at,
                    Err(at) => {
                        done.insert(at, (place, 0));
                        at
                    }
                };
                let Some((_, done)) = done.get_mut(at).filter(|(_, done)| *done < until) else { return };
                let reach =
                    rule.program.longest().map_or(policy.max_match_bytes(), |len| len.min(policy.max_match_bytes()));
                let from = text.floor_char_boundary(end.saturating_sub(reach));
                let mut matcher = Matcher::within((*done).max(from as u64), scratch.front());
                let target = rule.target(policy.classes());
                *done = matcher.read_until(until, &target, View::whole(text), true, scratch, |found| {
                    let found = Match { start: found.start + offset, end: found.end + offset, ..found };
                    if wanted(&found) {
                        found_in(report, cuts, joined, *index, rule.action(), &found);
                    }
                    true
                });
                scratch.reuse(matcher.into_front());
            };
            let programs = Programs { list: programs, classes: policy.classes() };
            let screen = policy.screen(*direction);
            if let Err(at) = screen.read(states, &programs, text, |place, end| exact(place, end, end as u64)) {
                (0..programs.list.len()).for_each(|place| exact(place, at, u64::MAX));
            }
        });
    }

    /// Makes edits of what the rules want replaced in the text; gives back the pieces that it stands in.
    fn redact(&mut self, joined: &Joined<'_>) -> Vec<usize> {
        // Of most texts nothing is replaced.
        if self.cuts.is_empty() {
            self.edit(|_| Ok(()));
            return Vec::new();
        }
        let mut replacements: Vec<Vec<(Range<usize>, &'a str)>> = vec![Vec::new(); joined.pieces.len()];
        while let First::Closed(cut) = self.cuts.first(u64::MAX) {
            self.report.redactions += 1;
            let mut with = self.policy.rule(cut.rule).map_or("", |rule| rule.replacement());
            let (first, end) = (joined.piece_at(cut.start), cut.end as usize);
            let mut start = cut.start as usize;
            for (piece, replacements) in replacements.iter_mut().enumerate().skip(first) {
                if start >= end {
                    break;
                }
                let range = joined.range(piece);
                if start < range.end {
                    replacements.push((start - range.start..end.min(range.end) - range.start, with));
                    with = ""; // said once, in the first piece
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

    /// Adds edits unless nothing will be edited. More of them than may be, or ones that cannot be made, block.
    fn edit(&mut self, add: impl FnOnce(&mut Edits) -> Result<(), Overlap>) {
        if self.report.verdict == Some(Action::Block) {
            self.report.edits = Edits::new();
            return;
        }
        let done = add(&mut self.report.edits);
        if done.is_err() || self.report.edits.len() > MAX_EDITS {
            self.report.block(Cause::TooManyRedactions);
        }
    }
}

fn found_in(report: &mut Report, cuts: &mut Cuts, text: &Joined<'_>, rule: RuleIndex, action: Action, found: &Match) {
    report.matched(rule, action);
    match action {
        Action::Log => {}
        Action::Redact => cuts.add(Cut { start: found.start, end: found.end, rule }),
        Action::Block => match &mut report.cause {
            Some(Cause::Rule(first)) => *first = rule.min(*first),
            cause => *cause = Some(Cause::Rule(rule)),
        },
    }
    report.add_finding(text.finding(rule, action, found));
}

/// Pieces of a text and what they say together.
struct Joined<'a> {
    pieces: &'a [Piece],
    text: Cow<'a, str>,
    /// Where each piece ends in the text.
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

    /// Where a piece stands in the text.
    fn range(&self, piece: usize) -> Range<usize> {
        let start = piece.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        start..self.ends.get(piece).copied().unwrap_or(start)
    }

    /// The piece that the character at a position of the text stands in.
    fn piece_at(&self, position: u64) -> usize {
        self.ends.partition_point(|end| *end as u64 <= position)
    }

    fn finding(&self, rule: RuleIndex, action: Action, found: &Match) -> Finding {
        let piece = self.piece_at(found.start);
        let offset = self.range(piece).start;
        let text = self.pieces.get(piece).map_or(0, |(index, _)| *index);
        Finding { rule, action, text, range: found.start as usize - offset..found.end as usize - offset }
    }
}

#[cfg(test)]
mod tests;
