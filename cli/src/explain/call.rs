//! Request to explain, as sent and as parsed.

use std::borrow::Cow;

use tollgate_llm::Request;

/// Request to explain.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Path, with the query if any.
    pub path: String,
    /// Headers with their names in lower case.
    pub headers: Vec<(String, String)>,
    /// Consumer, where the policy takes it from an attribute or a token.
    pub consumer: Option<String>,
    /// Body as sent: JSON or a form, perhaps compressed, as the headers say.
    pub body: Vec<u8>,
}

impl Call {
    /// Returns the lines of a header, joined by commas; empty if there are none.
    pub(super) fn header(&self, name: &str) -> String {
        let lines = self.headers.iter().filter(|(header, _)| header == name);
        lines.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(",")
    }
}

/// Parsed request with the body that it was parsed from.
#[derive(Clone, Debug)]
pub(super) struct View<'a> {
    pub(super) request: Request,
    pub(super) body: Cow<'a, [u8]>,
}

impl View<'_> {
    /// Returns the name of the requested model.
    pub(super) fn model(&self) -> Option<String> {
        self.request.model_name(&self.body).map(Cow::into_owned)
    }

    /// Returns the JSON pointer of a text by its index; of a form, its first byte.
    pub(super) fn pointer(&self, text: usize) -> String {
        let text = self.request.texts.get(text);
        if self.request.is_form {
            return text.map(|text| format!("byte {}", text.str.span.start)).unwrap_or_default();
        }
        text.map(|text| Request::pointer(&self.body, text.str.span)).unwrap_or_default()
    }
}
