//! Prompt tokens as the provider charges them: texts, the framing of the chat template, tool definitions, images, audio
//! and files.
//!
//! [`family`] has the facts about families of models and their sources, [`image`] and [`media`] the cost of images,
//! audio, video and files, [`tools`] the text form of tool definitions, [`exactness`] the shapes of requests whose counts are
//! known to be exact. For all families: roles and names are text, special tokens in a user's text are
//! ordinary text, and what cannot be known is estimated and marked as such.

mod bound;
mod decoded;
mod exactness;
mod family;
mod image;
mod json;
mod kept;
mod measure;
mod media;
mod tools;

#[cfg(test)]
mod tests;

pub use bound::{ASSUMED_REFERENCE_TOKENS, PromptBound, has_references};
pub use decoded::DecodedPrompt;
use exactness::Shape;
use family::{Family, ToolFormat};
use image::Detail;
pub use kept::{Keeper, KeptCount, KeptPrompt};
use measure::{Exact, Measure};
use memchr::memmem;
use tollgate_llm::{Dialect, Image, Request, Role, Text, TextKind};

use crate::{Encoding, Margin, TextCache, Tokenizer};

/// Token count of a prompt, in total and by part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PromptCount {
    /// Total: the sum of the parts.
    pub tokens: u64,
    /// `true` if the request has a shape whose counts are known to equal what the provider charges: see `docs/tokens.md`.
    /// Else it is an estimate.
    pub exact: bool,
    /// Contents, names, calls and refusals of the messages; prompts given as token ids.
    pub text: u64,
    /// Chat template: roles, separators, start of the response, built-in system text.
    pub framing: u64,
    /// Tool definitions, response format, and tool choice.
    pub tools: u64,
    /// Images.
    pub images: u64,
    /// Audio, video and files.
    pub media: u64,
}

impl PromptCount {
    /// Returns the sum of the parts.
    fn sum(&self) -> u64 {
        self.text + self.framing + self.tools + self.images + self.media
    }
}

/// Counts the tokens of a request as the provider charges them.
///
/// `body` is the source of `request`. `model` overrides the request's own model (an alias may have been resolved). If
/// the tokenizer of the model is not public, `o200k_base` is used and the count is not `exact`; for a tokenizer loaded
/// from a file, see [`Profile`].
///
/// ```
/// use tollgate_llm::{Dialect, ParseLimits, Request};
/// use tollgate_tokens::count_prompt;
///
/// let body = br#"{"model": "gpt-4o", "messages": [{"role": "user", "content": "hello world"}]}"#;
/// let request = Request::parse(Dialect::OpenAiChat, body, &ParseLimits::default())?;
/// let count = count_prompt(&request, body, None);
/// assert_eq!((count.tokens, count.text, count.framing, count.exact), (9, 2, 7, true));
/// # Ok::<(), tollgate_llm::Error>(())
/// ```
#[must_use]
pub fn count_prompt(request: &Request, body: &[u8], model: Option<&str>) -> PromptCount {
    let own = if model.is_none() { request.model_name(body) } else { None };
    Profile::of(model.or(own.as_deref()).unwrap_or_default()).count(request, body)
}

/// Counting profile of a model: its tokenizer, chat template and prices in tokens.
#[derive(Clone, Debug)]
pub struct Profile {
    tokenizer: Tokenizer,
    is_own: bool,
    family: &'static Family,
    /// Shapes of requests whose counts are exact.
    shapes: &'static [Shape],
}

impl Profile {
    /// Returns the built-in profile of a model, by its name.
    #[must_use]
    pub fn of(model: &str) -> Profile {
        let encoding = Encoding::for_model(model);
        let tokenizer = encoding.unwrap_or(Encoding::O200kBase).into();
        Profile { tokenizer, is_own: encoding.is_some(), family: family::of(model), shapes: exactness::of(model) }
    }

    /// Replaces the tokenizer by the model's own, loaded from a file.
    #[must_use]
    pub fn with_tokenizer(self, tokenizer: Tokenizer) -> Profile {
        Profile { tokenizer, is_own: true, ..self }
    }

    /// Returns the model's tokenizer, or its substitute.
    #[must_use]
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Returns `true` if the tokenizer is the model's own, so that counts of plain text are exact.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.is_own
    }

    /// Returns the margin to reserve on a count: above one if the tokenizer is a substitute that is known to count too little.
    #[must_use]
    pub fn margin(&self) -> Margin {
        if self.is_own { Margin::NONE } else { self.family.margin }
    }

    /// Counts the tokens of a request; see [`count_prompt`].
    #[must_use]
    pub fn count(&self, request: &Request, body: &[u8]) -> PromptCount {
        self.measure(request, body, u64::MAX, &mut Exact { tokenizer: &self.tokenizer, cache: None })
    }

    /// Counts the tokens of a request; texts that are in the cache are only hashed. The result equals that of
    /// [`count`](Self::count).
    #[must_use]
    pub fn count_cached(&self, request: &Request, body: &[u8], cache: Option<&mut TextCache>) -> PromptCount {
        self.measure(request, body, u64::MAX, &mut Exact { tokenizer: &self.tokenizer, cache })
    }

    /// Counts the tokens of a request, with or without a cache; `None` if there are more than `limit`. Stops as soon as
    /// that is certain.
    #[must_use]
    pub fn count_at_most(
        &self,
        request: &Request,
        body: &[u8],
        limit: u64,
        cache: Option<&mut TextCache>,
    ) -> Option<PromptCount> {
        if self.lower_bound(request) > limit {
            return None;
        }
        let count = self.measure(request, body, limit, &mut Exact { tokenizer: &self.tokenizer, cache });
        Some(count).filter(|count| count.tokens <= limit)
    }

    /// Returns a lower bound of a request's count, from the lengths of its texts: nothing is tokenized.
    #[must_use]
    pub fn lower_bound(&self, request: &Request) -> u64 {
        let ids = request.token_prompts.iter().map(|prompt| prompt.tokens).fold(0, u64::saturating_add);
        /// Maximum bytes of a JSON literal per byte of text: `\u0061`.
        const ESCAPE: usize = 6;
        /// Maximum that a name subtracts from the framing of its message; see `messages`.
        const NAME: u64 = 3;
        let template = &self.family.template;
        let messages = template.per_message.saturating_mul(request.messages.len() as u64);
        let texts = request.texts.iter().filter(|text| text.kind == TextKind::Content).map(|text| {
            let raw = text.str.span.end.saturating_sub(text.str.span.start);
            let bytes = if text.str.escaped { raw.div_ceil(ESCAPE) } else { raw };
            self.tokenizer.bounds(bytes).0
        });
        let names = request.messages.iter().filter(|message| message.name.is_some()).count() as u64;
        let framing = match is_framed(request) {
            true => (template.once + template.reply + messages).saturating_sub(names.saturating_mul(NAME)),
            false => 0,
        };
        texts.fold(framing.saturating_add(ids), u64::saturating_add)
    }

    /// Measures a request, its texts by `measure`. If the result exceeds `limit`, it may be incomplete.
    fn measure(&self, request: &Request, body: &[u8], limit: u64, measure: &mut dyn Measure) -> PromptCount {
        let exact = self.is_own && exactness::is_recorded(self.shapes, request, body);
        let mut count = PromptCount { exact, ..PromptCount::default() };
        count.text = request.token_prompts.iter().map(|prompt| prompt.tokens).fold(0, u64::saturating_add);
        if is_framed(request) {
            self.messages(request, body, measure, &mut count);
        }
        self.texts(request, body, (limit, measure), &mut count);
        for image in &request.images {
            self.image(image, body, &mut count);
        }
        if request.dialect == Dialect::OpenAiCompact {
            count.framing += COMPACTION;
        }
        // Some images may be in places that the view does not cover.
        let unseen = u64::from(request.image_count).saturating_sub(request.images.len() as u64);
        if unseen > 0 {
            count.images += unseen * self.family.images.unknown(Detail::Auto);
        }
        count.tokens = count.sum();
        count
    }

    /// Counts the framing of the messages.
    fn messages(&self, request: &Request, body: &[u8], measure: &mut dyn Measure, count: &mut PromptCount) {
        let template = &self.family.template;
        count.framing += template.once + template.reply;
        if !template.preamble.is_empty() {
            count.framing += template.per_message + 1 + measure.text(template.preamble);
        }
        // A system prompt outside the messages is one more message, if the template has system messages.
        let is_system = |own: &Text| matches!(own.role, Role::System | Role::Developer);
        let has_apart = request.texts.iter().any(|own| is_system(own) && own.message.is_none());
        let role_name = u64::from(template.has_roles);
        if has_apart && template.has_system_message {
            count.framing += template.per_message + role_name;
        }
        if !template.default_system.is_empty() && !request.texts.iter().any(is_system) {
            count.framing += template.per_message + 1 + measure.text(template.default_system);
        }
        for message in &request.messages {
            count.framing += template.per_message;
            let role = message.role.map(|role| role.decode(body));
            count.framing += match &role {
                Some(role) if template.has_roles => measure.text(role),
                // A message without a role, such as the one text of a Responses request, is the user's.
                _ => role_name,
            };
            if role.as_deref() == Some("assistant") {
                count.framing += template.per_assistant;
            }
            if message.name.is_some() {
                count.framing = count.framing.saturating_add_signed(template.per_name);
                // The name of a function replaces a separator (measured, see `tests`).
                if role.as_deref() == Some("function") {
                    count.framing = count.framing.saturating_sub(2);
                }
            }
        }
    }

    /// Measures the texts, no further than `limit`.
    fn texts(
        &self,
        request: &Request,
        body: &[u8],
        (limit, measure): (u64, &mut dyn Measure),
        count: &mut PromptCount,
    ) {
        let last_user = request.texts.iter().rfind(|text| text.role == Role::User).and_then(|text| text.message);
        let first_definition = request.texts.iter().find(|text| text.kind == TextKind::ToolDefinition);
        let mut definitions = match first_definition {
            Some(first) => self.tools((request, body), first, measure, count),
            None => ToolDefinitions::default(),
        };
        for text in &request.texts {
            // These are not decoded, since an image may have megabytes.
            if matches!(text.kind, TextKind::ImageUrl | TextKind::ImageData | TextKind::Model | TextKind::Other) {
                continue;
            }
            let so_far = count.sum();
            if so_far > limit {
                return;
            }
            let mut literal = |line_end| measure.literal(text.str, body, line_end, limit - so_far);
            match text.kind {
                TextKind::Content if definitions.pads_system && text.role == Role::System => {
                    definitions.pads_system = false;
                    count.text += literal(true);
                }
                TextKind::Content | TextKind::Refusal | TextKind::Name | TextKind::ToolArguments => {
                    count.text += literal(false);
                }
                // A call: its name, and three tokens of framing (measured for function calls, see `tests`).
                TextKind::ToolName if text.message.is_some() => count.text += literal(false) + 3,
                // Reasoning from before the last user message is not shown to the model again (Anthropic, "Extended
                // thinking"; DeepSeek, "Reasoning model"); reasoning within the same turn is.
                TextKind::Reasoning if text.message > last_user => count.text += literal(false),
                TextKind::ToolDefinition if !definitions.has(text) => count.tools += literal(false),
                TextKind::Data => count.media += media::tokens(&text.str.decode(body), &self.family.media),
                _ => {}
            }
        }
    }

    /// Counts the tool definitions as a whole, if they are found in the body.
    fn tools(
        &self,
        (request, body): (&Request, &[u8]),
        first: &Text,
        measure: &mut dyn Measure,
        count: &mut PromptCount,
    ) -> ToolDefinitions {
        let mut definitions = ToolDefinitions::default();
        let Some(tree) = tools::find(body, first.str.span.start) else { return definitions };
        definitions.span = Some((tree.root().span().start, tree.root().span().end));
        let choice = memmem::find(body, TOOL_CHOICE)
            .and_then(|at| tools::value_after(body, at + TOOL_CHOICE.len()))
            .and_then(|at| json::Tree::read(body, at));
        let word = choice.as_ref().and_then(|tree| {
            let value = tree.root();
            value.text().or_else(|| value.get("type").and_then(json::Value::text))
        });
        match self.family.tools {
            ToolFormat::TypeScript { chat } => {
                /// Fixed cost of function definitions: measured, see `tests`.
                const ONCE: u64 = 9;
                /// Part of the fixed cost that an existing system message already covers.
                const IN_SYSTEM: u64 = 4;
                let text = tools::typescript(tree.root());
                if text.is_empty() {
                    return definitions;
                }
                count.tools += measure.text(&text) + ONCE;
                if request.body_dialect() == Dialect::OpenAiChat {
                    count.tools += chat;
                }
                if request.texts.iter().any(|text| text.role == Role::System && text.kind == TextKind::Content) {
                    count.tools -= IN_SYSTEM;
                    definitions.pads_system = true;
                }
                // LiteLLM 1.109, `token_counter`: 1 for "none", 7 plus its tokens for a named tool.
                let named = choice.as_ref().and_then(|tree| {
                    let value = tree.root();
                    value.get("function").unwrap_or(value).get("name")?.text()
                });
                count.tools += match (word.as_deref(), named) {
                    (_, Some(name)) => 7 + measure.text(&name),
                    (Some("none"), None) => 1,
                    _ => 0,
                };
            }
            ToolFormat::Json { may, must } => {
                let is_must = matches!(word.as_deref(), Some("any" | "tool" | "required" | "function"));
                count.tools += measure.text(&tree.root().compact()) + if is_must { must } else { may };
            }
        }
        definitions
    }

    /// Counts an image.
    fn image(&self, image: &Image, body: &[u8], count: &mut PromptCount) {
        let detail = match image.detail {
            Some(detail) if detail.is(body, "low") => Detail::Low,
            Some(detail) if detail.is(body, "high") => Detail::High,
            _ => Detail::Auto,
        };
        let images = self.family.images;
        let size = image.str.and_then(|str| {
            let bytes = str.span.of(body);
            tollgate_llm::image::of_data_url(bytes).or_else(|| tollgate_llm::image::of_base64(bytes))
        });
        count.images += match size {
            Some(size) => images.tokens(size, detail),
            None => images.unknown(detail),
        };
    }
}

/// Tokens of the provider's own text for a compaction: the difference in one recorded call (see `tests`).
const COMPACTION: u64 = 93;

/// Returns `false` for a request whose texts are the whole prompt, without a chat template: embeddings, legacy
/// completions, reranking, images, speech.
fn is_framed(request: &Request) -> bool {
    !matches!(
        request.dialect,
        Dialect::OpenAiCompletions
            | Dialect::OpenAiEmbeddings
            | Dialect::OpenAiModerations
            | Dialect::GeminiEmbed
            | Dialect::VertexPredict
            | Dialect::CohereEmbed
            | Dialect::Rerank
            | Dialect::OllamaEmbed
            | Dialect::OpenAiImages
            | Dialect::OpenAiImageEdits
            | Dialect::OpenAiTranscriptions
            | Dialect::OpenAiSpeech
    )
}

const TOOL_CHOICE: &[u8] = b"\"tool_choice\"";

/// Tool definitions that were counted as a whole.
#[derive(Default)]
struct ToolDefinitions {
    span: Option<(usize, usize)>,
    /// `true` if the definitions add a line end to the first system message.
    pads_system: bool,
}

impl ToolDefinitions {
    /// Returns `true` if the text is part of the definitions.
    fn has(&self, text: &Text) -> bool {
        self.span.is_some_and(|(start, end)| (start..end).contains(&text.str.span.start))
    }
}
