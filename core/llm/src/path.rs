//! What a path is, to a server that is generous about it.

use std::borrow::Cow;

/// Whether the path, without its query, ends in these segments.
///
/// Compared after what servers do to a path, all at once: percent-decoding, `\` as `/`, parameters after `;` cut off,
/// white space and control characters around a segment dropped (Starlette's routes match in front of a final line feed),
/// empty and `.` segments dropped, `..` resolved, case ignored. This takes more paths for the same than any one server
/// does: a call taken for an LLM call by mistake is refused or read, one not recognised passes unread.
pub(crate) fn ends_with(path: &[u8], tail: &[&str]) -> bool {
    let path = path.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
    let path = decode(path);
    let mut skip = 0;
    let mut segments = path
        .rsplit(|byte| matches!(byte, b'/' | b'\\'))
        .map(|segment| trim(segment.split(|byte| *byte == b';').next().unwrap_or_default()))
        .filter(|segment| match *segment {
            b"" | b"." => false,
            b".." => {
                skip += 1;
                false
            }
            _ if skip > 0 => {
                skip -= 1;
                false
            }
            _ => true,
        });
    tail.iter().rev().all(|want| segments.next().is_some_and(|segment| segment.eq_ignore_ascii_case(want.as_bytes())))
}

fn trim(mut segment: &[u8]) -> &[u8] {
    while let [0..=b' ' | 0x7f, rest @ ..] | [rest @ .., 0..=b' ' | 0x7f] = segment {
        segment = rest;
    }
    segment
}

fn decode(path: &[u8]) -> Cow<'_, [u8]> {
    if !path.contains(&b'%') {
        return Cow::Borrowed(path);
    }
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                out.extend(u8::try_from(high * 16 + low));
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_path() {
        for (path, want) in [
            ("/v1/chat/completions", true),
            ("chat/completions", true),
            ("/v1/chat/completions/", true),
            ("/v1//chat///completions", true),
            ("/v1/chat/./completions/.", true),
            ("/v1/chat/x/../completions", true),
            ("/v1/chat/x/y/../../completions", true),
            ("/v1/chat/completions/..", false),
            ("/v1/chat/completions/x/..", true),
            ("/v1/chat/%63ompletions", true),
            ("/v1/chat%2Fcompletions", true),
            ("/v1/chat%2fcompletion%73?x=%2F", true),
            ("/v1/Chat/COMPLETIONS", true),
            ("/v1/chat;a=b/completions;c", true),
            ("/v1\\chat\\completions", true),
            ("/v1/chat/completions%", false),
            ("/v1/chat/completions%2", false),
            ("/v1/chat/completions%0a", true),
            ("/v1/chat%20/%09completions%0D%0A", true),
            ("/v1/chat/completions%00", true),
            ("/v1/chat/completions%20x", false),
            ("/v1/chat/completions%3fx", false),
            ("/v1/chat/completionsx", false),
            ("/../../..", false),
            ("/completions", false),
            ("%", false),
            ("?", false),
        ] {
            assert_eq!(ends_with(path.as_bytes(), &["chat", "completions"]), want, "{path}");
        }
    }
}
