//! Requests that come as forms.

use crate::multipart::Field;
use crate::request::Request;
use crate::{Dialect, Endpoint, Role, Str, Text, TextKind};

impl Dialect {
    /// The fields that are read of a request of this dialect that comes as `multipart/form-data`; `None`: it does not come
    /// so.
    #[must_use]
    pub fn form(self) -> Option<&'static [&'static str]> {
        self.row().form
    }
}

impl Request {
    /// The view of a request that comes as a form, from the fields that were found in it ([`Dialect::form`]): the model, how
    /// many answers are asked for (`n`), whether as a stream. Everything else in it is not read; say so, where it matters.
    ///
    /// The spans are those of the fields, and nothing is escaped there.
    #[must_use]
    pub fn from_form(endpoint: &Endpoint, fields: &[Field]) -> Request {
        let mut request = Request::empty(endpoint);
        request.is_form = true;
        for field in fields {
            let str = Str { span: field.span, escaped: false };
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
                _ => TextKind::Other,
            };
            request.texts.push(Text { role: Role::Other, kind, message: None, str });
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Edits;
    use crate::multipart::Scanner;

    #[test]
    fn fields_become_a_view_and_the_model_is_replaced_as_it_stands() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"stream\"\r\n\r\ntrue\r\n--x\r\n\
            Content-Disposition: form-data; name=\"n\"\r\n\r\n3\r\n--x\r\n\
            Content-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--x--\r\n";
        let mut scanner = Scanner::new(b"multipart/form-data; boundary=x", &["model", "stream", "n"]).unwrap();
        scanner.push(body).unwrap();
        let request = Request::from_form(&Endpoint::from(Dialect::OpenAiChat), scanner.fields());
        assert_eq!(request.model_name(body).as_deref(), Some("whisper-1"));
        assert_eq!((request.stream, request.candidates, request.texts.len()), (true, 3, 3));
        let mut edits = Edits::new();
        request.set_model("a\"b", &mut edits);
        assert!(edits.apply(body).windows(7).any(|bytes| bytes == b"\r\na\"b\r\n"));
        // none to replace: a form has no place for another field
        let mut edits = Edits::new();
        Request::from_form(&Endpoint::from(Dialect::OpenAiChat), &[]).set_model("m", &mut edits);
        assert!(edits.is_empty());
    }
}
