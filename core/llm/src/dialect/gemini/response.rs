//! What an answer says, whole or in events: both are the same object.

use super::Result;
use crate::json::field::{number, saturate, wrong_type};
use crate::json::reader::{Reader, Value};
use crate::view::response::ResponseBuilder;
use crate::{Channel, OffsetAnnotation, Part, ReportedUsage, Span};

/// An answer; the answer to a streamed call that failed is an array of one.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    match reader.value()? {
        Value::Object(_) => answer(reader, builder),
        Value::Array(_) => {
            while let Some(value) = reader.element()? {
                let Value::Object(_) = value else { return Err(wrong_type("body", value)) };
                answer(reader, builder)?;
            }
            Ok(())
        }
        value => Err(wrong_type("body", value)),
    }
}

fn answer(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
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
                    candidate(reader, builder, value)?;
                    builder.response.choices += 1;
                }
            }
            ("usageMetadata", Value::Object(_)) => builder.response.usage = usage(reader, builder)?,
            ("modelVersion", Value::String(str)) => builder.response.model = Some(str),
            ("promptFeedback", Value::Object(_)) => {
                // The prompt was blocked: there are no candidates, and none will come.
                blocked = true;
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("error", value) => {
                builder.response.is_error |= !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("promptTokensDetails" | "cacheTokensDetails", Value::Array(_)) => {
                audio(reader, builder)?;
            }
            ("responseId" | "createTime", value) => builder.nothing(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    blocked &= builder.response.choices == 0;
    builder.response.ends |= blocked;
    // Every event says what was used so far.
    let complete = blocked || !builder.response.finished.is_empty();
    if let Some(usage) = &mut builder.response.usage {
        usage.complete = complete;
    }
    Ok(())
}

fn candidate(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>, value: Value) -> Result<()> {
    let Value::Object(_) = value else { return builder.texts(reader, Channel::OTHER, value) };
    // The index may stand behind the texts that it is the index of; the first candidate need not say it.
    let (texts, offsets) = (builder.response.texts.len(), builder.response.offsets.len());
    let (mut index, mut finished) = (saturate(builder.response.choices as u64), false);
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
            ("content", Value::Object(_)) => content(reader, builder)?,
            ("index", value @ Value::Number(_)) => index = number(reader, value).map_or(index, saturate),
            ("finishReason", Value::String(str)) => {
                let reason = str.decode(reader.body());
                finished = !reason.is_empty() && reason != "FINISH_REASON_UNSPECIFIED";
            }
            ("safetyRatings", value) => ratings(reader, builder, value)?,
            ("citationMetadata", Value::Object(start)) => {
                builder.texts(reader, Channel::OTHER, value)?;
                builder.response.offsets.push(OffsetAnnotation { choice: 0, span: Span::new(start, reader.offset()) });
            }
            ("groundingMetadata", Value::Object(_)) => grounding(reader, builder)?,
            ("logprobsResult", Value::Object(start)) => {
                logprobs(reader, builder)?;
                builder.response.logprobs.push(Span::new(start, reader.offset()));
            }
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    for text in builder.response.texts.iter_mut().skip(texts) {
        text.channel.choice = index;
    }
    for offsets in builder.response.offsets.iter_mut().skip(offsets) {
        offsets.choice = index;
    }
    if finished {
        builder.response.finished.push(index);
    }
    Ok(())
}

/// What is said. All texts are put down for choice 0, which the caller mends.
fn content(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    let mut calls = 0;
    while let Some((_, field)) = reader.field(&["parts", "role"])? {
        let value = reader.value()?;
        match (field, value) {
            ("parts", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    part(reader, builder, value, &mut calls)?;
                }
            }
            ("role", value) => builder.nothing(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

fn part(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>, value: Value, calls: &mut u32) -> Result<()> {
    let channel = |part| Channel { choice: 0, part };
    let Value::Object(_) = value else { return builder.text_or_others(reader, channel(Part::Content), value) };
    let first = builder.response.texts.len();
    let mut is_thought = false;
    while let Some((_, field)) = reader.field(&["text", "thought", "functionCall", "thoughtSignature", "inlineData"])? {
        let value = reader.value()?;
        match (field, value) {
            ("text", value) => builder.text_or_others(reader, channel(Part::Content), value)?,
            ("thought", Value::Bool(thought, _)) => is_thought = thought,
            ("functionCall", Value::Object(_)) => {
                while let Some((_, field)) = reader.field(&["name", "args", "id"])? {
                    let value = reader.value()?;
                    match field {
                        "name" => builder.text_or_others(reader, channel(Part::ToolName(*calls)), value)?,
                        "args" => builder.texts(reader, channel(Part::ToolValue(*calls)), value)?,
                        "id" => builder.nothing(reader, 0, value)?,
                        _ => builder.texts(reader, Channel::OTHER, value)?,
                    }
                }
                *calls = calls.saturating_add(1);
            }
            ("thoughtSignature", value) => builder.nothing(reader, 0, value)?,
            // An image or a sound, code that was run and what came of it.
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    if is_thought {
        for text in builder.response.texts.iter_mut().skip(first) {
            if text.channel.part == Part::Content {
                text.channel.part = Part::Reasoning;
            }
        }
    }
    Ok(())
}

/// Enumerations, and nothing that anybody wrote.
fn ratings(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>, value: Value) -> Result<()> {
    let Value::Array(_) = value else { return builder.texts(reader, Channel::OTHER, value) };
    while let Some(value) = reader.element()? {
        let Value::Object(_) = value else {
            builder.texts(reader, Channel::OTHER, value)?;
            continue;
        };
        while let Some((_, field)) =
            reader.field(&["category", "probability", "probabilityScore", "severity", "severityScore", "blocked"])?
        {
            let value = reader.value()?;
            match field {
                "" => builder.texts(reader, Channel::OTHER, value)?,
                _ => builder.nothing(reader, 0, value)?,
            }
        }
    }
    Ok(())
}

/// Where an answer comes from. The supports point into it by offsets, and say it again.
fn grounding(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    while let Some((_, field)) = reader.field(&["groundingSupports"])? {
        let value = reader.value()?;
        builder.texts(reader, Channel::OTHER, value)?;
        if let ("groundingSupports", Value::Array(start)) = (field, value) {
            builder.response.offsets.push(OffsetAnnotation { choice: 0, span: Span::new(start, reader.offset()) });
        }
    }
    Ok(())
}

/// The tokens that were chosen are the answer once more.
fn logprobs(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    while let Some((_, field)) = reader.field(&["chosenCandidates"])? {
        let value = reader.value()?;
        let ("chosenCandidates", Value::Array(_)) = (field, value) else {
            builder.texts(reader, Channel::OTHER, value)?;
            continue;
        };
        while let Some(value) = reader.element()? {
            builder.texts(reader, Channel { choice: 0, part: Part::Logprobs }, value)?;
        }
    }
    Ok(())
}

/// Totals so far; `None` if no count of tokens is in it.
fn usage(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<Option<ReportedUsage>> {
    let mut said = ReportedUsage { output_excludes_reasoning: true, ..ReportedUsage::default() };
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
            ("promptTokensDetails", Value::Array(_)) => said.audio_input = audio(reader, builder)?,
            ("candidatesTokensDetails", Value::Array(_)) => said.audio_output = audio(reader, builder)?,
            ("cacheTokensDetails" | "toolUsePromptTokensDetails", Value::Array(_)) => {
                audio(reader, builder)?;
            }
            ("trafficType", value) => builder.nothing(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    if let Some(tools) = tools {
        said.input = Some(said.input.unwrap_or_default().saturating_add(tools));
    }
    Ok(Some(said).filter(|said| !said.is_empty()))
}

/// Of the tokens by modality, those that are sound.
fn audio(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<Option<u64>> {
    let mut audio = None;
    while let Some(value) = reader.element()? {
        let Value::Object(_) = value else {
            builder.texts(reader, Channel::OTHER, value)?;
            continue;
        };
        let (mut tokens, mut is_audio) = (None, false);
        while let Some((_, field)) = reader.field(&["modality", "tokenCount"])? {
            match (field, reader.value()?) {
                ("modality", Value::String(str)) => is_audio = str.is(reader.body(), "AUDIO"),
                ("tokenCount", value @ Value::Number(_)) => tokens = number(reader, value),
                (_, value) => builder.texts(reader, Channel::OTHER, value)?,
            }
        }
        if is_audio {
            audio = tokens;
        }
    }
    Ok(audio)
}
