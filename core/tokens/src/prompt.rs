//! What a provider charges for a prompt: its texts, what its chat template puts around them, definitions of tools,
//! images, audio and files.
//!
//! What is known of a family of models, and from where, is in [`family`]; what images cost in [`image`]; how tools
//! become text in [`tools`]. What is said here is true of all: roles and names are text, special tokens in a user's text
//! are not special, and what cannot be known is estimated and called so.

mod family;
mod image;
mod json;
mod tools;

#[cfg(test)]
mod tests;

use family::{Family, ToolFormat};
use image::Detail;
use memchr::memmem;
use tollgate_llm::{Picture, Request, Role, Text, TextKind};

use crate::{Encoding, Tokenizer};

/// The tokens of a prompt, and the parts they are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PromptCount {
    /// All of it: the sum of the parts.
    pub tokens: u64,
    /// False when something was estimated: the tokenizer or the template of the model is not public, there are tools,
    /// or parts (audio, files, images elsewhere) whose size cannot be known.
    pub exact: bool,
    /// Contents, names, calls and refusals of the messages.
    pub text: u64,
    /// What the chat template puts around them: roles, separators, the answer's beginning, what it says itself.
    pub framing: u64,
    /// ToolDefinitions of tools and of the format of the answer, and which tool is to be called.
    pub tools: u64,
    /// ImagePricing.
    pub images: u64,
    /// Audio and files.
    pub media: u64,
}

impl PromptCount {
    fn sum(&self) -> u64 {
        self.text + self.framing + self.tools + self.images + self.media
    }
}

/// Counts the tokens of a request as the provider charges them.
///
/// `body` is what `request` was read from. `model` decides in place of the request's own (an alias may have been
/// resolved). Where the tokenizer of the model is not public, `o200k_base` is taken and the count is not `exact`; where
/// it is loaded from a file, see [`Profile`].
///
/// ```
/// use tollgate_llm::{Dialect, Limits, Request};
/// use tollgate_tokens::count_prompt;
///
/// let body = br#"{"model": "gpt-4o", "messages": [{"role": "user", "content": "hello world"}]}"#;
/// let request = Request::parse(Dialect::OpenAiChat, body, &Limits::default())?;
/// let count = count_prompt(&request, body, None);
/// assert_eq!((count.tokens, count.text, count.framing, count.exact), (9, 2, 7, true));
/// # Ok::<(), tollgate_llm::Error>(())
/// ```
#[must_use]
pub fn count_prompt(request: &Request, body: &[u8], model: Option<&str>) -> PromptCount {
    let own = if model.is_none() { request.model_name(body) } else { None };
    Profile::of(model.or(own.as_deref()).unwrap_or_default()).count(request, body)
}

/// How the prompts of a model are counted.
#[derive(Clone, Debug)]
pub struct Profile {
    tokenizer: Tokenizer,
    is_own: bool,
    family: &'static Family,
}

impl Profile {
    /// What is known of a model, by its name.
    #[must_use]
    pub fn of(model: &str) -> Profile {
        let encoding = Encoding::for_model(model);
        let tokenizer = encoding.unwrap_or(Encoding::O200kBase).into();
        Profile { tokenizer, is_own: encoding.is_some(), family: family::of(model) }
    }

    /// The same with the model's own tokenizer, loaded from a file.
    #[must_use]
    pub fn with_tokenizer(self, tokenizer: Tokenizer) -> Profile {
        Profile { tokenizer, is_own: true, ..self }
    }

    /// What cuts the model's text into tokens, or what is taken in its place.
    #[must_use]
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Whether that is the model's own, so that counts of plain text are exact.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.is_own
    }

    /// Counts the tokens of a request; see [`count_prompt`].
    #[must_use]
    pub fn count(&self, request: &Request, body: &[u8]) -> PromptCount {
        self.count_up_to(request, body, u64::MAX)
    }

    /// The same, or `None` if it is more than `limit`. It stops as soon as that is certain.
    #[must_use]
    pub fn count_at_most(&self, request: &Request, body: &[u8], limit: u64) -> Option<PromptCount> {
        if self.lower_bound(request) > limit {
            return None;
        }
        Some(self.count_up_to(request, body, limit)).filter(|count| count.tokens <= limit)
    }

    /// The least that a request can count, from the lengths of its texts alone: nothing is tokenised.
    #[must_use]
    pub fn lower_bound(&self, request: &Request) -> u64 {
        /// The most bytes of a literal that are one of its text: `\u0061`.
        const ESCAPE: usize = 6;
        /// The most that a name takes from what is around its message; see `messages`.
        const NAME: u64 = 3;
        let framing = &self.family.framing;
        let messages = framing.per_message.saturating_mul(request.messages.len() as u64);
        let texts = request.texts.iter().filter(|text| text.kind == TextKind::Content).map(|text| {
            let raw = text.str.span.end.saturating_sub(text.str.span.start);
            let bytes = if text.str.escaped { raw.div_ceil(ESCAPE) } else { raw };
            self.tokenizer.bounds(bytes).0
        });
        let names = request.messages.iter().filter(|message| message.name.is_some()).count() as u64;
        let framing = (framing.once + framing.reply + messages).saturating_sub(names.saturating_mul(NAME));
        texts.fold(framing, u64::saturating_add)
    }

    /// Counts the tokens of a request. If they are more than `limit`, what is counted is as well, and need not be all.
    fn count_up_to(&self, request: &Request, body: &[u8], limit: u64) -> PromptCount {
        let mut count = PromptCount { exact: self.is_own && self.family.framing.is_exact, ..PromptCount::default() };
        self.messages(request, body, &mut count);
        self.texts(request, body, limit, &mut count);
        for picture in &request.pictures {
            self.picture(picture, body, &mut count);
        }
        // Some may stand where no view has them.
        let unseen = u64::from(request.images).saturating_sub(request.pictures.len() as u64);
        if unseen > 0 {
            count.exact = false;
            count.images += unseen * self.family.images.unknown(Detail::Auto);
        }
        count.tokens = count.sum();
        count
    }

    fn messages(&self, request: &Request, body: &[u8], count: &mut PromptCount) {
        let framing = &self.family.framing;
        let text = |text: &str| self.tokenizer.count(text);
        count.framing += framing.once + framing.reply;
        if !framing.preamble.is_empty() {
            count.framing += framing.per_message + 1 + text(framing.preamble);
        }
        // A system prompt that stands outside the messages is one more, where the template has it as a message.
        let is_system = |own: &Text| own.role == Role::System;
        let has_apart = request.texts.iter().any(|own| is_system(own) && own.message.is_none());
        if has_apart && framing.has_roles {
            count.framing += framing.per_message + 1;
        }
        if !framing.default_system.is_empty() && !request.texts.iter().any(is_system) {
            count.framing += framing.per_message + 1 + text(framing.default_system);
        }
        for message in &request.messages {
            count.framing += framing.per_message;
            let role = message.role.map(|role| role.decode(body));
            if framing.has_roles
                && let Some(role) = &role
            {
                count.framing += text(role);
            }
            if message.name.is_some() {
                count.framing = count.framing.saturating_add_signed(framing.per_name);
                // The name of a function takes the place of what tells it from a user's (measured, see `tests`).
                if role.as_deref() == Some("function") {
                    count.framing = count.framing.saturating_sub(2);
                }
            }
        }
    }

    fn texts(&self, request: &Request, body: &[u8], limit: u64, count: &mut PromptCount) {
        let last_user = request.texts.iter().rfind(|text| text.role == Role::User).and_then(|text| text.message);
        let mut definitions = ToolDefinitions::default();
        let is_definition = |text: &&Text| text.kind == TextKind::ToolDefinition;
        if let Some(first) = request.texts.iter().find(is_definition) {
            self.tools(request, body, first, &mut definitions, count);
        }
        for text in &request.texts {
            // What is not counted is not looked at: an image may be megabytes.
            if matches!(text.kind, TextKind::ImageUrl | TextKind::Model | TextKind::Other) {
                continue;
            }
            let so_far = count.sum();
            if so_far > limit {
                return;
            }
            let string = text.str.decode(body);
            match text.kind {
                TextKind::Content if definitions.pads_system && text.role == Role::System => {
                    definitions.pads_system = false;
                    count.text += self.tokenizer.count(&format!("{string}\n"));
                }
                TextKind::Content | TextKind::Refusal | TextKind::Name | TextKind::ToolArguments => {
                    count.text += self.count_text(&string, limit - so_far);
                }
                // A call: its name, and three tokens around it (measured for function calls, see `tests`).
                TextKind::ToolName if text.message.is_some() => count.text += self.tokenizer.count(&string) + 3,
                // What was thought before the last question is not shown to the model again: Anthropic, "Extended
                // thinking"; DeepSeek, "Reasoning model". Within the same turn it is.
                TextKind::Reasoning if text.message > last_user => count.text += self.tokenizer.count(&string),
                TextKind::ToolDefinition if !definitions.has(text) => count.tools += self.tokenizer.count(&string),
                TextKind::Data => {
                    count.exact = false;
                    count.media += self.media(&string);
                }
                _ => {}
            }
        }
    }

    /// Counts a text; if it is more than `limit`, no further than to see that.
    fn count_text(&self, text: &str, limit: u64) -> u64 {
        if self.tokenizer.bounds(text.len()).1 <= limit {
            return self.tokenizer.count(text);
        }
        self.tokenizer.count_at_most(text, limit).unwrap_or(limit.saturating_add(1))
    }

    /// Counts the definitions of tools as a whole, if they are where they are expected.
    fn tools(&self, request: &Request, body: &[u8], first: &Text, found: &mut ToolDefinitions, count: &mut PromptCount) {
        count.exact = false;
        let Some(tree) = tools::find(body, first.str.span.start) else { return };
        found.span = Some((tree.root().span().start, tree.root().span().end));
        let choice = memmem::find(body, TOOL_CHOICE)
            .and_then(|at| tools::value_after(body, at + TOOL_CHOICE.len()))
            .and_then(|at| json::Tree::read(body, at));
        let word = choice.as_ref().and_then(|tree| {
            let value = tree.root();
            value.text().or_else(|| value.get("type").and_then(json::Value::text))
        });
        match self.family.tools {
            ToolFormat::TypeScript => {
                /// What defining functions costs once: measured, see `tests`.
                const ONCE: u64 = 9;
                /// What of it a system message that is there anyway has paid.
                const IN_SYSTEM: u64 = 4;
                let text = tools::typescript(tree.root());
                if text.is_empty() {
                    return;
                }
                count.tools += self.tokenizer.count(&text) + ONCE;
                if request.texts.iter().any(|text| text.role == Role::System && text.kind == TextKind::Content) {
                    count.tools -= IN_SYSTEM;
                    found.pads_system = true;
                }
                // LiteLLM 1.109, `token_counter`: 1 for "none", 7 and its tokens for the name of one.
                let named = choice.as_ref().and_then(|tree| {
                    let value = tree.root();
                    value.get("function").unwrap_or(value).get("name")?.text()
                });
                count.tools += match (word.as_deref(), named) {
                    (_, Some(name)) => 7 + self.tokenizer.count(&name),
                    (Some("none"), None) => 1,
                    _ => 0,
                };
            }
            ToolFormat::Json { may, must } => {
                let is_must = matches!(word.as_deref(), Some("any" | "tool" | "required" | "function"));
                count.tools += self.tokenizer.count(&tree.root().compact()) + if is_must { must } else { may };
            }
        }
    }

    fn picture(&self, picture: &Picture, body: &[u8], count: &mut PromptCount) {
        let detail = match picture.detail {
            Some(detail) if detail.is(body, "low") => Detail::Low,
            Some(detail) if detail.is(body, "high") => Detail::High,
            _ => Detail::Auto,
        };
        let images = self.family.images;
        let size = picture.str.and_then(|str| {
            let bytes = str.span.of(body);
            tollgate_llm::image::of_data_url(bytes).or_else(|| tollgate_llm::image::of_base64(bytes))
        });
        count.images += match size {
            Some(size) => images.tokens(size, detail),
            None => {
                count.exact &= images.is_flat(detail);
                images.unknown(detail)
            }
        };
    }

    /// An estimate of what a part costs that is neither text nor image, from its bytes in base64 (or a `data:` URL).
    fn media(&self, data: &str) -> u64 {
        /// Bytes of a second of sound: PCM of 24 kHz and 16 bits (OpenAI, "Audio"), and MP3 of 64 kbit/s, a low rate, so
        /// that the estimate is high.
        const PCM: u64 = 48_000;
        const MP3: u64 = 8_000;
        /// Bytes of a PDF that hold one token: a page of 60 KB has 3,000 (Anthropic, "PDF support": 1,500 to 3,000).
        const PDF: u64 = 20;
        let base64 = data.split_once(";base64,").map_or(data, |(_, base64)| base64);
        let bytes = base64.len() as u64 * 3 / 4;
        let begins = |start: &str| base64.starts_with(start);
        if begins("UklGR") {
            // RIFF: a WAV file.
            (bytes * self.family.audio).div_ceil(PCM)
        } else if begins("SUQz") || begins("//") || begins("T2dn") || begins("ZkxhQ") {
            // ID3 or an MPEG frame, Ogg, FLAC.
            (bytes * self.family.audio).div_ceil(MP3)
        } else if begins("JVBERi") {
            bytes.div_ceil(PDF)
        } else {
            // Text, most likely: four bytes a token.
            bytes.div_ceil(4)
        }
    }
}

const TOOL_CHOICE: &[u8] = b"\"tool_choice\"";

/// The definitions that were counted as a whole.
#[derive(Default)]
struct ToolDefinitions {
    span: Option<(usize, usize)>,
    /// Whether the first system message gets a line end from them.
    pads_system: bool,
}

impl ToolDefinitions {
    fn has(&self, text: &Text) -> bool {
        self.span.is_some_and(|(start, end)| (start..end).contains(&text.str.span.start))
    }
}
