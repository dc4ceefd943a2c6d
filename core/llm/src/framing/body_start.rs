//! Detection of the kind of a body by its first bytes.
//!
//! Some upstreams, and proxies before them, send an event stream as `application/octet-stream` or a JSON document as
//! `text/event-stream`, and clients read what is there. A reader that trusts the `content-type` would let such a body pass
//! unread.

use crate::content_encoding::ContentEncoding;

/// Kind of a body by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyStart {
    /// A JSON object or array.
    Json,
    /// A field or comment of a server-sent event, in any case: the standard says `data:`, and some clients accept `DATA:`.
    Sse,
    /// Bytes of a compression format.
    Compressed(ContentEncoding),
    /// UTF-16 or UTF-32.
    Wide,
    /// Anything else.
    Other,
}

/// White space before the first other byte. A body with more is read as JSON.
const MAX_SPACE: usize = 1024;

impl BodyStart {
    /// Number of bytes that decide in any case.
    pub const MAX_BYTES: usize = MAX_SPACE + 16;

    /// Detects the kind of a body that begins with these bytes. `None`: later bytes decide. The result for more bytes of the
    /// same body is the same.
    #[must_use]
    pub fn detect(bytes: &[u8]) -> Option<BodyStart> {
        const BOM: &[u8] = b"\xef\xbb\xbf";
        match bytes {
            [0x1f, 0x8b, ..] => return Some(BodyStart::Compressed(ContentEncoding::Gzip)),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => return Some(BodyStart::Compressed(ContentEncoding::Zstd)),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..] => return Some(BodyStart::Wide),
            [] | [_] => return None,
            [0x28, 0xb5] | [0x28, 0xb5, 0x2f] => return None,
            _ if bytes.len() < BOM.len() && BOM.starts_with(bytes) => return None,
            _ => {}
        }
        let rest = bytes.strip_prefix(BOM).unwrap_or(bytes);
        let space = rest.iter().take(MAX_SPACE).take_while(|byte| byte.is_ascii_whitespace()).count();
        let (space, rest) = rest.split_at_checked(space)?;
        let is_line_start = matches!(space.last(), None | Some(b'\n' | b'\r'));
        match rest.first()? {
            b'{' | b'[' => Some(BodyStart::Json),
            // JSON may follow, and what is none turns out unreadable. No stream begins so.
            byte if byte.is_ascii_whitespace() => Some(BodyStart::Json),
            _ if is_line_start => detect_field(rest),
            _ => Some(BodyStart::Other),
        }
    }
}

/// Detects a line of a server-sent event.
fn detect_field(line: &[u8]) -> Option<BodyStart> {
    let mut may_be_name = false;
    for name in [&b":"[..], b"data:", b"event:", b"id:", b"retry:"] {
        let len = name.len().min(line.len());
        if line.get(..len).is_some_and(|start| name.get(..len).is_some_and(|name| name.eq_ignore_ascii_case(start))) {
            if len == name.len() {
                return Some(BodyStart::Sse);
            }
            may_be_name = true;
        }
    }
    if may_be_name { None } else { Some(BodyStart::Other) }
}

/// Returns `true` if a line is one complete JSON object or array, as far as brackets and strings tell.
#[must_use]
pub fn is_json_line(line: &[u8]) -> bool {
    let (mut depth, mut in_string, mut is_escaped, mut values) = (0usize, false, false, 0);
    for byte in line {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                values += usize::from(depth == 0);
            }
            _ => {}
        }
    }
    depth == 0 && !in_string && values == 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bodies_by_their_first_bytes() {
        use BodyStart::{Json, Other, Sse, Wide};
        let compressed = |encoding| Some(BodyStart::Compressed(encoding));
        for (body, want) in [
            (&b"{\"a\":1}"[..], Some(Json)),
            (b"\xef\xbb\xbf \r\n\t[1]", Some(Json)),
            (b"data: x\n\n", Some(Sse)),
            (b"\xef\xbb\xbfdata:", Some(Sse)),
            (b"\n\r\n\nevent: a", Some(Sse)),
            (b"DATA: {}", Some(Sse)),
            (b": ping", Some(Sse)),
            (b"id:1", Some(Sse)),
            (b"Retry: 5", Some(Sse)),
            (b"retr", None),
            (b"\n\nda", None),
            (b" data: x", Some(Other)),
            (b"data x", Some(Other)),
            (b"dates: x", Some(Other)),
            (b"hello world", Some(Other)),
            (b"<html>", Some(Other)),
            (b"\"data: \"", Some(Other)),
            (b"\xef\xbb", None),
            (b"\xef\xbb\xbf", None),
            (b"", None),
            (b"{", None),
            (b"\n", None),
            (b"\x1f\x8b\x08", compressed(ContentEncoding::Gzip)),
            (b"\x28\xb5\x2f\xfd", compressed(ContentEncoding::Zstd)),
            (b"\x28\xb5\x2f", None),
            (b"(b", Some(Other)),
            (b"\xff\xfe{\0", Some(Wide)),
            (b"\xfe\xff\0{", Some(Wide)),
            (b"{\0\"\0", Some(Wide)),
            (b"\0{\0\"", Some(Wide)),
            (b"\0\0\0{", Some(Wide)),
            (b"d\0a\0", Some(Wide)),
        ] {
            assert_eq!(BodyStart::detect(body), want, "{:?}", String::from_utf8_lossy(body));
        }
        assert_eq!(BodyStart::detect(&[b'\n'; 5000]), Some(Json));
        assert_eq!(BodyStart::detect(&[b' '; BodyStart::MAX_BYTES]), Some(Json));
    }

    #[test]
    fn lines_that_are_one_value() {
        for (line, want) in [
            (r#"{"a":1}"#, true),
            (r#" [{"a":"}"}] "#, true),
            (r#"{"a":"\"}"}"#, true),
            ("{", false),
            (r#"{"a":"#, false),
            ("{}{}", false),
            ("", false),
            ("1", false),
        ] {
            assert_eq!(is_json_line(line.as_bytes()), want, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_kind(
            start in prop::collection::vec(prop::sample::select(vec![
                &b"\xef\xbb\xbf"[..], b"\n", b" ", b"\r", b"da", b"ta", b":", b"DATA: ", b"event", b"{", b"[", b"\0", b"x", b"\x28\xb5",
                b"\x2f\xfd", b"\x1f", b"\x8b", b"\xff", b"\xfe", b"\xef",
            ]), 0..8),
            at in any::<prop::sample::Index>(),
        ) {
            let body = start.concat();
            let part = BodyStart::detect(&body[..at.index(body.len() + 1)]);
            prop_assert!(part.is_none() || part == BodyStart::detect(&body));
        }
    }
}
