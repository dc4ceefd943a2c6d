//! Requests sent as forms.

use crate::body::multipart::Field;
use crate::view::request::Request;
use crate::{Dialect, Endpoint, Role, Str, Text, TextKind};

impl Dialect {
    /// Returns the fields that are read from a `multipart/form-data` request of this dialect; `None` if the dialect has
    /// no forms.
    #[must_use]
    pub fn form(self) -> Option<&'static [&'static str]> {
        self.spec().form
    }
}

impl Request {
    /// Creates the view of a form request from its text fields: those that the gateway acts on ([`Dialect::form`]: the
    /// model, the `prompt`, the number of candidates, the stream flag) and others. Files are not read; report that
    /// where it matters.
    ///
    /// The spans are those of the fields, and nothing in them is escaped: edits are raw bytes.
    #[must_use]
    pub fn from_form<'f>(endpoint: &Endpoint, texts: impl IntoIterator<Item = &'f Field>) -> Request {
        let mut request = Request::empty(endpoint);
        request.is_form = true;
        for field in texts {
            let str = Str { span: field.span, escaped: false };
            let mut role = Role::Other;
            let kind = match field.name {
                "model" => {
                    request.model = Some(str);
                    TextKind::Model
                }
                "stream" => {
                    request.stream |= field.value.trim().eq_ignore_ascii_case("true") || field.value.trim() == "1";
                    TextKind::Other
                }
                "n" => {
                    request.candidates = field.value.trim().parse().unwrap_or(1).max(1);
                    TextKind::Other
                }
                "prompt" => {
                    role = Role::User;
                    TextKind::Content
                }
                _ => TextKind::Other,
            };
            request.texts.push(Text { role, kind, message: None, str });
        }
        request.texts.sort_by_key(|text| text.str.span.start);
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Edits;
    use crate::body::multipart::Scanner;

    #[test]
    fn form_fields_become_a_view_with_unescaped_edits() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"stream\"\r\n\r\ntrue\r\n--x\r\n\
            Content-Disposition: form-data; name=\"n\"\r\n\r\n3\r\n--x\r\n\
            Content-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--x--\r\n";
        let mut scanner = Scanner::new(b"multipart/form-data; boundary=x", &["model", "stream", "n"]).unwrap();
        scanner.push(body).unwrap();
        let request = Request::from_form(&Endpoint::from(Dialect::OpenAiChat), scanner.fields());
        assert_eq!(request.model_name(body).as_deref(), Some("whisper-1"));
        assert_eq!((request.stream, request.candidates, request.texts.len()), (true, 3, 3));
        let texts = |body: &str| {
            let mut scanner = Scanner::new(b"multipart/form-data; boundary=x", &["model", "prompt"]).unwrap();
            scanner.push(body.as_bytes()).unwrap();
            let texts = scanner.fields().iter().chain(scanner.others());
            let request = Request::from_form(&Endpoint::from(Dialect::OpenAiTranscriptions), texts);
            let each = request
                .texts
                .iter()
                .map(|text| format!("{:?} {:?} {}", text.role, text.kind, text.str.decode(body.as_bytes())));
            each.collect::<Vec<_>>()
        };
        assert_eq!(
            texts(
                "--x\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nu\\n\r\n--x\r\n\
                Content-Disposition: form-data; name=\"prompt\"\r\n\r\nA \"cat\"\r\n--x--"
            ),
            ["Other Other Content-Disposition: form-data; name=\"user\"", "Other Other u\\n", "User Content A \"cat\""]
        );
        let mut edits = Edits::new();
        request.set_model("a\"b", &mut edits);
        assert!(edits.apply(body).windows(7).any(|bytes| bytes == b"\r\na\"b\r\n"));
        // No member is inserted: a form has no place for another field.
        let mut edits = Edits::new();
        Request::from_form(&Endpoint::from(Dialect::OpenAiChat), []).set_model("m", &mut edits);
        assert!(edits.is_empty());
    }
}
