//! Parser for `multipart/form-data` bodies.

use crate::error::ApiError;

/// Fields of a form, in order.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Fields<'a> {
    fields: Vec<Field<'a>>,
}

#[derive(Debug, PartialEq)]
struct Field<'a> {
    name: String,
    /// `true` if the field has a file name.
    is_file: bool,
    value: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Parses a body; its content-type names the boundary.
    pub(crate) fn parse(content_type: &[u8], body: &'a [u8]) -> Result<Fields<'a>, ApiError> {
        let boundary = std::str::from_utf8(content_type).ok().and_then(boundary);
        let boundary = boundary.ok_or(ApiError::invalid("The body is not a multipart form.", None, None))?;
        let mut fields = Vec::new();
        let delimiter = format!("--{boundary}");
        let mut rest = after(body, delimiter.as_bytes()).ok_or(malformed())?;
        while !rest.starts_with(b"--") {
            let headers = rest.strip_prefix(b"\r\n").ok_or(malformed())?;
            let value = after(headers, b"\r\n\r\n").ok_or(malformed())?;
            let head = headers.get(..headers.len() - value.len()).unwrap_or_default();
            let end = find(value, format!("\r\n{delimiter}").as_bytes()).ok_or(malformed())?;
            fields.push(Field {
                name: parameter(head, "name").unwrap_or_default(),
                is_file: parameter(head, "filename").is_some(),
                value: value.get(..end).unwrap_or_default(),
            });
            rest = value.get(end + 2 + delimiter.len()..).unwrap_or_default();
        }
        Ok(Fields { fields })
    }

    /// Returns the value of the first field of this name, if it is UTF-8 text.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        let field = self.fields.iter().find(|field| field.name == name)?;
        std::str::from_utf8(field.value).ok()
    }

    /// Returns the first file of this name.
    pub(crate) fn file(&self, name: &str) -> Option<&'a [u8]> {
        self.fields.iter().find(|field| field.name == name && field.is_file).map(|field| field.value)
    }

    /// Counts the files that have one of these names.
    pub(crate) fn count_files(&self, names: &[&str]) -> u64 {
        self.fields.iter().filter(|field| field.is_file && names.contains(&field.name.as_str())).count() as u64
    }
}

fn malformed() -> ApiError {
    ApiError::invalid("The multipart form is malformed.", None, None)
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

/// Returns a parameter of the content-disposition header among the headers of a part.
fn parameter(head: &[u8], name: &str) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let line = head.split("\r\n").find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    line.split(';').find_map(|part| {
        let (named, value) = part.trim().split_once('=')?;
        (named == name).then(|| value.trim_matches('"').to_owned())
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn after<'a>(haystack: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    haystack.get(find(haystack, needle)? + needle.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &[u8] = b"multipart/form-data; charset=utf-8; boundary=\"xyz\"";

    #[test]
    fn fields_and_files_are_found_by_name() {
        let body = b"preamble\r\n--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--xyz\r\n\
            content-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\ncontent-type: audio/wav\r\n\r\n\
            RIFF\r\n\xff--xy\r\n--xyz--\r\n";
        let fields = Fields::parse(TYPE, body).unwrap();
        assert_eq!(fields.text("model"), Some("whisper-1"));
        assert_eq!(fields.file("model"), None);
        assert_eq!(fields.file("file"), Some(&b"RIFF\r\n\xff--xy"[..]));
        assert_eq!((fields.text("file"), fields.text("other"), fields.count_files(&["file"])), (None, None, 1));
    }

    #[test]
    fn other_and_malformed_bodies_are_rejected() {
        for (content_type, body) in [
            (&b"application/json"[..], &b"{}"[..]),
            (b"multipart/form-data", b"--xyz--"),
            (TYPE, b""),
            (TYPE, b"--xyz"),
            (TYPE, b"--xyz\r\nname"),
            (TYPE, b"--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nvalue"),
        ] {
            assert!(Fields::parse(content_type, body).is_err(), "{body:?}");
        }
        assert_eq!(Fields::parse(TYPE, b"--xyz--"), Ok(Fields::default()));
    }
}
