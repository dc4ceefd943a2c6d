//! Kinds of calls: how often each is sent, to which APIs, and how the mock responds.

use serde_json::json;

use crate::api::{Api, TEXT};
use crate::call::{Call, Leave};
use crate::policy::TIGHT;
use crate::random::Random;

/// Kind of call.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// Number of calls of this kind among [`Kind::all`]'s sum.
    pub(crate) weight: u64,
    pub(crate) apis: &'static [Api],
    /// `None`: half of the calls are streamed.
    pub(crate) streamed: Option<bool>,
    pub(crate) plan: fn(&mut Call, &mut Random),
    /// Known difference between what is charged and what would be right. It is printed with every run, and a run without it
    /// fails, so that the entry is removed.
    pub(crate) difference: Option<&'static str>,
}

const fn kind(
    name: &'static str,
    weight: u64,
    apis: &'static [Api],
    streamed: Option<bool>,
    plan: fn(&mut Call, &mut Random),
) -> Kind {
    Kind { name, weight, apis, streamed, plan, difference: None }
}

const CHOICES: &[Api] = &[Api::Chat, Api::Completions];
const CACHED: &[Api] = &[Api::Chat, Api::Responses, Api::Messages, Api::Gemini, Api::Bedrock];
const REASONING: &[Api] = &[Api::Chat, Api::Responses, Api::Messages, Api::Gemini];
const COMPRESSED: &[Api] = &[Api::Chat, Api::Completions, Api::Responses, Api::Messages, Api::Gemini];
const TOOLS: &[Api] = &[Api::Chat, Api::Responses];
/// APIs in whose streams a client can search for a text: InvokeModel encodes them.
const LEGIBLE: &[Api] =
    &[Api::Chat, Api::Completions, Api::Responses, Api::Messages, Api::Gemini, Api::Bedrock, Api::Cohere, Api::Ollama];
const WHOLE: &[Api] = &[Api::Chat, Api::Responses, Api::Messages, Api::Gemini, Api::Bedrock];
const ERRORS: &[Api] = &[Api::Chat, Api::Responses, Api::Messages, Api::Gemini, Api::Cohere, Api::Bedrock];

/// All kinds.
pub(crate) const KINDS: &[Kind] = &[
    kind("usage at the end", 16, TEXT, None, |call, random| usage(call, random, 0)),
    kind("usage in every event", 5, &[Api::Chat, Api::Completions, Api::Gemini], Some(true), |call, random| {
        usage(call, random, 0);
        call.knob("usage-at", "every");
    }),
    kind("usage with the finish reason", 3, CHOICES, Some(true), |call, random| {
        usage(call, random, 0);
        call.knob("usage-at", "last");
    }),
    kind("no usage", 8, TEXT, None, |call, _| call.knob("usage-at", "never")),
    kind("cached prompt", 8, CACHED, None, |call, random| usage(call, random, 30_000)),
    kind("reasoning", 5, REASONING, None, |call, random| {
        usage(call, random, 0);
        call.knob("thinking", "The%20keeper%20counts%20the%20carts.");
    }),
    kind("reasoning without usage", 2, REASONING, Some(true), |call, _| {
        call.knob("thinking", "The%20keeper%20counts%20the%20carts.");
        call.knob("usage-at", "never");
    }),
    kind("several choices", 3, &[Api::Chat, Api::Gemini], None, |call, random| {
        usage(call, random, 0);
        call.prompt.choices = Some(random.between(2, 4));
    }),
    kind("several choices without usage", 2, &[Api::Chat, Api::Gemini], None, |call, random| {
        call.prompt.choices = Some(random.between(2, 4));
        call.knob("usage-at", "never");
    }),
    kind("tool calls", 3, TEXT, None, |call, random| {
        usage(call, random, 0);
        tools(call, random);
    }),
    kind("tool calls without usage", 2, TOOLS, None, |call, random| {
        call.knob("usage-at", "never");
        tools(call, random);
    }),
    kind("gzip", 5, COMPRESSED, None, |call, random| {
        usage(call, random, 0);
        call.knob("gzip", true);
    }),
    kind("gzip without usage", 2, COMPRESSED, None, |call, _| {
        call.knob("gzip", true);
        call.knob("usage-at", "never");
    }),
    kind("half a usage", 2, &[Api::Chat], None, half),
    kind("usage that contradicts itself", 2, &[Api::Chat], None, contradiction),
    kind("error status", 6, TEXT, None, |call, random| {
        let status = random.pick(&[400, 401, 404, 408, 429, 500, 502, 503, 504, 529]).copied().unwrap_or(500);
        call.knob("status", status);
    }),
    kind("error in a 200", 2, &[Api::Chat, Api::Gemini], Some(false), |call, _| {
        call.respond(&json!({"error": {"message": "overloaded", "type": "server_error", "code": 503}}));
    }),
    kind("error in the first event", 2, ERRORS, Some(true), |call, random| cut(call, random, "error", Some(0))),
    kind("error after some events", 3, ERRORS, Some(true), |call, random| cut(call, random, "error", None)),
    kind("reset by the upstream", 4, TEXT, Some(true), |call, random| cut(call, random, "reset", None)),
    kind("reset before the first byte", 1, TEXT, Some(true), |call, random| cut(call, random, "reset", Some(0))),
    kind("ended early by the upstream", 3, TEXT, Some(true), |call, random| cut(call, random, "clean", None)),
    kind("client leaves before the response", 3, TEXT, None, |call, _| {
        call.knob("first-byte-ms", 600_000);
        call.leave = Leave::BeforeResponse;
    }),
    kind("client leaves in the middle", 4, LEGIBLE, Some(true), leave),
    kind("over budget", 6, &[Api::Chat, Api::Responses, Api::Messages], None, |call, random| {
        usage(call, random, 0);
        call.consumer = random.pick(TIGHT).copied().unwrap_or_default();
    }),
    kind("token counting", 1, &[Api::CountTokens], Some(false), |_, _| {}),
    kind("embeddings", 3, &[Api::Embeddings], Some(false), |call, random| {
        call.prompt.vectors = Some((random.between(1, 8), 64));
    }),
    kind("image", 1, &[Api::Images], Some(false), |call, random| picture(call, random, 2000)),
    kind("large image", 1, &[Api::Images], Some(false), |call, random| {
        let bytes = random.between(1_000_000, 2_000_000);
        picture(call, random, bytes);
    }),
    kind("large embeddings", 1, &[Api::Embeddings], Some(false), |call, _| {
        call.prompt.vectors = Some((64, 3072));
    }),
    kind("image in an event", 1, &[Api::Responses], Some(true), picture_in_event),
    kind("tools echoed in an event", 1, &[Api::Responses], Some(true), |call, random| {
        usage(call, random, 0);
        let description = random.words(40_000);
        call.prompt.tools = Some(json!([
            {"type": "function", "name": "lookup", "description": description, "parameters": {"type": "object"}},
        ]));
    }),
    kind("long prompt without usage", 1, TEXT, None, |call, random| {
        let words = random.between(5_000, 20_000);
        call.prompt.user = random.words(words);
        call.knob("usage-at", "never");
    }),
    kind("another model served", 2, &[Api::Chat], None, |call, random| {
        usage(call, random, 0);
        call.served = random.pick(&["gpt-4o", "gpt-4o-mini", "llama-3.1-8b"]).copied().unwrap_or_default();
        call.knob("model", call.served);
    }),
    kind("whole response ended early by the upstream", 1, WHOLE, Some(false), |call, random| {
        cut_whole(call, random, "clean");
    }),
    kind("whole response reset by the upstream", 1, WHOLE, Some(false), |call, random| {
        cut_whole(call, random, "reset");
    }),
    kind("gzip, reset by the upstream", 2, COMPRESSED, Some(true), |call, random| {
        cut(call, random, "reset", None);
        call.knob("gzip", true);
    }),
    kind("malformed response", 1, WHOLE, Some(false), |call, random| {
        let words = random.between(1, 40);
        call.respond_text(&ascii_words(random, words));
        call.is_withheld = true;
    }),
    kind("empty response", 1, TEXT, None, |call, _| call.knob("empty", true)),
];

impl Kind {
    /// Returns the kind of a request, by a number that is as likely to be any other.
    pub(crate) fn random(seed: u64, number: u64) -> &'static Kind {
        let total = KINDS.iter().map(|kind| kind.weight).sum();
        // Its own stream of numbers, so that a further kind does not change the details of all requests.
        let mut left = Random::of(!seed, number).between(1, total);
        for kind in KINDS {
            if left <= kind.weight {
                return kind;
            }
            left -= kind.weight;
        }
        &KINDS[0]
    }
}

/// Lets the mock report a usage, in which up to `cached` tokens were read from a cache or written to one.
fn usage(call: &mut Call, random: &mut Random, cached: u64) {
    let output = random.between(1, 1500);
    let has_reasoning = call.api.reports_reasoning() && random.one_in(3);
    let reasoning = if has_reasoning { random.between(0, output) } else { 0 };
    let cached_tokens = if call.api.reports_cached() && cached > 0 { random.between(0, cached) } else { 0 };
    let written = if call.api.reports_written() && cached > 0 { random.between(0, cached / 4) } else { 0 };
    let input = random.between(1, 3000) + cached_tokens + written;
    call.knob("usage", format_args!("{input},{output},{cached_tokens},{reasoning},{written}"));
}

fn tools(call: &mut Call, random: &mut Random) {
    let arguments = json!({"query": random.words(6), "limit": random.between(1, 99)}).to_string();
    // A header field holds no other characters.
    let arguments: String = arguments.chars().filter(char::is_ascii).collect();
    call.knob("tool-call", format_args!("lookup={arguments}"));
}

/// Ends the stream early: after this number of events, or after some.
fn cut(call: &mut Call, random: &mut Random, how: &str, after: Option<u64>) {
    usage(call, random, 0);
    let before = call.api.events_before_text();
    let after = after.unwrap_or_else(|| before + random.between(1, 20));
    // More text than is sent.
    call.knob("words", 60);
    call.knob("cut-after", after);
    call.knob("cut", how);
    if random.one_in(3) && matches!(call.api, Api::Chat | Api::Completions) {
        call.knob("usage-at", "every");
    }
}

/// Ends a response that is not streamed within its JSON.
fn cut_whole(call: &mut Call, random: &mut Random, how: &str) {
    usage(call, random, 0);
    call.knob("words", 60);
    call.knob("cut-after-bytes", random.between(1, 200));
    call.knob("cut", how);
    call.is_withheld = true;
}

fn leave(call: &mut Call, random: &mut Random) {
    cut(call, random, "stall", None);
    let shown = random.between(1, 12);
    // Every text ends with a space, where no rule of the policy may still match: nothing is held back.
    let texts: Vec<String> = (0..20).map(|at| format!("{}marker-{at}; ", ascii_words(random, 4))).collect();
    call.knob("deltas", json!(texts));
    call.knob("cut-after", call.api.events_before_text() + shown);
    call.leave = Leave::After(format!("marker-{};", shown - 1));
}

/// Returns words of ASCII without punctuation.
fn ascii_words(random: &mut Random, count: u64) -> String {
    random.words(count).chars().filter(|char| char.is_ascii_alphanumeric() || *char == ' ').collect()
}

fn half(call: &mut Call, random: &mut Random) {
    let (input, output) = (random.between(1, 3000), random.between(1, 900));
    let usages = [
        json!({"completion_tokens": output}),
        json!({"prompt_tokens": 0, "completion_tokens": output, "total_tokens": output}),
        json!({"prompt_tokens": input}),
        json!({"prompt_tokens": input, "completion_tokens": 0, "total_tokens": input}),
        json!({"prompt_tokens": input, "total_tokens": input + output}),
        json!({"total_tokens": input + 5000}),
        json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}),
    ];
    chat_response(call, random, random_item(&usages, input));
}

fn contradiction(call: &mut Call, random: &mut Random) {
    let (input, output) = (random.between(100, 3000), random.between(100, 900));
    let details = json!({"cached_tokens": input + 50});
    let reasoning = json!({"reasoning_tokens": output + 9});
    let usages = [
        json!({"prompt_tokens": input, "completion_tokens": output, "prompt_tokens_details": details}),
        json!({"prompt_tokens": input, "completion_tokens": output, "completion_tokens_details": reasoning}),
        json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input}),
        json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output + 77}),
    ];
    chat_response(call, random, random_item(&usages, input));
}

fn random_item(items: &[serde_json::Value], number: u64) -> serde_json::Value {
    let at = usize::try_from(number).unwrap_or_default() % items.len().max(1);
    items.get(at).cloned().unwrap_or_default()
}

/// Sets a complete response of chat completions with this usage.
fn chat_response(call: &mut Call, random: &mut Random, usage: serde_json::Value) {
    let member = if call.streamed { "delta" } else { "message" };
    let choice =
        json!({"index": 0, member: {"role": "assistant", "content": random.words(20)}, "finish_reason": "stop"});
    call.respond(&json!({"id": "chatcmpl-1", "model": call.model, "choices": [choice], "usage": usage}));
}

/// Sets a response with an image of this size.
fn picture(call: &mut Call, random: &mut Random, bytes: u64) {
    let (input, output) = (random.between(5, 400), random.between(1000, 6000));
    call.knob("fill", bytes);
    call.respond(&json!({
        "created": 1, "data": [{"b64_json": "{fill}"}],
        "usage": {"input_tokens": input, "output_tokens": output, "total_tokens": input + output},
    }));
}

fn picture_in_event(call: &mut Call, random: &mut Random) {
    let (input, output) = (random.between(5, 400), random.between(1000, 6000));
    call.knob("fill", random.between(1_000_000, 2_000_000));
    let item = json!({"id": "ig_1", "type": "image_generation_call", "status": "completed", "result": "{fill}"});
    let usage = json!({"input_tokens": input, "output_tokens": output, "total_tokens": input + output});
    let done = json!({"type": "response.output_item.done", "sequence_number": 0, "output_index": 0, "item": item});
    let response = json!({"id": "resp_1", "object": "response", "status": "completed", "output": [], "usage": usage});
    let completed = json!({"type": "response.completed", "sequence_number": 1, "response": response});
    let event = |name: &str, data: serde_json::Value| format!("event: {name}\ndata: {data}\n\n");
    call.respond_text(&(event("response.output_item.done", done) + &event("response.completed", completed)));
}
