//! An answer as one JSON document, and the pieces of JSON that streams need as well.

use std::io::Write as _;

use crate::answer::{Answer, CREATED};
use crate::knobs::{Usage, UsageAt};

/// The body of a `chat.completion`.
pub(crate) fn completion(answer: &Answer<'_>, usage_at: UsageAt) -> Vec<u8> {
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
pub(crate) fn head(answer: &Answer<'_>, object: &str, out: &mut Vec<u8>) {
    let id = answer.fingerprint;
    text(out, format_args!(r#"{{"id":"chatcmpl-{id:016x}","object":"{object}","created":{CREATED},"model":"#));
    string(&answer.model, out);
    out.extend_from_slice(br#","service_tier":"default","system_fingerprint":"fp_mock","choices":["#);
}

/// The id of the tool call number `at` of the choice `index`.
pub(crate) fn call_id(answer: &Answer<'_>, index: u32, at: usize, out: &mut Vec<u8>) {
    text(out, format_args!(r#""call_{:016x}_{index}_{at}""#, answer.fingerprint));
}

/// A `usage` object.
pub(crate) fn usage(usage: Usage, out: &mut Vec<u8>) {
    let Usage { input, output, cached, reasoning } = usage;
    let total = input + output;
    text(
        out,
        format_args!(
            r#"{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{total},"prompt_tokens_details":{{"cached_tokens":{cached},"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":{reasoning},"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}}"#
        ),
    );
}

/// A JSON string with its quotes.
pub(crate) fn string(text: &str, out: &mut Vec<u8>) {
    // A vector takes every write, and a str is always a JSON string.
    let _ = serde_json::to_writer(out, text);
}

/// Formatted text as it is.
pub(crate) fn text(out: &mut Vec<u8>, formatted: std::fmt::Arguments<'_>) {
    // A vector takes every write.
    let _ = out.write_fmt(formatted);
}
