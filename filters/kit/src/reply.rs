//! Answers that Tollgate gives itself: errors in the caller's own dialect.

use tollgate_llm::{ApiError, Dialect};

use crate::abi::{self, Status};
use crate::property;

/// An error answer. The status and the error object are what the caller's SDK expects of its provider; `verdict` is
/// what the access log says, `details` what Envoy's `%RESPONSE_CODE_DETAILS%` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Value of the property `tollgate.verdict`.
    pub verdict: &'static str,
    /// Ends `response.code_details`: `tollgate.<verdict>` or, if not empty, `tollgate.<verdict>.<details>`; rule ids
    /// and budget names, never content.
    pub details: String,
    /// The sentence for the caller. It never quotes what was found.
    pub message: String,
    /// The error's `type`, as the dialect spells it.
    pub kind: &'static str,
    /// The parameter of the request that is at fault.
    pub param: Option<&'static str>,
    /// The error's `code`.
    pub code: Option<&'static str>,
    /// Headers beside `content-type`.
    pub headers: Vec<(String, String)>,
}

impl Reply {
    /// An `invalid_request_error` without headers.
    pub fn invalid_request(status: u16, verdict: &'static str, message: impl Into<String>) -> Reply {
        Reply {
            status,
            verdict,
            details: String::new(),
            message: message.into(),
            kind: "invalid_request_error",
            param: None,
            code: None,
            headers: Vec::new(),
        }
    }

    /// The same reply with a `code`.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Reply {
        self.code = Some(code);
        self
    }

    /// The gateway's own failure: 500, says nothing of the cause (the log does).
    pub(crate) fn internal() -> Reply {
        Reply {
            kind: "server_error",
            ..Reply::invalid_request(500, "error", "The gateway could not process this request.")
        }
    }

    /// An answer of the upstream that must not pass because it could not be read: 502, `unscannable`.
    pub fn unreadable_answer() -> Reply {
        Reply {
            kind: "server_error",
            ..Reply::invalid_request(502, "unscannable", "The upstream's answer could not be inspected.")
        }
    }

    /// The error as core/llm writes it down.
    pub fn error(&self) -> ApiError<'_> {
        ApiError { status: self.status, message: &self.message, kind: self.kind, param: self.param, code: self.code }
    }

    /// Sends it instead of whatever the stream holds, and publishes the verdict.
    pub(crate) fn send(&self, dialect: Dialect) -> Result<(), Status> {
        property::set(property::VERDICT, self.verdict);
        let mut details = format!("tollgate.{}", self.verdict);
        if !self.details.is_empty() {
            details.push('.');
            details.push_str(&self.details);
        }
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let body = dialect.error_body(&self.error());
        abi::send_local_response(u32::from(self.status), &details, &body, &serialize(&headers))
    }
}

/// Header pairs as the ABI takes them: the count, the sizes, then names and values, each ended by NUL.
fn serialize(pairs: &[(&str, &str)]) -> Vec<u8> {
    fn size(n: usize) -> [u8; 4] {
        u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes()
    }
    let mut bytes = Vec::with_capacity(4 + pairs.iter().map(|(n, v)| 10 + n.len() + v.len()).sum::<usize>());
    bytes.extend_from_slice(&size(pairs.len()));
    for (name, value) in pairs {
        bytes.extend_from_slice(&size(name.len()));
        bytes.extend_from_slice(&size(value.len()));
    }
    for (name, value) in pairs {
        for text in [name, value] {
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_laid_out_as_the_abi_wants_them() {
        let expected = b"\x02\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\0\0\0\0a\0bc\0def\0\0";
        assert_eq!(serialize(&[("a", "bc"), ("def", "")]), expected);
    }
}
