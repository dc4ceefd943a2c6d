//! Framers of JSON lines, JSON arrays and binary event streams: any chunking gives the same events, every byte is
//! handed out, and edited events are framed correctly.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a target may panic")]

use tollgate_llm::event_stream::{self, EventStreamFramer};
use tollgate_llm::json_array::JsonArrayFramer;
use tollgate_llm::json_lines::JsonLinesFramer;

/// The first byte selects the chunk size.
const SEEDS: &[&[u8]] = &[
    b"\x03[{\"a\":\"}]\\\"\"}\n,\r\n{\"b\":[1]}\n]\n",
    b"\x01{\"a\":1}\r\n\n{\"b\":2}\n{\"c\"",
    b"\x05[1, null , \"x\"]",
    b"\x02\0\0\0\x1d\0\0\0\0\xfd\x52\x8c\x5a{'foo':'bar'}\xc3\x65\x39\x36\0\0\0\x10\0\0\0\0\x05\xc2\x48\xeb\x7d\x98\xc8\xff",
    b"\x04\0\0\0\x3d\0\0\0\x20\x07\xfd\x83\x96\x0ccontent-type\x07\0\x10application/json{'foo':'bar'}\x8d\x9c\x08\xb1",
];

const MAX: usize = 300;

/// Raw bytes and data.
type Seen = (Vec<u8>, Option<Vec<u8>>);

/// Checks one framer through its public interface.
macro_rules! check {
    ($framer:ty, $input:expr, $size:expr) => {{
        let frame = |pieces: &mut dyn Iterator<Item = &[u8]>| {
            let mut framer = <$framer>::new(MAX);
            let mut events: Vec<Seen> = Vec::new();
            let mut error = None;
            for piece in pieces {
                let pushed = framer.push(piece, |event| {
                    assert!(event.raw().len() <= MAX);
                    events.push((event.raw().to_vec(), event.data().map(|data| data.into_owned())));
                    Ok::<(), ()>(())
                });
                error = error.or(pushed.err());
            }
            let mut out: Vec<u8> = events.iter().flat_map(|event| event.0.iter().copied()).collect();
            out.extend_from_slice(framer.pending());
            (events, out, error)
        };
        let input: &[u8] = $input;
        let (events, out, error) = frame(&mut [input].into_iter());
        let (split, split_out, split_error) = frame(&mut input.chunks($size));
        // After an error nothing is consumed, so only the earlier bytes were handed out.
        assert_eq!(out, input);
        assert!(input.starts_with(&split_out));
        assert_eq!(error, split_error);
        assert_eq!(events, split);

        let (mut edited, mut count) = (Vec::new(), 0);
        let mut framer = <$framer>::new(usize::MAX);
        let pushed = framer.push(input, |event| {
            event.with_data(b"{\"new\":1}", &mut edited);
            count += usize::from(event.data().is_some());
            Ok::<(), ()>(())
        });
        if pushed.is_ok() {
            let mut data = Vec::new();
            <$framer>::new(usize::MAX)
                .push(&edited, |event| {
                    data.extend(event.data().map(|data| data.into_owned()));
                    Ok::<(), ()>(())
                })
                .unwrap();
            assert_eq!(data, vec![b"{\"new\":1}".to_vec(); count]);
        }
    }};
}

fn property(input: &[u8]) {
    let (size, body) = input.split_first().map_or((1, input), |(first, body)| (usize::from(first % 32) + 1, body));
    check!(JsonLinesFramer, body, size);
    check!(JsonArrayFramer, body, size);
    check!(EventStreamFramer, body, size);
    // Valid checksums reach further than random bytes do.
    let mut framed = Vec::new();
    event_stream::write(&[(":event-type", "chunk"), (":message-type", "event")], body, &mut framed);
    framed.extend_from_slice(body);
    check!(EventStreamFramer, &framed, size);
    // If all elements are valid JSON, they equal what a JSON parser reads from the array.
    if let Ok(serde_json::Value::Array(values)) = serde_json::from_slice(body) {
        let mut seen: Vec<serde_json::Value> = Vec::new();
        JsonArrayFramer::new(usize::MAX)
            .push(body, |event| {
                seen.extend(event.data().map(|data| serde_json::from_slice(&data).unwrap()));
                Ok::<(), ()>(())
            })
            .unwrap();
        assert_eq!(seen, values);
    }
}

tollgate_fuzz::target!(llm_frames, SEEDS, property);
