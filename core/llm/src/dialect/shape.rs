//! Shape of a request body, where the path alone does not tell an LLM call from another service's.

use super::Dialect;
use crate::ParseLimits;
use crate::json::reader::{Reader, Scratch, Value};
use crate::json::scan::Side;

/// Members that hold what a model is to read.
const PROMPTS: [&str; 13] = [
    "messages",
    "input",
    "inputs",
    "prompt",
    "query",
    "documents",
    "texts",
    "instructions",
    "system",
    "previous_response_id",
    "sampling_params",
    "suffix",
    "chat_history",
];

/// Members that say how a model is to respond.
const SETTINGS: [&str; 11] = [
    "model",
    "max_tokens",
    "max_output_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "tools",
    "stream",
    "options",
    "parameters",
    "message",
];

/// All of the above.
#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler only")]
const MEMBERS: [&str; PROMPTS.len() + SETTINGS.len()] = {
    let mut all = [""; PROMPTS.len() + SETTINGS.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < PROMPTS.len() { PROMPTS[at] } else { SETTINGS[at - PROMPTS.len()] };
        at += 1;
    }
    all
};

/// Returns `false` if a body that begins so is no JSON object.
pub(super) fn may_be_call(beginning: &[u8]) -> bool {
    first(beginning).is_none_or(|byte| byte == b'{')
}

/// Returns the first byte of a JSON value, in UTF-8 or UTF-16, after a byte order mark and white space.
fn first(body: &[u8]) -> Option<u8> {
    let is_space = |byte: &u8| matches!(byte, 0 | b' ' | b'\t' | b'\r' | b'\n' | 0xef | 0xbb | 0xbf | 0xfe | 0xff);
    body.iter().copied().find(|byte| !is_space(byte))
}

/// Returns `true` if a body has the shape of a request to this API. A body that cannot be read has it if it may name a model
/// or messages: servers may be more lenient.
pub(super) fn is_call(dialect: Dialect, body: &[u8]) -> bool {
    if first(body) != Some(b'{') {
        return false;
    }
    match members(body) {
        Ok(found) => found.is_call(dialect),
        Err(_) => may_have_members(body),
    }
}

/// Members of the top-level object.
#[derive(Clone, Copy, Debug, Default)]
struct Members {
    prompts: u32,
    settings: u32,
    has_model: bool,
    /// `true` if one of the messages has a role.
    has_roles: bool,
    /// `true` if there is a text, or token ids, as SGLang has them.
    has_text: bool,
    /// `true` if there is a member of stored conversations or sessions.
    has_items: bool,
    /// `true` if the body names the files of a batch.
    has_input_file: bool,
}

impl Members {
    fn is_call(self, dialect: Dialect) -> bool {
        let is_generic = match dialect {
            // Servers of their own, whose words other services use even at the root.
            Dialect::OllamaChat | Dialect::OllamaGenerate | Dialect::OllamaEmbed => self.has_model || self.prompts > 0,
            Dialect::TextGeneration => self.has_model || self.has_text || self.prompts > 0,
            Dialect::CohereV1 => self.prompts + self.settings > 0 || self.has_text,
            Dialect::OpenAiBatches => self.has_input_file,
            Dialect::OpenAiConversations | Dialect::OpenAiRealtime => self.has_items || self.prompts > 0,
            // No chat or survey has such members.
            Dialect::OpenAiCompletions | Dialect::OpenAiEmbeddings | Dialect::OpenAiModerations | Dialect::Rerank => {
                self.prompts > 0
            }
            _ => self.prompts > 0 && self.prompts + self.settings > 1,
        };
        is_generic || self.has_roles
    }
}

fn members(body: &[u8]) -> Result<Members, crate::Error> {
    let (limits, mut scratch) = (ParseLimits { max_bytes: body.len(), ..ParseLimits::default() }, Scratch::default());
    let mut reader = Reader::new(body, &limits, Side::Request, &mut scratch)?;
    let mut found = Members::default();
    reader.object()?;
    while let Some((key, name)) = reader.field(&MEMBERS)? {
        let value = reader.value()?;
        found.prompts += u32::from(PROMPTS.contains(&name));
        found.settings += u32::from(SETTINGS.contains(&name));
        found.has_model |= name == "model";
        found.has_text |= ["text", "input_ids", "input_embeds"].iter().any(|text| key.is(body, text));
        found.has_input_file |= ["input_file_id", "input_files"].iter().any(|own| key.is(body, own));
        found.has_items |= ["items", "role", "session"].iter().any(|own| key.is(body, own));
        match (name, value) {
            ("messages", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    match value {
                        Value::Object(_) => {
                            while let Some((_, name)) = reader.field(&["role"])? {
                                found.has_roles |= name == "role";
                                let value = reader.value()?;
                                reader.walk(value, |_| Ok(()))?;
                            }
                        }
                        value => reader.walk(value, |_| Ok(()))?,
                    }
                }
            }
            (_, value) => reader.walk(value, |_| Ok(()))?,
        }
    }
    reader.end()?;
    Ok(found)
}

/// Returns `true` if a body that is no JSON in the strict sense may name a model or messages, in any case, escaped or in UTF-16.
fn may_have_members(body: &[u8]) -> bool {
    let folded: Vec<u8> = body.iter().filter(|byte| **byte != 0).map(u8::to_ascii_lowercase).collect();
    let is_in = |word: &[u8]| memchr::memmem::find(&folded, word).is_some();
    // An escape can hide any name.
    is_in(b"\\u00") || is_in(b"\"text\"") || MEMBERS.iter().any(|name| is_in(format!("\"{name}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_llm_calls_are_told_from_others() {
        use Dialect::{
            AnthropicMessages, CohereV1, OllamaChat, OpenAiBatches, OpenAiCompletions, OpenAiConversations,
            OpenAiRealtime, OpenAiResponses, Rerank, TextGeneration,
        };
        for (dialect, body, want) in [
            (AnthropicMessages, r#"{"model":"claude","messages":[],"max_tokens":9}"#, true),
            (AnthropicMessages, r#"{"messages":[{"role":"user","content":"hi"}]}"#, true),
            (AnthropicMessages, r#"{"messages":[{"to":"+1","text":"hi"}]}"#, false),
            (AnthropicMessages, r#"{"content":"lunch?"}"#, false),
            (AnthropicMessages, r#"{"content":"lunch?","model":"iPhone"}"#, false),
            (AnthropicMessages, r#"{"role":"user","content":"hi"}"#, false),
            (AnthropicMessages, r#"[{"messages":1,"model":2}]"#, false),
            (AnthropicMessages, "To=1&Body=hi", false),
            (AnthropicMessages, "", false),
            (AnthropicMessages, " \n", false),
            (AnthropicMessages, r#"{"content":"a","content":"b"}"#, false),
            (AnthropicMessages, r#"{"Model":"claude","Messages":[]}"#, true),
            (AnthropicMessages, r#"{"model":"a","model":"b","messages":[]}"#, true),
            (AnthropicMessages, r#"{"\u006dodel":"a","mess\u0061ges":[]}"#, true),
            (AnthropicMessages, "\u{feff}{\"model\":\"a\",\"messages\":[]}", true),
            (AnthropicMessages, r#"{"model":"a","messages":[],}"#, true),
            (AnthropicMessages, "{\0\"\0m\0o\0d\0e\0l\0", true),
            (OpenAiResponses, r#"{"model":"gpt","input":"hi"}"#, true),
            (OpenAiResponses, r#"{"input":"yes"}"#, false),
            (OpenAiResponses, r#"{"q":1,"a":"yes"}"#, false),
            (OpenAiCompletions, r#"{"prompt":"hi"}"#, true),
            (OpenAiCompletions, r#"{"course":7,"grade":"A"}"#, false),
            (OllamaChat, r#"{"model":"llama3"}"#, true),
            (OllamaChat, r#"{"message":"hi"}"#, false),
            (CohereV1, r#"{"model":"command-r","message":"hi"}"#, true),
            (CohereV1, r#"{"text":"hi"}"#, true),
            (CohereV1, r#"{"channel":7,"body":"hi"}"#, false),
            (OpenAiConversations, r#"{"items":[]}"#, true),
            (OpenAiConversations, r#"{"role":"user","content":"hi"}"#, true),
            (OpenAiRealtime, r#"{"session":{"type":"realtime"}}"#, true),
            (OpenAiBatches, r#"{"input_file_id":"file-1","endpoint":"/v1/responses"}"#, true),
            (OpenAiBatches, r#"{"input_files":["f"],"model":"m"}"#, true),
            (OpenAiBatches, r#"{"sku":7,"model":"m"}"#, false),
            (Rerank, r#"{"query":"a","query":"b","documents":["c"]}"#, true),
            (TextGeneration, r#"{"text":"hi"}"#, true),
            (TextGeneration, r#"{"inputs":"hi"}"#, true),
            (TextGeneration, r#"{"report":"q3","format":"pdf"}"#, false),
        ] {
            assert_eq!(is_call(dialect, body.as_bytes()), want, "{dialect:?} {body}");
        }
    }
}
