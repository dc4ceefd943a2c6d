//! Requests that every Envoy receives.

use serde_json::Value;
use tollgate_envoy_harness::{Context, Error, Result};

use crate::body;
use crate::corpus::Corpus;
use crate::prose::Prose;

/// Kind of request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Load {
    /// Name in the table.
    pub(crate) name: &'static str,
    /// Length of the prompt's text in bytes.
    prompt: usize,
    /// Form of the response.
    delivery: Delivery,
    /// Number of requests in one cell of a full run, if they are fast enough.
    pub(crate) requests: usize,
    /// Number of concurrent connections. Several, because a worker with only one request sleeps and wakes up for each piece of
    /// it, which costs more than the request and varies with what else runs.
    pub(crate) in_flight: usize,
}

/// Form of the response. It has the same words in every form: see [`response_text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    /// JSON.
    Whole,
    /// Events, which the upstream writes all at once.
    Burst,
    /// Events, which the upstream writes one by one, one to two milliseconds apart.
    Paced,
}

/// Loads in the order of the table's columns.
pub(crate) const LOADS: &[Load] = &[
    Load { name: "1 KB", prompt: 1 << 10, delivery: Delivery::Whole, requests: 4000, in_flight: 8 },
    Load { name: "16 KB", prompt: 16 << 10, delivery: Delivery::Whole, requests: 2000, in_flight: 8 },
    Load { name: "256 KB", prompt: 256 << 10, delivery: Delivery::Whole, requests: 300, in_flight: 8 },
    Load { name: "200 events at once", prompt: 1 << 10, delivery: Delivery::Burst, requests: 1000, in_flight: 8 },
    // A stream takes its time whatever the filters do, so there are few; each event still arrives alone.
    Load { name: "200 events one by one", prompt: 1 << 10, delivery: Delivery::Paced, requests: 32, in_flight: 8 },
];

/// Number of words in the response. In a stream, the mock makes each of them an event.
pub(crate) const ANSWER_WORDS: usize = 200;

/// Returns the text of every response.
pub(crate) fn response_text() -> String {
    Prose::new(0).words(ANSWER_WORDS)
}

/// Maximum length of a turn of the conversation in bytes.
const TURN: usize = 4 << 10;

/// Bits of the number of a text within its body.
const TEXT_BITS: u32 = 8;

impl Load {
    /// Returns `true` if the response is a stream of events.
    pub(crate) fn is_streamed(&self) -> bool {
        self.delivery != Delivery::Whole
    }

    /// Returns the headers that control the upstream's response.
    pub(crate) fn headers(&self) -> &'static [(&'static str, &'static str)] {
        match self.delivery {
            Delivery::Whole => &[],
            Delivery::Burst => &[("x-mock-burst", "100000")],
            Delivery::Paced => &[("x-mock-event-ms", "1")],
        }
    }

    /// Returns the body with a number: a conversation whose texts together have the length of the load's prompt. Bodies with
    /// other numbers have no text in common.
    pub(crate) fn body(&self, corpus: &Corpus, number: u64) -> Vec<u8> {
        let mut next = number << TEXT_BITS;
        let mut text = |role: &str, bytes: usize| {
            next += 1;
            body::message(role, &corpus.text(next, bytes))
        };
        let system = self.prompt.min(256);
        let mut messages = vec![text("system", system)];
        let mut left = self.prompt - system;
        // The last turn is the user's.
        let mut turns = left.div_ceil(TURN);
        while turns > 0 {
            let length = left.min(TURN);
            messages.push(text(if turns % 2 == 1 { "user" } else { "assistant" }, length));
            left -= length;
            turns -= 1;
        }
        body::chat(&messages, self.is_streamed())
    }

    /// An error unless this is the expected response, complete, in the expected number of events.
    pub(crate) fn check(&self, response: &[u8]) -> Result<()> {
        let pieces = if self.is_streamed() { deltas(response) } else { content(response).map(|text| vec![text]) };
        let pieces = pieces.context(|| format!("no chat completion ({} bytes)", response.len()))?;
        let expected = if self.is_streamed() { ANSWER_WORDS } else { 1 };
        if pieces.concat() != response_text() {
            return Err(Error::new("a response with another text than the upstream's"));
        }
        if pieces.len() != expected {
            return Err(Error::new(format!("{} events with text in place of {expected}", pieces.len())));
        }
        Ok(())
    }
}

fn content(response: &[u8]) -> Result<String> {
    let response: Value = serde_json::from_slice(response).context(|| "not JSON".into())?;
    let text = response.pointer("/choices/0/message/content").and_then(Value::as_str);
    Ok(text.ok_or_else(|| Error::new("no content"))?.to_owned())
}

/// The texts of the events of a stream, which has to be whole.
fn deltas(response: &[u8]) -> Result<Vec<String>> {
    let text = std::str::from_utf8(response).context(|| "not text".into())?;
    let mut deltas = Vec::new();
    let mut done = false;
    for data in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
        if data == "[DONE]" {
            done = true;
            continue;
        }
        let event: Value = serde_json::from_str(data).context(|| "an event is not JSON".into())?;
        match event.pointer("/choices/0/delta/content").and_then(Value::as_str) {
            None | Some("") => {}
            Some(delta) => deltas.push(delta.to_owned()),
        }
    }
    if done { Ok(deltas) } else { Err(Error::new("the stream does not end with [DONE]")) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn no_text_is_sent_twice() {
        let corpus = Corpus::new();
        for load in LOADS {
            let mut texts = BTreeSet::new();
            for number in 0..20 {
                let body: Value = serde_json::from_slice(&load.body(&corpus, number)).unwrap();
                for message in body["messages"].as_array().unwrap() {
                    assert!(texts.insert(message["content"].as_str().unwrap().to_owned()), "{}, {number}", load.name);
                }
            }
        }
    }

    #[test]
    fn texts_are_as_long_as_the_load_says_and_the_user_speaks_last() {
        let corpus = Corpus::new();
        for load in LOADS {
            let body: Value = serde_json::from_slice(&load.body(&corpus, 3)).unwrap();
            let messages = body["messages"].as_array().unwrap();
            let length: usize = messages.iter().map(|message| message["content"].as_str().unwrap().len()).sum();
            assert_eq!(length, load.prompt, "{}", load.name);
            assert_eq!(messages.last().unwrap()["role"], "user");
            assert_eq!(body["stream"].as_bool().unwrap_or_default(), load.is_streamed());
            assert!(load.body(&corpus, 3).len() < load.prompt * 11 / 10 + 512, "{}", load.name);
        }
    }

    #[test]
    fn only_the_whole_response_passes() {
        let (whole, streamed) = (LOADS[0], LOADS[3]);
        let text = response_text();
        let json = |text: &str| json!({"choices": [{"message": {"content": text}}]}).to_string();
        whole.check(json(&text).as_bytes()).unwrap();
        for wrong in [json(&text[1..]), json(""), "{}".into(), String::new()] {
            whole.check(wrong.as_bytes()).unwrap_err();
        }
        let event = |delta: &str| format!("data: {}\n\n", json!({"choices": [{"delta": {"content": delta}}]}));
        let words: Vec<String> = text.split_inclusive(' ').map(event).collect();
        let done = "data: [DONE]\n\n";
        let stream = |words: &[String], end: &str| [&event(""), &words.concat(), end].concat();
        streamed.check(stream(&words, done).as_bytes()).unwrap();
        let at_once = event(&text) + done;
        for wrong in [stream(&words, ""), stream(&words[1..], done), at_once, json(&text), String::new()] {
            streamed.check(wrong.as_bytes()).unwrap_err();
        }
    }
}
