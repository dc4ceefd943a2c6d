//! What an answer says, whole or in events: both are the same object.

use super::Result;
use crate::json::field::{number, saturate, wrong_type};
use crate::json::reader::{Reader, Value};
use crate::view::response::Sketch;
use crate::{Channel, Offsets, Part, Reported, Span};

/// An answer; the answer to a streamed call that failed is an array of one.
pub(super) fn read(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<()> {
    match reader.value()? {
        Value::Object(_) => answer(reader, sketch),
        Value::Array(_) => {
            while let Some(value) = reader.element()? {
                let Value::Object(_) = value else { return Err(wrong_type("body", value)) };
                answer(reader, sketch)?;
            }
            Ok(())
        }
        value => Err(wrong_type("body", value)),
    }
}

fn answer(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<()> {
    let known = [
        "candidates",
        "usageMetadata",
        "modelVersion",
        "promptFeedback",
        "error",
        "responseId",
        "createTime",
        // of a count
        "promptTokensDetails",
        "cacheTokensDetails",
    ];
    let mut blocked = false;
    while let Some((_, field)) = reader.field(&known)? {
        let value = reader.value()?;
        match (field, value) {
            ("candidates", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    candidate(reader, sketch, value)?;
                    sketch.answer.choices += 1;
                }
            }
            ("usageMetadata", Value::Object(_)) => sketch.answer.usage = usage(reader, sketch)?,
            ("modelVersion", Value::String(str)) => sketch.answer.model = Some(str),
            ("promptFeedback", Value::Object(_)) => {
                // The prompt was blocked: there are no candidates, and none will come.
                blocked = true;
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            ("error", value) => {
                sketch.answer.is_error |= !value.is_null();
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            ("promptTokensDetails" | "cacheTokensDetails", Value::Array(_)) => {
                audio(reader, sketch)?;
            }
            ("responseId" | "createTime", value) => sketch.nothing(reader, 0, value)?,
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    blocked &= sketch.answer.choices == 0;
    sketch.answer.ends |= blocked;
    // Every event says what was used so far.
    let complete = blocked || !sketch.answer.finished.is_empty();
    if let Some(usage) = &mut sketch.answer.usage {
        usage.complete = complete;
    }
    Ok(())
}

fn candidate(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, value: Value) -> Result<()> {
    let Value::Object(_) = value else { return sketch.texts(reader, Channel::OTHER, value) };
    // The index may stand behind the texts that it is the index of; the first candidate need not say it.
    let (texts, offsets) = (sketch.answer.texts.len(), sketch.answer.offsets.len());
    let (mut index, mut finished) = (saturate(sketch.answer.choices as u64), false);
    while let Some((_, field)) = reader.field(&[
        "content",
        "index",
        "finishReason",
        "safetyRatings",
        "citationMetadata",
        "groundingMetadata",
        "logprobsResult",
    ])? {
        let value = reader.value()?;
        match (field, value) {
            ("content", Value::Object(_)) => content(reader, sketch)?,
            ("index", value @ Value::Number(_)) => index = number(reader, value).map_or(index, saturate),
            ("finishReason", Value::String(str)) => {
                let reason = str.decode(reader.body());
                finished = !reason.is_empty() && reason != "FINISH_REASON_UNSPECIFIED";
            }
            ("safetyRatings", value) => ratings(reader, sketch, value)?,
            ("citationMetadata", Value::Object(start)) => {
                sketch.texts(reader, Channel::OTHER, value)?;
                sketch.answer.offsets.push(Offsets { choice: 0, span: Span::new(start, reader.offset()) });
            }
            ("groundingMetadata", Value::Object(_)) => grounding(reader, sketch)?,
            ("logprobsResult", Value::Object(start)) => {
                logprobs(reader, sketch)?;
                sketch.answer.logprobs.push(Span::new(start, reader.offset()));
            }
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    for text in sketch.answer.texts.iter_mut().skip(texts) {
        text.channel.choice = index;
    }
    for offsets in sketch.answer.offsets.iter_mut().skip(offsets) {
        offsets.choice = index;
    }
    if finished {
        sketch.answer.finished.push(index);
    }
    Ok(())
}

/// What is said. All texts are put down for choice 0, which the caller mends.
fn content(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<()> {
    let mut calls = 0;
    while let Some((_, field)) = reader.field(&["parts", "role"])? {
        let value = reader.value()?;
        match (field, value) {
            ("parts", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    part(reader, sketch, value, &mut calls)?;
                }
            }
            ("role", value) => sketch.nothing(reader, 0, value)?,
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

fn part(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, value: Value, calls: &mut u32) -> Result<()> {
    let channel = |part| Channel { choice: 0, part };
    let Value::Object(_) = value else { return sketch.text_or_others(reader, channel(Part::Content), value) };
    let first = sketch.answer.texts.len();
    let mut is_thought = false;
    while let Some((_, field)) = reader.field(&["text", "thought", "functionCall", "thoughtSignature", "inlineData"])? {
        let value = reader.value()?;
        match (field, value) {
            ("text", value) => sketch.text_or_others(reader, channel(Part::Content), value)?,
            ("thought", Value::Bool(thought, _)) => is_thought = thought,
            ("functionCall", Value::Object(_)) => {
                while let Some((_, field)) = reader.field(&["name", "args", "id"])? {
                    let value = reader.value()?;
                    match field {
                        "name" => sketch.text_or_others(reader, channel(Part::ToolName(*calls)), value)?,
                        "args" => sketch.texts(reader, channel(Part::ToolValue(*calls)), value)?,
                        "id" => sketch.nothing(reader, 0, value)?,
                        _ => sketch.texts(reader, Channel::OTHER, value)?,
                    }
                }
                *calls = calls.saturating_add(1);
            }
            ("thoughtSignature", value) => sketch.nothing(reader, 0, value)?,
            // An image or a sound, code that was run and what came of it.
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    if is_thought {
        for text in sketch.answer.texts.iter_mut().skip(first) {
            if text.channel.part == Part::Content {
                text.channel.part = Part::Reasoning;
            }
        }
    }
    Ok(())
}

/// Enumerations, and nothing that anybody wrote.
fn ratings(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, value: Value) -> Result<()> {
    let Value::Array(_) = value else { return sketch.texts(reader, Channel::OTHER, value) };
    while let Some(value) = reader.element()? {
        let Value::Object(_) = value else {
            sketch.texts(reader, Channel::OTHER, value)?;
            continue;
        };
        while let Some((_, field)) =
            reader.field(&["category", "probability", "probabilityScore", "severity", "severityScore", "blocked"])?
        {
            let value = reader.value()?;
            match field {
                "" => sketch.texts(reader, Channel::OTHER, value)?,
                _ => sketch.nothing(reader, 0, value)?,
            }
        }
    }
    Ok(())
}

/// Where an answer comes from. The supports point into it by offsets, and say it again.
fn grounding(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<()> {
    while let Some((_, field)) = reader.field(&["groundingSupports"])? {
        let value = reader.value()?;
        sketch.texts(reader, Channel::OTHER, value)?;
        if let ("groundingSupports", Value::Array(start)) = (field, value) {
            sketch.answer.offsets.push(Offsets { choice: 0, span: Span::new(start, reader.offset()) });
        }
    }
    Ok(())
}

/// The tokens that were chosen are the answer once more.
fn logprobs(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<()> {
    while let Some((_, field)) = reader.field(&["chosenCandidates"])? {
        let value = reader.value()?;
        let ("chosenCandidates", Value::Array(_)) = (field, value) else {
            sketch.texts(reader, Channel::OTHER, value)?;
            continue;
        };
        while let Some(value) = reader.element()? {
            sketch.texts(reader, Channel { choice: 0, part: Part::Logprobs }, value)?;
        }
    }
    Ok(())
}

/// Totals so far; `None` if no count of tokens is in it.
fn usage(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<Option<Reported>> {
    let mut said = Reported { output_excludes_reasoning: true, ..Reported::default() };
    let mut tools = None;
    while let Some((_, field)) = reader.field(&[
        "promptTokenCount",
        "candidatesTokenCount",
        "totalTokenCount",
        "cachedContentTokenCount",
        "thoughtsTokenCount",
        "toolUsePromptTokenCount",
        "promptTokensDetails",
        "candidatesTokensDetails",
        "cacheTokensDetails",
        "toolUsePromptTokensDetails",
        "trafficType",
    ])? {
        let value = reader.value()?;
        match (field, value) {
            ("promptTokenCount", Value::Number(_)) => said.input = number(reader, value),
            ("candidatesTokenCount", Value::Number(_)) => said.output = number(reader, value),
            ("totalTokenCount", Value::Number(_)) => said.total = number(reader, value),
            ("cachedContentTokenCount", Value::Number(_)) => said.cached = number(reader, value),
            ("thoughtsTokenCount", Value::Number(_)) => said.reasoning = number(reader, value),
            ("toolUsePromptTokenCount", Value::Number(_)) => tools = number(reader, value),
            ("promptTokensDetails", Value::Array(_)) => said.audio_input = audio(reader, sketch)?,
            ("candidatesTokensDetails", Value::Array(_)) => said.audio_output = audio(reader, sketch)?,
            ("cacheTokensDetails" | "toolUsePromptTokensDetails", Value::Array(_)) => {
                audio(reader, sketch)?;
            }
            ("trafficType", value) => sketch.nothing(reader, 0, value)?,
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    if let Some(tools) = tools {
        said.input = Some(said.input.unwrap_or_default().saturating_add(tools));
    }
    Ok(Some(said).filter(|said| !said.is_empty()))
}

/// Of the tokens by modality, those that are sound.
fn audio(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<Option<u64>> {
    let mut audio = None;
    while let Some(value) = reader.element()? {
        let Value::Object(_) = value else {
            sketch.texts(reader, Channel::OTHER, value)?;
            continue;
        };
        let (mut tokens, mut is_audio) = (None, false);
        while let Some((_, field)) = reader.field(&["modality", "tokenCount"])? {
            match (field, reader.value()?) {
                ("modality", Value::String(str)) => is_audio = str.is(reader.body(), "AUDIO"),
                ("tokenCount", value @ Value::Number(_)) => tokens = number(reader, value),
                (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
            }
        }
        if is_audio {
            audio = tokens;
        }
    }
    Ok(audio)
}
