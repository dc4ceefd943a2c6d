//! LLM wire formats as views of spans over the original bytes.
//!
//! A gateway parses a body to decide on it and forwards it to a receiver that parses it again. Any difference between the
//! two is a bypass: a rule that inspected the first of two `content` members while the provider used the second has seen
//! nothing. And any value that the gateway re-serialises may change: a number in another notation, an unknown field
//! dropped. This crate prevents both.
//!
//! - **Views, not documents.** A [`Request`], [`Response`] or [`Chunk`] holds the positions of everything that the gateway
//!   acts on, as [`Span`]s and [`Str`]s. Nothing is copied and nothing is re-serialised: a change is a splice ([`Edits`]),
//!   and all other bytes are preserved.
//! - **Nothing unseen.** Every string is a text of the view, with its author ([`Role`]) and purpose ([`TextKind`],
//!   [`Part`]); unknown fields and names that a client chooses are texts, too. Not included are values without freedom:
//!   roles and discriminators that an API defines, and identifiers in responses.
//! - **Strict where receivers disagree.** Duplicate keys after unescaping, known fields in another case, lone surrogates,
//!   trailing data, invalid UTF-8, control characters: a request with any of these is refused. So is a request with a field
//!   that the gateway must understand and cannot. Responses are parsed as strictly where a client could otherwise receive
//!   text that the gateway has not seen, and leniently elsewhere.
//! - **Bounded.** One forward scan without recursion; depth, size and number of texts are limited ([`ParseLimits`]), and no
//!   crafted body causes quadratic time. Nothing here panics, and errors contain offsets, never content.
//!
//! ```
//! use tollgate_llm::{Dialect, Edits, ParseLimits, Request, Role};
//!
//! let dialect = Dialect::detect(b"POST", b"/v1/chat/completions").ok_or("not an LLM call")?;
//! let body = br#"{"model":"fast", "stream":true, "messages":[{"role":"user", "content":"I am \u00c9va"}]}"#;
//! let request = Request::parse(dialect, body, &ParseLimits::default())?;
//!
//! let [_model, text] = request.texts[..] else { panic!() };
//! assert_eq!((text.role, &*text.str.decode(body)), (Role::User, "I am Éva"));
//! assert_eq!(Request::pointer(body, text.str.span), "/messages/0/content");
//!
//! let mut edits = Edits::new();
//! request.set_model("gpt-4o-mini", &mut edits);
//! request.include_usage(body, &mut edits);
//! edits.replace_text(text.str.raw(body, 5..9), "[name]")?;
//! let edited = edits.apply(body);
//! let want = concat!(
//!     r#"{"model":"gpt-4o-mini", "stream":true,"stream_options":{"include_usage":true}, "#,
//!     r#""messages":[{"role":"user", "content":"I am [name]"}]}"#,
//! );
//! assert_eq!(edited, want.as_bytes());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Streamed responses consist of events: a [`Framer`] splits the body into events, for any chunking and any [`Framing`],
//! and [`Chunk::parse_event`] parses each without allocating.
//!
//! ```
//! use tollgate_llm::{Chunk, Dialect, Error, FrameError, Framer, Framing, ParseLimits};
//!
//! let limits = ParseLimits::default();
//! let mut framer = Framer::new(Framing::Sse, limits.max_event_bytes);
//! let (mut chunk, mut content) = (Chunk::default(), String::new());
//! let body = "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n\
//!             data: {\"choices\":[{\"delta\":{\"content\":\"lo\"}}]}\n\ndata: [DONE]\n\n";
//! for piece in body.as_bytes().chunks(7) {
//!     framer.push(piece, |event| {
//!         let Some(data) = event.data() else { return Ok(()) };
//!         if chunk.parse_event(Dialect::OpenAiChat, event.name(), &data, &limits)? {
//!             content.extend(chunk.texts.iter().map(|text| text.str.decode(&data)));
//!         }
//!         Ok(())
//!     })?;
//! }
//! assert_eq!(content, "Hello");
//! # Ok::<(), FrameError<Error>>(())
//! ```
//!
//! # Adding a dialect
//! A dialect is one folder in `dialect/` and one row in the table of `dialect.rs`:
//!
//! - `dialect/<name>.rs` defines `SPEC`, its `DialectSpec`: its paths (`{model}` where the path contains the model), its
//!   readers, its error format, and whether its calls are billed. Members equal to those of another dialect come from
//!   that dialect's spec (`..openai_chat::SPEC`).
//! - `dialect/<name>/request.rs` and `response.rs` read bodies: they ask a pull parser (`Reader`) for the known members
//!   and pass every other value to a walk that adds all strings in it as texts.
//! - `dialect/<name>/names.rs` lists the member names and discriminator values that the API defines, sorted.
//! - `dialect/<name>/tests.rs` uses `tests/support/dialect.rs`, which checks every request and stream for the guarantees
//!   above.
//! - `dialect.rs` gets `mod <name>;` and a row in `dialects!`: the variant of [`Dialect`] and its spec. The fuzz targets
//!   cover every row.
//! - Two lists change with it: the table sizes in the test of `dialect/known_names.rs`, and the dialects in
//!   `docs/filters/README.md`.
//!
//! Dialects with the same format share a folder, such as Anthropic Messages and its token counting: each has its own spec
//! and row. Views, edits, usage, limits and framers are shared by all dialects; kit and the filters do not change.

mod body;
mod dialect;
mod error;
mod framing;
mod json;
mod limits;
mod span;
mod stream_limits;
mod usage;
mod view;

pub use body::condenser::{Condenser, Detail};
pub use body::text_scanner::{JsonPiece, TextScanError, TextScanner};
pub use body::{content_encoding, image, multipart};
pub use dialect::mcp::listing::without_tools;
pub use dialect::openai_chat::api_version::refuses_stream_options;
pub use dialect::path_class::{PathClass, PathPrefix, has_escaped_slash};
pub use dialect::path_table::{ListedPath, Treatment, listed_paths};
pub use dialect::stored_response::ResponseState;
pub use dialect::unread::{UnreadKind, is_websocket_api};
pub use dialect::{ApiError, Dialect, Endpoint, PathModel};
pub use error::{Error, ErrorKind};
pub use framing::body_start::{BodyStart, is_json_line};
pub use framing::held_event::HeldEvent;
pub use framing::splitter::FrameError;
pub use framing::{Envelope, Event, Framer, Framing, event_stream, json_array, json_lines, sse};
pub use json::escape::escape_into;
pub use json::literal::Str;
pub use json::tokens::{JsonToken, JsonTokenKind, JsonTokens, ranges as json_ranges, tokens as json_tokens};
pub use limits::ParseLimits;
pub use span::Span;
pub use stream_limits::{OnUnscannable, StreamLimits};
pub use usage::{Anomalies, ListedSearches, ReportedUsage, ServiceTier, Usage, UsageRank};
pub use view::delta_template::DeltaTemplate;
pub use view::edits::{Edits, Overlap};
pub use view::event_parser::{EventContent, EventParser, ParsedEvent};
pub use view::members::MemberPaths;
pub use view::reference::{Reference, ReferenceKind};
pub use view::request::{Image, Message, Request, Role, Text, TextKind};
pub use view::response::{Channel, Chunk, ImageTool, OffsetAnnotation, OutputText, Part, Response, empty_value};
pub use view::rpc::{RpcCalls, RpcMessage, RpcText};
pub use view::stream_state::StreamState;
pub use view::text_places::{TextPlace, text_places};
pub use view::token_prompt::{PromptPiece, TokenPrompt};
