//! Requests sent as forms, and uploaded files.

use crate::body::document;
use crate::body::multipart::{Field, Scanner};
use crate::view::request::Request;
use crate::{Dialect, Endpoint, Role, Span, Str, Text, TextKind};

impl Dialect {
    /// Returns the fields that are read from a `multipart/form-data` request of this dialect; `None` if the dialect has
    /// no forms.
    #[must_use]
    pub fn form(self) -> Option<&'static [&'static str]> {
        self.spec().form
    }
}

impl Request {
    /// Creates the view of a form request of which a scanner has read `body`. Of an upload the files are read, too.
    #[must_use]
    pub fn of_form(endpoint: &Endpoint, form: &Scanner, body: &[u8]) -> Request {
        let mut request = Request::from_form(endpoint, form.fields().iter().chain(form.others()));
        if endpoint.dialect.is_upload() {
            for file in form.files() {
                request.file(file.is_plain, file.span, body);
            }
            request.texts.sort_by_key(|text| text.str.span.start);
        }
        request
    }

    /// Creates the view of a request whose body is an uploaded file, or JSON about one.
    pub(crate) fn of_file(endpoint: &Endpoint, body: &[u8]) -> Request {
        let mut request = Request { is_form: true, ..Request::empty(endpoint) };
        request.file(true, Span::new(0, body.len()), body);
        request
    }

    /// Adds an uploaded file.
    fn file(&mut self, is_plain: bool, span: Span, body: &[u8]) {
        if is_plain && document::is_text(span.of(body)) {
            let str = Str { span, escaped: false };
            self.texts.push(Text { role: Role::User, kind: TextKind::Document, message: None, str });
        } else {
            self.has_unread_file = true;
        }
    }

    /// Creates the view of a form request from its text fields: those that the gateway acts on ([`Dialect::form`]: the
    /// model, the `prompt`, the number of candidates, the stream flag, the purpose of a file) and others. Files are not read;
    /// report that where it matters.
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
                "purpose" => {
                    // Of a batch, whose work cannot be charged.
                    let purpose = field.value.trim();
                    request.is_unmetered |= purpose.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("batch"));
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
    fn uploads_are_documents_if_they_are_texts() {
        let file = |headers: &str, content: &str| {
            format!(
                "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"{headers}\r\n\r\n{content}\r\n"
            )
        };
        let purpose = |name: &str| format!("--x\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n{name}\r\n");
        let upload = Endpoint::from(Dialect::OpenAiFiles);
        for (endpoint, parts, documents, has_unread_file, is_unmetered) in [
            (&upload, file("", "a,b\r\n") + &purpose("user_data"), vec!["a,b\r\n"], false, false),
            (&upload, purpose("Batch") + &file("\r\nContent-Type: audio/wav", "{}"), vec!["{}"], false, true),
            (&upload, file("", "a\0b") + &file("", "c"), vec!["c"], true, false),
            (&upload, file("\r\nContent-Transfer-Encoding: base64", "YQ=="), vec![], true, false),
            (&Endpoint::from(Dialect::OpenAiTranscriptions), file("", "a"), vec![], false, false),
        ] {
            let body = parts + "--x--";
            let wanted = endpoint.dialect.form().unwrap();
            let mut scanner = Scanner::new(b"multipart/form-data; boundary=x", wanted).unwrap();
            scanner.push(body.as_bytes()).unwrap();
            let request = Request::of_form(endpoint, &scanner, body.as_bytes());
            let texts = request.texts.iter().filter(|text| text.kind == TextKind::Document);
            let found: Vec<_> = texts.map(|text| text.str.decode(body.as_bytes())).collect();
            assert_eq!(found, documents, "{body}");
            assert_eq!((request.has_unread_file, request.is_unmetered), (has_unread_file, is_unmetered), "{body}");
            assert!(request.texts.is_sorted_by_key(|text| text.str.span.start));
        }
        for (body, want) in [(&b"{\"file\":{\"display_name\":\"a\"}}"[..], (1, false)), (b"\xff\xd8", (0, true))] {
            let request = Request::parse(Dialect::GeminiFiles, body, &crate::ParseLimits::default()).unwrap();
            assert_eq!((request.texts.len(), request.has_unread_file), want);
        }
    }

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
