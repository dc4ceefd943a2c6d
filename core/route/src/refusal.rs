//! Error response for a call without a route.

use tollgate_llm::ApiError;

/// Reason why a call has no route.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotRouted {
    /// The body names no model, or an empty one.
    Missing,
    /// The model is not configured, and there is no default route.
    Unknown {
        /// Message for the caller, with the model's name truncated and sanitized.
        message: Box<str>,
    },
}

/// Maximum number of characters of a model's name that a message repeats.
const MAX_SHOWN_CHARS: usize = 64;

impl NotRouted {
    pub(crate) fn unknown(model: &str) -> NotRouted {
        // The name comes from the client and ends up in terminals, logs and dashboards.
        let printable = |c: char| if c.is_ascii_graphic() || c == ' ' || c.is_alphanumeric() { c } else { '\u{fffd}' };
        let mut shown: String = model.chars().take(MAX_SHOWN_CHARS).map(printable).collect();
        if model.chars().nth(MAX_SHOWN_CHARS).is_some() {
            shown.push('…');
        }
        let message = format!("The model `{shown}` does not exist or you do not have access to it.");
        NotRouted::Unknown { message: message.into() }
    }

    /// Returns the error response: 404 `model_not_found` for an unknown model, as OpenAI sends it, and 400 for a missing one.
    pub fn api_error(&self) -> ApiError<'_> {
        let (status, message, code) = match self {
            NotRouted::Missing => (400, "you must provide a model parameter", "missing_required_parameter"),
            NotRouted::Unknown { message } => (404, &**message, "model_not_found"),
        };
        ApiError { status, message, kind: "invalid_request_error", param: Some("model"), code: Some(code) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tollgate_llm::Dialect;

    use super::*;

    fn body(refusal: &NotRouted) -> serde_json::Value {
        serde_json::from_slice(&Dialect::OpenAiChat.error_body(&refusal.api_error())).unwrap()
    }

    #[test]
    fn errors_have_the_shape_of_openai() {
        assert_eq!(
            body(&NotRouted::unknown("gpt-2")),
            serde_json::json!({ "error": {
                "message": "The model `gpt-2` does not exist or you do not have access to it.",
                "type": "invalid_request_error", "param": "model", "code": "model_not_found",
            } })
        );
        assert_eq!(
            body(&NotRouted::Missing),
            serde_json::json!({ "error": {
                "message": "you must provide a model parameter",
                "type": "invalid_request_error", "param": "model", "code": "missing_required_parameter",
            } })
        );
        assert_eq!((NotRouted::Missing.api_error().status, NotRouted::unknown("x").api_error().status), (400, 404));
    }

    #[test]
    fn model_names_are_truncated_and_sanitized() {
        let sixty_four = "m".repeat(64);
        let longer = "é".repeat(100_000);
        for (model, shown) in [
            ("a\"b\\c", "a\"b\\c".to_owned()),
            ("a\r\nb\u{1b}[31m", "a\u{fffd}\u{fffd}b\u{fffd}[31m".to_owned()),
            ("\u{202e}evil\u{200b}", "\u{fffd}evil\u{fffd}".to_owned()),
            ("modèle", "modèle".to_owned()),
            (&sixty_four, sixty_four.clone()),
            (&longer, format!("{}…", "é".repeat(64))),
        ] {
            let message = format!("The model `{shown}` does not exist or you do not have access to it.");
            assert_eq!(NotRouted::unknown(model).api_error().message, message);
        }
    }

    proptest! {
        #[test]
        fn any_model_name_gives_a_short_printable_message(model: String) {
            let refusal = NotRouted::unknown(&model);
            let message = refusal.api_error().message;
            prop_assert!(message.len() < 400 && !message.chars().any(char::is_control));
            let body = body(&refusal);
            prop_assert_eq!(body["error"]["message"].as_str(), Some(message));
        }
    }
}
