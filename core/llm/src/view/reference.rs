//! References of a request to content that its body does not contain.
//!
//! A provider loads this content and shows it to the model, so that nothing in front of the provider can read it. Sources: OpenAI
//! ("Conversation state", "File inputs", "Prompting", "Connectors and MCP servers", "File search", "Code interpreter"), Azure
//! OpenAI ("On your data"), Anthropic ("Files API", "MCP connector", "Code execution tool", "Agent Skills"), Gemini ("Files API",
//! "Context caching", "File search"), Vertex AI ("RAG Engine"), Amazon Bedrock (`S3Location`).

use crate::{Span, Str};

/// Kind of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReferenceKind {
    /// File stored at the provider: `file_id`, `file_ids`, `fileUri`, `input_file_id`.
    File,
    /// URL that the provider fetches: `image_url`, `file_url`, `document_url`, the `url` of a source.
    Url,
    /// Earlier response, conversation or item: `previous_response_id`, `conversation`, `item_reference`, the `audio.id` of a message.
    Conversation,
    /// Stored prompt or agent: `prompt.id`, `agent_id`.
    Prompt,
    /// MCP server or connector: `server_url`, `connector_id`, `mcp_servers`.
    McpServer,
    /// Container of a tool, with its skills: `container`, `container_id`, `skill_id`.
    Container,
    /// Store of documents: `vector_store_ids`, `fileSearchStoreNames`, `data_sources`.
    VectorStore,
    /// Cached content: `cachedContent`.
    Cache,
    /// Object of a cloud's storage: `s3Location`, `gcsUri`, a URI such as `gs://bucket/name`.
    Storage,
}

impl ReferenceKind {
    /// All kinds.
    pub const ALL: [ReferenceKind; 9] = [
        ReferenceKind::File,
        ReferenceKind::Url,
        ReferenceKind::Conversation,
        ReferenceKind::Prompt,
        ReferenceKind::McpServer,
        ReferenceKind::Container,
        ReferenceKind::VectorStore,
        ReferenceKind::Cache,
        ReferenceKind::Storage,
    ];

    /// Returns the name in policies: `file`, `url`, `conversation`, `prompt`, `mcp_server`, `container`, `vector_store`, `cache` or
    /// `storage`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ReferenceKind::File => "file",
            ReferenceKind::Url => "url",
            ReferenceKind::Conversation => "conversation",
            ReferenceKind::Prompt => "prompt",
            ReferenceKind::McpServer => "mcp_server",
            ReferenceKind::Container => "container",
            ReferenceKind::VectorStore => "vector_store",
            ReferenceKind::Cache => "cache",
            ReferenceKind::Storage => "storage",
        }
    }

    /// Returns `true` if the content is part of the prompt: the provider counts its tokens, whose number is unknown here. URLs are
    /// not included: they are also texts of their own kind ([`TextKind::ImageUrl`](crate::TextKind::ImageUrl)).
    #[must_use]
    pub fn is_stored(self) -> bool {
        use ReferenceKind::{Cache, Conversation, File, Prompt};
        matches!(self, File | Conversation | Prompt | Cache)
    }
}

/// Reference of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Kind of the content.
    pub kind: ReferenceKind,
    /// Position of the value, or of the member's name if the value is an object.
    pub span: Span,
    /// Value: a URL or a name; `None` if it is an object.
    pub value: Option<Str>,
}

/// Number of bytes of the longest name in this file.
const LONGEST: usize = 24;

/// Calls a function with a name without escapes; `None` if the name is longer than all known ones.
fn with_name<T>(body: &[u8], name: Str, read: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
    let raw = name.span.of(body);
    match name.escaped {
        false => read(raw),
        // An escape takes six bytes.
        true if raw.len() <= 6 * LONGEST => read(name.decode(body).as_bytes()),
        true => None,
    }
}

/// Returns the kind of the reference that is the string value of a member, or an element of its array. `owner` is the name of the
/// member that the object belongs to.
pub(super) fn kind_of_member(body: &[u8], owner: Option<Str>, member: Str, value: Str) -> Option<ReferenceKind> {
    let is_of = |names: &[&str]| owner.is_some_and(|owner| names.iter().any(|name| owner.is(body, name)));
    let kind = with_name(body, member, |name| {
        Some(match name {
            b"file_id" | b"file_ids" | b"fileUri" | b"file_uri" | b"input_file_id" | b"input_files" => {
                ReferenceKind::File
            }
            b"image_url" | b"video_url" | b"audio_url" | b"file_url" | b"document_url" => {
                return kind_of_url(body, value);
            }
            b"url" if is_of(&["image_url", "video_url", "audio_url", "document_url", "source"]) => {
                return kind_of_url(body, value);
            }
            // Some servers accept a URL in place of the bytes.
            b"file_data" => return kind_of_data(body, value),
            b"data" if is_of(&["input_audio"]) => return kind_of_data(body, value),
            b"previous_response_id" | b"previous_interaction_id" | b"conversation" | b"conversation_id" => {
                ReferenceKind::Conversation
            }
            // Its instructions are stored.
            b"agent_id" => ReferenceKind::Prompt,
            b"server_url" | b"connector_id" | b"tunnel_id" | b"mcp_servers" => ReferenceKind::McpServer,
            b"url" if is_of(&["mcp_servers", "streamableHttpTransport", "streamable_http_transport"]) => {
                ReferenceKind::McpServer
            }
            b"id" if is_of(&["connectors"]) => ReferenceKind::McpServer,
            b"container" | b"container_id" => ReferenceKind::Container,
            b"skill_id" if is_of(&["skills"]) => ReferenceKind::Container,
            b"engine" if is_of(&["vertexAiSearch", "vertex_ai_search"]) => ReferenceKind::VectorStore,
            b"endpoint" if is_of(&["externalApi", "external_api"]) => ReferenceKind::VectorStore,
            b"vector_store_ids"
            | b"vectorStoreIds"
            | b"library_ids"
            | b"collection_ids"
            | b"fileSearchStoreNames"
            | b"file_search_store_names"
            | b"datastore"
            | b"dataStore"
            | b"ragCorpus"
            | b"rag_corpus" => ReferenceKind::VectorStore,
            b"cachedContent" | b"cached_content" => ReferenceKind::Cache,
            b"gcsUri" | b"gcs_uri" | b"s3Uri" => ReferenceKind::Storage,
            b"uri" if is_of(&["s3Location"]) => ReferenceKind::Storage,
            _ => return None,
        })
    });
    // Names that the client chooses.
    kind.filter(|_| !is_of(&["metadata", "labels", "variables"]))
}

/// Returns the kind of the reference that is an object, by the name of its member and that of one of its own members.
pub(super) fn kind_of_object(body: &[u8], parent: Str, key: Str) -> Option<ReferenceKind> {
    with_name(body, parent, |name| {
        let kind = match name {
            b"conversation" | b"audio" => ReferenceKind::Conversation,
            b"container" => ReferenceKind::Container,
            b"prompt" => ReferenceKind::Prompt,
            b"data_sources" | b"dataSources" => return Some(ReferenceKind::VectorStore),
            _ => return None,
        };
        let is_id = key.is(body, "id") || kind == ReferenceKind::Container && key.is(body, "skills");
        Some(kind).filter(|_| is_id)
    })
}

/// Returns the kind of the reference that a URL is; `None` for a `data:` URL and for base64, in which no colon occurs.
pub(super) fn kind_of_url(body: &[u8], literal: Str) -> Option<ReferenceKind> {
    if !is_url(body, literal) {
        return None;
    }
    let start = literal.span.of(body).trim_ascii_start();
    let is = |scheme: &[u8]| start.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    Some(if is(b"gs:") || is(b"s3:") { ReferenceKind::Storage } else { ReferenceKind::Url })
}

/// Characters of a string among which the colon behind a scheme is looked for.
const MAX_SCHEME: usize = 32;

/// Returns the kind of the reference that a string in place of base64 data is: a URL with a scheme. Other strings are data that
/// cannot be decoded.
pub(super) fn kind_of_data(body: &[u8], literal: Str) -> Option<ReferenceKind> {
    let kind = kind_of_url(body, literal)?;
    // Parsers of URLs strip control characters and white space wherever they stand.
    let text = literal.decode(body);
    let text = text.chars().filter(|char| !char.is_control() && !char.is_whitespace());
    let start: String = text.take(MAX_SCHEME).collect();
    let (scheme, _) = start.split_once(':')?;
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    (!scheme.is_empty() && scheme.bytes().all(is_scheme)).then_some(kind)
}

/// Returns `true` if a literal is a URL, and neither a `data:` URL nor base64.
fn is_url(body: &[u8], literal: Str) -> bool {
    /// Number of bytes that tell a URL, whose scheme ends in a colon, from base64.
    const START: usize = 16;
    // Receivers strip white space.
    let raw = literal.span.of(body).trim_ascii_start();
    let start = raw.get(..START).unwrap_or(raw);
    let is_data = start.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"data:"));
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_');
    // An escape, or white space in another script, can hide a scheme.
    !is_data && !start.iter().all(is_base64)
}

#[cfg(test)]
mod tests {
    use crate::{Dialect, ParseLimits, Request};

    /// Returns the references of a request, each as `kind value`.
    fn references(dialect: Dialect, body: &str) -> String {
        let request = Request::parse(dialect, body.as_bytes(), &ParseLimits::default()).unwrap();
        let each = request.references.iter().map(|reference| {
            let text = reference.value.map_or("-".into(), |value| value.decode(body.as_bytes()));
            format!("{} {text}", reference.kind.name())
        });
        each.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn references_are_found_in_every_dialect() {
        use Dialect::{
            AnthropicMessages, BedrockConverse, BedrockInvoke, GeminiGenerate, OpenAiChat, OpenAiConversations,
            OpenAiImageEdits, OpenAiRealtime, OpenAiResponses, VertexPredict,
        };
        let user = |part: &str| format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{part}]}}]}}"#);
        let input = |part: &str| format!(r#"{{"model":"m","input":[{{"role":"user","content":[{part}]}}]}}"#);
        let gemini = |part: &str| format!(r#"{{"contents":[{{"parts":[{part}]}}]}}"#);
        let tools = |tool: &str| format!(r#"{{"model":"m","input":"hi","tools":[{tool}]}}"#);
        for (dialect, body, want) in [
            (OpenAiChat, user(r#"{"type":"image_url","image_url":{"url":"https://a.example/b.png"}}"#), "url https://a.example/b.png"),
            (OpenAiChat, user(r#"{"type":"image_url","image_url":"HTTP:\/\/a.example"}"#), "url HTTP://a.example"),
            (
                OpenAiChat,
                user(r#"{"type":"image_url","image_url":"                 http://a.example"}"#),
                "url                  http://a.example",
            ),
            (
                OpenAiChat,
                user("{\"type\":\"image_url\",\"image_url\":\"\u{3000}\u{3000}\u{3000}\u{3000}\u{3000}\u{3000}http://a\"}"),
                "url \u{3000}\u{3000}\u{3000}\u{3000}\u{3000}\u{3000}http://a",
            ),
            (GeminiGenerate, gemini(r#"{"fileData":{"fileUri":"https://evil.example//generativelanguage.googleapis.com/x"}}"#),
                "url https://evil.example//generativelanguage.googleapis.com/x"),
            (OpenAiChat, user(r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,aaaa"}}"#), ""),
            (OpenAiChat, user(r#"{"type":"video_url","video_url":{"url":"https://a.example/v"}}"#), "url https://a.example/v"),
            (OpenAiChat, user(r#"{"type":"file","file":{"file_id":"file-1"}}"#), "file file-1"),
            (OpenAiChat, user(r#"{"type":"file","file":{"file_id":null,"file_data":"aGk="}}"#), ""),
            (OpenAiChat, user(r#"{"type":"file","file":{"filename":"a.pdf","file_data":"https://a.example/a.pdf"}}"#), "url https://a.example/a.pdf"),
            (OpenAiChat, user(r#"{"type":"file","file":{"file_data":"gs://b/o"}}"#), "storage gs://b/o"),
            (OpenAiChat, user(r#"{"type":"file","file":"HTTPS:\/\/a.example"}"#), "url HTTPS://a.example"),
            (OpenAiChat, user(r#"{"type":"input_audio","input_audio":{"data":" https://a.example/a.wav","format":"wav"}}"#), "url  https://a.example/a.wav"),
            (OpenAiChat, user(r#"{"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}}"#), ""),
            (OpenAiChat, user(r#"{"type":"file","file":{"file_data":"some plain text"}}"#), ""),
            (OpenAiChat, user(r#"{"type":"file","file":{"file_data":"ht\ntps://a.example"}}"#), "url ht\ntps://a.example"),
            (OpenAiChat, user(r#"{"type":"file","file":{"file_data":"\u0001https://a.example"}}"#), "url \u{1}https://a.example"),
            (OpenAiChat, user(r#"{"type":"file","file":{"file_data":"aGk=\naGk="}}"#), ""),
            (OpenAiChat, r#"{"messages":[{"role":"assistant","audio":{"id":"audio_1"}}]}"#.into(), "conversation -"),
            (OpenAiChat, r#"{"messages":[],"audio":{"voice":"alloy","format":"mp3"}}"#.into(), ""),
            (OpenAiChat, r#"{"messages":[],"data_sources":[{"type":"azure_search","parameters":{"endpoint":"e"}}]}"#.into(), "vector_store -"),
            (OpenAiChat, r#"{"messages":[],"metadata":{"file_id":"x","container":"y"}}"#.into(), ""),
            (OpenAiResponses, input(r#"{"type":"input_image","file_id":"file-1","image_url":null}"#), "file file-1"),
            (OpenAiResponses, input(r#"{"type":"input_image","image_url":"https://a.example"}"#), "url https://a.example"),
            (OpenAiResponses, input(r#"{"type":"input_file","file_url":"https://a.example/a.pdf"}"#), "url https://a.example/a.pdf"),
            (OpenAiResponses, input(r#"{"type":"input_file","file_id":null,"file_data":"data:a;base64,aa"}"#), ""),
            (OpenAiResponses, r#"{"input":"hi","previous_response_id":"resp_1"}"#.into(), "conversation resp_1"),
            (OpenAiResponses, r#"{"input":"hi","previous_response_id":null,"conversation":null,"prompt":null}"#.into(), ""),
            (OpenAiResponses, r#"{"input":"hi","conversation":"conv_1"}"#.into(), "conversation conv_1"),
            (OpenAiResponses, r#"{"input":"hi","conversation":{"id":"conv_1"}}"#.into(), "conversation -"),
            (OpenAiResponses, r#"{"input":"hi","convers\u0061tion":"conv_1"}"#.into(), "conversation conv_1"),
            (OpenAiResponses, r#"{"input":[{"type":"item_reference","id":"msg_1"}]}"#.into(), "conversation -"),
            (OpenAiResponses, r#"{"prompt":{"id":"pmpt_1","variables":{"a":{"type":"input_file","file_id":"file-1"}}}}"#.into(), "prompt -, file file-1"),
            (OpenAiResponses, input(r#"{"type":"input_file","file_data":"https://a.example/a.pdf"}"#), "url https://a.example/a.pdf"),
            (OpenAiResponses, input(r#"{"type":"input_audio","input_audio":{"data":"https://a.example/a.wav"}}"#), "url https://a.example/a.wav"),
            (
                OpenAiResponses,
                r#"{"prompt":{"id":"p","variables":{"metadata":{"type":"input_file","file_id":"f1"},"labels":{"type":"input_image","image_url":"https://a.example"},"file_id":"text","image_url":"https://text.example"}}}"#.into(),
                "prompt -, file f1, url https://a.example",
            ),
            (
                OpenAiResponses,
                r#"{"prompt":{"id":"p","variables":{"a":[{"type":"input_file","file_url":"https://a.example"},"x"],"b":{"type":"input_file","file_data":"gs://b/o"}}}}"#.into(),
                "prompt -, url https://a.example, storage gs://b/o",
            ),
            (OpenAiRealtime, r#"{"session":{"prompt":{"id":"p","variables":{"metadata":{"type":"input_file","file_id":"f1"}}}}}"#.into(), "prompt -, file f1"),
            (OpenAiConversations, r#"{"items":[{"content":[{"type":"input_file","file_data":"https://a.example"}]}]}"#.into(), "url https://a.example"),
            (OpenAiResponses, tools(r#"{"type":"mcp","server_label":"a","server_url":"https://a.example/mcp"}"#), "mcp_server https://a.example/mcp"),
            (OpenAiResponses, tools(r#"{"type":"mcp","server_label":"a","connector_id":"connector_gmail"}"#), "mcp_server connector_gmail"),
            (OpenAiResponses, tools(r#"{"type":"file_search","vector_store_ids":["vs_1","vs_2"]}"#), "vector_store vs_1, vector_store vs_2"),
            (OpenAiResponses, tools(r#"{"type":"file_search","vector_store_ids":[]}"#), ""),
            (
                OpenAiResponses,
                tools(r#"{"type":"image_generation","input_image_mask":{"image_url":"https://a.example/m.png"}}"#),
                "url https://a.example/m.png",
            ),
            (OpenAiChat, user(r#"{"type":"new","new":{"image_url":{"url":"https://a.example"}}}"#), "url https://a.example"),
            (OpenAiChat, r#"{"messages":[],"prompt":{"id":"pmpt_1"}}"#.into(), "prompt -"),
            (OpenAiResponses, tools(r#"{"type":"code_interpreter","container":"cntr_1"}"#), "container cntr_1"),
            (OpenAiResponses, tools(r#"{"type":"code_interpreter","container":{"type":"auto"}}"#), ""),
            (OpenAiResponses, tools(r#"{"type":"code_interpreter","container":{"type":"auto","file_ids":["f1"]}}"#), "file f1"),
            (OpenAiResponses, tools(r#"{"type":"image_generation","input_image_mask":{"file_id":"f1"}}"#), "file f1"),
            (
                OpenAiResponses,
                tools(
                    r#"{"type":"function","name":"f","parameters":{"type":"object","properties":{"container":{"type":"string","default":"x"},"file_id":{"type":"string","enum":["a"]}},"default":{"file_id":"x","server_url":"y"}}}"#,
                ),
                "",
            ),
            (OpenAiResponses, r#"{"input":[{"type":"function_call","name":"f","arguments":"{\"file_id\":\"x\"}"}]}"#.into(), ""),
            (AnthropicMessages, user(r#"{"type":"image","source":{"type":"url","url":"https://a.example"}}"#), "url https://a.example"),
            (AnthropicMessages, user(r#"{"type":"document","source":{"type":"file","file_id":"file_1"}}"#), "file file_1"),
            (AnthropicMessages, user(r#"{"type":"container_upload","file_id":"file_1"}"#), "file file_1"),
            (AnthropicMessages, user(r#"{"type":"tool_use","id":"t","name":"f","input":{"file_id":"x","url":"https://a.example"}}"#), ""),
            (AnthropicMessages, r#"{"messages":[],"container":"container_1"}"#.into(), "container container_1"),
            (AnthropicMessages, r#"{"messages":[],"container":{"skills":[{"type":"custom","skill_id":"s"}]}}"#.into(), "container -, container s"),
            (OpenAiChat, user(r#"{"type":"document_url","document_url":"https://a.example/a.pdf"}"#), "url https://a.example/a.pdf"),
            (OpenAiChat, r#"{"messages":[],"tools":[{"type":"document_library","library_ids":["l1"]}]}"#.into(), "vector_store l1"),
            (OpenAiChat, r#"{"messages":[],"agent_id":"ag_1"}"#.into(), "prompt ag_1"),
            (
                OpenAiResponses,
                tools(r#"{"type":"shell","environment":{"type":"container_reference","container_id":"cntr_1"}}"#),
                "container cntr_1",
            ),
            (
                OpenAiResponses,
                tools(r#"{"type":"shell","environment":{"type":"container_auto","skills":[{"type":"skill_reference","skill_id":"s1"}]}}"#),
                "container s1",
            ),
            (OpenAiResponses, tools(r#"{"type":"mcp","server_label":"a","tunnel_id":"t1"}"#), "mcp_server t1"),
            (OpenAiResponses, tools(r#"{"type":"function","name":"f","parameters":{"properties":{"skill_id":{"enum":["a"]}}}}"#), ""),
            (
                GeminiGenerate,
                r#"{"contents":[],"tools":[{"mcpServers":[{"name":"x","streamableHttpTransport":{"url":"https://a.example/mcp"}}]}]}"#.into(),
                "mcp_server https://a.example/mcp",
            ),
            (
                GeminiGenerate,
                r#"{"contents":[],"tools":[{"retrieval":{"vertexAiSearch":{"engine":"e"}}},{"retrieval":{"externalApi":{"endpoint":"https://a.example"}}}]}"#.into(),
                "vector_store e, vector_store https://a.example",
            ),
            (
                AnthropicMessages,
                r#"{"messages":[],"mcp_servers":[{"type":"url","url":"https://a.example/sse","name":"a"},{"url":"https://b.example","name":"b"}]}"#.into(),
                "mcp_server https://a.example/sse, mcp_server https://b.example",
            ),
            (GeminiGenerate, gemini(r#"{"fileData":{"fileUri":"https://a.example/f","mimeType":"image/png"}}"#), "url https://a.example/f"),
            (GeminiGenerate, gemini(r#"{"file_data":{"file_uri":"files/abc"}}"#), "file files/abc"),
            (
                GeminiGenerate,
                gemini(r#"{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/a"}}"#),
                "file https://generativelanguage.googleapis.com/v1beta/files/a",
            ),
            (GeminiGenerate, gemini(r#"{"fileData":{"fileUri":"gs://bucket/f"}}"#), "storage gs://bucket/f"),
            (GeminiGenerate, r#"{"contents":[],"cachedContent":"cachedContents/a"}"#.into(), "cache cachedContents/a"),
            (GeminiGenerate, r#"{"contents":[],"tools":[{"fileSearch":{"fileSearchStoreNames":["fileSearchStores/a"]}}]}"#.into(), "vector_store fileSearchStores/a"),
            (
                GeminiGenerate,
                r#"{"contents":[],"tools":[{"retrieval":{"vertexRagStore":{"ragResources":[{"ragCorpus":"c"}]}}},{"googleSearch":{}}]}"#.into(),
                "vector_store c",
            ),
            (
                BedrockConverse,
                r#"{"messages":[{"role":"user","content":[{"image":{"format":"png","source":{"s3Location":{"uri":"s3://b/k","bucketOwner":"1"}}}}]}]}"#.into(),
                "storage s3://b/k",
            ),
            (
                BedrockConverse,
                r#"{"messages":[{"role":"user","content":[{"document":{"format":"pdf","name":"n","source":{"s3Location":{"uri":"b/k"}}}}]}]}"#.into(),
                "storage b/k",
            ),
            (BedrockInvoke, r#"{"anthropic_version":"b","max_tokens":1,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://a.example"}}]}]}"#.into(), "url https://a.example"),
            (VertexPredict, r#"{"instances":[{"image":{"gcsUri":"gs://b/o","mimeType":"image/png"}}]}"#.into(), "storage gs://b/o"),
            (OpenAiImageEdits, r#"{"prompt":"p","images":[{"file_id":"file-1"},{"image_url":"https://a.example"}]}"#.into(), "file file-1, url https://a.example"),
        ] {
            assert_eq!(references(dialect, &body), want, "{dialect:?} {body}");
        }
    }
}
