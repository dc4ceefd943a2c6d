//! Values that must never be seen in what Envoy writes down.
//!
//! They are planted wherever a client or a provider may put something that is nobody else's business, in all requests of a
//! run; at its end everything that Envoy has written is searched for them.

/// The credential that every request carries.
pub const KEY: &str = "sk-planted-7f3b9a1c5e";

/// A header that every request carries.
pub const HEADER: &str = "planted-header-40c1e9";

/// A word that every prompt carries.
pub const PROMPT: &str = "plantedprompt83b2";

/// A word that answers carry where a test decides what they say.
pub const ANSWER: &str = "plantedanswer61d7";

/// What the rule for cloud keys finds in prompts.
pub const CLOUD_KEY: &str = "AKIAPLANTED0123456Z9";

/// What the rule for addresses finds in answers.
pub const EMAIL: &str = "planted.person@mail.example.com";

/// What the rule of the tests that redacts prompts finds.
pub const CODEWORD: &str = "plantedcodeword-xyzzy";

/// What the rule of the tests that blocks answers finds.
pub const CLASSIFIED: &str = "PLANTED-CLASSIFIED-5501";

/// All of them.
pub const ALL: &[&str] = &[KEY, HEADER, PROMPT, ANSWER, CLOUD_KEY, EMAIL, CODEWORD, CLASSIFIED];

/// The places where a planted value stands, as lines without the value itself.
pub fn found_in(what: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let folded = text.to_ascii_lowercase();
    let folded = folded.as_bytes();
    for value in ALL {
        // Half of a secret is one, too: what was cut in two must not be found by either half.
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
