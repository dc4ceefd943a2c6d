//! Secrets that must never appear in anything that Envoy writes.
//!
//! All requests of a run carry them, wherever a client or a provider may put something confidential. At the end of the run,
//! everything that Envoy has written is searched for them.

/// Credential of every request.
pub const KEY: &str = "sk-planted-7f3b9a1c5e";

/// Header value of every request.
pub const HEADER: &str = "planted-header-40c1e9";

/// Word in every prompt.
pub const PROMPT: &str = "plantedprompt83b2";

/// Word in responses whose text a test sets.
pub const ANSWER: &str = "plantedanswer61d7";

/// Match of the rule for cloud keys.
pub const CLOUD_KEY: &str = "AKIAPLANTED0123456Z9";

/// Match of the rule for email addresses.
pub const EMAIL: &str = "planted.person@mail.example.com";

/// Match of the tests' rule that redacts prompts.
pub const CODEWORD: &str = "plantedcodeword-xyzzy";

/// Match of the tests' rule that blocks responses.
pub const CLASSIFIED: &str = "PLANTED-CLASSIFIED-5501";

/// All planted values.
pub const ALL: &[&str] = &[KEY, HEADER, PROMPT, ANSWER, CLOUD_KEY, EMAIL, CODEWORD, CLASSIFIED];

/// Returns the places of planted values in a text, as lines without the text itself.
pub fn found_in(what: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let folded = text.to_ascii_lowercase();
    let folded = folded.as_bytes();
    for value in ALL {
        // Half of a secret is a secret too: a value that was split must not be found by either half.
        let value = value.to_ascii_lowercase();
        let (left, right) = value.split_at(value.len() / 2);
        for part in [left, right] {
            if let Some(at) = memchr::memmem::find(folded, part.as_bytes()) {
                let line = folded.iter().take(at).filter(|&&byte| byte == b'\n').count() + 1;
                found.push(format!("{what}, line {line}: part of the planted value {value:?}"));
                break;
            }
        }
    }
    found
}
