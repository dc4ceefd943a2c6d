//! Google's Gemini: the model and the operation stand in the path. A stream is server-sent events if the query says
//! `alt=sse`, else one JSON array that grows.

use serde_json::Value;

use super::embeddings::{size, vector};
use super::{Call, Endpoint, Form, Written, arguments, count, list, messages, texts};
use crate::answer::Answer;
use crate::ask::Ask;
use crate::error::{ApiError, Refusal};
use crate::json::{Json, object};
use crate::knobs::{Usage, UsageAt};
use crate::stream::{Events, Framing, Stream};
use crate::tokens::tokens;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { paths: &["models/*:generateContent"], form: |_| Form::JSON, answer: generate, refuse },
    Endpoint { paths: &["models/*:streamGenerateContent"], form, answer: stream_generate, refuse },
    Endpoint { paths: &["models/*:countTokens"], form: |_| Form::JSON, answer: counted, refuse },
    Endpoint { paths: &["models/*:embedContent"], form: |_| Form::JSON, answer: embed, refuse },
    Endpoint { paths: &["models/*:batchEmbedContents"], form: |_| Form::JSON, answer: batch_embed, refuse },
];

fn form(call: &Call<'_>) -> Form {
    if call.query.split('&').any(|pair| pair == "alt=sse") { Form::SSE } else { Form::ARRAY }
}

fn generate(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    let ask = ask(call, &body)?;
    let answer = call.answer(&ask)?;
    let candidates = (0..answer.choices).map(|index| candidate(&answer, index, parts(&answer), true));
    let usage = (call.knobs.usage_at != UsageAt::Never).then_some(answer.usage);
    Ok(Written::json(&response(&answer, Json::list(candidates), usage)))
}

fn stream_generate(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    let ask = ask(call, &body)?;
    let answer = call.answer(&ask)?;
    let form = form(call);
    let framing = if form == Form::SSE { Framing::Sse } else { Framing::Array };
    Ok(Written::new(form, stream(&answer, framing, call)))
}

/// What is asked of a request with `contents`.
fn ask(call: &Call<'_>, body: &Value) -> Result<Ask<'static>, ApiError> {
    let mut ask = call.ask(body)?;
    if let Some(system) = body.get("systemInstruction").or(body.get("system_instruction")) {
        ask.message(false, system.get("parts").map(texts).unwrap_or_default());
    }
    messages(&mut ask, list(body, "contents")?, "parts");
    let config = body.get("generationConfig").or(body.get("generation_config")).unwrap_or(&Value::Null);
    ask.cap = count(config, "maxOutputTokens");
    ask.candidates = count(config, "candidateCount").and_then(|count| u32::try_from(count).ok());
    Ok(ask)
}

const FINISHES: &[(&str, &str)] =
    &[("stop", "STOP"), ("tool_calls", "STOP"), ("length", "MAX_TOKENS"), ("content_filter", "SAFETY")];

fn parts(answer: &Answer<'_>) -> Vec<Json> {
    let thought = answer.thought.iter().map(|said| object! { "text": &*said.text, "thought": true });
    let said = answer.text.iter().map(|said| object! { "text": &*said.text });
    let calls = answer.tool_calls.iter().map(|(name, told)| called(name, told));
    thought.chain(said).chain(calls).collect()
}

/// A call is never cut in pieces: its arguments are an object.
fn called(name: &str, told: &str) -> Json {
    object! { "functionCall": object! { "name": name, "args": arguments(told) } }
}

fn candidate(answer: &Answer<'_>, index: u32, parts: Vec<Json>, last: bool) -> Json {
    let mut candidate = object! { "content": object! { "parts": parts, "role": "model" } };
    if last {
        candidate.add("finishReason", answer.finish_in(FINISHES));
    }
    candidate.with("index", index)
}

fn response(answer: &Answer<'_>, candidates: Json, usage: Option<Usage>) -> Json {
    let mut response = object! { "candidates": candidates };
    if let Some(usage) = usage {
        response.add("usageMetadata", usage_metadata(usage));
    }
    response.with("modelVersion", &*answer.model).with("responseId", answer.id(""))
}

/// Thoughts are counted beside the candidates here, not among them.
fn usage_metadata(usage: Usage) -> Json {
    let mut metadata = object! {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output.saturating_sub(usage.reasoning),
        "totalTokenCount": usage.total(),
    };
    if usage.cached > 0 {
        metadata.add("cachedContentTokenCount", usage.cached);
    }
    metadata.add("promptTokensDetails", text_tokens(usage.input));
    if usage.reasoning > 0 {
        metadata.add("thoughtsTokenCount", usage.reasoning);
    }
    metadata
}

fn text_tokens(count: u64) -> Json {
    Json::list([object! { "modality": "TEXT", "tokenCount": count }])
}

/// Every chunk is a whole response with what is new; the usage in each is of everything so far.
fn stream(answer: &Answer<'_>, framing: Framing, call: &Call<'_>) -> Events {
    let mut stream = Stream::new(framing, call.knobs);
    let total = answer.usage;
    let thoughts = answer.thought.iter().flat_map(|said| said.deltas());
    let thoughts = thoughts.map(|delta| (tokens(delta), object! { "text": delta, "thought": true }));
    let said = answer.text.iter().flat_map(|said| said.deltas());
    let said = said.map(|delta| (tokens(delta), object! { "text": delta }));
    let calls = answer.tool_calls.iter().map(|(name, told)| (tokens(name) + tokens(told), called(name, told)));
    for (spent, part) in thoughts.chain(said).chain(calls) {
        for index in 0..answer.choices {
            let output = (stream.spent + spent).min(total.output);
            // Thoughts come first.
            let usage = Usage { output, reasoning: total.reasoning.min(output), ..total };
            let usage = match call.knobs.usage_at {
                UsageAt::Never | UsageAt::Last => None,
                UsageAt::Asked | UsageAt::Always | UsageAt::Every => Some(usage),
            };
            let candidate = candidate(answer, index, vec![part.clone()], false);
            stream.json("", spent, &response(answer, Json::list([candidate]), usage));
        }
    }
    let usage = (call.knobs.usage_at != UsageAt::Never).then_some(total);
    for index in 0..answer.choices {
        let nothing = vec![object! { "text": "" }];
        stream.json("", 0, &response(answer, Json::list([candidate(answer, index, nothing, true)]), usage));
    }
    stream.end(("", |out: &mut Vec<u8>| refuse(&ApiError::in_the_middle()).body.write(out)))
}

fn counted(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    // Either the contents alone, or a whole request to be.
    let ask = ask(call, body.get("generateContentRequest").unwrap_or(&body))?;
    let total = call.knobs.usage.map_or(ask.prompt_tokens(), |usage| usage.input);
    Ok(Written::json(&object! { "totalTokens": total, "promptTokensDetails": text_tokens(total) }))
}

fn embed(call: &Call<'_>) -> Result<Written, ApiError> {
    Ok(Written::json(&object! { "embedding": embedding(&call.object()?)? }))
}

fn batch_embed(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    let embeddings = list(&body, "requests")?.iter().map(embedding).collect::<Result<Vec<_>, _>>()?;
    Ok(Written::json(&object! { "embeddings": embeddings }))
}

fn embedding(request: &Value) -> Result<Json, ApiError> {
    let parts = request.pointer("/content/parts").ok_or(ApiError::missing("content"))?;
    let numbers = vector(&texts(parts), size(request, "outputDimensionality"));
    Ok(object! { "values": Json::list(numbers.into_iter().map(|number| Json::Float(number.into()))) })
}

/// An error in Google's words.
fn refuse(error: &ApiError) -> Refusal {
    let status = match error.status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    };
    let inner = object! { "code": u32::from(error.status), "message": error.message.as_str(), "status": status };
    Refusal { body: object! { "error": inner }, headers: Vec::new() }
}
