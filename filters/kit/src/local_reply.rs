//! Local replies: error responses that a filter sends itself, in the dialect of the caller.

use tollgate_llm::{ApiError, Dialect, RpcCalls};

use crate::abi::{self, Status};
use crate::headers;

/// Error response that a filter sends in place of the upstream's response.
///
/// Status and error object are what the caller's SDK expects of its provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalReply {
    /// HTTP status.
    pub status: u16,
    /// Value of the property `tollgate.verdict`, for access logs.
    pub verdict: &'static str,
    /// Suffix of `%RESPONSE_CODE_DETAILS%`, which is `tollgate.<verdict>` or, if this is not empty,
    /// `tollgate.<verdict>.<details>`. Holds rule ids and budget names, never content.
    pub details: String,
    /// Message for the caller. Never quotes what a rule found.
    pub message: String,
    /// `type` of the error, as the dialect spells it.
    pub kind: &'static str,
    /// Request parameter that is at fault.
    pub param: Option<&'static str>,
    /// `code` of the error.
    pub code: Option<&'static str>,
    /// Headers besides `content-type`.
    pub headers: Vec<(String, String)>,
    /// `true` if a stream that has begun ends as the API's own content filter ends it, without the error.
    pub finishes: bool,
    /// Calls of a JSON-RPC request that the reply answers.
    pub(crate) calls: Option<RpcCalls>,
}

impl LocalReply {
    /// Returns a reply of the type `invalid_request_error` without code, parameter or headers.
    pub fn new(status: u16, verdict: &'static str, message: impl Into<String>) -> LocalReply {
        LocalReply {
            status,
            verdict,
            details: String::new(),
            message: message.into(),
            kind: "invalid_request_error",
            param: None,
            code: None,
            headers: Vec::new(),
            finishes: false,
            calls: None,
        }
    }

    /// Sets the error's `type`.
    #[must_use]
    pub fn with_kind(mut self, kind: &'static str) -> LocalReply {
        self.kind = kind;
        self
    }

    /// Sets the error's `code`.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> LocalReply {
        self.code = Some(code);
        self
    }

    /// Sets the request parameter that is at fault.
    #[must_use]
    pub fn with_param(mut self, param: &'static str) -> LocalReply {
        self.param = Some(param);
        self
    }

    /// Sets the suffix of the response code details.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<String>) -> LocalReply {
        self.details = details.into();
        self
    }

    /// Sets the headers besides `content-type`.
    #[must_use]
    pub fn with_headers(mut self, headers: Vec<(String, String)>) -> LocalReply {
        self.headers = headers;
        self
    }

    /// Ends a stream that has begun with a finish reason in place of the error, where the API has one.
    #[must_use]
    pub fn finishing(mut self, finishes: bool) -> LocalReply {
        self.finishes = finishes;
        self
    }

    /// Returns the reply to a failure of the gateway itself. The cause is in the log only.
    #[cold]
    pub(crate) fn internal() -> LocalReply {
        LocalReply::new(500, "error", "The gateway could not process this request.").with_kind("server_error")
    }

    /// Returns the refusal of work that is billed and cannot be charged (batches, files, videos), where a budget limits usage.
    #[cold]
    pub fn unmetered() -> LocalReply {
        let message = "This gateway limits usage and cannot charge this work (batches, files, videos and the like), so it does \
                       not forward it.";
        LocalReply::new(404, "unknown_path", message).with_code("batch_refused")
    }

    /// Returns the 502 in place of an upstream's response that could not be read and must not pass unread.
    #[cold]
    pub fn unreadable_response() -> LocalReply {
        LocalReply::new(502, "unscannable", "The upstream's response could not be inspected.")
            .with_kind("server_error")
            // Another response would be generated, and charged, as this one was.
            .with_headers(vec![("x-should-retry".to_owned(), "false".to_owned())])
    }

    /// Returns the 503 to a request whose body is beyond what this worker may hold. Waiting helps: clients repeat it by themselves.
    #[cold]
    pub(crate) fn overloaded() -> LocalReply {
        LocalReply::new(503, "overloaded", "This gateway holds too many incomplete requests. Please try again.")
            .with_kind("server_error")
            .with_code("overloaded")
            .with_headers(vec![("retry-after".to_owned(), "5".to_owned())])
    }

    /// Returns the error in the form that `core/llm` renders.
    pub fn error(&self) -> ApiError<'_> {
        ApiError { status: self.status, message: &self.message, kind: self.kind, param: self.param, code: self.code }
    }

    /// Sends the reply in place of the held request or response.
    pub(crate) fn send(&self, dialect: Dialect) -> Result<(), Status> {
        let mut details = format!("tollgate.{}", self.verdict);
        if !self.details.is_empty() {
            details.push('.');
            details.push_str(&self.details);
        }
        let own = self.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let headers = headers::encode(std::iter::once((&b"content-type"[..], &b"application/json"[..])).chain(own));
        let Some(calls) = &self.calls else {
            let body = dialect.error_body(&self.error());
            return abi::send_local_response(u32::from(self.status), &details, &body, &headers);
        };
        // Clients of JSON-RPC read an error in a response of success only; all other statuses are failures of the transport, but
        // for 401, after which they authenticate.
        let status = if self.status == 401 { 401 } else { 200 };
        abi::send_local_response(status, &details, &calls.error_body(&self.error()), &headers)
    }
}
