//! What a provider charges for a prompt: its texts, and the framing that its chat template puts around them.
//!
//! Sources of the constants:
//! - messages and reply primer: OpenAI cookbook, "How to count tokens with tiktoken", `num_tokens_from_messages`: 3 per
//!   message, 1 more for a name, 3 for the reply's beginning;
//! - tools: the same notebook, `num_tokens_for_tools`, in the form that LiteLLM 1.109 has
//!   (`litellm_core_utils/token_counter.py`): 9 once, 4 less where there is a system message; tool calls of earlier
//!   turns: their arguments;
//! - images: OpenAI, "Images and vision", cost of an image at low detail in the GPT-4o family: 85.

use tollgate_llm::{Request, Role, TextKind};

use crate::Encoding;

/// What every message costs beyond its texts.
const PER_MESSAGE: u64 = 3;
/// What a name costs beyond its own tokens.
const PER_NAME: u64 = 1;
/// The beginning of the answer, which belongs to the prompt.
const REPLY_PRIMER: u64 = 3;
/// What defining tools costs once.
const TOOLS: u64 = 9;
/// What of [`TOOLS`] a system message that is there anyway has paid.
const TOOLS_IN_SYSTEM: u64 = 4;
/// An image whose size is not looked at.
const PER_IMAGE: u64 = 85;

/// The tokens of a prompt, and the parts they are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PromptCount {
    /// All of it: the sum of the parts.
    pub tokens: u64,
    /// False when something was estimated: the tokenizer of the model is not known, there are images or tools, or
    /// parts (audio, files) that are not text.
    pub exact: bool,
    /// Contents, names, calls and refusals of the messages.
    pub text: u64,
    /// What the chat template puts around them: roles, separators, the reply's beginning.
    pub framing: u64,
    /// Definitions of tools and of the format of the answer.
    pub tools: u64,
    /// Images.
    pub images: u64,
}

/// Counts the tokens of a chat request as the provider charges them.
///
/// `body` is what `request` was read from. `model` decides about the tokenizer in place of the request's own (an alias
/// may have been resolved); when neither names a model whose tokenizer is public, `o200k_base` is taken and the count
/// is not `exact`.
#[must_use]
pub fn count_prompt(request: &Request, body: &[u8], model: Option<&str>) -> PromptCount {
    let own = if model.is_none() { request.model.map(|literal| literal.decode(body)) } else { None };
    let known = model.or(own.as_deref()).and_then(Encoding::for_model);
    let encoding = known.unwrap_or(Encoding::O200kBase);

    let mut count = PromptCount { exact: known.is_some(), framing: REPLY_PRIMER, ..PromptCount::default() };
    let mut has_system = false;
    for message in &request.messages {
        count.framing += PER_MESSAGE;
        if let Some(role) = message.role {
            let role = role.decode(body);
            has_system |= role == "system";
            count.framing += encoding.count(&role);
        }
        if message.name.is_some() {
            count.framing += PER_NAME;
        }
    }
    let mut has_tools = false;
    for text in &request.texts {
        let tokens = || encoding.count(&text.str.decode(body));
        match text.kind {
            TextKind::Content | TextKind::Refusal | TextKind::Name | TextKind::ToolArguments => count.text += tokens(),
            TextKind::ToolDefinition => {
                has_tools |= text.role == Role::Tools;
                count.tools += tokens();
            }
            TextKind::Data => count.exact = false,
            _ => {}
        }
    }
    if has_tools {
        count.exact = false;
        count.tools += if has_system { TOOLS - TOOLS_IN_SYSTEM } else { TOOLS };
    }
    if request.images > 0 {
        count.exact = false;
        count.images = PER_IMAGE * u64::from(request.images);
    }
    count.tokens = count.text + count.framing + count.tools + count.images;
    count
}
