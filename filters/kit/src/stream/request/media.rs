//! The format of a request body, by its head.

use tollgate_llm::Dialect;
use tollgate_llm::content_encoding::ContentEncoding;
use tollgate_llm::multipart::Scanner;

use crate::Limits;
use crate::filter::BodyMode;
use crate::headers::Head;
use crate::unreadable::{Disposition, Unreadable, UnreadableRequest};

/// Format of a request body.
pub(super) enum BodyFormat {
    /// JSON or an uploaded file, perhaps compressed.
    Json(Option<ContentEncoding>),
    /// Form whose fields are scanned while it arrives.
    Form(Box<Scanner>),
}

/// Reads the format of the body from the head. An error: the body cannot be read.
pub(super) fn read(head: &Head, limits: &Limits, dialect: Dialect) -> Result<BodyFormat, Box<UnreadableRequest>> {
    let encoding = ContentEncoding::detect(&head.get("content-encoding")).map_err(|_| {
        let message = "This gateway reads request bodies in gzip, deflate, br and zstd: send the body with one of these, \
                       or without content-encoding.";
        Box::new(UnreadableRequest::unsupported_encoding(message))
    })?;
    let limit = limits.max_request_bytes;
    let content_type = head.get("content-type");
    let media = media_type(&content_type);
    if let Some(wanted) = dialect.form().filter(|_| media.eq_ignore_ascii_case(b"multipart/form-data")) {
        if encoding.is_some() {
            let message = "This gateway reads forms without content-encoding only.";
            return Err(Box::new(UnreadableRequest::unsupported_encoding(message)));
        }
        let scanner =
            Scanner::new(&content_type, wanted).map_err(|error| Box::new(UnreadableRequest::malformed(&error)))?;
        return Ok(BodyFormat::Form(Box::new(scanner)));
    }
    if !is_utf8(&content_type) {
        let message = "This gateway reads JSON in UTF-8 only: send the body without another charset.";
        return Err(Box::new(UnreadableRequest::unsupported_encoding(message)));
    }
    // Where unreadable bodies pass, the body is read all the same: the content-type may be wrong.
    let disposition = Unreadable::RequestType.disposition(limits, BodyMode::Enforce);
    let is_readable = is_json(media) || dialect.is_upload() && dialect.form().is_none() && !is_encoded(media);
    if !is_readable && disposition == Disposition::Refuse {
        return Err(Box::new(UnreadableRequest::unsupported_type()));
    }
    let length: Option<usize> = head.number("content-length");
    if length.is_some_and(|length| length > limit) {
        return Err(Box::new(UnreadableRequest::too_large(limit)));
    }
    Ok(BodyFormat::Json(encoding))
}

/// Returns `true` if the body is a form of this dialect.
pub(super) fn is_form(head: &Head, dialect: Dialect) -> bool {
    dialect.form().is_some() && media_type(&head.get("content-type")).eq_ignore_ascii_case(b"multipart/form-data")
}

/// Returns a content-type without its parameters.
fn media_type(content_type: &[u8]) -> &[u8] {
    content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

/// Returns `true` for media types in which a file may be encoded.
fn is_encoded(media: &[u8]) -> bool {
    let starts_with = |name: &[u8]| media.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    starts_with(b"multipart/") || starts_with(b"application/x-www-form-urlencoded")
}

/// Returns `true` if a media type is JSON, or is absent.
fn is_json(media: &[u8]) -> bool {
    let is = |name: &str| media.eq_ignore_ascii_case(name.as_bytes());
    let suffix = media.len().checked_sub(5).and_then(|at| media.get(at..)).unwrap_or_default();
    media.is_empty() || is("application/json") || is("text/json") || suffix.eq_ignore_ascii_case(b"+json")
}

/// Returns `true` if a content-type names no charset, or one that is UTF-8.
///
/// JSON is UTF-8 (RFC 8259, 8.1), but some servers decode it by the declared charset: they would read another text than
/// the filters.
pub(in crate::stream) fn is_utf8(content_type: &[u8]) -> bool {
    let known = [&b"utf-8"[..], b"utf8", b"us-ascii"];
    charsets(content_type).all(|charset| known.iter().any(|known| charset.eq_ignore_ascii_case(known)))
}

/// Returns the charsets that a content-type names.
pub(in crate::stream) fn charsets(content_type: &[u8]) -> impl Iterator<Item = &[u8]> {
    content_type.split(|&byte| matches!(byte, b';' | b',')).skip(1).filter_map(|parameter| {
        let mut halves = parameter.splitn(2, |&byte| byte == b'=').map(<[u8]>::trim_ascii);
        let is_charset = halves.next().is_some_and(|name| name.eq_ignore_ascii_case(b"charset"));
        let value = halves.next().unwrap_or_default();
        let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        is_charset.then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets_that_are_utf8() {
        for (content_type, want) in [
            ("application/json", true),
            ("application/json; charset=utf-8", true),
            ("application/json;charset=\"UTF-8\"; x=y", true),
            ("text/plain; charset=us-ascii", true),
            ("", true),
            ("application/json; charset=utf-7", false),
            ("application/json; CharSet = \"utf-16le\"", false),
            ("application/json; charset=utf-8; charset=utf-7", false),
            ("application/json; charset=", false),
            ("application/json, application/json;charset=utf-32", false),
        ] {
            assert_eq!(is_utf8(content_type.as_bytes()), want, "{content_type}");
        }
    }

    #[test]
    fn media_types_in_which_files_may_be_encoded() {
        for (media, want) in [
            ("multipart/related", true),
            ("Multipart/Form-Data", true),
            ("application/x-www-form-urlencoded", true),
            ("text/plain", false),
            ("application/octet-stream", false),
            ("", false),
        ] {
            assert_eq!(is_encoded(media.as_bytes()), want, "{media}");
        }
    }

    #[test]
    fn media_types_of_json() {
        for (media, want) in [
            ("application/json", true),
            ("Application/JSON", true),
            ("application/vnd.api+json", true),
            ("text/json", true),
            ("", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("multipart/form-data", false),
            ("json", false),
        ] {
            assert_eq!(is_json(media.as_bytes()), want, "{media}");
        }
    }
}
