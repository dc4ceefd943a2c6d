//! Texts in members that no dialect knows: the strings at one place of the events are one text.

use crate::holdback::{Context, Holdback};
use crate::policy::Policy;
use crate::report::{Cause, Report};
use crate::rule::{Action, Direction};
use crate::rule_scope::Applicable;
use crate::search::meter::Meter;
use std::collections::VecDeque;
use tollgate_llm::{Channel, Part, Span, TextPlace};

/// Maximum number of unknown texts whose pieces are joined. The text that was continued the longest time ago makes room.
const MAX_TEXTS: usize = 256;
/// Number of events after which a text that was not continued no longer delays the stream.
const PATIENCE: u64 = 8;
/// Minimum number of bytes of a value that may be a constant.
const MIN_CONSTANT_BYTES: usize = 4;

/// Texts in unknown members, by their place.
#[derive(Debug, Default)]
pub(super) struct UnknownTexts {
    list: Vec<UnknownText>,
}

/// Text whose pieces are the strings at one place.
///
/// Each string is also searched alone, because it may be complete: a match of either is redacted.
#[derive(Debug)]
struct UnknownText {
    place: TextPlace,
    channel: Channel,
    holdback: Holdback,
    /// Pieces that may still become part of a match.
    pieces: VecDeque<Piece>,
    /// Released part of the first of these pieces.
    released: String,
    /// Number of the last event with a piece.
    last: u64,
    constant: Option<Constant>,
}

/// String that was the same in all events so far: a name or a state, and no piece of a text.
#[derive(Debug)]
struct Constant {
    value: String,
    /// Number of events that repeated it.
    repeated: usize,
}

#[derive(Debug)]
struct Piece {
    event: u64,
    span: Span,
    text: String,
}

/// Text of an event that is decided: no later match includes it.
#[derive(Debug)]
pub(super) struct Decided {
    /// Number of the event.
    pub(super) event: u64,
    /// Position in the data of the event, and the text that replaces it; `None` if it stays as it is.
    pub(super) replaced: Option<(Span, String)>,
    /// Candidate or block that the text belongs to.
    pub(super) choice: u32,
}

/// String in an unknown member of an event.
#[derive(Clone, Copy)]
pub(super) struct UnknownPiece<'p> {
    pub(super) place: TextPlace,
    pub(super) channel: Channel,
    /// Number of the event.
    pub(super) event: u64,
    /// Position in the data of the event.
    pub(super) span: Span,
    pub(super) text: &'p str,
}

impl UnknownTexts {
    /// Returns the number of bytes that may still become part of a match.
    pub(super) fn held(&self) -> usize {
        self.list.iter().map(|text| text.holdback.held()).sum()
    }

    /// Adds a piece to the text at its place. `meter` is that of the texts that arrive complete.
    pub(super) fn add(
        &mut self,
        piece: UnknownPiece<'_>,
        context: &mut Context<'_>,
        meter: &mut Meter,
        decided: &mut Vec<Decided>,
    ) -> Result<(), Cause> {
        let mut alone = Report::default();
        let mut search = Holdback::with_meter(*meter).recording();
        let blocked = {
            let Context { policy, applicable, scratch, .. } = context;
            let mut context = Context { policy, applicable: *applicable, scratch, report: &mut alone };
            search.push(&mut context, piece.text, true, &mut String::new())
        };
        *meter = search.meter();
        let result = match blocked {
            Some(cause) => Err(cause),
            None => self.join(piece, &search, alone.matches > 0, context, decided),
        };
        add_new(context.policy, alone, context.report);
        result?;
        context.report.reached(context.policy, Direction::Response).map_or(Ok(()), Err)
    }

    fn join(
        &mut self,
        piece: UnknownPiece<'_>,
        alone: &Holdback,
        has_match: bool,
        context: &mut Context<'_>,
        decided: &mut Vec<Decided>,
    ) -> Result<(), Cause> {
        let at = match self.list.iter().position(|text| text.place == piece.place) {
            Some(at) => at,
            None => self.open(piece, has_match, context, decided)?,
        };
        let Some(text) = self.list.get_mut(at) else { return Ok(()) };
        if let Some(constant) = &mut text.constant
            && text.last < piece.event
        {
            if constant.value == piece.text {
                constant.repeated = constant.repeated.saturating_add(1);
                text.last = piece.event;
                text.give_up(context, decided);
                decided.push(Decided { event: piece.event, replaced: None, choice: piece.channel.choice });
                return Ok(());
            }
            if let Some(constant) = text.constant.take() {
                text.catch_up(&constant, context, decided)?;
            }
        }
        text.last = piece.event;
        text.holdback.redact_next(alone.replaced());
        text.holdback.cut_behind(piece.text);
        text.pieces.push_back(Piece { event: piece.event, span: piece.span, text: piece.text.to_owned() });
        text.push(context, piece.text, decided)
    }

    /// Opens a text and returns its index.
    fn open(
        &mut self,
        piece: UnknownPiece<'_>,
        has_match: bool,
        context: &mut Context<'_>,
        decided: &mut Vec<Decided>,
    ) -> Result<usize, Cause> {
        if self.list.len() >= MAX_TEXTS {
            let oldest = self.list.iter().enumerate().min_by_key(|(_, text)| text.last).map_or(0, |(at, _)| at);
            self.list.swap_remove(oldest).pause(context, decided)?;
        }
        let may_repeat = !has_match && piece.text.len() >= MIN_CONSTANT_BYTES && piece.channel.part == Part::Other;
        self.list.push(UnknownText {
            place: piece.place,
            channel: piece.channel,
            holdback: Holdback::default(),
            pieces: VecDeque::new(),
            released: String::new(),
            last: piece.event,
            constant: may_repeat.then(|| Constant { value: piece.text.to_owned(), repeated: 0 }),
        });
        // The first value is a piece like any other.
        Ok(self.list.len() - 1)
    }

    /// Decides on the texts that were not continued for several events, or on `all` if the stream may not be delayed any further.
    /// `now` is the number of the event.
    pub(super) fn release_old(&mut self, now: u64, all: bool, context: &mut Context<'_>, decided: &mut Vec<Decided>) {
        let waiting = self.list.iter_mut().filter(|text| !text.pieces.is_empty());
        waiting.filter(|text| all || text.last + PATIENCE <= now).for_each(|text| text.give_up(context, decided));
    }

    /// Ends the texts of some candidates or blocks. `is_final`: they do not go on, whatever follows.
    pub(super) fn end(
        &mut self,
        ends: impl Fn(u32) -> bool,
        is_final: bool,
        context: &mut Context<'_>,
        decided: &mut Vec<Decided>,
    ) -> Result<(), Cause> {
        let ended = self.list.iter_mut().filter(|text| ends(text.channel.choice));
        let mut result = Ok(());
        for text in ended {
            result = result.and(text.pause(context, decided));
        }
        if is_final {
            self.list.retain(|text| !ends(text.channel.choice));
        }
        result
    }
}

impl UnknownText {
    /// Adds a piece.
    fn push(&mut self, context: &mut Context<'_>, piece: &str, decided: &mut Vec<Decided>) -> Result<(), Cause> {
        context.applicable = Applicable::to_part(self.channel.part, context.applicable.excluded);
        let blocked = self.holdback.push(context, piece, false, &mut self.released);
        self.decide(decided);
        blocked.map_or(Ok(()), Err)
    }

    /// Decides on all pieces as if no other followed. If one does, it continues the text.
    fn pause(&mut self, context: &mut Context<'_>, decided: &mut Vec<Decided>) -> Result<(), Cause> {
        context.applicable = Applicable::to_part(self.channel.part, context.applicable.excluded);
        let blocked = self.holdback.pause(context, &mut self.released);
        self.decide(decided);
        blocked.map_or(Ok(()), Err)
    }

    /// Decides on all pieces without waiting for the end of a possible match.
    fn give_up(&mut self, context: &mut Context<'_>, decided: &mut Vec<Decided>) {
        context.applicable = Applicable::to_part(self.channel.part, context.applicable.excluded);
        self.holdback.give_up(context, &mut self.released);
        self.decide(decided);
    }

    /// Reads the repetitions of a value that turned out to be pieces of a text. They have left already.
    fn catch_up(
        &mut self,
        constant: &Constant,
        context: &mut Context<'_>,
        decided: &mut Vec<Decided>,
    ) -> Result<(), Cause> {
        let longest = context.policy.max_match_bytes();
        for _ in 0..constant.repeated.min(longest / constant.value.len().max(1) + 1) {
            self.push(context, &constant.value, decided)?;
            self.give_up(context, decided);
        }
        Ok(())
    }

    /// Takes the decided pieces off the list.
    fn decide(&mut self, decided: &mut Vec<Decided>) {
        let mut start = 0;
        let choice = self.channel.choice;
        for end in self.holdback.take_cuts() {
            let Some(Piece { event, span, text }) = self.pieces.pop_front() else { break };
            let released = self.released.get(start..end).unwrap_or_default();
            let replaced = (released != text).then(|| (span, released.to_owned()));
            decided.push(Decided { event, replaced, choice });
            start = end;
        }
        self.released.drain(..start.min(self.released.len()));
        if self.pieces.is_empty() {
            self.released.clear();
        }
    }
}

/// Adds a report on a string alone. Its matches are counted only if they are new, because a match of the joined text counts, too.
fn add_new(policy: &Policy, alone: Report, report: &mut Report) {
    if alone.rules.iter().any(|rule| report.rules.binary_search(rule).is_err()) {
        for rule in &alone.rules {
            let action = policy.rule(*rule).map_or(Action::Log, |rule| rule.action());
            report.matched(*rule, action);
        }
        report.scores.merge(alone.scores);
    }
    report.unscanned += alone.unscanned;
}
