//! Inspection of a streamed response, event by event.

mod called_tools;
mod delayed;
mod text;
mod unknown_texts;

use crate::arguments;
use crate::body::{inspect_opaque, is_piecewise, may_be_json, within};
use crate::held_arguments::MAX_HELD_BYTES;
use crate::holdback::{Context, Holdback};
use crate::json_strings;
use crate::overlap;
use crate::policy::Policy;
use crate::raw::OnUnscannable;
use crate::report::{Cause, Report};
use crate::request_facts::RequestFacts;
use crate::restore::{PlaceholderValues, Restorer, is_restorable};
use crate::rule::{Action, Direction, RuleIndex};
use crate::rule_scope::{Applicable, ScopedTexts};
use crate::rule_set::RuleSet;
use crate::search::meter::Meter;
use crate::search::scratch::Scratch;
use called_tools::CalledTools;
use delayed::DelayedEvents;
use std::sync::Arc;
use text::{Text, inspect_complete};
use tollgate_llm::{
    Channel, Chunk, DeltaTemplate, Dialect, Edits, Event, EventContent, Framing, OutputText, Overlap, ParsedEvent,
    Part, RpcText, Span, Str, TextPlace, empty_value, text_places,
};
use unknown_texts::{Decided, UnknownPiece, UnknownTexts};

/// Maximum number of texts that are open at a time: candidates times the parts of each (content, reasoning, arguments of each
/// tool call). OpenAI allows 128 candidates and 128 tool calls.
const MAX_TEXTS: usize = 512;
/// Maximum number of texts of a stream that are remembered by their place after they have ended.
const MAX_PLACES: usize = 4096;
/// Number of events that wait for the withheld end of a text that is not continued.
const MAX_WAITING: u64 = 16;
/// Maximum bytes of events that wait for the end of a possible match, of which a large event counts a part only.
const MAX_DELAYED_BYTES: usize = 256 << 10;

/// Verdict on a stream after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum StreamVerdict {
    /// The stream continues.
    Continue,
    /// The stream ends here: after the bytes appended to `out`, only the error event of the dialect may follow.
    Block(Cause),
}

/// Inspection of one streamed response.
///
/// Every text of the stream (content, reasoning and arguments of each tool call of each candidate) is inspected as one text,
/// however it is split into events. In each event, a text is replaced by its part that may be released. Withheld text is
/// released in front of a later piece of the same text or, if the text ends without one, in a separate event directly before
/// the event that ends it. Arguments of tool calls are released when they are complete. Events without changes are passed byte
/// for byte.
#[derive(Debug)]
pub struct StreamInspector {
    policy: Arc<Policy>,
    /// Rules that do not apply to the call.
    excluded: RuleSet,
    dialect: Dialect,
    /// `true` if the policy has a rule on responses.
    has_rules: bool,
    /// `true` if a rule may change or stop the response, or values may be restored in it.
    can_edit: bool,
    /// Values that are restored.
    values: Arc<PlaceholderValues>,
    /// Facts about the request that the response is compared with.
    facts: Arc<RequestFacts>,
    texts: Vec<(Channel, Text)>,
    report: Report,
    /// `true` if the output so far ends with a complete event.
    terminated: bool,
    /// Framing of the last event.
    framing: Framing,
    /// Candidates or blocks with a redaction: offset annotations into their texts are stale.
    redacted: Vec<u32>,
    scratch: Scratch,
    /// Work of all texts that arrive complete.
    meter: Meter,
    /// Buffer for the released part of a text.
    released: String,
    /// Number of held bytes of arguments of tool calls.
    held_arguments: usize,
    /// Names of the tools that are called, if rules judge arguments.
    called: CalledTools,
    /// Channels of the texts so far, those that have ended included.
    channels: Vec<Channel>,
    /// Texts in members that the dialect does not know.
    unknown: UnknownTexts,
    delayed: DelayedEvents,
    /// Number of events so far.
    events: u64,
    /// `true` once a text of a response that passes text by text was inspected.
    passes_texts: bool,
}

/// Event that is being inspected, and its output.
struct Current<'e> {
    parsed: &'e ParsedEvent<'e>,
    event: &'e Event<'e>,
    data: &'e [u8],
    chunk: &'e Chunk,
    /// Places of the texts in members that the dialect does not know, by the offset of the text.
    places: Vec<(usize, TextPlace)>,
    edits: Edits,
    /// Number of texts that may still become part of a match with a later event.
    undecided: usize,
    /// Number of texts whose withheld end is to leave in front of the event.
    tails: usize,
    /// Length of `out` before the event.
    start: usize,
    out: &'e mut Vec<u8>,
}

impl Current<'_> {
    /// Empties the value at `span`.
    fn empty(&mut self, span: Span) -> Continue {
        self.edits.replace(span, empty_value(self.data, span)).map_err(too_many)
    }
}

fn too_many(_: Overlap) -> Cause {
    Cause::TooManyRedactions
}

/// Result of a step; an error stops the stream.
type Continue = Result<(), Cause>;

impl StreamInspector {
    /// Creates the inspection of a response in `dialect`.
    pub fn new(policy: Arc<Policy>, dialect: Dialect) -> StreamInspector {
        StreamInspector {
            has_rules: policy.has(Direction::Response),
            can_edit: policy.can_edit(Direction::Response),
            values: Arc::default(),
            facts: Arc::default(),
            policy,
            excluded: RuleSet::default(),
            dialect,
            texts: Vec::new(),
            report: Report::default(),
            terminated: true,
            framing: Framing::Sse,
            redacted: Vec::new(),
            scratch: Scratch::default(),
            meter: Meter::for_bytes(0),
            released: String::new(),
            held_arguments: 0,
            called: CalledTools::default(),
            channels: Vec::new(),
            unknown: UnknownTexts::default(),
            delayed: DelayedEvents::default(),
            events: 0,
            passes_texts: false,
        }
    }

    /// Leaves out rules that do not apply to the call.
    #[must_use]
    pub fn without(self, excluded: RuleSet) -> StreamInspector {
        StreamInspector { excluded, ..self }
    }

    /// Restores values of the request ([`Report::placeholders`]) in texts of the model: never in arguments of tools.
    #[must_use]
    pub fn restoring(self, values: Arc<PlaceholderValues>) -> StreamInspector {
        let can_edit = self.can_edit || !values.is_empty();
        StreamInspector { can_edit, values, ..self }
    }

    /// Compares the response with facts about its request.
    #[must_use]
    pub fn comparing(self, facts: Arc<RequestFacts>) -> StreamInspector {
        StreamInspector { facts, ..self }
    }

    /// Inspects the next event and appends everything that may be released now to `out`. Appends nothing after
    /// [`StreamVerdict::Block`].
    pub fn event(&mut self, parsed: &ParsedEvent<'_>, out: &mut Vec<u8>) -> StreamVerdict {
        let event = parsed.event();
        if let Some(cause) = self.report.cause {
            return StreamVerdict::Block(cause);
        }
        if !self.has_rules && self.values.is_empty() {
            out.extend_from_slice(event.raw());
            return StreamVerdict::Continue;
        }
        self.framing = event.framing();
        self.events += 1;
        let start = out.len();
        let result = match parsed.content() {
            EventContent::End => self.end(event, out),
            EventContent::Empty if event.is_last() => self.end(event, out),
            EventContent::Empty => {
                self.pass(event, out);
                Ok(())
            }
            EventContent::Chunk(chunk) => {
                let (data, edits) = (parsed.data(), Edits::new());
                let places = self.places(event, data, chunk);
                self.chunk(Current { parsed, event, data, chunk, places, edits, undecided: 0, tails: 0, start, out })
            }
            EventContent::Unreadable => self.unscanned(Cause::Unreadable).map(|()| self.pass(event, out)),
        };
        let result = result.and_then(|()| self.delay(start, out));
        self.verdict(result, start, out)
    }

    /// Ends the unknown texts of some candidates or blocks. `is_final`: they do not go on, whatever follows.
    fn end_unknown(&mut self, ends: impl Fn(u32) -> bool, is_final: bool) -> Result<Vec<Decided>, Cause> {
        let mut decided = Vec::new();
        let mut context = Context {
            policy: &self.policy,
            applicable: Applicable::to_part(Part::Other, &self.excluded),
            scratch: &mut self.scratch,
            report: &mut self.report,
        };
        self.unknown.end(ends, is_final, &mut context, &mut decided)?;
        Ok(decided)
    }

    /// Replaces the texts that are decided. `current` is the event that is being inspected.
    fn decide(&mut self, decided: Vec<Decided>, mut current: Option<&mut Current<'_>>) -> Continue {
        for Decided { event, replaced, choice } in decided {
            if replaced.is_some() {
                self.mark_redacted(choice);
            }
            let replaced = replaced.as_ref().map(|(span, text)| (*span, text.as_str()));
            match current.as_deref_mut().filter(|_| event == self.events) {
                Some(current) => {
                    current.undecided = current.undecided.saturating_sub(1);
                    if let Some((span, text)) = replaced {
                        current.edits.replace_text(span, text).map_err(too_many)?;
                    }
                }
                None => self.delayed.decide(event, replaced).map_err(too_many)?,
            }
        }
        Ok(())
    }

    /// Marks the annotations of a candidate or block as stale.
    fn mark_redacted(&mut self, choice: u32) {
        if !self.redacted.contains(&choice) && self.redacted.len() < MAX_TEXTS {
            self.redacted.push(choice);
        }
    }

    /// Frees the places of the texts of blocks that have ended. A candidate may go on behind its end.
    fn forget(&mut self, ends: impl Fn(u32) -> bool) {
        if self.dialect.responds_in_blocks() {
            self.texts.retain(|(channel, text)| !text.finished || !ends(channel.choice));
        }
    }

    /// Ends all texts in front of the event that ends the stream.
    fn end(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Continue {
        let decided = self.end_unknown(|_| true, true)?;
        self.decide(decided, None)?;
        self.resolve(|_| true, &mut 0, out)?;
        self.pass(event, out);
        Ok(())
    }

    /// Lets the output of an event, which begins at `start`, wait behind events that wait. Appends those that may leave now.
    fn delay(&mut self, start: usize, out: &mut Vec<u8>) -> Continue {
        if self.delayed.is_empty() {
            return Ok(());
        }
        if self.delayed.last() < self.events {
            let own = out.split_off(start);
            self.delayed.push(self.events, own, None, (0, 0));
        }
        let all = self.delayed.weight() > MAX_DELAYED_BYTES;
        let mut decided = Vec::new();
        let mut context = Context {
            policy: &self.policy,
            applicable: Applicable::to_part(Part::Other, &self.excluded),
            scratch: &mut self.scratch,
            report: &mut self.report,
        };
        self.unknown.release_old(self.events, all, &mut context, &mut decided);
        for (channel, text) in &mut self.texts {
            let Some(tail) = text.tail.as_ref().filter(|tail| all || tail.event + MAX_WAITING <= self.events) else {
                continue;
            };
            // A text that goes on is part of the same possible match. Nothing of it has left since.
            if text.last > tail.event && !all {
                continue;
            }
            self.released.clear();
            context.applicable = Applicable::to_part(channel.part, &self.excluded);
            text.holdback.give_up(&mut context, &mut self.released);
            if let Some((event, mut tail)) = text.take_tail(&mut self.released, true) {
                tail.push_str(&self.released);
                self.delayed.add_tail(event, &text.event_of(&tail));
            }
        }
        self.decide(decided, None)?;
        self.delayed.flush(out);
        Ok(())
    }

    /// Returns the places of the texts in members that the dialect does not know. Texts in values that are complete have none.
    fn places(&self, event: &Event<'_>, data: &[u8], chunk: &Chunk) -> Vec<(usize, TextPlace)> {
        // The name of a member, which a colon follows, is whole.
        let is_name =
            |str: Str| data.get(str.literal().end..).is_some_and(|rest| rest.trim_ascii_start().starts_with(b":"));
        let is_unknown =
            |text: &OutputText| matches!(text.channel.part, Part::Other | Part::ToolPiece(_)) && !is_name(text.str);
        if !self.has_rules || chunk.is_error || !chunk.texts.iter().any(is_unknown) {
            return Vec::new();
        }
        if self.dialect.is_mcp() {
            // A message is whole: no string of it goes on in another one.
            return Vec::new();
        }
        let is_piece = |span: Span| {
            !within(&chunk.snapshots, span) && !within(&chunk.logprobs, span) && !within(&chunk.uneditable, span)
        };
        let annotations: Vec<Span> = chunk.offsets.iter().map(|offsets| offsets.span).collect();
        let texts = chunk.texts.iter().filter(|text| is_unknown(text) && is_piece(text.str.span));
        let texts = texts.filter(|text| !within(&annotations, text.str.span));
        let mut wanted: Vec<usize> = texts.map(|text| text.str.literal().start).collect();
        wanted.sort_unstable();
        if wanted.is_empty() {
            return Vec::new();
        }
        let places = text_places(event.name(), data, &wanted);
        wanted.into_iter().zip(places).filter_map(|(at, place)| Some((at, place?))).collect()
    }

    /// Inspects a complete text of a response that passes text by text, and appends what may be released of it to `out`.
    pub fn whole_text(&mut self, text: &str, out: &mut String) -> StreamVerdict {
        if let Some(cause) = self.report.cause {
            return StreamVerdict::Block(cause);
        }
        let mut result = self.pass_names().and_then(|()| self.single(Part::ToolValue(0), ScopedTexts::All, text, out));
        if result.is_ok() {
            result = self.compare(ScopedTexts::All, false, text);
        }
        match result {
            Ok(()) => StreamVerdict::Continue,
            Err(cause) => {
                self.report.block(cause);
                StreamVerdict::Block(cause)
            }
        }
    }

    /// Inspects a complete text that must not be edited, like that of a complete response.
    pub fn opaque_text(&mut self, text: &str) -> StreamVerdict {
        if let Some(cause) = self.report.cause {
            return StreamVerdict::Block(cause);
        }
        match self.pass_names().and_then(|()| self.uneditable(ScopedTexts::All, text)) {
            Ok(()) => StreamVerdict::Continue,
            Err(cause) => {
                self.report.block(cause);
                StreamVerdict::Block(cause)
            }
        }
    }

    /// Handles names of tools in a response that passes text by text, in which they are not told from other texts: they count as
    /// unscanned, or the response is blocked if a rule on them may block.
    fn pass_names(&mut self) -> Continue {
        if std::mem::replace(&mut self.passes_texts, true) || !self.dialect.calls_tools() {
            return Ok(());
        }
        let rules = (0..).map(RuleIndex).zip(self.policy.rules());
        let on_names = rules.filter(|(index, rule)| {
            let judges_calls = rule
                .arguments
                .as_ref()
                .is_some_and(|scope| !scope.judges_provenance() || !self.facts.entities.is_empty());
            (rule.is_tool || judges_calls) && rule.response && !self.excluded.contains(*index)
        });
        match on_names.map(|(_, rule)| rule.may_act_on(Direction::Response)).reduce(|all, own| all | own) {
            None => Ok(()),
            Some(true) => self.unscanned(Cause::TooLarge),
            Some(false) => {
                self.report.unscanned += 1;
                Ok(())
            }
        }
    }

    /// Ends the body: resolves all withheld text and appends it to `out`.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> StreamVerdict {
        if let Some(cause) = self.report.cause {
            return StreamVerdict::Block(cause);
        }
        self.events += 1;
        let start = out.len();
        let result = self.end_unknown(|_| true, true).and_then(|decided| self.decide(decided, None));
        let result = result.and_then(|()| self.resolve(|_| true, &mut 0, out)).and_then(|()| self.delay(start, out));
        debug_assert!(result.is_err() || self.delayed.is_empty(), "nothing waits behind the end");
        self.verdict(result, start, out)
    }

    /// Returns the findings so far.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Returns the number of withheld bytes of all texts. After any event, this is at most `max_match_bytes` of the policy
    /// for each text, two placeholders and 256 bytes if values are restored in it, 256 bytes for each word of a rule on overlaps,
    /// and 1 MiB for all arguments of tool calls, which are withheld until they are complete.
    pub fn held_bytes(&self) -> usize {
        self.texts.iter().map(|(_, text)| text.held()).sum::<usize>() + self.unknown.held()
    }

    /// Returns the number of bytes of arguments of tools and of whole events that are withheld. What else is withheld is bounded
    /// by the policy and small.
    pub fn bytes_kept_whole(&self) -> usize {
        self.held_arguments.saturating_add(self.delayed.bytes())
    }

    /// Returns the verdict on an event whose output begins at `start`.
    fn verdict(&mut self, result: Continue, start: usize, out: &mut Vec<u8>) -> StreamVerdict {
        match result {
            Ok(()) => StreamVerdict::Continue,
            Err(cause) => {
                let own = out.split_off(start);
                if self.delayed.abandon(out) {
                    // What waits may be the beginning of the match. All that has left was followed by an event.
                    self.terminated = true;
                } else {
                    out.extend_from_slice(&own);
                }
                end_event(&mut self.terminated, self.framing, out); // an error event follows
                self.report.block(cause);
                self.texts = Vec::new();
                StreamVerdict::Block(cause)
            }
        }
    }

    /// Inspects an event with content.
    fn chunk(&mut self, mut current: Current<'_>) -> Continue {
        let Current { event, data, chunk, .. } = current;
        if self.can_edit {
            // Log probabilities repeat the content token by token and byte by byte and cannot be redacted consistently.
            chunk.logprobs.iter().try_for_each(|span| current.empty(*span))?;
        }
        self.begin_tails(&mut current);
        let offsets: Vec<Span> = chunk.offsets.iter().map(|offsets| offsets.span).collect();
        for (at, text) in chunk.texts.iter().enumerate() {
            if within(&chunk.logprobs, text.str.span) || within(&offsets, text.str.span) {
                continue;
            }
            if within(&chunk.uneditable, text.str.span) {
                self.report.unscanned += u64::from(text.channel.part == Part::Rpc(RpcText::Media));
                self.uneditable(ScopedTexts::Part(text.channel.part), &text.str.decode(data))?;
            } else {
                self.text(&mut current, at)?;
            }
        }
        self.whole_calls(data, chunk)?;
        // Annotations of a changed text are stale and removed; all others are inspected like any text.
        let (stale, valid): (Vec<_>, Vec<_>) = chunk
            .offsets
            .iter()
            .map(|offsets| (offsets.span, self.can_edit && self.redacted.contains(&offsets.choice)))
            .partition(|(_, is_stale)| *is_stale);
        stale.iter().try_for_each(|(span, _)| current.empty(*span))?;
        let valid: Vec<Span> = valid.into_iter().map(|(span, _)| span).collect();
        for (at, text) in chunk.texts.iter().enumerate() {
            if within(&valid, text.str.span) && !within(&chunk.logprobs, text.str.span) {
                self.text(&mut current, at)?;
            }
        }
        if chunk.ends || !chunk.finished.is_empty() {
            let ends = |choice: u32| chunk.ends || chunk.finished.contains(&choice);
            let decided = self.end_unknown(ends, self.dialect.responds_in_blocks())?;
            self.decide(decided, Some(&mut current))?;
            self.resolve(|channel| ends(channel.choice), &mut current.tails, current.out)?;
            self.forget(ends);
        }
        let Current { parsed, edits, undecided, tails, start, out, .. } = current;
        if undecided > 0 || tails > 0 || !self.delayed.is_empty() {
            let before = out.split_off(start);
            self.delayed.push(self.events, before, Some((event.to_held(), edits)), (undecided, tails));
            self.terminated = event.is_terminated();
            return Ok(());
        }
        if edits.is_empty() {
            self.pass(event, out);
        } else {
            parsed.with_edits(&edits, out);
            self.terminated = event.is_terminated();
        }
        Ok(())
    }

    /// Lets the withheld ends of texts leave in front of an event with another text of the same candidate, so that the order of the
    /// upstream is kept. The event waits until it is known whether the end is part of a match.
    fn begin_tails(&mut self, current: &mut Current<'_>) {
        let chunk = current.chunk;
        for (channel, text) in self.texts.iter_mut().filter(|(_, text)| text.has_tail()) {
            let pieces =
                || chunk.texts.iter().filter(|own| own.channel.choice == channel.choice && !own.str.span.is_empty());
            let is_continued = pieces().any(|own| own.channel == *channel);
            if !is_continued && pieces().any(|own| own.channel.part != Part::Other && !own.channel.part.repeats()) {
                text.begin_tail(self.events);
                current.tails += 1;
            }
        }
    }

    /// Inspects a text that must not be edited, like that of a complete response.
    fn uneditable(&mut self, texts: ScopedTexts<'_>, text: &str) -> Continue {
        self.meter.allow_bytes(text.len() as u64);
        let applicable = Applicable { excluded: &self.excluded, texts };
        let mut found = inspect_opaque(&self.policy, Direction::Response, text, &mut self.meter, applicable);
        found.findings.clear();
        let cause = found.cause;
        self.report.add(found);
        cause.or_else(|| self.report.reached(&self.policy, Direction::Response)).map_or(Ok(()), Err)
    }

    /// Inspects the text at an index of the event.
    fn text(&mut self, current: &mut Current<'_>, at: usize) -> Continue {
        let Some(text) = current.chunk.texts.get(at) else { return Ok(()) };
        if !self.has_rules && !is_restorable(text.channel.part) && text.channel.part != Part::Whole {
            return Ok(());
        }
        let piece = text.str.decode(current.data);
        if let Part::ToolName(call) = text.channel.part
            && !self.policy.on_arguments().is_empty()
        {
            self.called.add(text.channel.choice, call, &piece);
        }
        let start = text.str.literal().start;
        if let Ok(found) = current.places.binary_search_by_key(&start, |(start, _)| *start)
            && let Some((_, place)) = current.places.get(found).copied()
        {
            return self.unknown_piece(current, place, at, &piece);
        }
        let mut released = std::mem::take(&mut self.released);
        released.clear();
        let changes = self.report.redactions + self.report.restored;
        let result = if is_piecewise(text.channel) {
            self.piece(current, at, &piece, &mut released)
        } else {
            let part = text.channel.part;
            let mut result = self.single(part, ScopedTexts::Part(part), &piece, &mut released);
            if result.is_ok() && overlap::is_compared(part) {
                let texts = ScopedTexts::Part(self.repeated_part(text.channel));
                result = self.compare(texts, part == Part::Whole, &piece);
            }
            self.restore_whole(text.channel, &mut released);
            result
        };
        let redacted = self.report.redactions + self.report.restored > changes
            || matches!(text.channel.part, Part::Whole | Part::WholeArguments) && released != piece;
        if redacted {
            self.mark_redacted(text.channel.choice);
        }
        let mut edited = Ok(());
        if result.is_ok() && released != piece && text.channel.part == Part::ToolNumber {
            let string = json_strings::quoted("", 0..0, &[(0..0, released.as_str().into())]);
            edited = current.edits.replace(text.str.span, string).map_err(too_many);
        } else if result.is_ok() && released != piece {
            edited = current.edits.replace_text(text.str.span, &released).map_err(too_many);
        }
        self.released = released;
        result.and(edited)
    }

    /// Inspects a string in a member that the dialect does not know: alone, and as a piece of the text at its place.
    fn unknown_piece(&mut self, current: &mut Current<'_>, place: TextPlace, at: usize, piece: &str) -> Continue {
        let Some(text) = current.chunk.texts.get(at) else { return Ok(()) };
        if piece.is_empty() {
            // It continues nothing.
            return Ok(());
        }
        let piece = UnknownPiece { place, channel: text.channel, event: self.events, span: text.str.span, text: piece };
        let mut context = Context {
            policy: &self.policy,
            applicable: Applicable::to_part(text.channel.part, &self.excluded),
            scratch: &mut self.scratch,
            report: &mut self.report,
        };
        let mut decided = Vec::new();
        current.undecided += 1;
        self.unknown.add(piece, &mut context, &mut self.meter, &mut decided)?;
        self.decide(decided, Some(current))
    }

    /// Judges the calls that an event contains whole: APIs that send arguments as an object, and events that repeat what was
    /// streamed.
    fn whole_calls(&mut self, data: &[u8], chunk: &Chunk) -> Continue {
        let StreamInspector { policy, excluded, facts, report, meter, .. } = self;
        let parts = || chunk.texts.iter().map(|text| text.channel.part);
        if !arguments::has_rules(policy, excluded, facts) {
            return Ok(());
        }
        // Arguments in pieces with a path each (Vertex AI).
        if arguments::has(data, b"\"partialArgs\"") {
            return arguments::unreadable(policy, excluded, facts, report).map_or(Ok(()), Err);
        }
        if !arguments::may_call(parts(), data) {
            return Ok(());
        }
        let is_repeated = parts().any(|part| part == Part::WholeArguments);
        let with_text = is_repeated || parts().any(|part| matches!(part, Part::ToolValue(_)));
        let Some(calls) = arguments::calls(data, with_text) else {
            return arguments::unreadable(policy, excluded, facts, report).map_or(Ok(()), Err);
        };
        for call in calls {
            let mut own = Report::default();
            meter.allow_bytes(call.arguments.len() as u64);
            let cause = arguments::inspect(policy, excluded, facts, (&call.tool(), &call.arguments), meter, &mut own);
            let is_new = |rule: &RuleIndex| report.rules.binary_search(rule).is_err();
            if !is_repeated || own.rules.iter().any(is_new) {
                report.add(own);
            }
            cause.or_else(|| report.reached(policy, Direction::Response)).map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    /// Inspects a piece of a text, the text at index `at` of the event, and appends the released part to `released`.
    fn piece(&mut self, current: &mut Current<'_>, at: usize, piece: &str, released: &mut String) -> Continue {
        let Current { event, data, chunk, .. } = *current;
        let Some(source) = chunk.texts.get(at) else { return Ok(()) };
        let later = chunk.texts.get(at + 1..).unwrap_or(&[]);
        let last = (chunk.ends || chunk.finished.contains(&source.channel.choice))
            && !later.iter().any(|later| later.channel == source.channel);
        let part = source.channel.part;
        let applicable = Applicable::to_part(part, &self.excluded);
        let is_signed = part == Part::Reasoning && self.dialect.signs_thoughts();
        let new = || {
            let text = Text::new(part, &self.policy, applicable, (&self.values, &self.facts));
            if is_signed { text.signed() } else { text }
        };
        let found = self.texts.iter().position(|(channel, _)| *channel == source.channel);
        if found.is_none() && self.texts.len() >= MAX_TEXTS {
            self.texts.retain(|(_, text)| !text.finished);
        }
        let index = match found {
            Some(index) => index,
            None if self.texts.len() < MAX_TEXTS => {
                self.texts.push((source.channel, new()));
                if self.channels.len() < MAX_PLACES && !self.channels.contains(&source.channel) {
                    self.channels.push(source.channel);
                }
                self.texts.len() - 1
            }
            None => {
                released.push_str(piece);
                return self.unscanned(Cause::TooManyTexts);
            }
        };
        let Some((_, text)) = self.texts.get_mut(index) else { return Ok(()) };
        // Some servers announce the end of a text with every piece of it, or use the index of a text again.
        let is_late = text.finished && !piece.is_empty();
        if is_late && text.is_over(part, piece) {
            *text = new();
        }
        text.finished = last || text.finished && !is_late;
        let mut context =
            Context { policy: &self.policy, applicable, scratch: &mut self.scratch, report: &mut self.report };
        let held_before = text.held_arguments();
        let tool = self.called.of(source.channel);
        let mut blocked = text.push(&mut context, (tool, &self.facts), piece, last, released);
        let held = text.held_arguments();
        self.held_arguments = (self.held_arguments + held).saturating_sub(held_before);
        if blocked.is_none() && self.held_arguments > MAX_HELD_BYTES {
            blocked = self.release_arguments(index, released)?;
        }
        let Some((_, text)) = self.texts.get_mut(index) else { return Ok(()) };
        if !piece.is_empty() {
            text.last = self.events;
        }
        match text.take_tail(released, blocked.is_some()) {
            Some((event, tail)) if event < self.events => self.delayed.add_tail(event, &text.event_of(&tail)),
            Some((_, tail)) => {
                // The text ends with the event that its end was to leave in front of.
                current.tails = current.tails.saturating_sub(1);
                released.insert_str(0, &tail);
            }
            None => {}
        }
        self.report.restored += text.restore(&self.values, last || blocked.is_some(), released);
        let held = text.held_arguments();
        let holds_arguments = held > 0 && self.policy.can_edit(Direction::Response);
        let holds_text = text.held_placeholder() > 0 || text.held_overlap() > 0;
        let has_pending = text.holdback.has_pending() || holds_text || holds_arguments;
        let needs_template = has_pending || (blocked.is_some() && !released.is_empty());
        if needs_template && text.template.is_none() {
            text.template = DeltaTemplate::new(self.dialect, event, data, source);
            if text.template.is_none() {
                self.report.restored += text.restore(&self.values, true, released);
                return self.unscanned(Cause::Unreadable);
            }
        }
        if let Some(cause) = blocked {
            if let Some(template) = text.template.as_ref().filter(|_| !released.is_empty()) {
                end_event(&mut self.terminated, self.framing, current.out);
                template.write(released, current.out);
            }
            return Err(cause);
        }
        if last {
            // A template may hold a whole event of the upstream.
            text.template = None;
            self.called.end(source.channel);
        }
        Ok(())
    }

    /// Ends the holding of arguments that are too large to be held. If the policy lets them pass, they are inspected as they
    /// are. Returns the cause if they are blocked.
    fn release_arguments(&mut self, index: usize, released: &mut String) -> Result<Option<Cause>, Cause> {
        self.unscanned(Cause::TooLarge)?;
        let Some((channel, text)) = self.texts.get_mut(index) else { return Ok(None) };
        let Some(mut arguments) = text.arguments.take() else { return Ok(None) };
        self.held_arguments = self.held_arguments.saturating_sub(arguments.held());
        let applicable = Applicable::to_part(channel.part, &self.excluded);
        let mut context =
            Context { policy: &self.policy, applicable, scratch: &mut self.scratch, report: &mut self.report };
        let mut passed = String::new();
        let out = if self.policy.can_edit(Direction::Response) { released } else { &mut passed };
        Ok(text.holdback.push(&mut context, &arguments.take(), text.finished, out))
    }

    /// Inspects a text that arrives complete. If it repeats pieces that were inspected before, its matches are counted only
    /// if they are new.
    fn single(&mut self, part: Part, texts: ScopedTexts<'_>, text: &str, released: &mut String) -> Continue {
        let mut repeated = Report::default();
        let is_repeated = matches!(part, Part::Whole | Part::WholeArguments);
        let report = if is_repeated { &mut repeated } else { &mut self.report };
        let applicable = Applicable { excluded: &self.excluded, texts };
        let blocked = if may_be_json(part) && json_strings::is_json(text) {
            self.meter.allow_bytes(text.len() as u64);
            inspect_complete(&self.policy, applicable, report, &mut self.meter, text, released)
        } else {
            let mut context = Context { policy: &self.policy, applicable, scratch: &mut self.scratch, report };
            let mut holdback = Holdback::with_meter(self.meter);
            let blocked = holdback.push(&mut context, text, true, released);
            self.meter = holdback.meter();
            blocked
        };
        if repeated.rules.iter().any(|rule| self.report.rules.binary_search(rule).is_err()) {
            for rule in &repeated.rules {
                let action = self.policy.rule(*rule).map_or(Action::Log, |rule| rule.action());
                self.report.matched(*rule, action);
            }
            self.report.redactions += repeated.redactions;
            self.report.scores.merge(repeated.scores);
        }
        blocked.or_else(|| self.report.reached(&self.policy, Direction::Response)).map_or(Ok(()), Err)
    }

    /// Compares a text that arrives complete with the request. Of one that repeats pieces, overlaps are counted only if they are new.
    fn compare(&mut self, texts: ScopedTexts<'_>, is_repeated: bool, text: &str) -> Continue {
        let mut own = Report::default();
        let applicable = Applicable { excluded: &self.excluded, texts };
        let blocked = overlap::inspect(&self.policy, applicable, &self.facts.passages, text, &mut own);
        if !is_repeated || own.rules.iter().any(|rule| self.report.rules.binary_search(rule).is_err()) {
            self.report.add(own);
        }
        blocked.or_else(|| self.report.reached(&self.policy, Direction::Response)).map_or(Ok(()), Err)
    }

    /// Returns the part of a text that arrives complete: of one that repeats pieces of reasoning alone, reasoning.
    fn repeated_part(&self, channel: Channel) -> Part {
        let mut repeated = self.channels.iter().filter(|own| own.choice == channel.choice).peekable();
        let is_reasoning = channel.part == Part::Whole
            && repeated.peek().is_some()
            && repeated.all(|own| matches!(own.part, Part::Reasoning | Part::ReasoningCopy));
        if is_reasoning { Part::Reasoning } else { channel.part }
    }

    /// Ends the texts for which `ends` returns `true` and releases their withheld text in separate events. `tails` is the number of
    /// withheld ends that are to leave in front of this event.
    fn resolve(&mut self, ends: impl Fn(&Channel) -> bool, tails: &mut usize, out: &mut Vec<u8>) -> Continue {
        let ended = self.texts.iter_mut().filter(|(channel, text)| !text.finished && ends(channel));
        for (channel, text) in ended {
            text.finished = true;
            self.released.clear();
            let applicable = Applicable::to_part(channel.part, &self.excluded);
            let mut context =
                Context { policy: &self.policy, applicable, scratch: &mut self.scratch, report: &mut self.report };
            self.held_arguments = self.held_arguments.saturating_sub(text.held_arguments());
            let tool = self.called.of(*channel);
            let blocked = text.push(&mut context, (tool, &self.facts), "", true, &mut self.released);
            self.called.end(*channel);
            match text.take_tail(&mut self.released, true) {
                Some((event, tail)) if event < self.events => self.delayed.add_tail(event, &text.event_of(&tail)),
                Some((_, tail)) => {
                    // The text ends with the event that its end was to leave in front of.
                    *tails = tails.saturating_sub(1);
                    self.released.insert_str(0, &tail);
                }
                None => {}
            }
            self.report.restored += text.restore(&self.values, true, &mut self.released);
            if let Some(template) = text.template.take().filter(|_| !self.released.is_empty()) {
                end_event(&mut self.terminated, self.framing, out);
                template.write(&self.released, out);
            }
            if let Some(cause) = blocked {
                return Err(cause);
            }
        }
        Ok(())
    }

    /// Restores values in a text that arrived complete and that repeats pieces of a text in which they are restored. Names and
    /// arguments of tools may arrive complete, too.
    fn restore_whole(&mut self, channel: Channel, released: &mut String) {
        if self.values.is_empty() || channel.part != Part::Whole {
            return;
        }
        let mut repeated = self.channels.iter().filter(|own| own.choice == channel.choice).peekable();
        if repeated.peek().is_none() || !repeated.all(|own| is_restorable(own.part)) {
            return;
        }
        let inspected = std::mem::take(released);
        self.report.restored += Restorer::default().push(&self.values, &inspected, true, released);
    }

    /// Applies the policy for content that cannot be inspected.
    fn unscanned(&mut self, cause: Cause) -> Continue {
        if !self.has_rules {
            return Ok(());
        }
        match self.policy.on_unscannable(Direction::Response) {
            OnUnscannable::Block => Err(cause),
            OnUnscannable::Pass => {
                self.report.unscanned += 1;
                Ok(())
            }
        }
    }

    /// Passes an event unchanged.
    fn pass(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(event.raw());
        self.terminated = event.is_terminated();
    }
}

/// Terminates the last event of the output if it is incomplete.
fn end_event(terminated: &mut bool, framing: Framing, out: &mut Vec<u8>) {
    if !*terminated {
        framing.terminate(out);
    }
    *terminated = true;
}

#[cfg(test)]
mod tests;
