//! Usage of several iterations of one response (Anthropic, `usage.iterations`).
//!
//! The numbers beside the list cover only the iterations of the model that answers, or only the last of them. What is
//! billed is the sum: a compaction of the context ("Compaction"), and the turns of another model ("Advisor tool") come on
//! top. An attempt that a model declined before it generated anything is not billed ("Refusals and fallback"): its entry
//! precedes that of the model that took over.

use super::reader::{Convention, UsageReader, iteration_member};
use super::reported::UsageRank;
use super::{ReportedUsage, Usage};
use crate::json::reader::{Reader, Value};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Error, Str};

/// Maximum number of models whose usage is kept apart; that of further ones counts as the response's own.
pub(crate) const MAX_MODELS: usize = 4;

/// Output tokens of an attempt that was declined before it generated anything: providers report 0 or 1.
const DECLINED_OUTPUT: u64 = 1;

/// Sum of the iterations read so far.
#[derive(Default)]
pub(super) struct Iterations {
    sum: Option<Usage>,
    /// Last iteration, not yet added: the next one tells if it was declined.
    last: Option<Iteration>,
}

/// One iteration.
#[derive(Clone, Copy)]
struct Iteration {
    usage: Usage,
    model: Option<Str>,
    kind: Kind,
}

/// Kind of an iteration.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Turn of the requested model, or of one that took over from it.
    Attempt,
    /// Turn of a model that took over after a refusal.
    Fallback,
    /// Attempt that is marked as declined.
    Declined,
    /// Compaction, turn of an advisor, or unknown.
    Other,
}

impl Kind {
    fn of(name: &str) -> Kind {
        match name {
            "message" => Kind::Attempt,
            "fallback_message" | "fallback" => Kind::Fallback,
            name if name.contains("declined") || name.contains("refus") => Kind::Declined,
            _ => Kind::Other,
        }
    }
}

impl Iterations {
    /// Reads the list, which was just opened.
    pub(super) fn read(
        &mut self,
        reader: &mut Reader<'_, '_>,
        builder: &mut ResponseBuilder<'_>,
        convention: Convention,
    ) -> Result<(), Error> {
        builder.response.by_model.clear();
        while let Some(value) = reader.element()? {
            let Value::Object(_) = value else {
                builder.texts(reader, Channel::OTHER, value)?;
                continue;
            };
            let iteration = iteration(reader, builder, convention)?;
            if let Some(last) = self.last.replace(iteration) {
                let is_declined = iteration.kind == Kind::Fallback
                    && matches!(last.kind, Kind::Attempt | Kind::Fallback)
                    && last.usage.output <= DECLINED_OUTPUT;
                self.add(last, is_declined, reader.body(), builder);
            }
        }
        if let Some(last) = self.last.take() {
            self.add(last, false, reader.body(), builder);
        }
        Ok(())
    }

    /// Adds an iteration to the sum of all, and to that of its model.
    fn add(&mut self, iteration: Iteration, is_declined: bool, body: &[u8], builder: &mut ResponseBuilder<'_>) {
        if is_declined || iteration.kind == Kind::Declined {
            return;
        }
        self.sum = Some(self.sum.unwrap_or_default().plus(&iteration.usage));
        let Some(model) = iteration.model else { return };
        let by_model = &mut builder.response.by_model;
        if let Some((_, usage)) = by_model.iter_mut().find(|(known, _)| known.bytes(body).eq(model.bytes(body))) {
            *usage = usage.plus(&iteration.usage);
        } else if by_model.len() < MAX_MODELS {
            by_model.push((model, iteration.usage));
        }
    }

    /// Returns the usage with the sum in place of its own numbers, if there are iterations with numbers.
    pub(super) fn replace(self, usage: ReportedUsage) -> ReportedUsage {
        let Some(sum) = self.sum.filter(|sum| sum.input > 0 || sum.output > 0) else { return usage };
        ReportedUsage {
            input: Some(sum.input),
            tool_input: None,
            cached: Some(sum.cached),
            cache_write: Some(sum.cache_write()),
            cache_write_1h: Some(sum.cache_write_1h),
            output: Some(sum.output),
            reasoning: if sum.reasoning > 0 { Some(sum.reasoning) } else { usage.reasoning },
            total: None,
            input_excludes_cache: false,
            output_excludes_reasoning: false,
            rank: UsageRank::Iterations,
            ..usage
        }
    }
}

/// Reads an iteration, whose object was just opened.
fn iteration(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    convention: Convention,
) -> Result<Iteration, Error> {
    let mut usage = UsageReader::new(convention);
    let (mut model, mut kind) = (None, Kind::Other);
    while let Some(key) = reader.key()? {
        let value = reader.value()?;
        let body = reader.body();
        match value {
            Value::String(str) if key.is(body, "type") && kind != Kind::Declined => kind = Kind::of(&str.decode(body)),
            Value::String(str) if key.is(body, "model") => model = Some(str).filter(|model| !model.span.is_empty()),
            Value::String(str) if key.is(body, "stop_reason") || key.is(body, "status") => {
                if Kind::of(&str.decode(body)) == Kind::Declined {
                    kind = Kind::Declined;
                }
            }
            Value::Bool(true, _) if key.is(body, "declined") => kind = Kind::Declined,
            value => iteration_member(&mut usage, reader, builder, key, value)?,
        }
    }
    let usage = usage.end().usage();
    // An attempt that is marked as declined is billed for what it generated before.
    if kind == Kind::Declined && usage.output > DECLINED_OUTPUT {
        kind = Kind::Attempt;
    }
    Ok(Iteration { usage, model, kind })
}
