//! The formats that are understood: one file and one row each.

use crate::Error;
use crate::path;
use crate::reader::Reader;
use crate::request::Draft;
use crate::response::ReadAnswer;

mod openai_chat;

/// What a dialect's file says about it.
pub(crate) struct Row {
    /// Its name in logs, metrics and properties.
    pub(crate) name: &'static str,
    /// The last segments of the paths that are its own, below any prefix.
    pub(crate) path: &'static [&'static str],
    /// Reads a request, which is one value.
    pub(crate) request: fn(&mut Reader<'_, '_>, &mut Draft<'_>) -> Result<(), Error>,
    /// Reads a whole answer, which is one value.
    pub(crate) response: ReadAnswer,
    /// Reads the data of an event, which is one value.
    pub(crate) chunk: ReadAnswer,
    /// Whether the data of an event is not a value but says that the stream is at its end.
    pub(crate) is_end: fn(&[u8]) -> bool,
    /// Appends the body of an error answer.
    pub(crate) error_body: fn(&ApiError<'_>, &mut Vec<u8>),
    /// Appends the event that ends a stream with an error.
    pub(crate) error_event: fn(&ApiError<'_>, &mut Vec<u8>),
}

macro_rules! dialects {
    ($($(#[$doc:meta])* $dialect:ident => $row:path,)*) => {
        /// A wire format of an LLM API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Dialect {
            $($(#[$doc])* $dialect,)*
        }

        impl Dialect {
            /// Every dialect.
            pub const ALL: &[Dialect] = &[$(Dialect::$dialect),*];

            pub(crate) fn row(self) -> &'static Row {
                match self {
                    $(Dialect::$dialect => &$row,)*
                }
            }
        }
    };
}

dialects! {
    /// OpenAI chat completions, and the many servers that speak it.
    OpenAiChat => openai_chat::ROW,
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

impl Dialect {
    /// The dialect of a request, from its method and its path (`:path`, with or without a query).
    ///
    /// A POST whose path ends in the dialect's segments, under any prefix: `/chat/completions` for
    /// [`OpenAiChat`](Dialect::OpenAiChat). Spellings that some servers take for the same path count as the same:
    /// percent-encoding, case, empty and dot segments, a slash at the end, `;` parameters, backslashes. A path that is
    /// not recognised would be let through unread.
    #[must_use]
    pub fn detect(method: &[u8], path: &[u8]) -> Option<Dialect> {
        // The methods that carry a body; in any case, for there are servers that do not mind the case either.
        if !["POST", "PUT", "PATCH"].iter().any(|known| method.eq_ignore_ascii_case(known.as_bytes())) {
            return None;
        }
        Dialect::ALL.iter().copied().find(|dialect| path::ends_with(path, dialect.row().path))
    }

    /// Its name in logs, metrics and properties: `openai.chat`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The body of an error answer, `application/json`.
    #[must_use]
    pub fn error_body(self, error: &ApiError<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        (self.row().error_body)(error, &mut out);
        out
    }

    /// The event that tells a streaming client that the answer ends here with an error; nothing may follow it
    /// (OpenAI: no `[DONE]`).
    #[must_use]
    pub fn error_event(self, error: &ApiError<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        (self.row().error_event)(error, &mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_by_method_and_path() {
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
            ("POST", "/v1/completions", None),
            ("POST", "/v1/chat/completions/chatcmpl-1", None),
            ("POST", "/v1/xchat/completions", None),
            ("POST", "/v1?/chat/completions", None),
            ("POST", "/", None),
            ("POST", "", None),
        ] {
            assert_eq!(Dialect::detect(method.as_bytes(), path.as_bytes()), want, "{method} {path}");
        }
    }

    #[test]
    fn names_are_property_segments() {
        for dialect in Dialect::ALL {
            assert!(dialect.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'.'));
        }
    }
}
