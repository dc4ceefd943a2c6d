//! The formats that are understood: one row each.

use crate::escape_into;

/// A wire format of an LLM API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// OpenAI chat completions, and the many servers that speak it.
    OpenAiChat,
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
    /// The dialect of a request, from its method and its path (`:path`: a query is ignored): a POST whose path ends in
    /// `/chat/completions`, under any prefix.
    #[must_use]
    pub fn detect(method: &[u8], path: &[u8]) -> Option<Dialect> {
        let path = path.split(|byte| *byte == b'?').next()?;
        (method == b"POST" && path.ends_with(b"/chat/completions")).then_some(Dialect::OpenAiChat)
    }

    /// Its name in logs, metrics and properties.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Dialect::OpenAiChat => "openai.chat",
        }
    }

    /// The body of an error answer, `application/json`.
    #[must_use]
    pub fn error_body(self, error: &ApiError<'_>) -> Vec<u8> {
        let mut out = b"{\"error\":{\"message\":".to_vec();
        string(Some(error.message), &mut out);
        out.extend_from_slice(b",\"type\":");
        string(Some(error.kind), &mut out);
        out.extend_from_slice(b",\"param\":");
        string(error.param, &mut out);
        out.extend_from_slice(b",\"code\":");
        string(error.code, &mut out);
        out.extend_from_slice(b"}}");
        out
    }

    /// The event that tells a streaming client that the answer ends here with an error; nothing may follow it.
    #[must_use]
    pub fn error_event(self, error: &ApiError<'_>) -> Vec<u8> {
        let mut out = b"data: ".to_vec();
        out.extend(self.error_body(error));
        out.extend_from_slice(b"\n\n");
        out
    }
}

fn string(text: Option<&str>, out: &mut Vec<u8>) {
    match text {
        None => out.extend_from_slice(b"null"),
        Some(text) => {
            out.push(b'"');
            escape_into(text, out);
            out.push(b'"');
        }
    }
}
