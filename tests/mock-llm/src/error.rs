//! API errors, independent of the dialect, and their encoding in OpenAI's format.

use crate::json::{Json, object};
use crate::knobs::KnobError;

/// API error, not yet encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) message: String,
    /// OpenAI's `type`.
    pub(crate) kind: &'static str,
    pub(crate) param: Option<&'static str>,
    pub(crate) code: Option<&'static str>,
}

/// Error response in the format of one API.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ErrorBody {
    pub(crate) body: Json,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
}

impl ApiError {
    /// Creates a 400 `invalid_request_error`.
    pub(crate) fn invalid(message: &str, param: Option<&'static str>, code: Option<&'static str>) -> ApiError {
        ApiError { status: 400, message: message.to_owned(), kind: "invalid_request_error", param, code }
    }

    /// Creates the error for a body that is not JSON, or has members of wrong types.
    pub(crate) fn malformed(error: &serde_json::Error) -> ApiError {
        let (line, column) = (error.line(), error.column());
        let message = format!("We could not parse the JSON body of your request (line {line}, column {column}).");
        ApiError::invalid(&message, None, None)
    }

    /// Creates the error for a missing required parameter.
    pub(crate) fn missing(param: &'static str) -> ApiError {
        let message = format!("Missing required parameter: '{param}'.");
        ApiError::invalid(&message, Some(param), Some("missing_required_parameter"))
    }

    /// Creates the error for a list that must not be empty.
    pub(crate) fn empty(param: &'static str) -> ApiError {
        let message = format!("Invalid '{param}': empty array. Expected an array with minimum length 1.");
        ApiError::invalid(&message, Some(param), Some("empty_array"))
    }

    /// Creates the error for an unknown knob or an invalid value of one.
    pub(crate) fn knob(error: &KnobError) -> ApiError {
        ApiError::invalid(&error.to_string(), None, Some("bad_knob"))
    }

    /// Creates the error of a status, as the knob `status` requests it.
    pub(crate) fn with_status(status: u16) -> ApiError {
        let (message, kind, code) = match status {
            401 => ("Incorrect API key provided.", "invalid_request_error", Some("invalid_api_key")),
            404 => ("Unknown request URL or model.", "invalid_request_error", Some("unknown_url")),
            405 => {
                ("Not allowed to use this method on this URL.", "invalid_request_error", Some("method_not_supported"))
            }
            413 => ("The request body is too large.", "invalid_request_error", None),
            429 => ("Rate limit reached. Please try again later.", "requests", Some("rate_limit_exceeded")),
            503 => ("The engine is currently overloaded, please try again later.", "server_error", None),
            500.. => (SERVER_FAILED, "server_error", None),
            _ => ("The request was rejected, as requested by a knob.", "invalid_request_error", None),
        };
        ApiError { status, message: message.to_owned(), kind, param: None, code }
    }

    /// Encodes the error in OpenAI's format.
    pub(crate) fn openai(&self) -> ErrorBody {
        let error =
            object! { "message": self.message.as_str(), "type": self.kind, "param": self.param, "code": self.code };
        ErrorBody { body: object! { "error": error }, headers: Vec::new() }
    }

    /// Creates the error of a server that fails in the middle of a stream.
    pub(crate) fn mid_stream() -> ApiError {
        ApiError::with_status(500)
    }
}

const SERVER_FAILED: &str = "The server had an error while processing your request. Sorry about that!";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_openais_format() {
        let body = ApiError::with_status(429).openai().body.bytes();
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
