//! Markup inside of words: comments, tags, emphasis, and string literals that are joined.

use super::Encoded;

/// Longest comment, tag and joint that is removed.
const MAX_COMMENT: usize = 256;
const MAX_TAG: usize = 256;
const MAX_JOINT: usize = 48;
/// Tags that do not separate words.
const INLINE: [&[u8]; 24] = [
    b"a", b"abbr", b"b", b"bdi", b"bdo", b"big", b"code", b"del", b"dfn", b"em", b"font", b"i", b"ins", b"mark", b"q",
    b"s", b"small", b"span", b"strong", b"sub", b"sup", b"tt", b"u", b"wbr",
];

/// Removes a comment or an inline tag.
pub(super) fn tag(previous: u8, rest: &[u8]) -> Option<Encoded> {
    let tag = tag_at(rest)?;
    let is_behind = previous.is_ascii_alphanumeric();
    let is_before = rest.get(tag.len).is_some_and(u8::is_ascii_alphanumeric);
    // Nothing is displayed of a comment, so that it also splits what has spaces.
    let hides = if rest.starts_with(b"<!--") { is_behind || is_before } else { is_behind && is_before };
    Some(if hides { tag } else { tag.separating() })
}

fn tag_at(rest: &[u8]) -> Option<Encoded> {
    if let Some(comment) = rest.strip_prefix(b"<!--") {
        let end = comment.windows(3).take(MAX_COMMENT).position(|end| end == b"-->")?;
        return Some(Encoded::new(4 + end + 3, ""));
    }
    let inner = rest.get(1..)?;
    let len = inner.iter().take(MAX_TAG).position(|byte| matches!(byte, b'>' | b'<'))?;
    let inner = inner.get(..len).filter(|_| rest.get(1 + len) == Some(&b'>'))?;
    let name = inner.strip_prefix(b"/").unwrap_or(inner);
    let name = name.split(|byte| !byte.is_ascii_alphanumeric()).next()?.to_ascii_lowercase();
    INLINE.contains(&name.as_slice()).then(|| Encoded::new(len + 2, ""))
}

/// Removes emphasis between two letters, such as `**`.
pub(super) fn emphasis(previous: u8, rest: &[u8]) -> Option<Encoded> {
    let mark = rest.first()?;
    let len = rest.iter().take(4).take_while(|byte| *byte == mark).count();
    let is_inside = previous.is_ascii_alphanumeric() && rest.get(len).is_some_and(u8::is_ascii_alphanumeric);
    (is_inside && len < 4 && (*mark != b'_' || len > 1)).then(|| Encoded::new(len, ""))
}

/// Removes what joins two string literals: `" + "`, or `"; b = "`.
pub(super) fn joint(rest: &[u8]) -> Option<Encoded> {
    let quote = *rest.first()?;
    let rest = rest.get(1..rest.len().min(MAX_JOINT))?;
    let len = rest.iter().position(|byte| *byte == quote)?;
    let between = rest.get(..len)?;
    let is_operator = matches!(between.trim_ascii(), b"+" | b"." | b"&" | b".." | b"++" | b"\\");
    (is_operator || is_assignment(between)).then(|| Encoded::new(len + 2, ""))
}

/// Returns `true` for `; b =`, or `b =` on a new line: the end of an assignment and the beginning of the next one.
fn is_assignment(between: &[u8]) -> bool {
    let Some(target) = between.trim_ascii_end().strip_suffix(b"=") else { return false };
    let target = target.trim_ascii_end();
    let name = target.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let before = target.get(..target.len() - name).unwrap_or_default();
    (1..=16).contains(&name) && (matches!(before.trim_ascii(), b";" | b"," | b"+") || before.contains(&b'\n'))
}
