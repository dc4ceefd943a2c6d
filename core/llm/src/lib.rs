//! LLM wire formats as views of spans over the original bytes.
//!
//! A gateway reads a body to judge it and forwards it to someone who reads it again. Whatever the two read differently is
//! a hole: a rule that looked at the first of two `content` members while the provider used the second has seen nothing.
//! And whatever the gateway writes anew is a risk: a number spelled otherwise, a field it does not know dropped. This
//! crate is built against both.
//!
//! - **Views, not documents.** A [`Request`], [`Response`] or [`Chunk`] says where in the body stands what the gateway acts
//!   on, as [`Span`]s and [`Str`]s. Nothing is copied, nothing is serialised again: a change is a splice ([`Edits`]) and
//!   all other bytes stay as they came.
//! - **Nothing unseen.** Every string is a text of the view, with whose it is ([`Role`]) and what it is for ([`TextKind`],
//!   [`Part`]); fields that nobody knows yet and names that a client chooses are texts, too. What is not: values with no
//!   freedom, such as the model, roles and discriminators that the API has, and in answers the identifiers.
//! - **Strict where receivers disagree.** Duplicate keys after unescaping, known fields in another case, halves of
//!   surrogate pairs, trailing data, invalid UTF-8, control characters: a request with any of these is refused. So is a
//!   field that the gateway must understand and cannot. Answers are read as strictly where a client could be shown what
//!   the gateway has not seen, and leniently elsewhere.
//! - **Bounded.** One scan forward, no recursion, depth and size and number of texts limited ([`ParseLimits`]), no step that
//!   takes quadratic time on bodies made for it. Nothing here panics, and errors hold offsets, never content.
//!
//! ```
//! use tollgate_llm::{Dialect, Edits, ParseLimits, Request, Role};
//!
//! let dialect = Dialect::detect(b"POST", b"/v1/chat/completions").ok_or("no LLM call")?;
//! let body = br#"{"model":"fast", "stream":true, "messages":[{"role":"user", "content":"I am \u00c9va"}]}"#;
//! let request = Request::parse(dialect, body, &ParseLimits::default())?;
//!
//! let [_model, text] = request.texts[..] else { panic!() };
//! assert_eq!((text.role, &*text.str.decode(body)), (Role::User, "I am Éva"));
//! assert_eq!(Request::pointer(body, text.str.span), "/messages/0/content");
//!
//! let mut edits = Edits::new();
//! request.set_model("gpt-4o-mini", &mut edits);
//! request.ask_for_usage(body, &mut edits);
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
//! Streamed answers come as events: a [`Framer`] cuts them out of body chunks, whatever the split and whatever the
//! [`Framing`], and [`Chunk::parse_event`] reads each without allocating.
//!
//! ```
//! use tollgate_llm::{Chunk, Dialect, Error, FrameError, Framer, Framing, ParseLimits};
//!
//! let limits = ParseLimits::default();
//! let mut framer = Framer::new(Framing::Sse, limits.max_event_bytes);
//! let (mut chunk, mut said) = (Chunk::default(), String::new());
//! let body = "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n\
//!             data: {\"choices\":[{\"delta\":{\"content\":\"lo\"}}]}\n\ndata: [DONE]\n\n";
//! for piece in body.as_bytes().chunks(7) {
//!     framer.push(piece, |event| {
//!         let Some(data) = event.data() else { return Ok(()) };
//!         if chunk.parse_event(Dialect::OpenAiChat, event.name(), &data, &limits)? {
//!             said.extend(chunk.texts.iter().map(|text| text.str.decode(&data)));
//!         }
//!         Ok(())
//!     })?;
//! }
//! assert_eq!(said, "Hello");
//! # Ok::<(), FrameError<Error>>(())
//! ```
//!
//! # Adding a dialect
//! One file in `dialect/`, with children where it is long, and one row in the table of `dialect.rs`. The file holds a `DialectSpec`:
//! the paths that are its own (`{model}` where the path names the model), how a request, an answer and an event are read,
//! whether anybody charges for it, and what its errors look like. To read, it asks a scan (`Reader`) for the members that
//! it knows and hands every other value to a walk that makes texts of all strings in it. Views, edits, usage, limits and
//! framers are shared, and kit and the filters name no dialect.

mod body;
mod dialect;
mod error;
mod framing;
mod json;
mod limits;
mod span;
mod view;

pub use body::{content_encoding, image, multipart};
pub use dialect::{ApiError, Dialect, Endpoint, PathModel};
pub use error::{Error, ErrorKind};
pub use framing::splitter::FrameError;
pub use framing::{Envelope, Event, Framer, Framing, event_stream, json_array, json_lines, sse};
pub use json::escape::escape_into;
pub use json::literal::Str;
pub use limits::ParseLimits;
pub use span::Span;
pub use view::delta_template::DeltaTemplate;
pub use view::edits::{Edits, Overlap};
pub use view::request::{Image, Message, Request, Role, Text, TextKind};
pub use view::response::{Channel, Chunk, OffsetAnnotation, OutputText, Part, Response, empty_value};
pub use view::stream_state::StreamState;
pub use view::usage::{ReportedUsage, Usage};
