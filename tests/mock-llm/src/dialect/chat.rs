//! OpenAI's chat completions, and with them most servers of open models (which also say what a model thought).
//!
//! This one is read and written without a tree in between: it is also the upstream of the benchmarks.

mod events;

use super::{Call, Endpoint, Form, Written};
use crate::answer::{Answer, CREATED};
use crate::ask::Ask;
use crate::error::ApiError;
use crate::json::{string, text};
use crate::knobs::{Usage, UsageAt};
use crate::stream::Events;

pub(super) const ENDPOINTS: &[Endpoint] =
    &[Endpoint { paths: &["chat/completions"], form, answer, refuse: ApiError::openai }];

fn form(call: &Call<'_>) -> Form {
    Form::of(Ask::parse(call.body).is_ok_and(|ask| ask.stream), Form::SSE)
}

fn answer(call: &Call<'_>) -> Result<Written, ApiError> {
    let ask = Ask::parse(call.body).map_err(|error| ApiError::unreadable(&error))?;
    sensible(&ask)?;
    let answer = call.answer(&ask)?;
    let events = match ask.stream {
        true => events::of(&answer, ask.include_usage, call.knobs),
        false => Events::whole(completion(&answer, call.knobs.usage_at)),
    };
    Ok(Written::new(Form::of(ask.stream, Form::SSE), events))
}

/// Refuses what OpenAI refuses.
fn sensible(ask: &Ask<'_>) -> Result<(), ApiError> {
    if ask.model.is_none() {
        return Err(ApiError::invalid("you must provide a model parameter", None, None));
    }
    match &ask.messages {
        None => Err(ApiError::missing("messages")),
        Some(messages) if messages.count == 0 => Err(ApiError::empty("messages")),
        Some(_) => Ok(()),
    }
}

/// The body of a `chat.completion`.
fn completion(answer: &Answer<'_>, usage_at: UsageAt) -> Vec<u8> {
    let said = answer.text.as_ref().map_or(0, |said| said.text.len());
    let mut out = Vec::with_capacity(640 + answer.choices as usize * (said + 160));
    head(answer, "chat.completion", &mut out);
    for index in 0..answer.choices {
        if index > 0 {
            out.push(b',');
        }
        text(&mut out, format_args!(r#"{{"index":{index},"message":{{"role":"assistant","content":"#));
        match &answer.text {
            Some(said) => string(&said.text, &mut out),
            None => out.extend_from_slice(b"null"),
        }
        if let Some(thought) = &answer.thought {
            out.extend_from_slice(br#","reasoning_content":"#);
            string(&thought.text, &mut out);
        }
        for (at, (name, arguments)) in answer.tool_calls.iter().enumerate() {
            out.extend_from_slice(if at == 0 { br#","tool_calls":[{"id":"# } else { br#",{"id":"# });
            call_id(answer, index, at, &mut out);
            out.extend_from_slice(br#","type":"function","function":{"name":"#);
            string(name, &mut out);
            out.extend_from_slice(br#","arguments":"#);
            string(arguments, &mut out);
            out.extend_from_slice(b"}}");
        }
        if !answer.tool_calls.is_empty() {
            out.push(b']');
        }
        out.extend_from_slice(br#","refusal":null},"logprobs":null,"finish_reason":"#);
        string(answer.finish, &mut out);
        out.push(b'}');
    }
    out.push(b']');
    if usage_at != UsageAt::Never {
        out.extend_from_slice(br#","usage":"#);
        usage(answer.usage, &mut out);
    }
    out.push(b'}');
    out
}

/// Everything of a document up to and with the bracket that opens its choices.
fn head(answer: &Answer<'_>, object: &str, out: &mut Vec<u8>) {
    let id = answer.fingerprint;
    text(out, format_args!(r#"{{"id":"chatcmpl-{id:016x}","object":"{object}","created":{CREATED},"model":"#));
    string(&answer.model, out);
    out.extend_from_slice(br#","service_tier":"default","system_fingerprint":"fp_mock","choices":["#);
}

/// The id of the tool call number `at` of the choice `index`.
fn call_id(answer: &Answer<'_>, index: u32, at: usize, out: &mut Vec<u8>) {
    text(out, format_args!(r#""call_{:016x}_{index}_{at}""#, answer.fingerprint));
}

/// A `usage` object.
pub(super) fn usage(usage: Usage, out: &mut Vec<u8>) {
    let Usage { input, output, cached, reasoning, .. } = usage;
    let total = input + output;
    text(
        out,
        format_args!(
            r#"{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{total},"prompt_tokens_details":{{"cached_tokens":{cached},"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":{reasoning},"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}}"#
        ),
    );
}
