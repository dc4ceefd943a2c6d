//! Inspection of an answer that is streamed, event by event.

use crate::body::{is_piecewise, within};
use crate::passage::Passage;
use crate::policy::Policy;
use crate::raw::OnUnscannable;
use crate::report::{Cause, Report};
use crate::rule::Direction;
use crate::search::scratch::Scratch;
use crate::template::Template;
use std::sync::Arc;
use tollgate_llm::sse::Event;
use tollgate_llm::{Channel, Chunk, Dialect, Edits, Limits, OutText};

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
    /// Whether what has left so far ends with an event's end.
    terminated: bool,
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
        let data = event.data().filter(|data| !data.is_empty());
        let Some(data) = data else {
            self.leave(event.raw(), out); // a comment, or an event that clients ignore
            return StreamVerdict::Continue;
        };
        let mut chunk = std::mem::take(&mut self.chunk);
        let stop = match chunk.parse_into(self.dialect, &data, &self.limits) {
            Ok(true) => self.chunk(event, &data, &chunk, out),
            Ok(false) => self.resolve(|_| true, out).map(|()| self.leave(event.raw(), out)),
            Err(_) => self.unscanned(Cause::Unreadable).map(|()| self.leave(event.raw(), out)),
        };
        self.chunk = chunk;
        self.verdict(stop)
    }

    /// Says that the body has ended: what is withheld is resolved and appended to `out`.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> StreamVerdict {
        if let Some(cause) = self.report.cause {
            return StreamVerdict::Block(cause);
        }
        let stop = self.resolve(|_| true, out);
        self.verdict(stop)
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

    fn verdict(&mut self, stop: Stop) -> StreamVerdict {
        match stop {
            Ok(()) => StreamVerdict::Continue,
            Err(cause) => {
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
            chunk.logprobs.iter().try_for_each(|span| edits.replace(*span, "null")).map_err(overlap)?;
        }
        for (at, text) in chunk.texts.iter().enumerate() {
            if within(&chunk.logprobs, text.str.span) {
                continue;
            }
            let piece = text.str.decode(data);
            let mut said = std::mem::take(&mut self.said);
            said.clear();
            let stop = if is_piecewise(text.channel) {
                let later = chunk.texts.get(at + 1..).unwrap_or(&[]);
                let last = chunk.finished.contains(&text.channel.choice)
                    && !later.iter().any(|later| later.channel == text.channel);
                self.piece(data, text, &piece, last, &mut said, out)
            } else {
                self.alone(&piece, &mut said)
            };
            if stop.is_ok() && said != piece {
                edits.replace_text(text.str.span, &said).map_err(overlap)?;
            }
            self.said = said;
            stop?;
        }
        if !chunk.finished.is_empty() {
            self.resolve(|channel| chunk.finished.contains(&channel.choice), out)?;
        }
        if edits.is_empty() {
            self.leave(event.raw(), out);
        } else {
            event.with_data(&edits.apply(data), out);
            self.terminated = is_terminated(event.raw());
        }
        Ok(())
    }

    /// A piece of a text; what may leave is appended to `said`.
    fn piece(
        &mut self,
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
            held.template = Template::new(data, *channel, text.str);
            if held.template.is_none() {
                return self.unscanned(Cause::Unreadable);
            }
        }
        if let Some(rule) = blocked {
            if let Some(template) = held.template.as_ref().filter(|_| !said.is_empty()) {
                self.terminated = end_event(self.terminated, out);
                template.event(said, out);
            }
            return Err(Cause::Rule(rule));
        }
        if late { self.unscanned(Cause::TextAfterEnd) } else { Ok(()) }
    }

    /// A text that comes whole.
    fn alone(&mut self, text: &str, said: &mut String) -> Stop {
        let blocked = Passage::default().take(&self.policy, &mut self.scratch, &mut self.report, text, true, said);
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
            if let Some(template) = text.template.as_ref().filter(|_| !said.is_empty()) {
                self.terminated = end_event(self.terminated, out);
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

    fn leave(&mut self, raw: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(raw);
        self.terminated = is_terminated(raw);
    }
}

/// Whether an event has its empty line at the end; the last one of a body may not.
fn is_terminated(raw: &[u8]) -> bool {
    [&b"\n\n"[..], b"\r\r", b"\r\n\r\n", b"\n\r\n"].iter().any(|end| raw.ends_with(end))
        || raw == b"\n"
        || raw == b"\r\n"
}

/// Ends the event before, should it have no end.
fn end_event(terminated: bool, out: &mut Vec<u8>) -> bool {
    if !terminated {
        out.extend_from_slice(b"\n\n");
    }
    true
}

#[cfg(test)]
mod tests;
