//! Shapes of requests whose counts equal what providers were recorded to charge.
//!
//! A count is called exact only if its shape is in the table: the family of the model, the API, and everything that the
//! request contains. A shape that is not in it may be counted exactly, too, but nobody has shown it.

use memchr::memmem;
use tollgate_llm::{Dialect, Request, Role, TextKind};
use tollgate_names::unprefixed;

use super::bound::has_references;

/// Parts of a request, as a bit set.
type Parts = u16;

const SYSTEM: Parts = 1;
const USER: Parts = 1 << 1;
const ASSISTANT: Parts = 1 << 2;
/// Results of legacy function calls.
const FUNCTION: Parts = 1 << 3;
/// Calls of the model in earlier turns.
const CALLS: Parts = 1 << 4;
/// Names of participants.
const NAMES: Parts = 1 << 5;
/// Instructions outside the messages.
const INSTRUCTIONS: Parts = 1 << 6;
/// Prompts given as token ids.
const TOKEN_IDS: Parts = 1 << 7;
/// Anything else.
const UNRECORDED: Parts = 1 << 15;

/// Shape of requests to an API.
#[derive(Debug)]
pub(super) struct Shape {
    dialect: Dialect,
    parts: Parts,
}

/// OpenAI, cookbook, "How to count tokens with tiktoken", section 6: system, user and assistant messages with names to
/// GPT-3.5, GPT-4 and GPT-4o. Recorded calls to the API (tests of pydantic-ai, `tests/models/cassettes/test_openai`): user
/// and assistant messages to gpt-4.1-mini, system and user messages to gpt-4o, a user message to gpt-4.5-preview.
const MESSAGES: Shape = Shape { dialect: Dialect::OpenAiChat, parts: SYSTEM | USER | ASSISTANT | NAMES };

/// hmarr/openai-chat-tokens, `tests/token-counts.test.ts`: calls to gpt-3.5-turbo with results and calls of functions, too.
const FUNCTION_CALLS: Shape =
    Shape { dialect: Dialect::OpenAiChat, parts: SYSTEM | USER | ASSISTANT | NAMES | FUNCTION | CALLS };

/// Recorded calls (`test_openai_responses`): a user message to gpt-4o, with and without instructions, and to gpt-4o-mini.
const INPUT: Shape = Shape { dialect: Dialect::OpenAiResponses, parts: USER | INSTRUCTIONS };

/// Recorded calls (`test_openai`): messages to gpt-5, gpt-5-nano, o3-mini and o4-mini.
const REASONING_MESSAGES: Shape = Shape { dialect: Dialect::OpenAiChat, parts: SYSTEM | USER | ASSISTANT };

/// Recorded calls (`test_openai_responses`): a user message to gpt-5 and gpt-5.6.
const REASONING_INPUT: Shape = Shape { dialect: Dialect::OpenAiResponses, parts: USER };

/// OpenAI API reference, "Create completion": "Say this is a test" has 5 tokens. Token ids are counted one each.
const COMPLETION: Shape = Shape { dialect: Dialect::OpenAiCompletions, parts: USER | TOKEN_IDS };

/// OpenAI API reference, "Create embeddings": "The food was delicious and the waiter..." has 8 tokens.
const EMBEDDING: Shape = Shape { dialect: Dialect::OpenAiEmbeddings, parts: USER | TOKEN_IDS };

/// Recorded shapes by name prefix of the model; the first match wins, so longer prefixes precede shorter ones.
static RECORDED: &[(&str, &[Shape])] = &[
    ("gpt-3.5-turbo-instruct", &[COMPLETION]),
    ("davinci-002", &[COMPLETION]),
    ("babbage-002", &[COMPLETION]),
    ("text-embedding-", &[EMBEDDING]),
    ("gpt-3.5-turbo", &[FUNCTION_CALLS]),
    ("gpt-35-turbo", &[FUNCTION_CALLS]),
    // These models have other prompts, or input that is not text.
    ("gpt-4o-audio", &[]),
    ("gpt-4o-realtime", &[]),
    ("gpt-4o-mini-audio", &[]),
    ("gpt-4o-mini-realtime", &[]),
    ("gpt-4o-mini-search", &[]),
    ("gpt-4o-mini-transcribe", &[]),
    ("gpt-4o-mini-tts", &[]),
    ("gpt-4o-search", &[]),
    ("gpt-4o-transcribe", &[]),
    ("gpt-4o", &[MESSAGES, INPUT]),
    ("gpt-4", &[MESSAGES]),
    ("gpt-5-chat", &[]),
    ("gpt-5-search", &[]),
    ("gpt-5", &[REASONING_MESSAGES, REASONING_INPUT]),
    ("o1", &[REASONING_MESSAGES]),
    ("o3", &[REASONING_MESSAGES]),
    ("o4-mini", &[REASONING_MESSAGES]),
];

/// Members that change the prompt in ways that the view does not show.
const PROMPT_MEMBERS: [&[u8]; 6] =
    [b"\"audio\"", b"\"json_object\"", b"\"modalities\"", b"\"prediction\"", b"\"suffix\"", b"\"web_search_options\""];

/// Returns the recorded shapes of a model.
pub(super) fn of(model: &str) -> &'static [Shape] {
    let model = unprefixed(model);
    let begins = |prefix: &str| model.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    RECORDED.iter().find(|(prefix, _)| begins(prefix)).map_or(&[], |(_, shapes)| shapes)
}

/// Returns `true` if the request has one of the shapes.
pub(super) fn is_recorded(shapes: &[Shape], request: &Request, body: &[u8]) -> bool {
    let Some(shape) = shapes.iter().find(|shape| shape.dialect == request.body_dialect()) else { return false };
    parts(request, body) & !shape.parts == 0
        && !PROMPT_MEMBERS.iter().any(|member| memmem::find(body, member).is_some())
}

/// Returns the parts of a request.
fn parts(request: &Request, body: &[u8]) -> Parts {
    let is_chat = request.body_dialect() == Dialect::OpenAiChat;
    let lacks_role = is_chat && request.messages.iter().any(|message| message.role.is_none());
    if lacks_role || request.is_form || request.image_count > 0 || request.tools > 0 || has_references(request, body) {
        return UNRECORDED;
    }
    let mut parts = if request.token_prompts.is_empty() { 0 } else { TOKEN_IDS };
    let mut content_of = None;
    for text in &request.texts {
        parts |= match text.kind {
            // Several parts of one content are separate texts here, and one for the model. Empty instructions cost
            // tokens (recorded: 32 in place of 14).
            TextKind::Content if text.message.is_some() && text.message == content_of => UNRECORDED,
            TextKind::Content if text.str.span.is_empty() => UNRECORDED,
            TextKind::Content => {
                content_of = text.message;
                match (text.role, text.message) {
                    (Role::System | Role::Developer, None) => INSTRUCTIONS,
                    (Role::System, _) => SYSTEM,
                    (Role::User, _) => USER,
                    (Role::Assistant, _) => ASSISTANT,
                    (Role::Function, _) => FUNCTION,
                    _ => UNRECORDED,
                }
            }
            TextKind::ToolName | TextKind::ToolArguments | TextKind::ToolNumber => CALLS,
            TextKind::Name => NAMES,
            TextKind::Model => 0,
            // Settings outside the messages (`user`, `stop`, `metadata`) are not part of the prompt.
            TextKind::Other if text.message.is_none() => 0,
            _ => UNRECORDED,
        };
    }
    parts
}
