//! Literals and edits: ranges of the text map to raw bytes and back.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a target may panic")]

use tollgate_llm::{Dialect, Edits, ParseLimits, Request, Span, escape_into};

/// The first bytes are ranges, the rest is raw JSON string content.
const SEEDS: &[&[u8]] = &[
    b"\x00\x05\x03\x09plain text",
    b"\x01\x02\x02\x06a\\n\\u00e9\\ud83d\\ude00b",
    b"\x00\x01\x04\x20\xc3\xa9\xf0\x9f\x98\x80\\\"\\\\\\/",
];

fn property(input: &[u8]) {
    let Some((ranges, content)) = input.split_at_checked(4) else { return };
    let body = [b"{\"x\":\"", content, b"\"}"].concat();
    let Ok(request) = Request::parse(Dialect::OpenAiChat, &body, &ParseLimits::default()) else { return };
    // The content may hold a quote and more members.
    let Some(str) = request.texts.get(1).map(|text| text.str) else { return };
    let text = str.decode(&body);
    assert!(str.is(&body, &text));

    let ranges: Vec<_> = ranges.chunks(2).map(|pair| usize::from(pair[0])..usize::from(pair[1])).collect();
    let mut spans = Vec::new();
    str.raw_many(&body, &ranges, &mut spans);
    let mut edits = Edits::new();
    let mut want = Some(text.clone().into_owned());
    for (range, span) in ranges.iter().zip(&spans) {
        assert_eq!(*span, str.raw(&body, range.clone()));
        assert!(str.span.contains(*span));
        let exact = text.get(range.clone());
        if let Some(exact) = exact {
            let literal = [b"\"", span.of(&body), b"\""].concat();
            assert_eq!(serde_json::from_slice::<String>(&literal).unwrap(), exact);
        }
        let added = edits.replace_text(*span, "\u{0}new\"");
        // One edit only, so that the oracle stays simple.
        want = want.filter(|_| ranges[0] == *range || added.is_err());
        if ranges[0] == *range && exact.is_some() {
            want = Some([&text[..range.start], "\u{0}new\"", &text[range.end..]].concat());
        }
    }
    let edited = edits.apply(&body);
    let view = Request::parse(Dialect::OpenAiChat, &edited, &ParseLimits::default()).unwrap();
    if let Some(want) = want.filter(|_| edits.len() == 1 && text.get(ranges[0].clone()).is_some()) {
        assert_eq!(view.texts[1].str.decode(&edited), want);
    }

    // Any text survives a round trip through a literal.
    let any = String::from_utf8_lossy(content);
    let mut literal = vec![b'"'];
    escape_into(&any, &mut literal);
    literal.push(b'"');
    assert_eq!(serde_json::from_slice::<String>(&literal).unwrap(), any);
    let whole = Span::new(0, body.len());
    assert_eq!(whole.of(&body), body);
}

tollgate_fuzz::target!(llm_edits, SEEDS, property);
