//! The fields of a `multipart/form-data` body.

use crate::error::ApiError;

/// The fields of a form, in order.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Fields<'a> {
    fields: Vec<Field<'a>>,
}

#[derive(Debug, PartialEq)]
struct Field<'a> {
    name: String,
    /// It has a file name.
    is_file: bool,
    value: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Reads a body whose content-type names the boundary.
    pub(crate) fn of(content_type: &[u8], body: &'a [u8]) -> Result<Fields<'a>, ApiError> {
        let boundary = std::str::from_utf8(content_type).ok().and_then(boundary);
        let boundary = boundary.ok_or(ApiError::invalid("The body is no multipart form.", None, None))?;
        let mut fields = Vec::new();
        let delimiter = format!("--{boundary}");
        let mut rest = after(body, delimiter.as_bytes()).ok_or(broken())?;
        while !rest.starts_with(b"--") {
            let headers = rest.strip_prefix(b"\r\n").ok_or(broken())?;
            let value = after(headers, b"\r\n\r\n").ok_or(broken())?;
            let head = headers.get(..headers.len() - value.len()).unwrap_or_default();
            let end = find(value, format!("\r\n{delimiter}").as_bytes()).ok_or(broken())?;
            fields.push(Field {
                name: parameter(head, "name").unwrap_or_default(),
                is_file: parameter(head, "filename").is_some(),
                value: value.get(..end).unwrap_or_default(),
            });
            rest = value.get(end + 2 + delimiter.len()..).unwrap_or_default();
        }
        Ok(Fields { fields })
    }

    /// The first field of the name, if it is text.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        let field = self.fields.iter().find(|field| field.name == name)?;
        std::str::from_utf8(field.value).ok()
    }

    /// The first file of the name.
    pub(crate) fn file(&self, name: &str) -> Option<&'a [u8]> {
        self.fields.iter().find(|field| field.name == name && field.is_file).map(|field| field.value)
    }

    /// How many files have one of these names.
    pub(crate) fn files(&self, names: &[&str]) -> u64 {
        self.fields.iter().filter(|field| field.is_file && names.contains(&field.name.as_str())).count() as u64
    }
}

fn broken() -> ApiError {
    ApiError::invalid("The multipart form is broken.", None, None)
}

fn boundary(content_type: &str) -> Option<String> {
    let (media, parameters) = content_type.split_once(';')?;
    if !media.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.trim().split_once('=')?;
        name.eq_ignore_ascii_case("boundary").then(|| value.trim_matches('"').to_owned())
    })
}

/// A parameter of the content-disposition in the headers of a part.
fn parameter(head: &[u8], name: &str) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let line = head.split("\r\n").find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    line.split(';').find_map(|part| {
        let (named, value) = part.trim().split_once('=')?;
        (named == name).then(|| value.trim_matches('"').to_owned())
    })
}

fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|window| window == what)
}

fn after<'a>(within: &'a [u8], what: &[u8]) -> Option<&'a [u8]> {
    within.get(find(within, what)? + what.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &[u8] = b"multipart/form-data; charset=utf-8; boundary=\"xyz\"";

    #[test]
    fn fields_and_files() {
        let body = b"preamble\r\n--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--xyz\r\n\
            content-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\ncontent-type: audio/wav\r\n\r\n\
            RIFF\r\n\xff--xy\r\n--xyz--\r\n";
        let fields = Fields::of(TYPE, body).unwrap();
        assert_eq!(fields.text("model"), Some("whisper-1"));
        assert_eq!(fields.file("model"), None);
        assert_eq!(fields.file("file"), Some(&b"RIFF\r\n\xff--xy"[..]));
        assert_eq!((fields.text("file"), fields.text("other"), fields.files(&["file"])), (None, None, 1));
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for (content_type, body) in [
            (&b"application/json"[..], &b"{}"[..]),
            (b"multipart/form-data", b"--xyz--"),
            (TYPE, b""),
            (TYPE, b"--xyz"),
            (TYPE, b"--xyz\r\nname"),
            (TYPE, b"--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nvalue"),
        ] {
            assert!(Fields::of(content_type, body).is_err(), "{body:?}");
        }
        assert_eq!(Fields::of(TYPE, b"--xyz--"), Ok(Fields::default()));
    }
}
