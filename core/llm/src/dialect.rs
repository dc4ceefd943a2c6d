//! The table of supported wire formats: one folder and one row per dialect.

use self::known_names::KnownNames;
use self::path::Pattern;
use crate::json::reader::Reader;
use crate::view::request::RequestBuilder;
use crate::view::response::ReadResponse;
use crate::{Error, Framing, Span, StreamState};

mod anthropic;
mod bedrock_converse;
mod bedrock_count_tokens;
pub(crate) mod bedrock_invoke;
mod cohere_chat;
mod cohere_embed;
mod gemini;
pub(crate) mod known_names;
pub(crate) mod mcp;
mod ollama;
mod ollama_embed;
pub(crate) mod opaque;
mod openai_audio;
pub(crate) mod openai_chat;
mod openai_completions;
mod openai_embeddings;
mod openai_images;
mod openai_responses;
mod path;
pub(crate) mod path_class;
pub(crate) mod path_table;
mod prompts;
mod rerank;
pub(crate) mod response_names;
mod shape;
pub(crate) mod stored_response;
#[cfg(test)]
#[path = "../tests/support/dialect.rs"]
mod support;
pub(crate) mod unread;
mod vertex_predict;

/// Finds the id of a response in the data of an event.
type FindId = fn(&[u8]) -> Option<Box<str>>;

/// Writes the last events of a response, each by its name and its data.
type FinishEvents = fn(&StreamState, &mut dyn FnMut(&str, &[u8]));

/// Definition of a dialect.
pub(crate) struct DialectSpec {
    /// Name in logs, metrics and properties.
    pub(crate) name: &'static str,
    /// Paths of the API, below any prefix.
    pub(crate) paths: &'static [Pattern],
    /// Fields read from a form request; `None` if the dialect has no forms.
    pub(crate) form: Option<&'static [&'static str]>,
    /// Reads a request body, which is one JSON value.
    pub(crate) request: fn(&mut Reader<'_, '_>, &mut RequestBuilder<'_>) -> Result<(), Error>,
    /// Reads a whole response body, which is one JSON value.
    pub(crate) response: ReadResponse,
    /// Reads the data of an event, which is one JSON value; the builder has the name of the event.
    pub(crate) chunk: ReadResponse,
    /// Framing of a streamed response whose content-type is `application/json`; `None` if it is not a stream.
    pub(crate) json_stream: Option<Framing>,
    /// `true` if calls are not billed (token counting, moderation), or not by what the gateway can count.
    pub(crate) is_free: bool,
    /// `true` if calls lead to work that is billed, and that the gateway cannot charge (batches).
    pub(crate) is_unmetered: bool,
    /// `false` if requests name no model, or several: they are not routed by it.
    pub(crate) names_model: bool,
    /// Appends the body of an error response.
    pub(crate) error_body: fn(&ApiError<'_>, &mut Vec<u8>),
    /// Appends the data of the event that ends a stream with an error, as one line; returns the name of the event,
    /// which may be empty.
    pub(crate) error_event: fn(&ApiError<'_>, &StreamState, &mut Vec<u8>) -> &'static str,
    /// Writes the events with which the API itself ends a response that its content filter has cut; `None` if it has none.
    pub(crate) finish_events: Option<FinishEvents>,
    /// Finds the id of the response in the data of the first event, if clients check later events against it.
    pub(crate) stream_id: Option<FindId>,
    /// Media types of responses without text (`audio/` matches all of them).
    pub(crate) textless: &'static [&'static str],
    /// Media types of responses that are one plain text.
    pub(crate) plain: &'static [&'static str],
    /// `true` if responses consist of blocks, each with its own `choice`.
    pub(crate) in_blocks: bool,
    /// Members of a response that repeat the request, at any depth.
    pub(crate) repeated_members: &'static [&'static str],
    /// Members that a delta template copies from an event.
    pub(crate) delta_members: DeltaMembers,
}

/// Members of an event that identify the text in it. An event that Tollgate adds for the same text has these members
/// and no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeltaMembers {
    /// Members of the event itself.
    pub(crate) top: &'static [&'static str],
    /// Members of the objects between the event and the text.
    pub(crate) inner: &'static [&'static str],
    /// Members of the object one level below the event (a candidate) that are set to null.
    pub(crate) null: &'static [&'static str],
    /// Arrays whose elements get an `index` if they have none.
    pub(crate) indexed: Indexed,
}

/// Arrays whose elements have an `index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Indexed {
    /// Array of candidates.
    pub(crate) choices: &'static str,
    /// Array of tool calls.
    pub(crate) calls: &'static str,
}

impl DeltaMembers {
    /// No members.
    #[allow(dead_code, reason = "for dialects that do not stream")]
    pub(crate) const NONE: DeltaMembers =
        DeltaMembers { top: &[], inner: &[], null: &[], indexed: Indexed { choices: "", calls: "" } };
}

macro_rules! dialects {
    ($($(#[$doc:meta])* $dialect:ident => $folder:ident::$spec:ident,)*) => {
        /// Wire format of an LLM API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Dialect {
            $($(#[$doc])* $dialect,)*
        }

        /// Names of each dialect's folder, in the order of the enum. The specs do not refer to them: known names are
        /// merged at compile time, and a list that a spec refers to would be in the module a second time.
        const NAMES: [KnownNames; Dialect::ALL.len()] = [$($folder::names::NAMES),*];

        impl Dialect {
            /// All dialects.
            pub const ALL: &[Dialect] = &[$(Dialect::$dialect),*];

            /// Returns the definition of the dialect.
            pub(crate) fn spec(self) -> &'static DialectSpec {
                match self {
                    $(Dialect::$dialect => &$folder::$spec,)*
                }
            }
        }
    };
}

dialects! {
    /// OpenAI chat completions, and the many servers that speak it.
    OpenAiChat => openai_chat::SPEC,
    /// OpenAI's legacy completions.
    OpenAiCompletions => openai_completions::SPEC,
    /// OpenAI's embeddings.
    OpenAiEmbeddings => openai_embeddings::EMBEDDINGS,
    /// OpenAI's moderations.
    OpenAiModerations => openai_embeddings::MODERATIONS,
    /// OpenAI Responses.
    OpenAiResponses => openai_responses::RESPONSES,
    /// Compaction of a conversation, for OpenAI Responses.
    OpenAiCompact => openai_responses::COMPACT,
    /// Token counting for OpenAI Responses.
    OpenAiInputTokens => openai_responses::INPUT_TOKENS,
    /// Anthropic Messages, also on Vertex AI.
    AnthropicMessages => anthropic::MESSAGES,
    /// Token counting for Anthropic Messages.
    AnthropicCountTokens => anthropic::COUNT_TOKENS,
    /// Gemini's generateContent and streamGenerateContent, also on Vertex AI.
    GeminiGenerate => gemini::GENERATE,
    /// Token counting for Gemini.
    GeminiCountTokens => gemini::COUNT_TOKENS,
    /// Gemini's embeddings.
    GeminiEmbed => gemini::EMBED,
    /// Vertex AI's predict: embeddings, images, and models with dedicated endpoints.
    VertexPredict => vertex_predict::SPEC,
    /// Bedrock's Converse and ConverseStream.
    BedrockConverse => bedrock_converse::SPEC,
    /// Bedrock's InvokeModel and InvokeModelWithResponseStream, in the model vendors' own formats.
    BedrockInvoke => bedrock_invoke::SPEC,
    /// Token counting for Bedrock.
    BedrockCountTokens => bedrock_count_tokens::SPEC,
    /// Cohere's embeddings.
    CohereEmbed => cohere_embed::SPEC,
    /// Cohere's chat, version 2.
    CohereChat => cohere_chat::SPEC,
    /// Reranking, by Cohere and others.
    Rerank => rerank::SPEC,
    /// Ollama's native chat.
    OllamaChat => ollama::CHAT,
    /// Ollama's native completions.
    OllamaGenerate => ollama::GENERATE,
    /// Ollama's native embeddings.
    OllamaEmbed => ollama_embed::SPEC,
    /// OpenAI's images.
    OpenAiImages => openai_images::GENERATIONS,
    /// OpenAI's image edits and variations, which are sent as forms.
    OpenAiImageEdits => openai_images::EDITS,
    /// OpenAI's audio transcriptions and translations, which are sent as forms.
    OpenAiTranscriptions => openai_audio::TRANSCRIPTIONS,
    /// OpenAI's speech.
    OpenAiSpeech => openai_audio::SPEECH,
    /// Model Context Protocol over HTTP.
    Mcp => mcp::SPEC,
    /// Conversations, threads and assistants that OpenAI stores.
    OpenAiConversations => prompts::CONVERSATIONS,
    /// Files that are uploaded to OpenAI, Anthropic, Mistral and others.
    OpenAiFiles => prompts::FILES,
    /// Files that are uploaded to Gemini.
    GeminiFiles => prompts::GEMINI_FILES,
    /// Batches of OpenAI and Mistral, whose requests are in an uploaded file.
    OpenAiBatches => prompts::OPENAI_BATCHES,
    /// OpenAI's videos.
    OpenAiVideos => prompts::VIDEOS,
    /// Secrets for sessions of OpenAI's Realtime API.
    OpenAiRealtime => prompts::REALTIME,
    /// Anthropic's message batches.
    AnthropicBatches => prompts::ANTHROPIC_BATCHES,
    /// Gemini's batches.
    GeminiBatches => prompts::GEMINI_BATCHES,
    /// Gemini's interactions.
    GeminiInteractions => prompts::GEMINI_INTERACTIONS,
    /// Cohere's API, version 1.
    CohereV1 => prompts::COHERE_V1,
    /// Native API of Text Generation Inference and SGLang.
    TextGeneration => prompts::TEXT_GENERATION,
}

/// Error reported by the gateway itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiError<'a> {
    /// HTTP status; some dialects repeat it in the body.
    pub status: u16,
    /// Human-readable sentence.
    pub message: &'a str,
    /// Class of the error (OpenAI: `type`).
    pub kind: &'a str,
    /// Field that caused the error.
    pub param: Option<&'a str>,
    /// Machine-readable code.
    pub code: Option<&'a str>,
}

/// API call identified by a path: the dialect, and the parts of the request that the path specifies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Wire format.
    pub dialect: Dialect,
    /// Model named by the path (Azure, Gemini, Vertex, Bedrock). It takes precedence over the body.
    pub model: Option<PathModel>,
    /// `true` if the path requests a streamed response.
    pub stream: bool,
    /// Id of the stored response that the call returns, instead of a new one (Responses: get and cancel).
    pub response_id: Option<String>,
    /// `true` if the call returns what the provider stores, and generates nothing.
    pub is_fetch: bool,
    /// `false` if other services have such paths: the call is one of this API only if [`accepts`](Endpoint::accepts) its body.
    pub is_certain: bool,
}

/// Model named in a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathModel {
    /// Percent-decoded name.
    pub name: String,
    /// Position of the name in the original path.
    pub span: Span,
}

impl PathModel {
    /// Returns the path with another model in place of this one; everything else is preserved.
    #[must_use]
    pub fn replaced(&self, path: &[u8], model: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(path.len() + model.len());
        out.extend_from_slice(path.get(..self.span.start).unwrap_or_default());
        path::encode(model, &mut out);
        out.extend_from_slice(path.get(self.span.end..).unwrap_or_default());
        out
    }
}

impl From<Dialect> for Endpoint {
    /// Creates an endpoint whose path specifies nothing else.
    fn from(dialect: Dialect) -> Endpoint {
        Endpoint { dialect, model: None, stream: false, response_id: None, is_fetch: false, is_certain: true }
    }
}

impl Endpoint {
    /// Detects the API call from the method and the path (`:path`, with or without a query).
    ///
    /// The path must end with a path of a dialect, under any prefix: `/chat/completions` for
    /// [`OpenAiChat`](Dialect::OpenAiChat). Words that other services use as well (`/messages`, `/responses`) must follow a
    /// version, the name of a provider or the root; below other prefixes the call is not
    /// [certain](Endpoint::is_certain). Matching is lenient, because servers are and an unrecognised path would
    /// pass uninspected: percent-encoding, case, empty and dot segments, a trailing slash, `;` parameters and
    /// backslashes are normalised.
    ///
    /// [`PathClass::of`](crate::PathClass::of) also tells the paths that are known and not read.
    #[must_use]
    pub fn detect(method: &[u8], path: &[u8]) -> Option<Endpoint> {
        path_class::endpoint(method, path)
    }

    /// Returns `true` if a body, decoded, has the shape of this API, or cannot be read as JSON although it may be one.
    #[must_use]
    pub fn accepts(&self, body: &[u8]) -> bool {
        self.is_certain || shape::is_call(self.dialect, body)
    }

    /// Returns `false` if no body that begins so can be a call of an LLM API: it is no JSON object.
    #[must_use]
    pub fn may_accept(&self, beginning: &[u8]) -> bool {
        self.is_certain || shape::may_be_call(beginning)
    }
}

impl Endpoint {
    /// Returns the call on the MCP server whose path is one of `servers`, and the position of that path; `None` if the path or the
    /// method is another.
    #[must_use]
    pub fn of_mcp_server<'s>(
        method: &[u8],
        path: &[u8],
        mut servers: impl Iterator<Item = &'s str>,
    ) -> Option<(Endpoint, usize)> {
        if !path_class::writes(method) && !mcp::is_bodiless(method) {
            return None;
        }
        let path = path::Path::new(path);
        servers.position(|server| path.is_exactly(server)).map(|at| (Endpoint::from(Dialect::Mcp), at))
    }

    /// Returns `true` if requests of the call may have no body, and are read all the same.
    #[must_use]
    pub fn may_be_bodiless(&self) -> bool {
        self.is_fetch || self.dialect == Dialect::Mcp
    }
}

impl Dialect {
    /// Detects the dialect of a request, see [`Endpoint::detect`].
    #[must_use]
    pub fn detect(method: &[u8], path: &[u8]) -> Option<Dialect> {
        Endpoint::detect(method, path).map(|endpoint| endpoint.dialect)
    }

    /// Returns the name used in logs, metrics and properties: `openai.chat`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// Returns `true` for the Model Context Protocol, whose calls name no model.
    #[must_use]
    pub fn is_mcp(self) -> bool {
        self == Dialect::Mcp
    }

    /// Returns `true` for uploads of files: the body is the file, or a form with one.
    #[must_use]
    pub fn is_upload(self) -> bool {
        matches!(self, Dialect::OpenAiFiles | Dialect::GeminiFiles)
    }

    /// Returns `true` if the Model Context Protocol defines a method.
    #[must_use]
    pub fn is_mcp_method(method: &str) -> bool {
        mcp::is_method(method)
    }

    /// Returns `true` for embeddings: their responses have numbers, not texts.
    #[must_use]
    pub fn is_embedding(self) -> bool {
        use Dialect::{CohereEmbed, GeminiEmbed, OllamaEmbed, OpenAiEmbeddings};
        matches!(self, OpenAiEmbeddings | GeminiEmbed | CohereEmbed | OllamaEmbed)
    }

    /// Returns `true` if responses may call tools.
    #[must_use]
    pub fn calls_tools(self) -> bool {
        use Dialect::{
            AnthropicMessages, BedrockConverse, BedrockInvoke, CohereChat, GeminiGenerate, OllamaChat, OllamaGenerate,
            OpenAiChat, OpenAiCompact, OpenAiCompletions, OpenAiResponses, VertexPredict,
        };
        let is_openai = matches!(self, OpenAiChat | OpenAiCompletions | OpenAiResponses | OpenAiCompact);
        let is_google = matches!(self, GeminiGenerate | VertexPredict);
        let is_bedrock = matches!(self, BedrockConverse | BedrockInvoke);
        let is_ollama = matches!(self, OllamaChat | OllamaGenerate);
        is_openai || is_google || is_bedrock || is_ollama || matches!(self, AnthropicMessages | CohereChat)
    }

    /// Returns `true` if responses consist of blocks that start and end separately (Anthropic, Responses). A text at the place of a
    /// block that has ended is another block.
    #[must_use]
    pub fn responds_in_blocks(self) -> bool {
        self.spec().in_blocks
    }

    /// Returns `true` if the provider signs the thoughts in its responses and refuses a changed one in a later request (Anthropic,
    /// "Extended thinking"; Bedrock, which serves the same models). In a stream the signature follows the thought.
    #[must_use]
    pub fn signs_thoughts(self) -> bool {
        use Dialect::{AnthropicMessages, BedrockConverse, BedrockInvoke};
        matches!(self, AnthropicMessages | BedrockConverse | BedrockInvoke)
    }

    /// Returns `true` if calls are not billed: token counting and moderation.
    #[must_use]
    pub fn is_free(self) -> bool {
        self.spec().is_free
    }

    /// Returns `true` if calls lead to work that is billed, and that the gateway cannot charge: batches, videos, sessions at the
    /// provider, servers that report no usage.
    #[must_use]
    pub fn is_unmetered(self) -> bool {
        self.spec().is_unmetered
    }

    /// Returns `false` if requests name no model, or several: conversations, batches.
    #[must_use]
    pub fn names_model(self) -> bool {
        self.spec().names_model
    }

    /// Returns `true` if the response is images, one per candidate (OpenAI, "Images").
    #[must_use]
    pub fn generates_images(self) -> bool {
        matches!(self, Dialect::OpenAiImages | Dialect::OpenAiImageEdits)
    }

    /// Returns the framing of a streamed response in `application/json`; `None` if the dialect has no such streams.
    #[must_use]
    pub fn json_stream(self) -> Option<Framing> {
        self.spec().json_stream
    }

    /// Returns `true` if a response with this `content-type` has no text, for example audio.
    #[must_use]
    pub fn is_textless(self, content_type: &[u8]) -> bool {
        is_one_of(self.spec().textless, content_type)
    }

    /// Returns `true` if a response with this `content-type` is one plain text
    /// ([`Response::plain`](crate::Response::plain)).
    #[must_use]
    pub fn is_plain(self, content_type: &[u8]) -> bool {
        is_one_of(self.spec().plain, content_type)
    }

    /// Returns the body of an error response, `application/json`.
    #[must_use]
    pub fn error_body(self, error: &ApiError<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        (self.spec().error_body)(error, &mut out);
        out
    }

    /// Returns the event that ends a streamed response with an error; nothing may follow it (OpenAI: no `[DONE]`).
    #[must_use]
    pub fn error_event(self, framing: Framing, state: &StreamState, error: &ApiError<'_>) -> Vec<u8> {
        let (mut data, mut out) = (Vec::new(), Vec::new());
        let name = (self.spec().error_event)(error, state, &mut data);
        framing.error(name, &data, state.is_sent(), &mut out);
        out
    }

    /// Returns the events that end a streamed response as the API's own content filter does: a finish reason, and the end marker
    /// where there is one. `None` if the API has none, or if the response has not begun.
    #[must_use]
    pub fn finish_events(self, framing: Framing, state: &StreamState) -> Option<Vec<u8>> {
        let finish = self.spec().finish_events.filter(|_| state.is_sent())?;
        let mut out = Vec::new();
        finish(state, &mut |name, data| framing.last_event(name, data, &mut out));
        Some(out)
    }
}

/// Returns `true` if a content-type is one of these media types; an entry such as `audio/` matches all subtypes.
fn is_one_of(media_types: &[&str], content_type: &[u8]) -> bool {
    let media = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    media_types.iter().any(|known| {
        let length = if known.ends_with('/') { known.len().min(media.len()) } else { media.len() };
        media.get(..length).unwrap_or_default().eq_ignore_ascii_case(known.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialect_is_detected_by_method_and_path() {
        let chat = Some(Dialect::OpenAiChat);
        for (method, path, want) in [
            ("POST", "/v1/chat/completions", chat),
            ("POST", "/chat/completions", chat),
            ("POST", "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21", chat),
            ("POST", "/v1/chat/completions#x", chat),
            ("GET", "/v1/chat/completions", None),
            ("DELETE", "/v1/chat/completions", None),
            ("post", "/v1/chat/completions", chat),
            ("PUT", "/v1/chat/completions", chat),
            ("POST", "/v1/completions", Some(Dialect::OpenAiCompletions)),
            ("POST", "/v1/chat/completions/chatcmpl-1", None),
            ("POST", "/v1/chat/../completions", Some(Dialect::OpenAiCompletions)),
            ("POST", "/v1?/chat/completions", None),
            ("POST", "/", None),
            ("POST", "", None),
        ] {
            assert_eq!(Dialect::detect(method.as_bytes(), path.as_bytes()), want, "{method} {path}");
        }
    }

    #[test]
    fn textless_and_plain_content_types() {
        for (dialect, content_type, want) in [
            (Dialect::OpenAiSpeech, "audio/mpeg", true),
            (Dialect::OpenAiSpeech, "Audio/WAV; rate=24000", true),
            (Dialect::OpenAiSpeech, "application/octet-stream", true),
            (Dialect::OpenAiSpeech, "application/octet-streams", false),
            (Dialect::OpenAiSpeech, "text/plain", false),
            (Dialect::OpenAiSpeech, "audio", false),
            (Dialect::OpenAiSpeech, "", false),
            (Dialect::OpenAiTranscriptions, "audio/mpeg", false),
            (Dialect::OpenAiChat, "audio/mpeg", false),
        ] {
            assert_eq!(dialect.is_textless(content_type.as_bytes()), want, "{dialect:?} {content_type}");
        }
        for (dialect, content_type, want) in [
            (Dialect::OpenAiTranscriptions, "text/plain; charset=utf-8", true),
            (Dialect::OpenAiTranscriptions, "text/html", false),
            (Dialect::OpenAiSpeech, "text/plain", false),
            (Dialect::OpenAiChat, "text/plain", false),
        ] {
            assert_eq!(dialect.is_plain(content_type.as_bytes()), want, "{dialect:?} {content_type}");
        }
    }

    #[test]
    fn a_stream_may_end_as_a_content_filter_ends_it() {
        use Framing::{EventStream, JsonArray, JsonLines, Sse};
        let state = StreamState::sent();
        for (dialect, framing, words) in [
            (
                Dialect::OpenAiChat,
                Sse,
                "\"delta\":{},\"logprobs\":null,\"finish_reason\":\"content_filter\"}]}\n\ndata: [DONE]\n\n",
            ),
            (
                Dialect::OpenAiCompletions,
                Sse,
                "\"text\":\"\",\"logprobs\":null,\"finish_reason\":\"content_filter\"}]}",
            ),
            (Dialect::OpenAiResponses, Sse, "event: response.incomplete\ndata: {\"type\":\"response.incomplete\""),
            (Dialect::AnthropicMessages, Sse, "\"stop_reason\":\"refusal\""),
            (Dialect::GeminiGenerate, Sse, "\"finishReason\":\"SAFETY\""),
            (Dialect::GeminiGenerate, JsonArray, "\"finishReason\":\"SAFETY\",\"index\":0}]}]"),
            (Dialect::BedrockConverse, EventStream, "{\"stopReason\":\"content_filtered\"}"),
            (Dialect::CohereChat, Sse, "event: message-end\ndata: "),
            (Dialect::OllamaChat, JsonLines, "\"done_reason\":\"content_filter\"}\n"),
        ] {
            let events = dialect.finish_events(framing, &state).unwrap();
            let text = String::from_utf8_lossy(&events);
            assert!(text.contains(words), "{dialect:?} {text}");
            for line in text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|line| *line != "[DONE]") {
                assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
            }
            // A response that has not begun has no end of its own.
            assert!(dialect.finish_events(framing, &StreamState::default()).is_none());
        }
        for dialect in [
            Dialect::Rerank,
            Dialect::CohereEmbed,
            Dialect::BedrockInvoke,
            Dialect::OpenAiImages,
            Dialect::OpenAiSpeech,
        ] {
            assert!(dialect.finish_events(Sse, &state).is_none(), "{dialect:?}");
        }
    }

    #[test]
    fn names_are_property_segments() {
        for dialect in Dialect::ALL {
            assert!(dialect.name().bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'_')));
        }
    }
}
