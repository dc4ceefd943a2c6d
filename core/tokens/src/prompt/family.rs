//! Families of models: their chat templates, and what they charge for tools and images.
//!
//! Every fact cites its source. If a provider publishes nothing, the numbers come from measurements of its users, and
//! the count is not exact.

use tollgate_names::unprefixed;

use super::image::ImagePricing;
use super::media::MediaPricing;
use crate::Margin;

/// Family of models.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) template: ChatTemplate,
    pub(super) tools: ToolFormat,
    pub(super) images: ImagePricing,
    pub(super) media: MediaPricing,
    /// Margin on counts with a substitute of the tokenizer.
    pub(super) margin: Margin,
}

/// Chat template: tokens around the texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChatTemplate {
    /// Tokens per prompt.
    pub(super) once: u64,
    /// Tokens per message.
    pub(super) per_message: u64,
    /// Tokens per message of the assistant, beyond those of any message.
    pub(super) per_assistant: u64,
    /// `true` if the name of the role is part of the prompt's text.
    pub(super) has_roles: bool,
    /// `true` if a system prompt outside the messages is one more message.
    pub(super) has_system_message: bool,
    /// Tokens per name, beyond its own; negative if the name replaces the role.
    pub(super) per_name: i64,
    /// Tokens that start the response.
    pub(super) reply: u64,
    /// Text that the template adds before the first message, as a separate message.
    pub(super) preamble: &'static str,
    /// System message that the template adds if the request has none.
    pub(super) default_system: &'static str,
}

/// Text form of tool definitions.
#[derive(Clone, Copy, Debug)]
pub(super) enum ToolFormat {
    /// OpenAI: TypeScript, in a separate message or at the end of the first system message. On chat completions, a
    /// provider text of `chat` tokens precedes it.
    TypeScript { chat: u64 },
    /// JSON, after a provider text of `may` tokens if the model may choose a tool, or `must` tokens if it must call
    /// one.
    Json { may: u64, must: u64 },
}

/// OpenAI's chat format. Cookbook, "How to count tokens with tiktoken", `num_tokens_from_messages`: 3 per message, 1
/// more for a name, 3 for `<|start|>assistant<|message|>`.
const CHATML: ChatTemplate = ChatTemplate {
    once: 0,
    per_message: 3,
    per_assistant: 0,
    has_roles: true,
    has_system_message: true,
    per_name: 1,
    reply: 3,
    preamble: "",
    default_system: "",
};

/// The same notebook, for gpt-3.5-turbo-0301: a line end follows every message, and a name replaces the role.
const CHATML_0301: ChatTemplate = ChatTemplate { per_message: 4, per_name: -1, ..CHATML };

/// GPT-5 and the o series, as charged in recorded calls (see `tests`): 4 per message, whatever its role, 2 more for one of
/// the assistant, and 2 for the start of the response.
const REASONING: ChatTemplate = ChatTemplate { per_message: 4, per_assistant: 2, has_roles: false, reply: 2, ..CHATML };

/// OpenAI, "Harmony response format": `<|start|>role<|message|>text<|end|>`, and a system message with the model's
/// identity and its channels.
const HARMONY: ChatTemplate = ChatTemplate {
    reply: 2,
    preamble: "You are ChatGPT, a large language model trained by OpenAI.\nKnowledge cutoff: 2024-06\nCurrent date: 2025-06-28\n\nReasoning: medium\n\n# Valid channels: analysis, commentary, final. Channel must be included for every message.",
    ..CHATML
};

/// Anthropic publishes neither tokenizer nor template. In the worked examples of "Token counting", a system prompt of 4
/// and a message of 3 tokens (by `o200k_base`) count 14 in total, hence 3 for the message and 4 once.
const CLAUDE: ChatTemplate =
    ChatTemplate { once: 1, has_roles: false, has_system_message: false, per_name: 0, ..CHATML };

/// Google, "Understand and count tokens": in its example, 10 words and signs are 10 tokens, 11 with the prompt around
/// them.
const GEMINI: ChatTemplate = ChatTemplate { once: 1, per_message: 0, reply: 0, ..CLAUDE };

/// Meta, "Llama 3 model card and prompt formats": `<|begin_of_text|>`, and per message
/// `<|start_header_id|>role<|end_header_id|>`, an empty line, the text and `<|eot_id|>`.
const LLAMA3: ChatTemplate = ChatTemplate {
    once: 1,
    per_message: 4,
    reply: 4,
    preamble: "",
    default_system: "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n",
    ..CHATML
};

/// Qwen, "Key concepts": `<|im_start|>role`, a line end, the text, `<|im_end|>` and a line end. Qwen 2.5's template
/// adds a system message if there is none.
const QWEN: ChatTemplate = ChatTemplate {
    per_message: 4,
    reply: 3,
    default_system: "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
    ..CHATML
};
/// Qwen 3's template adds no system message.
const QWEN3: ChatTemplate = ChatTemplate { default_system: "", ..QWEN };

/// DeepSeek V3's template: one token for the start, one per speaker, one for the end of a response.
const DEEPSEEK: ChatTemplate = ChatTemplate { once: 1, per_message: 1, reply: 1, ..CLAUDE };

/// Mistral, "Chat templates": `<s>`, and `[INST]` and `[/INST]` around user messages.
const MISTRAL: ChatTemplate = ChatTemplate { once: 1, per_message: 2, reply: 0, ..CLAUDE };

/// Template of typical size.
const UNKNOWN: ChatTemplate = CHATML;

/// OpenAI, "Audio": ten tokens per second of user audio. Pages are read as text and as an image ("File inputs"): as many
/// tokens as for Claude are assumed. There is no video; Gemini's rate is assumed for servers of others.
const OPENAI_MEDIA: MediaPricing = MediaPricing { audio: 10, video: 263, page: 3_000 };
/// Anthropic, "PDF support": 1,500 to 3,000 tokens of text per page, and its image.
const CLAUDE_MEDIA: MediaPricing = MediaPricing { page: 3_000, ..OPENAI_MEDIA };
/// Google, "Understand and count tokens": 32 tokens per second of audio, 263 of video; "Document understanding": 258 per
/// page.
const GEMINI_MEDIA: MediaPricing = MediaPricing { audio: 32, video: 263, page: 258 };

const fn openai(images: ImagePricing) -> Family {
    Family {
        template: CHATML,
        tools: ToolFormat::TypeScript { chat: 0 },
        images,
        media: OPENAI_MEDIA,
        margin: Margin::NONE,
    }
}

/// OpenAI's reasoning models. Function definitions cost some 81 tokens more on chat completions than on Responses, as
/// charged in recorded calls to GPT-5.
const fn reasoning(images: ImagePricing) -> Family {
    Family { template: REASONING, tools: ToolFormat::TypeScript { chat: 81 }, ..openai(images) }
}

/// OpenAI, "Images and vision": models that count patches, at most 1536 of them.
const fn patches(hundredths: u64) -> ImagePricing {
    ImagePricing::Patches { hundredths, low: 1536, high: 1536, auto: 1536 }
}

/// Anthropic, "Tool use", table of system prompts: tokens if the model may choose (`auto`, `none`), and if it must call
/// a tool (`any`, `tool`). "Vision": older models see 1568 pixels and 1568 tokens, those from Opus 4.7 on 2576 and
/// 4784.
const fn claude(may: u64, must: u64, images: ImagePricing) -> Family {
    Family {
        template: CLAUDE,
        tools: ToolFormat::Json { may, must },
        images,
        media: CLAUDE_MEDIA,
        margin: Margin::CLAUDE,
    }
}

const CLAUDE_SMALL: ImagePricing = ImagePricing::Claude { edge: 1568, most: 1568 };
const CLAUDE_LARGE: ImagePricing = ImagePricing::Claude { edge: 2576, most: 4784 };

/// Open models. The text before the tool definitions differs by template; Qwen's hundred tokens are about average.
const fn open(template: ChatTemplate, images: ImagePricing) -> Family {
    Family {
        template,
        tools: ToolFormat::Json { may: 100, must: 100 },
        images,
        media: OPENAI_MEDIA,
        margin: Margin::NONE,
    }
}

const FOUR_O: ImagePricing = ImagePricing::Tiles { base: 85, tile: 170 };
/// GPT-5.2 and later, measured (see `image`): 32-pixel patches times 1.2, up to 10,000 unless the detail limits them.
const FIVE: ImagePricing = ImagePricing::Patches { hundredths: 120, low: 256, high: 2500, auto: 10_000 };
/// Together, "Vision": 1601 for each of at most four tiles; one tile is assumed.
const LLAMA_VISION: ImagePricing = ImagePricing::Flat(1601);

/// Families by name prefix; the first match wins, so longer prefixes precede shorter ones.
static FAMILIES: &[(&str, Family)] = &[
    ("gpt-3.5-turbo-0301", Family { template: CHATML_0301, ..openai(FOUR_O) }),
    ("gpt-4o-mini", openai(ImagePricing::Tiles { base: 2833, tile: 5667 })),
    ("gpt-4.1-mini", openai(patches(162))),
    ("gpt-4.1-nano", openai(patches(246))),
    ("gpt-4", openai(FOUR_O)),
    ("gpt-35", openai(FOUR_O)),
    ("gpt-3.5", openai(FOUR_O)),
    ("chatgpt-4o", openai(FOUR_O)),
    // A chat model: its template has not been recorded.
    ("gpt-5-chat", openai(ImagePricing::Tiles { base: 70, tile: 140 })),
    ("gpt-5-mini", reasoning(patches(162))),
    ("gpt-5-nano", reasoning(patches(246))),
    ("gpt-5.4-mini", reasoning(patches(162))),
    ("gpt-5.4-nano", reasoning(patches(246))),
    ("gpt-5.1", reasoning(ImagePricing::Tiles { base: 70, tile: 140 })),
    ("gpt-5-", reasoning(ImagePricing::Tiles { base: 70, tile: 140 })),
    ("gpt-5.", reasoning(FIVE)),
    ("gpt-5", reasoning(ImagePricing::Tiles { base: 70, tile: 140 })),
    ("gpt-6", reasoning(ImagePricing::Patches { hundredths: 120, low: 256, high: 2500, auto: 1 << 20 })),
    ("gpt-oss", Family { template: HARMONY, ..openai(FOUR_O) }),
    ("o4-mini", reasoning(patches(172))),
    ("codex-mini", reasoning(patches(172))),
    ("o1", reasoning(ImagePricing::Tiles { base: 75, tile: 150 })),
    ("o3", reasoning(ImagePricing::Tiles { base: 75, tile: 150 })),
    ("computer-use", openai(ImagePricing::Tiles { base: 65, tile: 129 })),
    ("claude-3-opus", claude(530, 281, CLAUDE_SMALL)),
    ("claude-3-sonnet", claude(159, 235, CLAUDE_SMALL)),
    ("claude-3-haiku", claude(264, 340, CLAUDE_SMALL)),
    ("claude-3-5-haiku", claude(264, 340, CLAUDE_SMALL)),
    ("claude-3-5-sonnet-20240620", claude(294, 261, CLAUDE_SMALL)),
    ("claude-3", claude(346, 313, CLAUDE_SMALL)),
    ("claude-opus-4-8", claude(290, 410, CLAUDE_LARGE)),
    ("claude-opus-4-7", claude(675, 804, CLAUDE_LARGE)),
    ("claude-opus-4-6", claude(497, 589, CLAUDE_SMALL)),
    ("claude-opus-4-5", claude(496, 588, CLAUDE_SMALL)),
    ("claude-opus-4", claude(313, 315, CLAUDE_SMALL)),
    ("claude-sonnet-4-6", claude(497, 589, CLAUDE_SMALL)),
    ("claude-sonnet-4-5", claude(496, 588, CLAUDE_SMALL)),
    ("claude-sonnet-4", claude(313, 315, CLAUDE_SMALL)),
    ("claude-haiku-4", claude(496, 588, CLAUDE_SMALL)),
    ("claude", claude(354, 474, CLAUDE_LARGE)),
    ("gemini-1", Family { images: ImagePricing::Flat(258), ..GEMINI_2 }),
    ("gemini-2", GEMINI_2),
    // Google, "Media resolution": 1120 per image unless the request sets another resolution.
    ("gemini", Family { images: ImagePricing::Flat(1120), ..GEMINI_2 }),
    ("llama", open(LLAMA3, LLAMA_VISION)),
    ("meta-llama", open(LLAMA3, LLAMA_VISION)),
    ("qwen3", open(QWEN3, ImagePricing::Qwen)),
    ("qwen", open(QWEN, ImagePricing::Qwen)),
    ("qwq", open(QWEN3, ImagePricing::Qwen)),
    ("deepseek", open(DEEPSEEK, FOUR_O)),
    ("mistral", open(MISTRAL, FOUR_O)),
    ("mixtral", open(MISTRAL, FOUR_O)),
    ("ministral", open(MISTRAL, FOUR_O)),
    ("codestral", open(MISTRAL, FOUR_O)),
    ("magistral", open(MISTRAL, FOUR_O)),
    ("devstral", open(MISTRAL, FOUR_O)),
    ("pixtral", open(MISTRAL, FOUR_O)),
];

const GEMINI_2: Family = Family {
    template: GEMINI,
    tools: ToolFormat::Json { may: 0, must: 0 },
    images: ImagePricing::Gemini2,
    media: GEMINI_MEDIA,
    margin: Margin::NONE,
};

static OTHER: Family = open(UNKNOWN, FOUR_O);

/// Returns the family of a model, by its name in a request or configuration: with a provider (`openai/`), region or
/// vendor prefix (`us.anthropic.`), or `ft:`, in upper or lower case.
pub(super) fn of(model: &str) -> &'static Family {
    let model = unprefixed(model);
    let begins = |at: usize, name: &str| {
        let start = model.as_bytes().get(at..at + name.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
    };
    let starts = model.bytes().enumerate().filter(|(_, byte)| matches!(byte, b'.' | b':')).map(|(at, _)| at + 1);
    std::iter::once(0)
        .chain(starts)
        .find_map(|at| FAMILIES.iter().find(|(name, _)| begins(at, name)))
        .map_or(&OTHER, |(_, family)| family)
}
