use serde_json::{Value, json};
use tollgate_llm::{Dialect, ParseLimits, Request};

use super::*;

fn count(dialect: Dialect, body: &Value) -> PromptCount {
    let body = body.to_string();
    let request = Request::parse(dialect, body.as_bytes(), &ParseLimits::default()).unwrap();
    let count = count_prompt(&request, body.as_bytes(), None);
    assert_eq!(count.tokens, count.text + count.framing + count.tools + count.images + count.media);
    count
}

fn chat(body: Value) -> PromptCount {
    count(Dialect::OpenAiChat, &body)
}

/// OpenAI cookbook, "How to count tokens with tiktoken", section 6: `example_messages`, with the `prompt_tokens` of the
/// notebook for each model ("counted by the OpenAI API").
#[test]
fn messages_match_the_openai_cookbook() {
    let named = |name: &str, content: &str| json!({"role": "system", "name": name, "content": content});
    let messages = json!([
        {"role": "system", "content": "You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
        named("example_user", "New synergies will help drive top-line growth."),
        named("example_assistant", "Things working well together will increase revenue."),
        named("example_user", "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."),
        named("example_assistant", "Let's talk later when we're less busy about how to do better."),
        {"role": "user", "content": "This late pivot means we don't have time to boil the ocean for the client deliverable."},
    ]);
    for (model, expected) in [
        ("gpt-3.5-turbo-0301", 127),
        ("gpt-3.5-turbo-0613", 129),
        ("gpt-3.5-turbo", 129),
        ("gpt-4-0314", 129),
        ("gpt-4-0613", 129),
        ("gpt-4", 129),
        ("gpt-4o", 124),
        ("gpt-4o-mini", 124),
    ] {
        let count = chat(json!({"model": model, "messages": messages}));
        assert_eq!((count.tokens, count.exact), (expected, true), "{model}");
    }
}

/// The same notebook, section 7: `tools` and `example_messages`, as counted by the API.
#[test]
fn tools_match_the_openai_cookbook() {
    let tools = json!([{"type": "function", "function": {
        "name": "get_current_weather",
        "description": "Get the current weather in a given location",
        "parameters": {"type": "object", "properties": {
            "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
            "unit": {"type": "string", "description": "The unit of temperature to return", "enum": ["celsius", "fahrenheit"]}
        }, "required": ["location"]}
    }}]);
    let messages = json!([
        {"role": "system", "content": "You are a helpful assistant that can answer to questions about the weather."},
        {"role": "user", "content": "What's the weather like in San Francisco?"}
    ]);
    for (model, expected) in [("gpt-3.5-turbo", 105), ("gpt-4", 105), ("gpt-4o", 101), ("gpt-4o-mini", 101)] {
        let count = chat(json!({"model": model, "messages": messages, "tools": tools}));
        assert_eq!((count.tokens, count.exact), (expected, false), "{model}");
    }
}

/// Requests to gpt-3.5-turbo with the `prompt_tokens` of the API: the table of hmarr/openai-chat-tokens
/// (`tests/token-counts.test.ts`).
#[test]
fn counts_equal_what_the_api_charged() {
    let user = |content: &str| json!([{"role": "user", "content": content}]);
    let nothing = json!({"type": "object", "properties": {}});
    let bing = |properties: Value| json!([{"name": "bing_bong", "description": "Do a bing bong", "parameters": {"type": "object", "properties": properties}}]);
    let stuff = json!([{"name": "do_stuff", "parameters": nothing}]);
    let call = |arguments: &str| json!([{"role": "assistant", "content": "", "function_call": {"name": "do_stuff", "arguments": arguments}}]);
    let recipe = json!([{"name": "get_recipe", "parameters": {"type": "object", "required": ["ingredients", "instructions", "time_to_cook"], "properties": {
        "ingredients": {"type": "array", "items": {"type": "object", "required": ["name", "unit", "amount"], "properties": {
            "name": {"type": "string"},
            "unit": {"enum": ["grams", "ml", "cups", "pieces", "teaspoons"], "type": "string"},
            "amount": {"type": "number"}
        }}},
        "instructions": {"type": "array", "items": {"type": "string"}, "description": "Steps to prepare the recipe (no numbering)"},
        "time_to_cook": {"type": "number", "description": "Total time to prepare the recipe in minutes"}
    }}}]);
    let cases = [
        (user("hello"), json!(null), 8),
        (user("hello world"), json!(null), 9),
        (json!([{"role": "system", "content": "hello"}]), json!(null), 8),
        (json!([{"role": "system", "content": "hello:"}]), json!(null), 9),
        (
            json!([{"role": "system", "content": "# Important: you're the best robot"}, {"role": "user", "content": "hello robot"}, {"role": "assistant", "content": "hello world"}]),
            json!(null),
            27,
        ),
        (user("hello"), json!([{"name": "foo", "parameters": nothing}]), 31),
        (user("hello"), json!([{"name": "foo", "description": "Do a foo", "parameters": nothing}]), 36),
        (user("hello"), bing(json!({"foo": {"type": "string"}})), 49),
        (
            user("hello"),
            bing(json!({"foo": {"type": "string"}, "bar": {"type": "number", "description": "A number"}})),
            57,
        ),
        (
            user("hello"),
            bing(
                json!({"foo": {"type": "object", "properties": {"bar": {"type": "string", "enum": ["a", "b", "c"]}, "baz": {"type": "boolean"}}}}),
            ),
            68,
        ),
        (
            json!([{"role": "user", "content": "hello world"}, {"role": "function", "name": "do_stuff", "content": "{}"}]),
            json!(null),
            15,
        ),
        (
            json!([{"role": "user", "content": "hello world"}, {"role": "function", "name": "do_stuff", "content": "{\"foo\": \"bar\", \"baz\": 1.5}"}]),
            json!(null),
            28,
        ),
        (
            json!([{"role": "function", "name": "dance_the_tango", "content": "{\"a\": { \"b\" : { \"c\": false}}}"}]),
            json!(null),
            24,
        ),
        (call("{\"foo\": \"bar\", \"baz\": 1.5}"), json!(null), 26),
        (call("{\"foo\":\"bar\", \"baz\":\n\n 1.5}"), json!(null), 25),
        (json!([{"role": "system", "content": "Hello"}, {"role": "user", "content": "Hi there"}]), stuff.clone(), 35),
        (json!([{"role": "system", "content": "Hello:"}, {"role": "user", "content": "Hi there"}]), stuff.clone(), 35),
        (
            json!([{"role": "system", "content": "Hello:"}, {"role": "system", "content": "Hello"}, {"role": "user", "content": "Hi there"}]),
            stuff,
            40,
        ),
        (user("hello"), recipe, 106),
    ];
    for (messages, functions, expected) in cases {
        let mut body = json!({"model": "gpt-3.5-turbo", "messages": messages});
        if functions.is_array() {
            body["functions"] = functions.clone();
        }
        assert_eq!(chat(body.clone()).tokens, expected, "{body}");
        // The same functions, as tools.
        if let Value::Array(functions) = functions {
            body.as_object_mut().unwrap().remove("functions");
            let tools = functions.into_iter().map(|function| json!({"type": "function", "function": function}));
            body["tools"] = tools.collect();
            assert_eq!(chat(body.clone()).tokens, expected, "{body}");
        }
    }
}

#[test]
fn the_tool_choice_costs_tokens() {
    let mut body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}], "tools": [{"type": "function", "function": {"name": "foo"}}]});
    let auto = chat(body.clone()).tokens;
    for (choice, more) in [
        (json!("auto"), 0),
        (json!("none"), 1),
        (json!("required"), 0),
        (json!({"type": "function", "function": {"name": "foo"}}), 8),
    ] {
        body["tool_choice"] = choice;
        assert_eq!(chat(body.clone()).tokens, auto + more, "{body}");
    }
}

/// Anthropic, "Token counting": the worked examples of the page, and the error of the estimate.
#[test]
fn counts_are_close_to_anthropics_examples() {
    let plain = json!({"model": "claude-opus-4-1", "max_tokens": 1, "system": "You are a scientist", "messages": [{"role": "user", "content": "Hello, Claude"}]});
    let count1 = count(Dialect::AnthropicMessages, &plain);
    assert_eq!((count1.tokens, count1.exact), (14, false));
    let tools = json!({"model": "claude-3-7-sonnet-20250219", "max_tokens": 1,
        "tools": [{"name": "get_weather", "description": "Get the current weather in a given location", "input_schema": {
            "type": "object",
            "properties": {"location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"}},
            "required": ["location"]}}],
        "messages": [{"role": "user", "content": "What's the weather like in San Francisco?"}]});
    let counted = count(Dialect::AnthropicMessages, &tools).tokens;
    assert!(counted.abs_diff(403) * 100 <= 403 * 5, "{counted}: more than 5% from the 403 of the page");
}

#[test]
fn images_cost_by_their_size() {
    // The first bytes of a PNG of 1024 by 1024.
    let png = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAABAAAAAQACAYAAAB/HSuDAAA=";
    let with = |model: &str, url: &str, detail: Value| {
        let mut image = json!({"url": url});
        if detail.is_string() {
            image["detail"] = detail;
        }
        chat(
            json!({"model": model, "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": image}]}]}),
        )
    };
    for (model, url, detail, images) in [
        ("gpt-4o", png, json!("high"), 765),
        ("gpt-4o", png, json!("low"), 85),
        ("gpt-4o", png, json!(null), 765),
        ("gpt-4o", "https://example.com/a.png", json!("low"), 85),
        ("gpt-4o", "https://example.com/a.png", json!("high"), 765),
        ("gpt-4o-mini", png, json!("low"), 2833),
        ("gpt-4.1-mini", png, json!("high"), 1659),
        ("o4-mini", png, json!(null), 1762),
        ("gpt-5", png, json!(null), 630),
        ("gpt-5.5", png, json!(null), 1229),
        ("claude-sonnet-4-5", png, json!(null), 1369),
        ("gemini-2.5-pro", png, json!(null), 1032),
    ] {
        let count = with(model, url, detail);
        // No call with an image has been recorded.
        assert_eq!((count.images, count.exact), (images, false), "{model}");
    }
}

#[test]
fn estimates_are_not_exact() {
    let hello = json!([{"role": "user", "content": "hello"}]);
    for (model, tokens, exact) in [
        ("gpt-4o", 8, true),
        ("gpt-4o-2024-08-06", 8, true),
        ("gpt-5", 7, true),
        ("gpt-5-chat-latest", 8, false),
        ("claude-sonnet-4-5", 8, false),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", 8, false),
        ("gemini-2.5-flash", 2, false),
        ("mistral-large-latest", 4, false),
        ("deepseek-chat", 4, false),
        ("Qwen/Qwen3-8B", 9, false),
        ("nobody-knows", 8, false),
    ] {
        let count = chat(json!({"model": model, "messages": hello}));
        assert_eq!((count.tokens, count.exact), (tokens, exact), "{model}");
    }
}

#[test]
fn reasoning_of_earlier_turns_is_not_charged() {
    let body = |messages: Value| json!({"model": "deepseek-reasoner", "messages": messages});
    let thought = json!({"role": "assistant", "content": "hi", "reasoning_content": "a long thought about it"});
    let user = json!({"role": "user", "content": "hello"});
    let before = chat(body(json!([user, thought, user])));
    let without = chat(body(json!([user, {"role": "assistant", "content": "hi"}, user])));
    assert_eq!(before.tokens, without.tokens);
}

#[test]
fn special_tokens_in_a_text_are_text() {
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "<|endoftext|>".repeat(100)}]});
    assert!(chat(body).text >= 600);
}

#[test]
fn audio_and_files_are_estimated_from_their_bytes() {
    // RIFF, and no rate.
    let audio = format!("UklGRg{}", "A".repeat(64_000 - 6));
    let body = json!({"model": "gpt-4o-audio-preview", "messages": [{"role": "user", "content": [
        {"type": "input_audio", "input_audio": {"data": audio, "format": "wav"}}]}]});
    let counted = chat(body);
    // One second.
    assert_eq!((counted.media, counted.exact), (10, false));
}

/// Calls that were recorded with the `input_tokens` or `prompt_tokens` of the API: tests of pydantic-ai
/// (`tests/models/cassettes`), and the examples of OpenAI's API reference ("Create completion", "Create embeddings").
#[test]
fn counts_equal_recorded_calls() {
    use Dialect::{OpenAiChat, OpenAiCompletions, OpenAiEmbeddings, OpenAiResponses};
    let user = |text: &str| json!([{"role": "user", "content": text}]);
    let both =
        |system: &str, text: &str| json!([{"role": "system", "content": system}, {"role": "user", "content": text}]);
    for (dialect, body, charged) in [
        (OpenAiChat, json!({"model": "gpt-5-nano", "messages": user("Hello!")}), 8),
        (OpenAiChat, json!({"model": "gpt-5", "messages": user("What is the capital of France?")}), 13),
        (OpenAiChat, json!({"model": "o3-mini", "messages": user("hello"), "max_completion_tokens": 100}), 7),
        (OpenAiChat, json!({"model": "o3-mini", "messages": [{"role": "system", "content": "You are a potato."}]}), 11),
        (
            OpenAiChat,
            json!({"model": "o4-mini-2025-04-16",
                "messages": both("You are a helpful assistant.", "What's the capital of France?")}),
            22,
        ),
        (OpenAiChat, json!({"model": "gpt-4.5-preview", "messages": user("hello"), "n": 1}), 8),
        (
            OpenAiChat,
            json!({"model": "gpt-4o", "messages": both("You are a helpful assistant.", "What is the capital of France?")}),
            24,
        ),
        (
            OpenAiChat,
            json!({"model": "gpt-4.1-mini", "messages": [
                {"role": "assistant", "content": "Where do you want to go today?"},
                {"role": "user", "content": "Answer in 5 words only. Who is Tux?"}]}),
            31,
        ),
        (OpenAiResponses, json!({"model": "gpt-4o", "input": user("What is 2 + 2?"), "background": true}), 15),
        (
            OpenAiResponses,
            json!({"model": "gpt-4o", "instructions": "You are a helpful assistant.",
                "input": user("What is the capital of France?")}),
            24,
        ),
        (
            OpenAiResponses,
            json!({"model": "gpt-4o-mini", "instructions": "You are a helpful assistant.", "input": user("Hello!")}),
            19,
        ),
        (
            OpenAiResponses,
            json!({"model": "gpt-5", "include": ["reasoning.encrypted_content"], "input": user("The secret key is sesame")}),
            11,
        ),
        (
            OpenAiResponses,
            json!({"model": "gpt-5.6-sol", "reasoning": {"effort": "none"},
                "input": user("What is the capital of France? Answer in one word.")}),
            18,
        ),
        (OpenAiCompletions, json!({"model": "gpt-3.5-turbo-instruct", "prompt": "Say this is a test"}), 5),
        (
            OpenAiEmbeddings,
            json!({"model": "text-embedding-ada-002", "input": "The food was delicious and the waiter..."}),
            8,
        ),
        (
            OpenAiEmbeddings,
            json!({"model": "text-embedding-3-small", "input": [[9906, 1917, 11, 1268, 527, 499, 30]]}),
            7,
        ),
    ] {
        let count = count(dialect, &body);
        assert_eq!((count.tokens, count.exact), (charged, true), "{body}");
    }
}

/// Recorded calls whose charge is not explained to the token, with the largest error that is accepted.
#[test]
fn estimates_are_close_to_recorded_calls() {
    use Dialect::{OpenAiCompact, OpenAiResponses};
    let user = |text: &str| json!([{"role": "user", "content": text}]);
    let tool = |name: &str, parameters: Value| json!([{"type": "function", "name": name, "description": null, "strict": false, "parameters": parameters}]);
    let nothing = json!({"type": "object", "properties": {}, "additionalProperties": false});
    let country = json!({"type": "object", "properties": {"country": {"type": "string"}}, "required": ["country"]});
    for (dialect, body, charged, error) in [
        (
            OpenAiResponses,
            json!({"model": "gpt-4.1", "input": user("What is the meaning of life?"), "tool_choice": "auto",
                "tools": tool("get_meaning_of_life", nothing)}),
            36,
            6,
        ),
        (
            OpenAiResponses,
            json!({"model": "gpt-5.5", "tool_choice": "auto", "tools": tool("get_capital", country),
                "instructions": "Briefly narrate what you are about to do before calling each tool.",
                "input": user("What is the capital of PotatoLand?")}),
            63,
            3,
        ),
        (
            OpenAiCompact,
            json!({"model": "gpt-4o-mini", "instructions": "Summarize very briefly", "input": [
                {"role": "user", "content": "Hello!"},
                {"role": "assistant", "content": "Hello! How can I assist you today?"}]}),
            124,
            0,
        ),
        // Empty instructions are replaced by some of the provider.
        (
            OpenAiResponses,
            json!({"model": "gpt-4o", "instructions": "", "input": user("What is the capital of France?")}),
            32,
            14,
        ),
    ] {
        let count = count(dialect, &body);
        assert!(!count.exact, "{body}");
        assert!(count.tokens.abs_diff(charged) <= error, "{} for {charged}: {body}", count.tokens);
    }
}

#[test]
fn shapes_that_were_not_recorded_are_not_exact() {
    use Dialect::{OpenAiChat, OpenAiCompletions, OpenAiResponses};
    let hello = json!([{"role": "user", "content": "hello"}]);
    let with = |model: &str, key: &str, value: Value| {
        let mut body = json!({"model": model, "messages": hello, "input": hello});
        body[key] = value;
        body
    };
    for (dialect, body) in [
        (OpenAiChat, with("gpt-4o", "tools", json!([{"type": "function", "function": {"name": "f"}}]))),
        (OpenAiChat, with("gpt-4o", "response_format", json!({"type": "json_object"}))),
        (OpenAiChat, with("gpt-4o", "prediction", json!({"type": "content", "content": "x"}))),
        (OpenAiChat, with("gpt-4o", "messages", json!([{"content": "x"}]))),
        (OpenAiChat, with("gpt-4o", "messages", json!([{"role": "tool", "content": "x", "tool_call_id": "1"}]))),
        (
            OpenAiChat,
            with(
                "gpt-4o",
                "messages",
                json!([{"role": "user", "content": [
            {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]),
            ),
        ),
        (
            OpenAiChat,
            with(
                "gpt-4o",
                "messages",
                json!([{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]),
            ),
        ),
        (OpenAiChat, with("gpt-5", "messages", json!([{"role": "user", "name": "bob", "content": "x"}]))),
        (OpenAiChat, with("gpt-4o-audio-preview", "n", json!(1))),
        (OpenAiChat, with("gpt-oss-120b", "n", json!(1))),
        (OpenAiChat, with("claude-sonnet-4-5", "n", json!(1))),
        (OpenAiResponses, with("gpt-4o", "previous_response_id", json!("resp_1"))),
        (OpenAiResponses, with("gpt-5", "conversation", json!("conv_1"))),
        (OpenAiResponses, with("gpt-5", "instructions", json!("Be brief"))),
        (OpenAiResponses, with("gpt-4.1", "n", json!(1))),
        (OpenAiCompletions, json!({"model": "gpt-3.5-turbo-instruct", "prompt": "a", "suffix": "b"})),
        (OpenAiCompletions, json!({"model": "llama-3", "prompt": "a"})),
    ] {
        assert!(!count(dialect, &body).exact, "{body}");
    }
}

#[test]
fn token_ids_count_one_each() {
    for (dialect, body, tokens) in [
        (Dialect::OpenAiCompletions, json!({"model": "gpt-3.5-turbo-instruct", "prompt": [1, 2, 3]}), 3),
        (Dialect::OpenAiCompletions, json!({"model": "m", "prompt": [[1, 2], [3]]}), 3),
        (Dialect::OpenAiCompletions, json!({"model": "m", "prompt": [1, "hello world", 2]}), 4),
        (Dialect::OpenAiEmbeddings, json!({"model": "m", "input": [[1, 2, 3], [4]]}), 4),
        // The framing of a chat, and the ids.
        (Dialect::OpenAiChat, json!({"model": "gpt-4o", "messages": [], "prompt_token_ids": [1, 2]}), 5),
    ] {
        let bytes = body.to_string().into_bytes();
        let request = Request::parse(dialect, &bytes, &ParseLimits::default()).unwrap();
        let profile = Profile::of(&request.model_name(&bytes).unwrap());
        assert_eq!(profile.count(&request, &bytes).tokens, tokens, "{body}");
        assert!(profile.lower_bound(&request) <= tokens, "{body}");
        assert_eq!(profile.count_at_most(&request, &bytes, tokens - 1, None), None, "{body}");
        assert!(profile.bound(&request, &bytes, &Keeper::default()).tokens >= tokens, "{body}");
    }
}

#[test]
fn inline_media_is_counted_once() {
    const PNG: &str =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z/C/HgAGgwJ/lK3Q6wAAAABJRU5ErkJggg==";
    let url = format!("data:image/png;base64,{PNG}");
    let claude = |block: Value| json!({"model": "claude-sonnet-4-5", "max_tokens": 1, "messages": [{"role": "user", "content": [block]}]});
    let gemini = |mime: &str, data: &str| json!({"model": "gemini-2.5-flash", "contents": [{"parts": [{"inlineData": {"mimeType": mime, "data": data}}]}]});
    let pdf = "JVBERi0xLjcK";
    let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}});
    let converse =
        |block: Value| json!({"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": [block]}]});
    for (dialect, body, images, media) in [
        (Dialect::AnthropicMessages, claude(image.clone()), 1, 0),
        (
            Dialect::AnthropicMessages,
            claude(json!({"type": "tool_result", "tool_use_id": "t", "content": [image]})),
            1,
            0,
        ),
        (
            Dialect::AnthropicMessages,
            claude(json!({"source": {"data": PNG, "media_type": "image/png", "type": "base64"}, "type": "image"})),
            1,
            0,
        ),
        (
            Dialect::AnthropicMessages,
            claude(
                json!({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": pdf}}),
            ),
            0,
            3_000,
        ),
        (Dialect::GeminiGenerate, gemini("image/png", PNG), 258, 0),
        (Dialect::GeminiGenerate, gemini("application/pdf", pdf), 0, 258),
        (Dialect::BedrockConverse, converse(json!({"image": {"format": "png", "source": {"bytes": PNG}}})), 1, 0),
        (
            Dialect::BedrockConverse,
            converse(json!({"document": {"format": "pdf", "name": "d", "source": {"bytes": pdf}}})),
            0,
            3_000,
        ),
        (
            Dialect::OpenAiChat,
            json!({"model": "gpt-4o", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]}),
            255,
            0,
        ),
        (
            Dialect::OpenAiResponses,
            json!({"model": "gpt-4o", "input": [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]}),
            255,
            0,
        ),
        (
            Dialect::OllamaChat,
            json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "", "images": [PNG]}]}),
            255,
            0,
        ),
    ] {
        let bytes = body.to_string().into_bytes();
        let request = Request::parse(dialect, &bytes, &ParseLimits::default()).unwrap();
        let profile = Profile::of(body["model"].as_str().unwrap());
        let count = profile.count(&request, &bytes);
        assert_eq!((count.images, count.media, count.text), (images, media, 0), "{body}");
    }
}

/// Texts of all kinds, escaped and not, long and short.
fn any_chat() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    let message =
        ("user|system|assistant|function", "(\\PC|[a-z ]{0,9}|\n|\u{1F600}){0,40}", 0..40_usize, any::<bool>());
    let model = prop::sample::select(vec![
        "gpt-4o",
        "gpt-3.5-turbo-0301",
        "claude-sonnet-4-5",
        "gemini-2.5-pro",
        "qwen2.5",
        "x",
    ]);
    (model, prop::collection::vec(message, 0..5)).prop_map(|(model, messages)| {
        let messages: Vec<Value> = messages
            .into_iter()
            .map(|(role, text, times, named)| {
                let mut message = json!({"role": role, "content": text.repeat(times)});
                if named {
                    message["name"] = "a".into();
                }
                message
            })
            .collect();
        json!({"model": model, "messages": messages})
    })
}

proptest::proptest! {
    #[test]
    fn a_limit_changes_no_count_and_the_lower_bound_holds(body in any_chat(), limit in 0..3_000_u64) {
        let body = body.to_string();
        let request = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
        let profile = Profile::of(&request.model_name(body.as_bytes()).unwrap());
        let count = profile.count(&request, body.as_bytes());
        proptest::prop_assert!(profile.lower_bound(&request) <= count.tokens);
        for limit in [limit, count.tokens, count.tokens.saturating_sub(1), u64::MAX] {
            let at_most = profile.count_at_most(&request, body.as_bytes(), limit, None);
            proptest::prop_assert_eq!(at_most, Some(count).filter(|count| count.tokens <= limit));
        }
    }
}

#[test]
fn the_lower_bound_depends_on_lengths_only() {
    let least = |content: &str| {
        let body = format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{content}"}}]}}"#);
        let request = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
        Profile::of("gpt-4o").lower_bound(&request)
    };
    // Three for the message and three for the start of the response; no token has more than 128 bytes.
    assert_eq!([least(""), least("a"), least(&" ".repeat(1280)), least(&"\\u0020".repeat(1280))], [6, 7, 16, 16]);
}

/// Some clients send a body of the Responses API to the path of chat completions.
#[test]
fn a_responses_body_on_the_chat_path_counts_the_same() {
    let tools = json!([{"type": "function", "name": "look_up", "description": "Finds a word.",
        "parameters": {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}}]);
    let items = json!([
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Look up heron."}]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "A bird."}]},
        {"type": "function_call", "call_id": "c", "name": "look_up", "arguments": "{\"word\":\"heron\"}"},
        {"type": "function_call_output", "call_id": "c", "output": "A wading bird."}]);
    for body in [
        json!({"model": "gpt-4o", "input": "Hello!"}),
        json!({"model": "gpt-4o", "instructions": "Be brief.", "input": [{"role": "user", "content": "Hello!"}]}),
        json!({"model": "gpt-5", "input": "Look up heron.", "tools": tools}),
        json!({"model": "gpt-5", "input": items, "tools": tools, "tool_choice": "auto"}),
        json!({"model": "gpt-4.1", "input": [{"role": "user", "content": [{"type": "input_text", "text": "What is this?"},
            {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"}]}]}),
        json!({"model": "claude-sonnet-4-5", "input": items, "tools": tools}),
    ] {
        let bytes = body.to_string();
        let counts = [Dialect::OpenAiChat, Dialect::OpenAiResponses].map(|dialect| {
            let request = Request::parse(dialect, bytes.as_bytes(), &ParseLimits::default()).unwrap();
            count_prompt(&request, bytes.as_bytes(), None)
        });
        assert!(counts[0].tokens > 5, "{body}");
        assert_eq!(counts[0], counts[1], "{body}");
    }
    // A body with both is that of chat completions.
    let both = json!({"model": "gpt-5", "messages": [{"role": "user", "content": "a"}], "input": "b", "tools": tools})
        .to_string();
    let request = Request::parse(Dialect::OpenAiChat, both.as_bytes(), &ParseLimits::default()).unwrap();
    assert_eq!(request.body_dialect(), Dialect::OpenAiChat);
}
