//! Errors as OpenAI words them.

use crate::completion::{string, text};

/// An error of the API, before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) message: String,
    /// `type`
    pub(crate) kind: &'static str,
    pub(crate) param: Option<&'static str>,
    pub(crate) code: Option<&'static str>,
}

impl ApiError {
    /// A request that the API does not take.
    pub(crate) fn invalid(message: &str, param: Option<&'static str>, code: Option<&'static str>) -> ApiError {
        ApiError { status: 400, message: message.to_owned(), kind: "invalid_request_error", param, code }
    }

    /// The error that a knob asks for.
    pub(crate) fn of_status(status: u16) -> ApiError {
        let (message, kind, code) = match status {
            401 => ("Incorrect API key provided.", "invalid_request_error", Some("invalid_api_key")),
            404 => ("Unknown request URL or model.", "invalid_request_error", Some("unknown_url")),
            405 => {
                ("Not allowed to use this method on this URL.", "invalid_request_error", Some("method_not_supported"))
            }
            413 => ("The request body is too large.", "invalid_request_error", None),
            429 => ("Rate limit reached. Please try again later.", "requests", Some("rate_limit_exceeded")),
            503 => ("The engine is currently overloaded, please try again later.", "server_error", None),
            500.. => ("The server had an error while processing your request. Sorry about that!", "server_error", None),
            _ => ("The request was refused, as asked.", "invalid_request_error", None),
        };
        ApiError { status, message: message.to_owned(), kind, param: None, code }
    }

    /// The body of the response.
    pub(crate) fn body(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(192);
        out.extend_from_slice(br#"{"error":{"message":"#);
        string(&self.message, &mut out);
        text(&mut out, format_args!(r#","type":"{}","param":"#, self.kind));
        nullable(self.param, &mut out);
        out.extend_from_slice(br#","code":"#);
        nullable(self.code, &mut out);
        out.extend_from_slice(b"}}");
        out
    }
}

fn nullable(value: Option<&str>, out: &mut Vec<u8>) {
    match value {
        Some(value) => string(value, out),
        None => out.extend_from_slice(b"null"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_shaped_as_openai_shapes_it() {
        let body = ApiError::of_status(429).body();
        let error: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            error,
            serde_json::json!({"error": {
                "message": "Rate limit reached. Please try again later.",
                "type": "requests", "param": null, "code": "rate_limit_exceeded",
            }})
        );
    }
}
