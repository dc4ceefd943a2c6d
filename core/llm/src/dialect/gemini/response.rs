//! Reads responses and events, which are the same object.

use super::Result;
use crate::json::field::{number, saturate, wrong_type};
use crate::json::reader::{Reader, Value};
use crate::usage::reader::{self as usage, Convention};
use crate::view::response::ResponseBuilder;
use crate::{Channel, ListedSearches, OffsetAnnotation, Part, ReportedUsage, Span};

/// Reads a response. The response to a failed streamed call is an array with one element.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    match reader.value()? {
        Value::Object(_) => response(reader, builder),
        Value::Array(_) => {
            while let Some(value) = reader.element()? {
                let Value::Object(_) = value else { return Err(wrong_type("body", value)) };
                response(reader, builder)?;
            }
            Ok(())
        }
        value => Err(wrong_type("body", value)),
    }
}

/// Reads the response to an embedding call: all of its tokens are input tokens.
pub(super) fn read_embedding(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    read(reader, builder)?;
    if let Some(usage) = &mut builder.response.usage {
        (usage.total_is_input, usage.complete) = (true, true);
    }
    Ok(())
}

/// Reads the members of a response.
fn response(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    let known = [
        "candidates",
        "usageMetadata",
        "modelVersion",
        "promptFeedback",
        "error",
        "responseId",
        "createTime",
        // Token counting.
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
            ("usageMetadata", Value::Object(_)) => usage::read(reader, builder, Convention::WITHOUT_REASONING)?,
            ("modelVersion", Value::String(str)) => builder.response.model = Some(str),
            ("promptFeedback", Value::Object(_)) => {
                // The prompt was blocked: there will be no candidates.
                blocked = true;
                builder.texts(reader, Channel::OTHER, value)?;
                builder.snapshot(reader, value);
            }
            ("error", value) => {
                builder.response.is_error |= !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("promptTokensDetails" | "cacheTokensDetails", Value::Array(_)) => modalities(reader, builder)?,
            ("responseId" | "createTime", value) => builder.no_text(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    if builder.searches > 0 {
        let listed_searches = ListedSearches::listed(builder.searches);
        builder.merge_usage(ReportedUsage { listed_searches, ..ReportedUsage::default() });
    }
    blocked &= builder.response.choices == 0;
    builder.response.ends |= blocked;
    // Every event has a running total.
    let complete = blocked || !builder.response.finished.is_empty();
    if let Some(usage) = &mut builder.response.usage {
        usage.complete = complete;
    }
    Ok(())
}

/// Reads a candidate.
fn candidate(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>, value: Value) -> Result<()> {
    let Value::Object(_) = value else { return builder.texts(reader, Channel::OTHER, value) };
    // The index may follow the texts that it applies to, and may be missing.
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
            ("groundingMetadata", Value::Object(_)) => {
                grounding(reader, builder)?;
                builder.snapshot(reader, value);
            }
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
    builder.response.indexes.push(index);
    if finished {
        builder.response.finished.push(index);
    }
    Ok(())
}

/// Reads a content. Texts are added for choice 0; the caller assigns the index of the candidate.
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
            ("role", value) => builder.no_text(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

/// Reads a part. `calls` counts the function calls of the candidate.
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
                while let Some((_, field)) = reader.field(&["name", "args", "id", "partialArgs"])? {
                    let value = reader.value()?;
                    match (field, value) {
                        ("name", value) => builder.text_or_others(reader, channel(Part::ToolName(*calls)), value)?,
                        ("args", value) => builder.texts(reader, channel(Part::ToolValue(*calls)), value)?,
                        ("id", value) => builder.no_text(reader, 0, value)?,
                        ("partialArgs", Value::Array(_)) => partial_arguments(reader, builder, *calls)?,
                        (_, value) => builder.texts(reader, Channel::OTHER, value)?,
                    }
                }
                *calls = calls.saturating_add(1);
            }
            ("thoughtSignature", value) => builder.no_text(reader, 0, value)?,
            // An image, audio, executed code or its result.
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

/// Reads pieces of arguments, each with its path (Vertex AI, "Streaming function call arguments").
fn partial_arguments(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>, call: u32) -> Result<()> {
    while let Some(value) = reader.element()? {
        let Value::Object(_) = value else {
            builder.texts(reader, Channel::OTHER, value)?;
            continue;
        };
        while let Some((_, field)) = reader.field(&["jsonPath", "stringValue", "numberValue"])? {
            let value = reader.value()?;
            let part = match (field, value) {
                ("jsonPath", value) => {
                    builder.no_text(reader, 0, value)?;
                    continue;
                }
                ("stringValue", Value::String(_)) => Part::ToolPiece(call),
                ("numberValue", Value::Number(_)) => Part::ToolValue(call),
                _ => Part::Other,
            };
            builder.texts(reader, Channel { choice: 0, part }, value)?;
        }
    }
    Ok(())
}

/// Reads safety ratings: values of enumerations, not texts.
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
                _ => builder.no_text(reader, 0, value)?,
            }
        }
    }
    Ok(())
}

/// Reads grounding metadata: the queries of the provider's web searches, and supports, which refer to the text by offsets and
/// repeat it.
fn grounding(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    while let Some((_, field)) = reader.field(&["groundingSupports", "webSearchQueries"])? {
        let value = reader.value()?;
        if let ("webSearchQueries", Value::Array(_)) = (field, value) {
            while let Some(value) = reader.element()? {
                builder.searches = builder.searches.saturating_add(1);
                builder.texts(reader, Channel::OTHER, value)?;
            }
            continue;
        }
        builder.texts(reader, Channel::OTHER, value)?;
        if let ("groundingSupports", Value::Array(start)) = (field, value) {
            builder.response.offsets.push(OffsetAnnotation { choice: 0, span: Span::new(start, reader.offset()) });
        }
    }
    Ok(())
}

/// Reads log probabilities. The chosen tokens repeat the output.
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

/// Reads the modalities of a token count. They are values of an enumeration, not texts.
fn modalities(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    while let Some(value) = reader.element()? {
        let Value::Object(_) = value else {
            builder.texts(reader, Channel::OTHER, value)?;
            continue;
        };
        while let Some((_, field)) = reader.field(&["modality"])? {
            match (field, reader.value()?) {
                ("modality", value) => builder.no_text(reader, 0, value)?,
                (_, value) => builder.texts(reader, Channel::OTHER, value)?,
            }
        }
    }
    Ok(())
}
