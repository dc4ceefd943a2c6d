//! Errors, before a dialect words them, and as OpenAI words them.

use crate::json::{Json, object};
use crate::knobs::BadKnob;

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

/// An error as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) body: Json,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
}

impl ApiError {
    /// A request that the API does not take.
    pub(crate) fn invalid(message: &str, param: Option<&'static str>, code: Option<&'static str>) -> ApiError {
        ApiError { status: 400, message: message.to_owned(), kind: "invalid_request_error", param, code }
    }

    /// A body that is no JSON, or holds what it should not.
    pub(crate) fn unreadable(error: &serde_json::Error) -> ApiError {
        let (line, column) = (error.line(), error.column());
        let message = format!("We could not parse the JSON body of your request (line {line}, column {column}).");
        ApiError::invalid(&message, None, None)
    }

    /// Something has to be there and is not.
    pub(crate) fn missing(param: &'static str) -> ApiError {
        let message = format!("Missing required parameter: '{param}'.");
        ApiError::invalid(&message, Some(param), Some("missing_required_parameter"))
    }

    /// A list that has to hold something.
    pub(crate) fn empty(param: &'static str) -> ApiError {
        let message = format!("Invalid '{param}': empty array. Expected an array with minimum length 1.");
        ApiError::invalid(&message, Some(param), Some("empty_array"))
    }

    /// A knob that makes no sense.
    pub(crate) fn knob(error: &BadKnob) -> ApiError {
        ApiError::invalid(&error.to_string(), None, Some("bad_knob"))
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
            500.. => (SERVER_FAILED, "server_error", None),
            _ => ("The request was refused, as asked.", "invalid_request_error", None),
        };
        ApiError { status, message: message.to_owned(), kind, param: None, code }
    }

    /// As OpenAI words it.
    pub(crate) fn openai(&self) -> Refusal {
        let error =
            object! { "message": self.message.as_str(), "type": self.kind, "param": self.param, "code": self.code };
        Refusal { body: object! { "error": error }, headers: Vec::new() }
    }

    /// What a server says that fails in the middle of an answer.
    pub(crate) fn in_the_middle() -> ApiError {
        ApiError::of_status(500)
    }
}

const SERVER_FAILED: &str = "The server had an error while processing your request. Sorry about that!";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_shaped_as_openai_shapes_it() {
        let body = ApiError::of_status(429).openai().body.bytes();
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
