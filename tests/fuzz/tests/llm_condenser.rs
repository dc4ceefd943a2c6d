//! Condensing of responses: any split gives the same copy, and a copy of JSON is JSON with the same usage.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a target may panic")]

use tollgate_llm::{Condenser, Detail, Dialect, ParseLimits, Response};

/// Seeds; the first byte is the size of the reads, the second one the detail.
const SEEDS: &[&[u8]] = &[
    b"\x03\x00{\"data\":[{\"b64_json\":\"iVBORw0KGgo\"}],\"usage\":{\"input_tokens\":5,\"output_tokens\":40}}",
    b"\x01\x01{\"object\":\"response\",\"tools\":[{\"a\":\"]\\\"\"}],\"instructions\":\"x\",\"usage\":{\"input_tokens\":1}}",
    b"\x07\x02{\"choices\":[{\"message\":{\"content\":\"a\\u00e9\\ud83d\"}},{\"x\":[1,2,3]}],\"usage\":{\"total_tokens\":3}}",
    b"\x02\x00{\"data\":[{\"embedding\":[0.1,-2e5,3 , 4]}],\"model\":\"m\"}",
];

fn condense(body: &[u8], detail: Detail, size: usize) -> Vec<u8> {
    let (mut condenser, mut out) = (Condenser::new(Dialect::OpenAiResponses, false), Vec::new());
    condenser.set_detail(detail);
    body.chunks(size.max(1)).for_each(|piece| condenser.push(piece, &mut out));
    condenser.finish(&mut out);
    out
}

fn property(input: &[u8]) {
    let [size, detail, body @ ..] = input else { return };
    let detail = [Detail::Full, Detail::ShortTexts, Detail::Outline][usize::from(*detail % 3)];
    let whole = condense(body, detail, body.len());
    assert_eq!(condense(body, detail, usize::from(*size)), whole);
    let limits = ParseLimits::default();
    let Ok(original) = Response::parse(Dialect::OpenAiResponses, body, &limits) else { return };
    let copy = Response::parse(Dialect::OpenAiResponses, &whole, &limits);
    let copy = copy.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&whole)));
    if detail != Detail::Outline {
        assert_eq!(copy.usage, original.usage);
    }
}

tollgate_fuzz::target!(llm_condenser, SEEDS, property);
