//! Deterministic mock of LLM providers, for use as the upstream of a gateway in tests, demos and benchmarks.
//!
//! - It can be made to do whatever a provider may do: end a response at any byte, omit usage, respond with an error, reset
//!   the connection in the middle of a stream.
//! - It is deterministic: the same request gives the same response, byte for byte.
//! - It records every request from the moment its headers arrive, so that a test can prove what reached the upstream.
//!
//! It shares no code with Tollgate and counts tokens by a rule of its own ([`tokens`]), so that a number in a test shows who
//! counted.
//!
//! - Paths: the APIs below, each under any prefix; `GET /v1/models`, `GET /healthz`. HTTP/1.1 and HTTP/2 without TLS (prior
//!   knowledge) on the same port.
//! - Text of the response: by default the prompt, repeated, and some sentences. If a line of the prompt begins with `say:`,
//!   the response is what follows, to the end of the prompt; if one begins with `deltas: ["..", ".."]`, it is these texts,
//!   each as one delta.
//! - Behaviour: [`KNOBS`], each a request header `x-mock-NAME` and a flag `--NAME` of the program. Knobs work in every API
//!   that has the concept. Errors, failing streams and usage have the format of the API.
//! - Record of requests: `GET /received` returns an array of [`Received`]; `DELETE /received` clears it.
//!
//! | API | paths end in | streamed |
//! |---|---|---|
//! | OpenAI chat, completions | `/chat/completions`, `/completions` | server-sent events, `[DONE]` |
//! | OpenAI Responses | `/responses`, `/responses/input_tokens` | server-sent events with names and numbers |
//! | OpenAI embeddings, moderations | `/embeddings`, `/moderations` | |
//! | OpenAI audio (forms in, or files out) | `/audio/transcriptions`, `/audio/translations`, `/audio/speech` | server-sent events |
//! | OpenAI images (JSON and forms) | `/images/generations`, `/images/edits`, `/images/variations` | |
//! | Anthropic Messages | `/messages`, `/messages/count_tokens`; on Vertex AI `/models/*:rawPredict`, `:streamRawPredict`, `/models/count-tokens:rawPredict` | server-sent events with names |
//! | Gemini | `/models/*:generateContent`, `:streamGenerateContent`, `:countTokens`, `:embedContent`, `:batchEmbedContents` | server-sent events (`alt=sse`) or a JSON array |
//! | Bedrock | `/model/*/converse`, `/converse-stream`, `/invoke`, `/invoke-with-response-stream` | binary frames |
//! | Cohere | `/v2/chat`, `/v1/rerank`, `/v2/rerank`, `/v2/embed` | server-sent events with names |
//! | Ollama | `/api/chat`, `/api/generate`, `/api/embed` | JSON lines |
//!
//! ```
//! use std::io::{Read as _, Write as _};
//! use tollgate_mock_llm::{MockLlm, Options};
//!
//! let mock = MockLlm::start(Options::new(vec![("openai".to_owned(), "127.0.0.1:0".parse()?)]))?;
//! let mut stream = std::net::TcpStream::connect(mock.addresses()[0].1)?;
//! let body = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"say: Good day."}]}"#;
//! write!(
//!     stream,
//!     "POST /v1/chat/completions HTTP/1.1\r\nhost: mock\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
//!     body.len()
//! )?;
//! let mut response = String::new();
//! stream.read_to_string(&mut response)?;
//! assert!(response.contains(r#""content":"Good day.""#));
//! assert_eq!(mock.received()[0].body_text(), body);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod connection;
mod dialect;
mod error;
mod eventstream;
mod fingerprint;
mod generation;
mod json;
mod knobs;
mod llm_request;
mod multipart;
mod playback;
mod received;
mod script;
mod server;
mod service;
mod stream;
mod text_codec;
mod tokens;
mod usage;

pub use generation::CREATED;
pub use knobs::{EarlyEnd, HEADER_PREFIX, KNOBS, Knob, KnobError, Knobs, LineEnd, UsageAt};
pub use received::{MAX_BYTES, MAX_ENTRIES, Received};
pub use server::{MockLlm, Options};
pub use tokens::{PER_MESSAGE, PER_PROMPT, PER_TOOL, tokens};
pub use usage::Usage;
