//! Inspection of an answer that is streamed, event by event.

use crate::body::{is_piecewise, within};
use crate::passage::Passage;
use crate::policy::Policy;
use crate::raw::OnUnscannable;
use crate::report::{Cause, Report};
use crate::rule::{Action, Direction};
use crate::search::scratch::Scratch;
use crate::template::Template;
use std::sync::Arc;
use tollgate_llm::{Channel, Chunk, Dialect, Edits, Event, Framing, Limits, OutText, Part, Span, emptied};

/// Texts of one stream that are kept apart: candidates times the parts each has (content, reasoning, a tool call's
/// arguments). OpenAI allows 128 candidates and 128 tool calls.
const MAX_TEXTS: usize = 512;

/// Whether the stream goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum StreamVerdict {
    /// It does.
    Continue,
    /// It ends here: after what was appended to `out`, only the error event of the dialect may follow.
    Block(Cause),
}

/// The inspection of one streamed answer.
///
/// Every text of the stream (of each candidate the content, the reasoning, the arguments of each tool call, and so on)
/// is inspected as one text, however it is cut into events. In each event a text becomes what of it may leave; what
/// was withheld leaves in front of a later piece of the same text, or, when the text ends without one, in an event of
/// its own right before the event that ends it. Events in which nothing changes leave byte for byte.
#[derive(Debug)]
pub struct StreamInspector {
    policy: Arc<Policy>,
    dialect: Dialect,
    limits: Limits,
    /// Whether there is a rule on responses at all, and whether any may change or stop the answer.
    active: bool,
    edits: bool,
    texts: Vec<(Channel, Held)>,
    report: Report,
    /// Whether what has left so far ends with an event's end; and how to end an event.
    terminated: bool,
    framing: Framing,
    /// Candidates (or blocks) of whose texts something was redacted: what points into them by offsets is false.
    redacted: Vec<u32>,
    chunk: Chunk,
    scratch: Scratch,
    said: String,
}

/// A text of the stream.
#[derive(Debug, Default)]
struct Held {
    passage: Passage,
    /// How to say what is withheld when no event comes for it; made when something first is.
    template: Option<Template>,
    /// Its candidate has said that it is finished.
    finished: bool,
}

/// What stops the stream, if anything does.
type Stop = Result<(), Cause>;

impl StreamInspector {
    /// The inspection of an answer in `dialect`.
    pub fn new(policy: Arc<Policy>, dialect: Dialect) -> StreamInspector {
        StreamInspector {
            active: policy.has(Direction::Response),
            edits: policy.can_edit(Direction::Response),
            policy,
            dialect,
            limits: Limits::default(),
            texts: Vec::new(),
            report: Report::default(),
            terminated: true,
            framing: Framing::Sse,
            redacted: Vec::new(),
            chunk: Chunk::default(),
            scratch: Scratch::default(),
            said: String::new(),
        }
    }

    /// Takes the next event and appends what may leave now to `out`. After [`StreamVerdict::Block`] nothing more does.
    pub fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> StreamVerdict {
        if let Some(cause) = self.report.cause {
            return StreamVerdict::Block(cause);
        }
        if !self.active {
            out.extend_from_slice(event.raw());
            return StreamVerdict::Continue;
        }
        self.framing = event.framing();
        let data = event.data().filter(|data| !data.is_empty());
        let Some(data) = data else {
            // A comment, an event that clients ignore, or the end, behind which nothing can be said.
            let stop = if event.is_last() { self.resolve(|_| true, out) } else { Ok(()) };
            let stop = stop.map(|()| self.leave(event, out));
            return self.verdict(stop, out);
        };
        let mut chunk = std::mem::take(&mut self.chunk);
        let stop = match chunk.parse_event(self.dialect, event.name(), &data, &self.limits) {
            Ok(true) => self.chunk(event, &data, &chunk, out),
            Ok(false) => self.resolve(|_| true, out).map(|()| self.leave(event, out)),
            Err(_) => self.unscanned(Cause::Unreadable).map(|()| self.leave(event, out)),
        };
        self.chunk = chunk;
        self.verdict(stop, out)
    }

    /// Says that the body has ended: what is withheld is resolved and appended to `out`.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> StreamVerdict {
        if let Some(cause) = self.report.cause {
            return StreamVerdict::Block(cause);
        }
        let stop = self.resolve(|_| true, out);
        self.verdict(stop, out)
    }

    /// What was found so far.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Bytes of text that have come and are withheld, over all texts of the stream. For one text never more than the
    /// policy's `max_match_bytes`, after any event.
    pub fn held_bytes(&self) -> usize {
        self.texts.iter().map(|(_, text)| text.passage.held()).sum()
    }

    fn verdict(&mut self, stop: Stop, out: &mut Vec<u8>) -> StreamVerdict {
        match stop {
            Ok(()) => StreamVerdict::Continue,
            Err(cause) => {
                self.terminate(out); // an error event follows
                self.report.block(cause);
                self.texts = Vec::new();
                StreamVerdict::Block(cause)
            }
        }
    }

    /// An event with something in it.
    fn chunk(&mut self, event: &Event<'_>, data: &[u8], chunk: &Chunk, out: &mut Vec<u8>) -> Stop {
        let mut edits = Edits::new();
        let overlap = |_| Cause::TooManyRedactions;
        if self.edits {
            // They say the content again, token by token and byte by byte: no redaction could be mended there.
            let mut empty = |span: &Span| edits.replace(*span, emptied(data, *span));
            chunk.logprobs.iter().try_for_each(&mut empty).map_err(overlap)?;
        }
        let offsets: Vec<Span> = chunk.offsets.iter().map(|offsets| offsets.span).collect();
        for (at, text) in chunk.texts.iter().enumerate() {
            if !within(&chunk.logprobs, text.str.span) && !within(&offsets, text.str.span) {
                self.text(event, data, chunk, at, text, &mut edits, out)?;
            }
        }
        // What points into a text that was changed goes; into others, it is inspected as any text is.
        let (gone, kept): (Vec<_>, Vec<_>) = chunk
            .offsets
            .iter()
            .map(|offsets| (offsets.span, self.edits && self.redacted.contains(&offsets.choice)))
            .partition(|(_, gone)| *gone);
        for (span, _) in &gone {
            edits.replace(*span, emptied(data, *span)).map_err(overlap)?;
        }
        let kept: Vec<Span> = kept.into_iter().map(|(span, _)| span).collect();
        for (at, text) in chunk.texts.iter().enumerate() {
            if within(&kept, text.str.span) && !within(&chunk.logprobs, text.str.span) {
                self.text(event, data, chunk, at, text, &mut edits, out)?;
            }
        }
        if chunk.ends || !chunk.finished.is_empty() {
            self.resolve(|channel| chunk.ends || chunk.finished.contains(&channel.choice), out)?;
        }
        if edits.is_empty() {
            self.leave(event, out);
        } else {
            event.with_data(&edits.apply(data), out);
            self.terminated = event.is_terminated();
        }
        Ok(())
    }

    /// A text of an event.
    #[allow(clippy::too_many_arguments, reason = "they are one event, taken apart")]
    fn text(
        &mut self,
        event: &Event<'_>,
        data: &[u8],
        chunk: &Chunk,
        at: usize,
        text: &OutText,
        edits: &mut Edits,
        out: &mut Vec<u8>,
    ) -> Stop {
        let piece = text.str.decode(data);
        let mut said = std::mem::take(&mut self.said);
        said.clear();
        let redactions = self.report.redactions;
        let stop = if is_piecewise(text.channel) {
            let later = chunk.texts.get(at + 1..).unwrap_or(&[]);
            let last = (chunk.ends || chunk.finished.contains(&text.channel.choice))
                && !later.iter().any(|later| later.channel == text.channel);
            self.piece(event, data, text, &piece, last, &mut said, out)
        } else {
            self.alone(text.channel.part, &piece, &mut said)
        };
        let redacted = self.report.redactions > redactions || text.channel.part == Part::Whole && said != piece;
        if redacted && !self.redacted.contains(&text.channel.choice) && self.redacted.len() < MAX_TEXTS {
            self.redacted.push(text.channel.choice);
        }
        let mut overlap = Ok(());
        if stop.is_ok() && said != piece {
            overlap = edits.replace_text(text.str.span, &said).map_err(|_| Cause::TooManyRedactions);
        }
        self.said = said;
        stop.and(overlap)
    }

    /// A piece of a text; what may leave is appended to `said`.
    #[allow(clippy::too_many_arguments, reason = "they are one event, taken apart")]
    fn piece(
        &mut self,
        event: &Event<'_>,
        data: &[u8],
        text: &OutText,
        piece: &str,
        last: bool,
        said: &mut String,
        out: &mut Vec<u8>,
    ) -> Stop {
        let at = match self.texts.iter().position(|(channel, _)| *channel == text.channel) {
            Some(at) => at,
            None if self.texts.len() < MAX_TEXTS => {
                self.texts.push((text.channel, Held::default()));
                self.texts.len() - 1
            }
            None => {
                said.push_str(piece);
                return self.unscanned(Cause::TooManyTexts);
            }
        };
        let Some((channel, held)) = self.texts.get_mut(at) else { return Ok(()) };
        let late = held.finished && !piece.is_empty();
        held.finished = last || held.finished && !late;
        let policy = &*self.policy;
        let blocked = held.passage.take(policy, &mut self.scratch, &mut self.report, piece, last, said);
        let owes = held.passage.owes() || (blocked.is_some() && !said.is_empty());
        if owes && held.template.is_none() {
            held.template = Template::new(event.envelope(), self.dialect.echo(), data, *channel, text.str);
            if held.template.is_none() {
                return self.unscanned(Cause::Unreadable);
            }
        }
        if let Some(rule) = blocked {
            if let Some(template) = held.template.as_ref().filter(|_| !said.is_empty()) {
                end_event(&mut self.terminated, self.framing, out);
                template.event(said, out);
            }
            return Err(Cause::Rule(rule));
        }
        if last {
            // It may hold a whole event of the upstream.
            held.template = None;
        }
        if late { self.unscanned(Cause::TextAfterEnd) } else { Ok(()) }
    }

    /// A text that comes whole. What was said before in pieces is not counted again, unless it was not said.
    fn alone(&mut self, part: Part, text: &str, said: &mut String) -> Stop {
        let mut again = Report::default();
        let report = if part == Part::Whole { &mut again } else { &mut self.report };
        let blocked = Passage::default().take(&self.policy, &mut self.scratch, report, text, true, said);
        if again.rules.iter().any(|rule| self.report.rules.binary_search(rule).is_err()) {
            for rule in &again.rules {
                let action = self.policy.rule(*rule).map_or(Action::Log, |rule| rule.action());
                self.report.matched(*rule, action);
            }
            self.report.redactions += again.redactions;
        }
        blocked.map_or(Ok(()), |rule| Err(Cause::Rule(rule)))
    }

    /// Ends the texts that `ends` says; what was withheld of them leaves in events of its own.
    fn resolve(&mut self, ends: impl Fn(&Channel) -> bool, out: &mut Vec<u8>) -> Stop {
        let ended = self.texts.iter_mut().filter(|(channel, text)| !text.finished && ends(channel));
        for (_, text) in ended {
            text.finished = true;
            self.said.clear();
            let said = &mut self.said;
            let blocked = text.passage.take(&self.policy, &mut self.scratch, &mut self.report, "", true, said);
            if let Some(template) = text.template.take().filter(|_| !said.is_empty()) {
                end_event(&mut self.terminated, self.framing, out);
                template.event(said, out);
            }
            if let Some(rule) = blocked {
                return Err(Cause::Rule(rule));
            }
        }
        Ok(())
    }

    /// Something that cannot be inspected: whether it passes all the same.
    fn unscanned(&mut self, cause: Cause) -> Stop {
        match self.policy.on_unscannable() {
            OnUnscannable::Block => Err(cause),
            OnUnscannable::Pass => {
                self.report.unscanned += 1;
                Ok(())
            }
        }
    }

    fn leave(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(event.raw());
        self.terminated = event.is_terminated();
    }

    fn terminate(&mut self, out: &mut Vec<u8>) {
        end_event(&mut self.terminated, self.framing, out);
    }
}

/// Ends the event before, should it have no end.
fn end_event(terminated: &mut bool, framing: Framing, out: &mut Vec<u8>) {
    if !*terminated {
        framing.terminate(out);
    }
    *terminated = true;
}

#[cfg(test)]
mod tests;
