//! Text of a streamed response that the dialect knows: content, reasoning, arguments of a tool.

use crate::arguments::{self, CalledNames, Tool};
use crate::body::inspect_metered;
use crate::held_arguments::{Added, HeldArguments};
use crate::holdback::{Context, Holdback};
use crate::overlap;
use crate::policy::Policy;
use crate::report::{Cause, Report};
use crate::request_facts::RequestFacts;
use crate::restore::{PlaceholderValues, Restorer, is_restorable};
use crate::rule::Direction;
use crate::rule_scope::Applicable;
use crate::search::meter::Meter;
use tollgate_llm::{DeltaTemplate, Part};

/// Text of a stream, whose pieces arrive in its events.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) holdback: Holdback,
    /// Comparison with the request, in front of the hold-back.
    overlap: Option<Box<overlap::Reader>>,
    /// Restoration of values in the text that the inspection has released.
    pub(super) restorer: Option<Restorer>,
    /// Arguments of a tool call, until they are complete or turn out not to be JSON.
    pub(super) arguments: Option<HeldArguments>,
    /// Event for withheld text that no later event of the upstream carries; created when text is first withheld.
    pub(super) template: Option<DeltaTemplate>,
    /// `true` once the upstream has announced the end of the candidate.
    pub(super) finished: bool,
    /// Number of the last event with a piece of the text.
    pub(super) last: u64,
    /// Withheld end of the text, if another text of the candidate has begun behind it.
    pub(super) tail: Option<Tail>,
}

/// Withheld end of a text that is to leave in front of the event that another text begins with.
#[derive(Debug)]
pub(super) struct Tail {
    /// Number of the event.
    pub(super) event: u64,
    /// Text that has been released.
    released: String,
}

impl Text {
    pub(super) fn new(
        part: Part,
        policy: &Policy,
        applicable: Applicable<'_>,
        (values, facts): (&PlaceholderValues, &RequestFacts),
    ) -> Text {
        let holds_any = arguments::has_rules(policy, applicable.excluded, facts);
        let arguments = matches!(part, Part::ToolArguments(_)).then(|| HeldArguments::new(holds_any));
        let restorer = (is_restorable(part) && !values.is_empty()).then(Restorer::default);
        let compares = overlap::is_compared(part);
        let overlap = compares.then(|| overlap::Reader::new(policy, applicable, &facts.passages)).flatten();
        Text { arguments, restorer, overlap: overlap.map(Box::new), ..Text::default() }
    }

    /// Leaves the text as it is, because it is signed.
    pub(super) fn signed(self) -> Text {
        Text { holdback: self.holdback.uneditable(), ..self }
    }

    /// Lets the withheld end of the text leave in front of an event.
    pub(super) fn begin_tail(&mut self, event: u64) {
        self.holdback.cut_behind("");
        self.tail = Some(Tail { event, released: String::new() });
    }

    /// Returns `true` if the text has a withheld end that can leave in front of an event.
    pub(super) fn has_tail(&self) -> bool {
        let is_plain = self.overlap.is_none() && self.restorer.is_none() && self.arguments.is_none();
        is_plain && !self.finished && self.tail.is_none() && self.template.is_some() && self.holdback.held() > 0
    }

    /// Moves released text that belongs to the withheld end there. Returns the number of the event that it leaves in front of and the
    /// end, once it is complete. `is_over`: no more of it is released.
    pub(super) fn take_tail(&mut self, released: &mut String, is_over: bool) -> Option<(u64, String)> {
        let tail = self.tail.as_mut()?;
        let end = self.holdback.take_cuts().first().copied();
        tail.released.extend(released.drain(..end.unwrap_or(released.len()).min(released.len())));
        if end.is_none() && !is_over {
            return None;
        }
        self.tail.take().map(|tail| (tail.event, tail.released))
    }

    /// Returns an event with a part of the text; empty if the part is.
    pub(super) fn event_of(&self, part: &str) -> Vec<u8> {
        let mut event = Vec::new();
        if let Some(template) = self.template.as_ref().filter(|_| !part.is_empty()) {
            template.write(part, &mut event);
        }
        event
    }

    /// Returns the number of withheld bytes.
    pub(super) fn held(&self) -> usize {
        self.holdback.held() + self.held_overlap() + self.held_arguments() + self.held_placeholder()
    }

    pub(super) fn held_overlap(&self) -> usize {
        self.overlap.as_ref().map_or(0, |overlap| overlap.held())
    }

    pub(super) fn held_placeholder(&self) -> usize {
        self.restorer.as_ref().map_or(0, Restorer::held)
    }

    /// Restores values in `released`, text that the inspection has released. `is_last` releases what may be the beginning of a
    /// placeholder. Returns the number of restored values.
    pub(super) fn restore(&mut self, values: &PlaceholderValues, is_last: bool, released: &mut String) -> u64 {
        let Some(restorer) = &mut self.restorer else { return 0 };
        let inspected = std::mem::take(released);
        restorer.push(values, &inspected, is_last, released)
    }

    pub(super) fn held_arguments(&self) -> usize {
        self.arguments.as_ref().map_or(0, HeldArguments::held)
    }

    /// Adds a piece and appends the released text to `out`. Returns the cause if the text is blocked.
    ///
    /// `tool` is the name of the tool whose arguments the text is.
    pub(super) fn push(
        &mut self,
        context: &mut Context<'_>,
        (tool, facts): (Option<&CalledNames>, &RequestFacts),
        piece: &str,
        is_last: bool,
        out: &mut String,
    ) -> Option<Cause> {
        let Some(arguments) = &mut self.arguments else {
            return match &mut self.overlap {
                Some(overlap) => overlap.push(context, &mut self.holdback, &facts.passages, (piece, is_last), out),
                None => self.search(context, piece, is_last, out),
            };
        };
        let added = arguments.add(piece, is_last);
        if let Added::Complete(arguments) | Added::Other(arguments) = &added
            && let Context { policy, applicable, report, .. } = context
            && !policy.on_arguments().is_empty()
            && let tool = tool.map_or(Tool::Unnamed, CalledNames::tool)
            && let mut meter = Meter::for_bytes(arguments.len() as u64)
            && let call = (&tool, arguments.as_str())
            && let Some(cause) = arguments::inspect(policy, applicable.excluded, facts, call, &mut meter, report)
        {
            self.arguments = None;
            return Some(cause);
        }
        if context.policy.can_edit(Direction::Response) {
            return self.inspect_arguments(context, added, is_last, out);
        }
        out.push_str(piece);
        self.inspect_arguments(context, added, is_last, &mut String::new())
    }

    fn inspect_arguments(
        &mut self,
        context: &mut Context<'_>,
        added: Added,
        is_last: bool,
        out: &mut String,
    ) -> Option<Cause> {
        match added {
            Added::Held => None,
            Added::Complete(text) => {
                self.arguments = None;
                let mut meter = Meter::for_bytes(text.len() as u64);
                let blocked =
                    inspect_complete(context.policy, context.applicable, context.report, &mut meter, &text, out);
                self.holdback.skip(context, &text);
                blocked
            }
            Added::Other(text) => {
                self.arguments = None;
                self.search(context, &text, is_last, out)
            }
        }
    }

    /// Searches the next piece. Behind the last one, a piece that follows nevertheless continues the text.
    fn search(&mut self, context: &mut Context<'_>, piece: &str, is_last: bool, out: &mut String) -> Option<Cause> {
        match self.holdback.push(context, piece, false, out) {
            None if is_last => self.holdback.pause(context, out),
            blocked => blocked,
        }
    }

    /// Makes room for another text at the same place, behind the end of this one. Returns `false` if the piece continues this text:
    /// some servers announce an end with every piece.
    pub(super) fn is_over(&self, part: Part, piece: &str) -> bool {
        let is_arguments = matches!(part, Part::ToolArguments(_));
        self.overlap.is_some() || is_arguments && piece.trim_ascii_start().starts_with(['{', '['])
    }
}

/// Inspects a text that is complete and appends it, edited, to `out`. Returns the cause if it is blocked.
pub(super) fn inspect_complete(
    policy: &Policy,
    applicable: Applicable<'_>,
    report: &mut Report,
    meter: &mut Meter,
    text: &str,
    out: &mut String,
) -> Option<Cause> {
    let mut found = inspect_metered(policy, Direction::Response, text, meter, applicable);
    let (cause, edits) = (found.cause, std::mem::take(&mut found.edits));
    found.findings.clear();
    report.add(found);
    let cause = cause.or_else(|| report.reached(policy, Direction::Response));
    if cause.is_none() {
        out.push_str(&String::from_utf8_lossy(&edits.apply(text.as_bytes())));
    }
    cause
}
