//! What the head of a request says of its body.

use tollgate_llm::Dialect;
use tollgate_llm::content_encoding::ContentEncoding;
use tollgate_llm::multipart::Scanner;

use crate::config::{Limits, OnUnscannable};
use crate::headers::Head;
use crate::plugin::Unscanned;
use crate::reply::Reply;

/// How a body is to be read.
pub(super) enum Body {
    /// JSON, perhaps compressed.
    Json(Option<ContentEncoding>),
    /// A form: its fields are looked for while it comes.
    Form(Box<Scanner>),
}

/// Why a body cannot be read, and what the caller is told.
pub(super) type Unreadable = (Unscanned, Reply);

/// What the head already says about whether and how the body can be read.
pub(super) fn read(head: &Head, limits: &Limits, dialect: Dialect) -> Result<Body, Box<Unreadable>> {
    let encoding = ContentEncoding::detect(&head.get("content-encoding")).map_err(|_| {
        let message = "This gateway reads request bodies in gzip, deflate and br: send the body with one of these, or \
                       without content-encoding.";
        refusal(Unscanned::RequestEncoding, message)
    })?;
    let limit = limits.max_request_bytes;
    let content_type = head.get("content-type");
    let media = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if let Some(wanted) = dialect.form().filter(|_| media.eq_ignore_ascii_case(b"multipart/form-data")) {
        if encoding.is_some() {
            let message = "This gateway reads forms without content-encoding only.";
            return Err(refusal(Unscanned::RequestEncoding, message));
        }
        let scanner =
            Scanner::new(&content_type, wanted).map_err(|error| Box::new((Unscanned::Malformed, malformed(&error))))?;
        return Ok(Body::Form(Box::new(scanner)));
    }
    if !is_utf8(&content_type) {
        let message = "This gateway reads JSON in UTF-8 only: send the body without another charset.";
        return Err(refusal(Unscanned::RequestEncoding, message));
    }
    // Where what cannot be read passes, it is read all the same: it may be what it does not say.
    if !is_json(media) && limits.on_unscannable == OnUnscannable::Refuse {
        let message = "This gateway reads JSON here: send the body with content-type application/json.";
        return Err(refusal(Unscanned::RequestType, message));
    }
    let length: Option<usize> = head.number("content-length");
    if length.is_some_and(|length| length > limit) {
        return Err(Box::new((Unscanned::RequestTooLarge, too_large(limit))));
    }
    Ok(Body::Json(encoding))
}

fn refusal(reason: Unscanned, message: &str) -> Box<Unreadable> {
    Box::new((reason, Reply::invalid_request(415, "unscannable", message)))
}

/// Whether a media type is JSON, or is not said.
fn is_json(media: &[u8]) -> bool {
    let is = |name: &str| media.eq_ignore_ascii_case(name.as_bytes());
    let suffix = media.len().checked_sub(5).and_then(|at| media.get(at..)).unwrap_or_default();
    media.is_empty() || is("application/json") || is("text/json") || suffix.eq_ignore_ascii_case(b"+json")
}

/// JSON is UTF-8 (RFC 8259, 8.1), but there are servers that decode it by the charset they are told: what is read here
/// would not be what they read.
pub(super) fn is_utf8(content_type: &[u8]) -> bool {
    content_type.split(|&byte| matches!(byte, b';' | b',')).skip(1).all(|parameter| {
        let mut halves = parameter.splitn(2, |&byte| byte == b'=').map(<[u8]>::trim_ascii);
        let is_charset = halves.next().is_some_and(|name| name.eq_ignore_ascii_case(b"charset"));
        let value = halves.next().unwrap_or_default();
        let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        !is_charset || [&b"utf-8"[..], b"utf8", b"us-ascii"].iter().any(|known| value.eq_ignore_ascii_case(known))
    })
}

pub(super) fn too_large(limit: usize) -> Reply {
    let message = format!("The request body is larger than this gateway accepts ({limit} bytes).");
    Reply::invalid_request(413, "too_large", message).with_code("request_too_large")
}

/// What is wrong stands in the error, and nothing of the body.
pub(super) fn malformed(error: &dyn std::fmt::Display) -> Reply {
    Reply::invalid_request(400, "malformed", format!("The request body cannot be read: {error}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_utf8_is_read() {
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
