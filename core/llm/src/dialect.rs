//! The formats that are understood: one folder and one row each.

use self::known_names::KnownNames;
use self::path::{Path, Pattern};
use crate::json::reader::Reader;
use crate::view::request::RequestBuilder;
use crate::view::response::ReadResponse;
use crate::{Error, Framing, Span, StreamState};

mod anthropic;
mod bedrock;
mod cohere;
mod gemini;
pub(crate) mod known_names;
mod ollama;
mod openai_audio;
mod openai_chat;
mod openai_completions;
mod openai_embeddings;
mod openai_images;
mod openai_responses;
mod path;
mod rerank;
#[cfg(test)]
#[path = "../tests/support/dialect.rs"]
mod support;
mod vertex_predict;

/// Finds the name of an answer in the data of an event.
type FindId = fn(&[u8]) -> Option<Box<str>>;

/// What a dialect's file says about it.
pub(crate) struct DialectSpec {
    /// Its name in logs, metrics and properties.
    pub(crate) name: &'static str,
    /// The paths that are its own, below any prefix.
    pub(crate) paths: &'static [Pattern],
    /// Names that the API defines.
    pub(crate) names: KnownNames,
    /// The fields that are read of a request that comes as a form; `None`: it does not come so.
    pub(crate) form: Option<&'static [&'static str]>,
    /// Reads a request, which is one value.
    pub(crate) request: fn(&mut Reader<'_, '_>, &mut RequestBuilder<'_>) -> Result<(), Error>,
    /// Reads a whole answer, which is one value.
    pub(crate) response: ReadResponse,
    /// Reads the data of an event, which is one value; the name of the event is in the builder.
    pub(crate) chunk: ReadResponse,
    /// Whether the data of an event is not a value but says that the stream is at its end.
    pub(crate) is_end: fn(&[u8]) -> bool,
    /// How a streamed answer is cut if its content-type does not say, being `application/json`; `None`: it is no stream.
    pub(crate) json_stream: Option<Framing>,
    /// Nobody charges for its calls (counting tokens, moderation).
    pub(crate) is_free: bool,
    /// Appends the body of an error answer.
    pub(crate) error_body: fn(&ApiError<'_>, &mut Vec<u8>),
    /// Appends the data of the event that ends a stream with an error, in one line; gives the name of the event back, or
    /// nothing if it has none.
    pub(crate) error_event: fn(&ApiError<'_>, &StreamState, &mut Vec<u8>) -> &'static str,
    /// Finds the name of the answer in the data of the first event, if clients hold later events against it.
    pub(crate) stream_id: Option<FindId>,
    /// Media types of answers in which there is no text (`audio/` for all of them).
    pub(crate) textless: &'static [&'static str],
    /// Media types of answers that are one text as they are.
    pub(crate) plain: &'static [&'static str],
    /// Whether answers are made of blocks, of which each has its own `choice`.
    pub(crate) in_blocks: bool,
    /// How an event is made from another.
    pub(crate) delta_members: DeltaMembers,
}

/// Which members of an event say what its text belongs to: an event of our own that goes on with the text has these, and
/// no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeltaMembers {
    /// Members of the event itself.
    pub(crate) top: &'static [&'static str],
    /// Members of the objects on the way from there to the text.
    pub(crate) inner: &'static [&'static str],
    /// Members of the object one level below the event's own (a candidate) that are said to be null.
    pub(crate) null: &'static [&'static str],
    /// The array whose elements are candidates, and the arrays whose elements are tool calls: elements of these get an
    /// `index` where they have none.
    pub(crate) indexed: Indexed,
}

/// Whose elements have an `index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Indexed {
    /// The array of candidates.
    pub(crate) choices: &'static str,
    /// The array of tool calls.
    pub(crate) calls: &'static str,
}

impl DeltaMembers {
    /// No members at all.
    #[allow(dead_code, reason = "for dialects that do not stream")]
    pub(crate) const NONE: DeltaMembers =
        DeltaMembers { top: &[], inner: &[], null: &[], indexed: Indexed { choices: "", calls: "" } };
}

macro_rules! dialects {
    ($($(#[$doc:meta])* $dialect:ident => $spec:path,)*) => {
        /// A wire format of an LLM API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Dialect {
            $($(#[$doc])* $dialect,)*
        }

        /// The table: one entry per dialect, in the order of the enum.
        const SPECS: [&DialectSpec; Dialect::ALL.len()] = [$(&$spec),*];

        impl Dialect {
            /// Every dialect.
            pub const ALL: &[Dialect] = &[$(Dialect::$dialect),*];

            pub(crate) fn spec(self) -> &'static DialectSpec {
                match self {
                    $(Dialect::$dialect => &$spec,)*
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
    /// Counting the tokens of OpenAI Responses.
    OpenAiInputTokens => openai_responses::INPUT_TOKENS,
    /// Anthropic Messages, also on Vertex AI.
    AnthropicMessages => anthropic::MESSAGES,
    /// Counting the tokens of Anthropic Messages.
    AnthropicCountTokens => anthropic::COUNT_TOKENS,
    /// Gemini's generateContent and streamGenerateContent, also on Vertex AI.
    GeminiGenerate => gemini::GENERATE,
    /// Counting the tokens of Gemini's requests.
    GeminiCountTokens => gemini::COUNT_TOKENS,
    /// Gemini's embeddings.
    GeminiEmbed => gemini::EMBED,
    /// Vertex AI's predict: embeddings, images, and models with an endpoint of their own.
    VertexPredict => vertex_predict::SPEC,
    /// Bedrock's Converse and ConverseStream.
    BedrockConverse => bedrock::CONVERSE,
    /// Bedrock's InvokeModel and InvokeModelWithResponseStream, in the formats of the models' makers.
    BedrockInvoke => bedrock::INVOKE,
    /// Counting the tokens of requests to Bedrock.
    BedrockCountTokens => bedrock::COUNT_TOKENS,
    /// Cohere's embeddings.
    CohereEmbed => cohere::EMBED,
    /// Cohere's chat, version 2.
    CohereChat => cohere::CHAT,
    /// Reranking, Cohere's and others'.
    Rerank => rerank::SPEC,
    /// Ollama's own chat.
    OllamaChat => ollama::CHAT,
    /// Ollama's own completions.
    OllamaGenerate => ollama::GENERATE,
    /// Ollama's own embeddings.
    OllamaEmbed => ollama::EMBED,
    /// OpenAI's images.
    OpenAiImages => openai_images::GENERATIONS,
    /// OpenAI's edits and variations of images, which come as forms.
    OpenAiImageEdits => openai_images::EDITS,
    /// OpenAI's transcriptions and translations of sound, which come as forms.
    OpenAiTranscriptions => openai_audio::TRANSCRIPTIONS,
    /// OpenAI's speech.
    OpenAiSpeech => openai_audio::SPEECH,
}

/// An error that the gateway itself answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiError<'a> {
    /// HTTP status; some dialects repeat it in the body.
    pub status: u16,
    /// A sentence for people.
    pub message: &'a str,
    /// The class of errors (OpenAI: `type`).
    pub kind: &'a str,
    /// The field that it is about.
    pub param: Option<&'a str>,
    /// The error itself, for programs.
    pub code: Option<&'a str>,
}

/// An API call that a path names: the dialect, and what of the request the path says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The format.
    pub dialect: Dialect,
    /// The model, if the path names one (Azure, Gemini, Vertex, Bedrock). It then counts, whatever a body says.
    pub model: Option<PathModel>,
    /// Whether the path itself says that the answer comes as a stream.
    pub stream: bool,
}

/// A model in a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathModel {
    /// Its name, percent-decoded.
    pub name: String,
    /// Where it stands in the path, as it came.
    pub span: Span,
}

impl PathModel {
    /// The path with another model in place of this one; everything else stays.
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
    /// An endpoint whose path says nothing more.
    fn from(dialect: Dialect) -> Endpoint {
        Endpoint { dialect, model: None, stream: false }
    }
}

impl Endpoint {
    /// The call that a request makes, from its method and its path (`:path`, with or without a query).
    ///
    /// A POST whose path ends in one of a dialect's, under any prefix: `/chat/completions` for
    /// [`OpenAiChat`](Dialect::OpenAiChat). Spellings that some servers take for the same path count as the same:
    /// percent-encoding, case, empty and dot segments, a slash at the end, `;` parameters, backslashes. A path that is
    /// not recognised would be let through unread.
    #[must_use]
    pub fn detect(method: &[u8], path: &[u8]) -> Option<Endpoint> {
        // The methods that carry a body; in any case, for there are servers that do not mind the case either.
        if !["POST", "PUT", "PATCH"].iter().any(|known| method.eq_ignore_ascii_case(known.as_bytes())) {
            return None;
        }
        let path = Path::new(path);
        let mut best: Option<(usize, Endpoint)> = None;
        for dialect in Dialect::ALL.iter().copied() {
            for pattern in dialect.spec().paths {
                let rank = pattern.rank();
                if best.as_ref().is_some_and(|(known, _)| *known >= rank) {
                    continue;
                }
                if let Some(model) = pattern.fits(&path) {
                    let model = model.map(|model| PathModel { name: model.name, span: model.span });
                    best = Some((rank, Endpoint { dialect, model, stream: pattern.stream }));
                }
            }
        }
        best.map(|(_, endpoint)| endpoint)
    }
}

impl Dialect {
    /// The dialect of a request: that of its [`Endpoint`].
    #[must_use]
    pub fn detect(method: &[u8], path: &[u8]) -> Option<Dialect> {
        Endpoint::detect(method, path).map(|endpoint| endpoint.dialect)
    }

    /// Its name in logs, metrics and properties: `openai.chat`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// Whether nobody charges for such calls: they count tokens, or moderate.
    #[must_use]
    pub fn is_free(self) -> bool {
        self.spec().is_free
    }

    /// How a streamed answer in `application/json` is cut; `None` if the dialect has no such thing.
    #[must_use]
    pub fn json_stream(self) -> Option<Framing> {
        self.spec().json_stream
    }

    /// Whether an answer with this `content-type` has no text to read: sound, say.
    #[must_use]
    pub fn is_textless(self, content_type: &[u8]) -> bool {
        is_one_of(self.spec().textless, content_type)
    }

    /// Whether an answer with this `content-type` is one text as it is ([`Response::plain`](crate::Response::plain)).
    #[must_use]
    pub fn is_plain(self, content_type: &[u8]) -> bool {
        is_one_of(self.spec().plain, content_type)
    }

    /// The body of an error answer, `application/json`.
    #[must_use]
    pub fn error_body(self, error: &ApiError<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        (self.spec().error_body)(error, &mut out);
        out
    }

    /// The event that tells a streaming client that the answer ends here with an error; nothing may follow it
    /// (OpenAI: no `[DONE]`). `begun` says how the answer has begun.
    #[must_use]
    pub fn error_event(self, framing: Framing, state: &StreamState, error: &ApiError<'_>) -> Vec<u8> {
        let (mut data, mut out) = (Vec::new(), Vec::new());
        let name = (self.spec().error_event)(error, state, &mut data);
        framing.error(name, &data, state.is_sent(), &mut out);
        out
    }
}

/// Whether a content-type is one of these media types, of which `audio/` stands for all that begin so.
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
            ("POST", "/v1/xchat/completions", Some(Dialect::OpenAiCompletions)),
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
    fn names_are_property_segments() {
        for dialect in Dialect::ALL {
            assert!(dialect.name().bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'_')));
        }
    }
}
