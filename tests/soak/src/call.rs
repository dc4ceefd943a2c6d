//! One call of a run: its request, how the mock responds to it, and when the client leaves.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tollgate_envoy_harness::client::Request;
use tollgate_envoy_harness::message::{OutgoingBody, Protocol, RequestHead};
use tollgate_mock_llm::HEADER_PREFIX;

use crate::api::{Api, DEFAULT_MAX_TOKENS, Format, Prompt};
use crate::kinds::Kind;
use crate::policy::{APART, ROOMY};
use crate::random::Random;

/// Time at which the client leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// After the end of the response.
    Never,
    /// Once the mock has received the request, which it does not answer.
    BeforeResponse,
    /// Once this text has arrived, after which the mock sends nothing more.
    After(String),
}

/// Output tokens that the quota assumes for a request without a limit (`assumed_output_tokens`).
const ASSUMED_TOKENS: u64 = 1024;

/// Call of a run.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) number: u64,
    pub(crate) kind: &'static Kind,
    pub(crate) api: Api,
    pub(crate) streamed: bool,
    pub(crate) format: Format,
    pub(crate) consumer: &'static str,
    /// Name of the model in the table of prices.
    pub(crate) model: &'static str,
    /// Name of the model that the mock says it served, which determines the price.
    pub(crate) served: &'static str,
    /// `true` if the client gets 502 in place of the response, which is incomplete or not JSON.
    pub(crate) is_withheld: bool,
    pub(crate) protocol: Protocol,
    pub(crate) prompt: Prompt,
    pub(crate) leave: Leave,
    /// Settings of the mock: name and value.
    pub(crate) knobs: Vec<(&'static str, String)>,
    path: String,
    array: bool,
}

impl Call {
    /// Returns the call with this number, which the seed determines.
    pub(crate) fn random(seed: u64, number: u64, kind: &'static Kind) -> Call {
        let mut random = Random::of(seed, number);
        let api = random.pick(kind.apis).copied().unwrap_or(Api::Chat);
        let streamed = kind.streamed.unwrap_or_else(|| random.one_in(2));
        let consumer = if kind.difference.is_some() { APART } else { random.pick(ROOMY).copied().unwrap_or(APART) };
        let model = random.pick(api.models()).copied().unwrap_or_default();
        let words = random.between(3, 80);
        let prompt = Prompt {
            system: random.one_in(3).then(|| random.words(12)),
            user: random.words(words),
            max_tokens: random.one_in(2).then(|| random.between(2000, 4000)),
            ..Prompt::default()
        };
        let mut call = Call {
            number,
            kind,
            api,
            streamed,
            format: Format::Whole,
            consumer,
            model,
            served: model,
            is_withheld: false,
            protocol: if random.one_in(2) { Protocol::Http1 } else { Protocol::Http2 },
            prompt,
            leave: Leave::Never,
            knobs: Vec::new(),
            path: String::new(),
            array: random.one_in(2),
        };
        call.knob("words", random.between(3, 60));
        if random.one_in(2) {
            call.knob("burst", random.between(2, 12));
        }
        if random.one_in(8) {
            call.knob("piece-bytes", random.between(100, 900));
        }
        if random.one_in(6) && matches!(api, Api::Chat | Api::Responses | Api::Messages) {
            call.knob("model", format!("{}-2025-01-31", call.model));
        }
        (kind.plan)(&mut call, &mut random);
        // The price is found without the version and the prefixes of Bedrock.
        let in_path = if matches!(api, Api::Bedrock | Api::Invoke) {
            format!("us.anthropic.{}-v1:0", call.model)
        } else {
            call.model.to_owned()
        };
        let (path, format) = api.path(&in_path, streamed, call.array);
        Call { path: format!("{}{path}", Call::prefix(number)), format, ..call }
    }

    /// Sets how the mock responds; a later value replaces an earlier one.
    pub(crate) fn knob(&mut self, name: &'static str, value: impl ToString) {
        self.knobs.retain(|(knob, _)| *knob != name);
        self.knobs.push((name, value.to_string()));
    }

    /// Sets the exact response of the mock.
    pub(crate) fn respond(&mut self, document: &Value) {
        let text = document.to_string();
        self.respond_text(&if self.streamed { format!("data: {text}\n\n") } else { text });
    }

    /// Sets the exact body of the response.
    pub(crate) fn respond_text(&mut self, text: &str) {
        self.knob("body-base64", STANDARD.encode(text));
    }

    fn prefix(number: u64) -> String {
        format!("/r{number}")
    }

    /// Returns the number of the call with this path.
    pub(crate) fn number_in(path: &str) -> Option<u64> {
        path.strip_prefix("/r")?.split('/').next()?.parse().ok()
    }

    /// Returns the body of the request.
    pub(crate) fn body(&self) -> Vec<u8> {
        self.api.body(self.model, &self.prompt, self.streamed).to_string().into_bytes()
    }

    /// Returns the number of output tokens that the request permits: its limit, or the default of the quota.
    pub(crate) fn permitted_output(&self) -> u64 {
        let default = if matches!(self.api, Api::Messages | Api::Invoke) { DEFAULT_MAX_TOKENS } else { ASSUMED_TOKENS };
        self.prompt.max_tokens.unwrap_or(default) * self.prompt.choices.unwrap_or(1)
    }

    /// Returns the request to the gateway at this address.
    pub(crate) fn request(&self, authority: String) -> Request {
        let fixed = [("content-type", "application/json"), ("x-tollgate-consumer", self.consumer)];
        let fixed = fixed.into_iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        let knobs =
            self.knobs.iter().map(|(name, value)| (format!("{HEADER_PREFIX}{name}"), value.as_bytes().to_vec()));
        let head = RequestHead {
            method: "POST".to_owned(),
            path: self.path.clone(),
            authority,
            headers: fixed.chain(knobs).collect(),
        };
        Request { head, body: OutgoingBody::whole(self.body()) }
    }

    /// Returns what identifies the call in a report.
    pub(crate) fn label(&self) -> String {
        let streamed = match self.format {
            Format::Whole => "whole",
            Format::Events => "events",
            Format::Array => "array",
            Format::Lines => "lines",
            Format::Frames => "frames",
        };
        let Call { number, kind, api, protocol, consumer, .. } = self;
        format!("request {number}: {} / {} / {streamed} / {protocol:?} / {consumer}", kind.name, api.name())
    }
}
