//! Conversations that grow by a turn, whose bodies contain everything before it.

use crate::body::{chat, message};
use crate::corpus::Corpus;

/// Turn that is compared with the first one.
pub(crate) const LATE: usize = 20;

/// Length of a message in bytes. A turn adds two: the last response and the new prompt.
const MESSAGE: usize = 2 << 10;

/// Size of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Name in the table.
    pub(crate) name: &'static str,
    /// Length of the texts of the first turn in bytes.
    pub(crate) bytes: usize,
}

/// Sizes in the order of the table's columns: the median and the 99th percentile of coding agents.
pub(crate) const SIZES: [Size; 2] =
    [Size { name: "560 KB", bytes: 560 << 10 }, Size { name: "3.5 MB", bytes: 3584 << 10 }];

/// Limits of the filters and of Envoy for these bodies: escapes make JSON longer than its texts.
pub(crate) const MAX_BODY_BYTES: u32 = 8 << 20;

/// Conversation with its messages so far.
#[derive(Clone, Debug)]
pub(crate) struct Conversation {
    messages: Vec<String>,
    next: u64,
}

impl Conversation {
    /// Begins a conversation. Conversations with other numbers have no text in common.
    pub(crate) fn new(corpus: &Corpus, size: Size, number: u64) -> Conversation {
        let mut conversation = Conversation { messages: Vec::new(), next: number << 20 };
        conversation.add(corpus, "system");
        // The last message is the user's.
        for left in (1..size.bytes.div_ceil(MESSAGE)).rev() {
            conversation.add(corpus, if left % 2 == 1 { "user" } else { "assistant" });
        }
        conversation
    }

    /// Returns the body of the next request.
    pub(crate) fn body(&self) -> Vec<u8> {
        chat(&self.messages, false)
    }

    /// Adds a turn.
    pub(crate) fn turn(&mut self, corpus: &Corpus) {
        self.add(corpus, "assistant");
        self.add(corpus, "user");
    }

    fn add(&mut self, corpus: &Corpus, role: &str) {
        self.messages.push(message(role, &corpus.text(self.next, MESSAGE)));
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn texts(body: &[u8]) -> Vec<String> {
        let body: Value = serde_json::from_slice(body).unwrap();
        let messages = body["messages"].as_array().unwrap();
        assert_eq!(messages.last().unwrap()["role"], "user");
        messages.iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_turn_appends_to_what_was_sent_before() {
        let corpus = Corpus::new();
        for size in SIZES {
            let mut conversation = Conversation::new(&corpus, size, 1);
            let first = texts(&conversation.body());
            assert_eq!(first.iter().map(String::len).sum::<usize>(), size.bytes);
            conversation.turn(&corpus);
            let body = conversation.body();
            assert!(body.len() < MAX_BODY_BYTES as usize / 2, "{}", body.len());
            let second = texts(&body);
            assert_eq!(second[..first.len()], first);
            assert_eq!(second.len(), first.len() + 2);
            assert_eq!(second.iter().collect::<BTreeSet<_>>().len(), second.len());
            let other = texts(&Conversation::new(&corpus, size, 2).body());
            assert!(other.iter().all(|text| !second.contains(text)));
        }
    }
}
