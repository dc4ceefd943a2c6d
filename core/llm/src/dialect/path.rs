//! Lenient path matching: case, percent-encoding, dot segments and `;` parameters are normalised.

use std::borrow::Cow;

use crate::Span;

/// Path of a dialect, below any prefix.
///
/// Its segments are literals, `{model}` (one segment, the model), `{model...}` (one or more segments), `{model}:verb`
/// (a segment whose last colon separates the model from the verb) or `{any}` (one segment of any content).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pattern {
    /// Segments, separated by `/`.
    pub(crate) path: &'static str,
    /// `true` if the path requests a streamed response.
    pub(crate) stream: bool,
    /// Prefixes below which the path is certainly that of the dialect.
    pub(crate) prefix: Prefix,
}

/// Prefixes below which a path is certainly that of an LLM API. Below others, the body of the request decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefix {
    /// All prefixes: no other service has such paths.
    Any,
    /// None at all, or one that ends in a version or the name of a provider.
    Known,
    /// One that ends in the name of a provider. Other services have such paths at the root, too.
    Provider,
}

impl Pattern {
    /// Creates a pattern for a path that does not determine whether the response is streamed.
    pub(crate) const fn new(path: &'static str) -> Pattern {
        Pattern { path, stream: false, prefix: Prefix::Any }
    }

    /// Creates a pattern for a path that requests a streamed response.
    pub(crate) const fn stream(path: &'static str) -> Pattern {
        Pattern { stream: true, ..Pattern::new(path) }
    }

    /// Creates a pattern for a path that other services have as well, below prefixes of their own.
    pub(crate) const fn ambiguous(path: &'static str) -> Pattern {
        Pattern { prefix: Prefix::Known, ..Pattern::new(path) }
    }

    /// Creates a pattern for a path that other services have as well, even at the root.
    pub(crate) const fn common(path: &'static str) -> Pattern {
        Pattern { prefix: Prefix::Provider, ..Pattern::new(path) }
    }

    /// Returns the specificity: of two matching patterns, the one with the higher rank wins.
    pub(crate) fn rank(&self) -> usize {
        let of_word = |word: &str| match word.starts_with('{') {
            true if word.contains("}:") => 7,
            true => 6,
            false => 8,
        };
        self.path.split('/').map(of_word).sum()
    }

    /// Matches the end of a path; returns the model if the pattern has one.
    pub(crate) fn matches(&self, path: &Path<'_>) -> Option<Option<Model>> {
        self.find(path).map(|(model, _)| model)
    }

    /// Matches the end of a path; also returns the number of segments that belong to the pattern.
    pub(crate) fn find(&self, path: &Path<'_>) -> Option<(Option<Model>, usize)> {
        let mut segments = path.segments.iter();
        let mut model = None;
        let mut words = self.path.rsplit('/').peekable();
        while let Some(word) = words.next() {
            let segment = segments.next()?;
            let text = path.text(segment);
            match word {
                "{any}" => {}
                "{model}" => model = Some(segment.clone()),
                "{model...}" => {
                    let stop = words.next()?;
                    let mut first = segment;
                    loop {
                        let next = segments.next()?;
                        if is(path.text(next), stop) {
                            break;
                        }
                        first = next;
                    }
                    model = Some(first.start..segment.end);
                }
                word => match word.strip_prefix("{model}:") {
                    Some(verb) => {
                        let colon = memchr::memrchr(b':', text)?;
                        debug_assert!(colon < text.len(), "position inside of the segment");
                        if !is(text.get(colon + 1..).unwrap_or_default(), verb) {
                            return None;
                        }
                        model = Some(segment.start..segment.start + colon);
                    }
                    None if is(text, word) => {}
                    None => return None,
                },
            }
        }
        let model = model.map(|range| Model {
            name: String::from_utf8_lossy(path.text(&range)).into_owned(),
            span: Span::new(path.raw(range.start), path.raw(range.end)),
        });
        Some((model, path.segments.len().saturating_sub(segments.len())))
    }
}

/// Model named in a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Model {
    /// Percent-decoded name.
    pub(crate) name: String,
    /// Position of the name in the original path.
    pub(crate) span: Span,
}

/// Returns `true` if a segment is this literal, in any case.
pub(crate) fn is(segment: &[u8], word: &str) -> bool {
    segment.eq_ignore_ascii_case(word.as_bytes())
}

/// Number of segments that are considered, from the end.
const MAX_SEGMENTS: usize = 32;

/// Normalised path without its query. It combines the normalisations of all servers: percent-decoding, `\` as `/`,
/// removal of `;` parameters, of white space and control characters around a segment (Starlette's routes match before a
/// final line feed), and of empty and `.` segments, and resolution of `..`. Literals are compared without case.
///
/// This is more lenient than any single server, on purpose: a call that is mistaken for an LLM call is inspected or
/// refused, but one that is not recognised passes uninspected.
#[derive(Debug)]
pub(crate) struct Path<'p> {
    decoded: Cow<'p, [u8]>,
    /// Offset of each decoded byte in the original path; empty if nothing was decoded.
    offsets: Vec<usize>,
    /// Ranges of the decoded segments, last one first.
    segments: Vec<std::ops::Range<usize>>,
    /// `true` if the path has more segments than are considered, or dot segments.
    is_irregular: bool,
}

impl<'p> Path<'p> {
    /// Normalises a path.
    pub(crate) fn new(path: &'p [u8]) -> Path<'p> {
        let path = path.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
        let (decoded, offsets) = decode(path);
        let mut segments = Vec::new();
        let (mut skip, mut has_dots) = (0, false);
        let mut end = decoded.len();
        let mut is_cut = true;
        while segments.len() < MAX_SEGMENTS {
            debug_assert!(end <= decoded.len(), "end inside of the path");
            let before = decoded.get(..end).unwrap_or_default();
            let slash = memchr::memrchr2(b'/', b'\\', before);
            let start = slash.map_or(0, |at| at + 1);
            let segment = trimmed(&decoded, start, end);
            match decoded.get(segment.clone()).unwrap_or_default() {
                b"" | b"." => {}
                b".." => {
                    skip += 1;
                    has_dots = true;
                }
                _ if skip > 0 => skip -= 1,
                _ => segments.push(segment),
            }
            match slash {
                Some(at) => end = at,
                None => {
                    is_cut = false;
                    break;
                }
            }
        }
        Path { decoded, offsets, segments, is_irregular: has_dots || is_cut }
    }

    /// Returns the number of segments.
    pub(crate) fn len(&self) -> usize {
        self.segments.len()
    }

    /// Returns a segment, counted from the end.
    pub(crate) fn segment_from_end(&self, index: usize) -> Option<&[u8]> {
        self.segments.get(index).map(|range| self.text(range))
    }

    /// Returns a segment, counted from the beginning. For a path with more segments than are considered, the beginning is
    /// that of the considered ones.
    pub(crate) fn segment(&self, index: usize) -> Option<&[u8]> {
        self.segment_from_end(self.len().checked_sub(index.checked_add(1)?)?)
    }

    /// Returns the first segment as it was sent, before dot segments are resolved.
    pub(crate) fn first_sent(&self) -> &[u8] {
        let is_slash = |byte: &u8| matches!(byte, b'/' | b'\\');
        let from = self.decoded.iter().position(|byte| !is_slash(byte)).unwrap_or(self.decoded.len());
        let rest = self.decoded.get(from..).unwrap_or_default();
        let end = rest.iter().position(is_slash).unwrap_or(rest.len());
        self.text(&trimmed(&self.decoded, from, from + end))
    }

    /// Returns `true` if the path has dot segments, or more segments than are considered: servers may differ in where it
    /// begins.
    pub(crate) fn is_irregular(&self) -> bool {
        self.is_irregular
    }

    /// Returns `true` if the whole path is this one, in any case.
    pub(crate) fn is_exactly(&self, path: &str) -> bool {
        let words = path.rsplit('/').filter(|word| !word.is_empty());
        let mut segments = self.segments.iter();
        let are_equal = words.into_iter().all(|word| segments.next().is_some_and(|own| is(self.text(own), word)));
        are_equal && segments.next().is_none()
    }

    /// Returns the decoded bytes of a range.
    fn text(&self, range: &std::ops::Range<usize>) -> &[u8] {
        debug_assert!(self.decoded.get(range.clone()).is_some(), "range of this path");
        self.decoded.get(range.clone()).unwrap_or_default()
    }

    /// Returns the offset of a decoded byte in the original path.
    fn raw(&self, at: usize) -> usize {
        debug_assert!(self.offsets.is_empty() || at < self.offsets.len(), "position in this path");
        if self.offsets.is_empty() { at } else { self.offsets.get(at).copied().unwrap_or_default() }
    }
}

/// Returns the range of a segment without parameters and surrounding white space.
fn trimmed(path: &[u8], start: usize, end: usize) -> std::ops::Range<usize> {
    debug_assert!(path.get(start..end).is_some(), "range of this path");
    let segment = path.get(start..end).unwrap_or_default();
    let mut segment = segment.get(..memchr::memchr(b';', segment).unwrap_or(segment.len())).unwrap_or_default();
    let mut start = start;
    while let [0..=b' ' | 0x7f, rest @ ..] = segment {
        segment = rest;
        start += 1;
    }
    while let [rest @ .., 0..=b' ' | 0x7f] = segment {
        segment = rest;
    }
    start..start + segment.len()
}

/// Percent-decodes a path. Returns the decoded bytes and their offsets in the path, followed by the offset of its end;
/// no offsets if nothing was encoded.
fn decode(path: &[u8]) -> (Cow<'_, [u8]>, Vec<usize>) {
    if !path.contains(&b'%') {
        return (Cow::Borrowed(path), Vec::new());
    }
    let (mut out, mut offsets) = (Vec::with_capacity(path.len()), Vec::with_capacity(path.len() + 1));
    let mut at = 0;
    while let Some(byte) = path.get(at) {
        offsets.push(at);
        let digit = |at: usize| path.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.extend(u8::try_from(high * 16 + low));
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    offsets.push(path.len());
    (Cow::Owned(out), offsets)
}

/// Appends a name as one segment of a path (RFC 3986, section 3.3): all but unreserved characters, `:` and `@` are
/// percent-encoded.
pub(crate) fn encode(name: &str, out: &mut Vec<u8>) {
    const HEX: [u8; 16] = *b"0123456789ABCDEF";
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':' | b'@') {
            out.push(byte);
        } else {
            out.push(b'%');
            out.extend([byte >> 4, byte & 15].iter().filter_map(|nibble| HEX.get(usize::from(*nibble))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(pattern: &'static str, path: &str) -> Option<Option<String>> {
        let found = Pattern::new(pattern).matches(&Path::new(path.as_bytes()))?;
        Some(found.map(|model| {
            // Decoding the span gives the name.
            let (decoded, _) = decode(&path.as_bytes()[model.span.start..model.span.end]);
            assert_eq!(String::from_utf8_lossy(&decoded), model.name, "{path}");
            model.name
        }))
    }

    #[test]
    fn equivalent_paths_match() {
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
            assert_eq!(matched("chat/completions", path).is_some(), want, "{path}");
        }
    }

    #[test]
    fn model_is_found_in_a_path() {
        let some = |name: &str| Some(Some(name.to_owned()));
        for (pattern, path, want) in [
            ("deployments/{model}/chat/completions", "/openai/deployments/gpt-4o/chat/completions?a=b", some("gpt-4o")),
            (
                "deployments/{model}/chat/completions",
                "/openai/Deployments/my%20one;x/chat/completions/",
                some("my one"),
            ),
            ("deployments/{model}/chat/completions", "/deployments/chat/completions", None),
            (
                "models/{model}:generateContent",
                "/v1beta/models/gemini-2.0-flash:generateContent",
                some("gemini-2.0-flash"),
            ),
            ("models/{model}:generateContent", "/v1/models/a:b%3AGENERATECONTENT", some("a:b")),
            ("models/{model}:generateContent", "/v1beta/models/gemini:streamGenerateContent", None),
            ("models/{model}:generateContent", "/v1beta/models/generateContent", None),
            ("model/{model...}/converse", "/model/anthropic.claude-v1:0/converse", some("anthropic.claude-v1:0")),
            ("model/{model...}/converse", "/model/arn%3Aaws%3Ab%3Ainf%2Fus.x/converse", some("arn:aws:b:inf/us.x")),
            ("model/{model...}/converse", "/model/arn:aws:b:inf/us.x/converse", some("arn:aws:b:inf/us.x")),
            ("model/{model...}/converse", "/model/converse", None),
            ("model/{model...}/converse", "/x/y/converse", None),
            ("threads/{any}/messages", "/v1/threads/t1/messages", Some(None)),
        ] {
            assert_eq!(matched(pattern, path), want, "{pattern} {path}");
        }
    }

    #[test]
    fn encoded_name_is_one_segment() {
        for (name, want) in [("gpt-4o", "gpt-4o"), ("a/b c?é", "a%2Fb%20c%3F%C3%A9"), ("m:0@x~_.", "m:0@x~_.")] {
            let mut out = Vec::new();
            encode(name, &mut out);
            assert_eq!(out, want.as_bytes());
        }
    }
}
