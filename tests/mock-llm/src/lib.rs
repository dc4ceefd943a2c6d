//! A deterministic mock of LLM providers.
//!
//! It stands where a provider stands: behind the gateway. It is there to be *asked for* everything that a provider may
//! do (an answer cut at any byte, no usage, an error, a reset in the middle of a stream), to be *sure* (the same request
//! gives the same answer, to the byte), and to *tell* what reached it, from the moment the headers did.
//!
//! It shares no code with Tollgate. It counts tokens in a way of its own ([`tokens`]), so that a number seen in a test
//! says who counted.
//!
//! - The APIs below, each under any prefix of its path; `GET /v1/models`, `GET /healthz`. HTTP/1.1 and HTTP/2 without TLS
//!   (prior knowledge) on the same port.
//! - What it answers: by default it repeats the prompt and goes on. A prompt with a line that begins with `say:` is
//!   answered with what follows, to its end; one with `deltas: ["..", ".."]` with these texts, each a delta.
//! - How it answers: [`KNOBS`], each a request header `x-mock-NAME` and a flag `--NAME` of the program.
//! - All of it in every API, as far as it makes sense there: an error is worded as that provider words it, a stream that
//!   fails fails with that API's own event, usage is counted as it counts it.
//! - What it received: `GET /received`, an array of [`Received`]; `DELETE /received` forgets.
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
//! let mut answer = String::new();
//! stream.read_to_string(&mut answer)?;
//! assert!(answer.contains(r#""content":"Good day.""#));
//! assert_eq!(mock.received()[0].body_text(), body);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod ask;
mod connection;
mod dialect;
mod encoding;
mod error;
mod eventstream;
mod fingerprint;
mod json;
mod knobs;
mod multipart;
mod playback;
mod received;
mod script;
mod server;
mod service;
mod stream;
mod tokens;

pub use answer::CREATED;
pub use knobs::{BadKnob, Cut, HEADER_PREFIX, KNOBS, Knob, Knobs, LineEnd, Usage, UsageAt};
pub use received::{MOST_BYTES, MOST_ENTRIES, Received};
pub use server::{MockLlm, Options};
pub use tokens::{PER_MESSAGE, PER_PROMPT, PER_TOOL, tokens};
