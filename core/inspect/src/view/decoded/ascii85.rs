//! Ascii85.

use super::Encoded;
use super::printable;

/// Shortest and longest run that is decoded.
const MIN_RUN: usize = 20;
const MAX_RUN: usize = 64 * 1024;
/// Minimum number of signs in a run: words have none, addresses and paths have fewer.
const MIN_SIGNS: usize = 3;
/// Number of bytes after which a run that is no text is given up.
const PROBE: usize = 16;

/// Returns `true` for a text that names the encoding, such as `ascii85`, `Base-85` and `a85`, or has its mark: words of signs are
/// frequent otherwise.
pub(super) fn is_named(text: &str) -> bool {
    let names = |at: usize| {
        let before = text.as_bytes().get(..at).unwrap_or_default();
        let is_joint = |byte: &u8| matches!(byte, b' ' | b'-' | b'_');
        let joints = before.iter().rev().take(2).take_while(|byte| is_joint(byte)).count();
        let name = before.get(before.len().saturating_sub(joints + 5)..before.len() - joints).unwrap_or_default();
        let name = name.to_ascii_lowercase();
        name.ends_with(b"ascii")
            || name.ends_with(b"base")
            || joints == 0 && name.last().is_some_and(u8::is_ascii_lowercase)
    };
    text.match_indices("85").any(|(at, _)| names(at)) || text.contains("<~")
}

/// Decodes the word at the beginning of `rest`. `None` if it is none in Ascii85.
pub(super) fn decode(rest: &[u8]) -> Option<Encoded> {
    let mark = if rest.starts_with(b"<~") { 2 } else { 0 };
    let rest = rest.get(mark..)?;
    let len = rest.iter().take(MAX_RUN).take_while(|byte| matches!(byte, b'!'..=b'u')).count();
    let run = rest.get(..len).filter(|run| run.len() >= MIN_RUN)?;
    if run.iter().filter(|byte| !byte.is_ascii_alphanumeric()).count() < MIN_SIGNS {
        return None;
    }
    let mut bytes = Vec::with_capacity(len / 5 * 4 + 4);
    for group in run.chunks(5) {
        let digit = |at: usize| u64::from(group.get(at).map_or(84, |byte| byte - b'!'));
        let value = (0..5).fold(0, |value, at| value * 85 + digit(at));
        let word = u32::try_from(value).ok()?.to_be_bytes();
        bytes.extend(word.iter().take(group.len() - 1));
        if bytes.len() == PROBE && !printable::may_be_text(&bytes) {
            return None;
        }
    }
    let end = if rest.get(len..)?.starts_with(b"~>") { 2 } else { 0 };
    Some(Encoded::new(mark + len + end, printable::text(bytes)?))
}
