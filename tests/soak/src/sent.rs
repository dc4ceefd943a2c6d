//! Content of a response as the mock sent it: reported usage, texts, error, end. Written from the documentation of the APIs, without
//! code of Tollgate.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::Api;

/// Usage as one report states it, in the units of the bill: input includes cached and written tokens, output includes reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reported {
    pub(crate) input: Option<u64>,
    pub(crate) cached: u64,
    pub(crate) written: u64,
    pub(crate) output: Option<u64>,
    pub(crate) reasoning: u64,
    pub(crate) total: Option<u64>,
}

/// Content of one response, as far as the mock has sent it.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// Latest report of usage.
    pub(crate) reported: Option<Reported>,
    /// Generated texts, by choice or block and by kind.
    pub(crate) texts: BTreeMap<(u64, String), String>,
    /// `true` if the response says why it ended.
    pub(crate) finished: bool,
    /// `true` if it contains an error.
    pub(crate) failed: bool,
}

impl Sent {
    /// Reads the documents of a response.
    pub(crate) fn read(api: Api, documents: &[Value]) -> Sent {
        let mut sent = Sent::default();
        for document in documents {
            // Cohere reports an error within the last event.
            if !document["error"].is_null() || !document["delta"]["error"].is_null() {
                sent.failed = true;
            }
            match api {
                Api::Chat | Api::Completions => sent.choices(document),
                Api::Responses => sent.responses(document),
                Api::Messages | Api::Invoke => sent.messages(document),
                Api::Gemini => sent.gemini(document),
                Api::Bedrock => sent.bedrock(document),
                Api::Cohere => sent.cohere(document),
                Api::Ollama => sent.ollama(document),
                Api::Embeddings => {
                    let usage = &document["usage"];
                    sent.report(
                        usage,
                        Reported {
                            input: number(&usage["prompt_tokens"]),
                            output: Some(0),
                            total: number(&usage["total_tokens"]),
                            ..Reported::default()
                        },
                    );
                    sent.finished = true;
                }
                Api::Images => {
                    sent.report(&document["usage"], responses_usage(&document["usage"]));
                    sent.finished = true;
                }
                Api::CountTokens => {}
            }
        }
        sent
    }

    fn report(&mut self, usage: &Value, reported: Reported) {
        if usage.is_object() {
            self.reported = Some(reported);
        }
    }

    fn text(&mut self, choice: u64, kind: &str, text: &Value) {
        if let Some(text) = text.as_str() {
            self.texts.entry((choice, kind.to_owned())).or_default().push_str(text);
        }
    }

    fn choices(&mut self, document: &Value) {
        let usage = &document["usage"];
        self.report(
            usage,
            Reported {
                input: number(&usage["prompt_tokens"]),
                cached: count(&usage["prompt_tokens_details"]["cached_tokens"]),
                written: 0,
                output: number(&usage["completion_tokens"]),
                reasoning: count(&usage["completion_tokens_details"]["reasoning_tokens"]),
                total: number(&usage["total_tokens"]),
            },
        );
        for choice in list(&document["choices"]) {
            let index = count(&choice["index"]);
            self.text(index, "content", &choice["text"]);
            for message in [&choice["message"], &choice["delta"]] {
                self.text(index, "content", &message["content"]);
                self.text(index, "reasoning", &message["reasoning_content"]);
                for (at, call) in list(&message["tool_calls"]).iter().enumerate() {
                    let at = number(&call["index"]).unwrap_or(at as u64);
                    self.text(index, &format!("name {at}"), &call["function"]["name"]);
                    self.text(index, &format!("arguments {at}"), &call["function"]["arguments"]);
                }
            }
            self.finished |= choice["finish_reason"].is_string();
        }
    }

    fn responses(&mut self, document: &Value) {
        let index = count(&document["output_index"]);
        match document["type"].as_str() {
            Some("response.output_text.delta" | "response.refusal.delta") => {
                self.text(index, "content", &document["delta"]);
            }
            Some("response.reasoning_summary_text.delta") => self.text(index, "reasoning", &document["delta"]),
            Some("response.function_call_arguments.delta") => self.text(index, "arguments", &document["delta"]),
            Some("response.output_item.added") => self.text(index, "name", &document["item"]["name"]),
            Some("response.completed" | "response.incomplete") => {
                let usage = &document["response"]["usage"];
                self.report(usage, responses_usage(usage));
                self.finished = true;
            }
            Some("response.failed") => (self.failed, self.finished) = (true, true),
            Some(_) => {}
            None => {
                self.report(&document["usage"], responses_usage(&document["usage"]));
                self.finished = true;
                for (at, item) in list(&document["output"]).iter().enumerate() {
                    let at = at as u64;
                    self.text(at, "name", &item["name"]);
                    self.text(at, "arguments", &item["arguments"]);
                    for part in list(&item["content"]) {
                        self.text(at, "content", &part["text"]);
                    }
                    for part in list(&item["summary"]) {
                        self.text(at, "reasoning", &part["text"]);
                    }
                }
            }
        }
    }

    fn messages(&mut self, document: &Value) {
        let index = count(&document["index"]);
        match document["type"].as_str() {
            Some("message_start") => {
                let usage = &document["message"]["usage"];
                self.report(usage, messages_usage(usage));
            }
            Some("content_block_start") => self.text(index, "name", &document["content_block"]["name"]),
            Some("content_block_delta") => {
                let delta = &document["delta"];
                self.text(index, "content", &delta["text"]);
                self.text(index, "reasoning", &delta["thinking"]);
                self.text(index, "arguments", &delta["partial_json"]);
            }
            Some("message_delta") => {
                self.report(&document["usage"], messages_usage(&document["usage"]));
                self.finished |= document["delta"]["stop_reason"].is_string();
            }
            Some("message_stop") => self.finished = true,
            Some("message") => {
                self.report(&document["usage"], messages_usage(&document["usage"]));
                self.finished = true;
                for (at, block) in list(&document["content"]).iter().enumerate() {
                    self.text(at as u64, "content", &block["text"]);
                    self.text(at as u64, "reasoning", &block["thinking"]);
                }
            }
            _ => {}
        }
    }

    fn gemini(&mut self, document: &Value) {
        let usage = &document["usageMetadata"];
        let reasoning = count(&usage["thoughtsTokenCount"]);
        self.report(
            usage,
            Reported {
                input: number(&usage["promptTokenCount"]),
                cached: count(&usage["cachedContentTokenCount"]),
                written: 0,
                output: number(&usage["candidatesTokenCount"]).map(|visible| visible + reasoning),
                reasoning,
                total: number(&usage["totalTokenCount"]),
            },
        );
        for candidate in list(&document["candidates"]) {
            let index = count(&candidate["index"]);
            for part in list(&candidate["content"]["parts"]) {
                let kind = if part["thought"] == true { "reasoning" } else { "content" };
                self.text(index, kind, &part["text"]);
            }
            self.finished |= candidate["finishReason"].is_string();
        }
    }

    fn bedrock(&mut self, document: &Value) {
        let usage = &document["usage"];
        let (cached, written) = (count(&usage["cacheReadInputTokens"]), count(&usage["cacheWriteInputTokens"]));
        self.report(
            usage,
            Reported {
                input: number(&usage["inputTokens"]).map(|fresh| fresh + cached + written),
                cached,
                written,
                output: number(&usage["outputTokens"]),
                reasoning: 0,
                total: number(&usage["totalTokens"]),
            },
        );
        let index = count(&document["contentBlockIndex"]);
        let delta = &document["delta"];
        self.text(index, "content", &delta["text"]);
        self.text(index, "reasoning", &delta["reasoningContent"]["text"]);
        self.text(index, "arguments", &delta["toolUse"]["input"]);
        self.text(index, "name", &document["start"]["toolUse"]["name"]);
        for (at, block) in list(&document["output"]["message"]["content"]).iter().enumerate() {
            self.text(at as u64, "content", &block["text"]);
            self.text(at as u64, "reasoning", &block["reasoningContent"]["reasoningText"]["text"]);
        }
        self.finished |= document["stopReason"].is_string();
    }

    fn cohere(&mut self, document: &Value) {
        for usage in [&document["usage"], &document["delta"]["usage"]] {
            self.report(
                usage,
                Reported {
                    input: number(&usage["tokens"]["input_tokens"]),
                    cached: count(&usage["cached_tokens"]),
                    output: number(&usage["tokens"]["output_tokens"]),
                    ..Reported::default()
                },
            );
        }
        let index = count(&document["index"]);
        match document["type"].as_str() {
            Some("content-start" | "content-delta") => {
                let content = &document["delta"]["message"]["content"];
                self.text(index, "content", &content["text"]);
                self.text(index, "reasoning", &content["thinking"]);
            }
            _ => {
                for (at, block) in list(&document["message"]["content"]).iter().enumerate() {
                    self.text(at as u64, "content", &block["text"]);
                    self.text(at as u64, "reasoning", &block["thinking"]);
                }
            }
        }
        self.finished |= document["finish_reason"].is_string() || document["delta"]["finish_reason"].is_string();
    }

    fn ollama(&mut self, document: &Value) {
        if document["done"] == true {
            self.report(
                document,
                Reported {
                    input: number(&document["prompt_eval_count"]),
                    output: number(&document["eval_count"]),
                    ..Reported::default()
                },
            );
            self.finished = true;
        }
        self.text(0, "content", &document["message"]["content"]);
        self.text(0, "reasoning", &document["message"]["thinking"]);
    }
}

fn responses_usage(usage: &Value) -> Reported {
    Reported {
        input: number(&usage["input_tokens"]),
        cached: count(&usage["input_tokens_details"]["cached_tokens"]),
        written: 0,
        output: number(&usage["output_tokens"]),
        reasoning: count(&usage["output_tokens_details"]["reasoning_tokens"]),
        total: number(&usage["total_tokens"]),
    }
}

fn messages_usage(usage: &Value) -> Reported {
    let (cached, written) = (count(&usage["cache_read_input_tokens"]), count(&usage["cache_creation_input_tokens"]));
    Reported {
        input: number(&usage["input_tokens"]).map(|fresh| fresh + cached + written),
        cached,
        written,
        output: number(&usage["output_tokens"]),
        reasoning: 0,
        total: None,
    }
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64()
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
