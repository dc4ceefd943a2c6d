//! SSE framer: any chunking gives the same events, and every byte is handed out.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a target may panic")]

use tollgate_llm::FrameError;
use tollgate_llm::sse::{SseEvent, SseFramer};

/// The first byte selects the chunk size.
const SEEDS: &[&[u8]] = &[
    b"\x03data: {\"a\":1}\n\ndata: [DONE]\n\n",
    b"\x01\xef\xbb\xbfevent: e\r\ndata: a\r\ndata: b\r\n\r\n: ping\r\n\r\n",
    b"\x02data:a\r\rdata\r\rid: 1\rretry: 2\r\r",
    b"\x05\n\n\r\n\r\ndata: x",
];

const MAX: usize = 300;

/// Raw bytes, name and data.
type Seen = (Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>);

fn frame<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Seen>, Vec<u8>) {
    let mut framer = SseFramer::new(MAX);
    let mut events: Vec<Seen> = Vec::new();
    for piece in pieces {
        let pushed = framer.push(piece, |event| {
            assert!(event.raw().len() <= MAX);
            events.push((
                event.raw().to_vec(),
                event.name().map(<[u8]>::to_vec),
                event.data().map(|data| data.into_owned()),
            ));
            Ok::<(), ()>(())
        });
        assert_ne!(pushed, Err(FrameError::Callback(())));
        if pushed.is_err() {
            assert!(framer.pending().len() > MAX);
            return (events, framer.pending().to_vec());
        }
        assert!(framer.pending().len() <= MAX);
    }
    (events, framer.pending().to_vec())
}

fn property(input: &[u8]) {
    let (size, body) = input.split_first().map_or((1, input), |(first, body)| (usize::from(first % 32) + 1, body));
    let (events, pending) = frame([body].into_iter());
    let raw: Vec<u8> = events.iter().flat_map(|event| &event.0).chain(&pending).copied().collect();
    assert_eq!(raw, body);
    let (in_pieces, left) = frame(body.chunks(size));
    assert_eq!(events, in_pieces);
    assert!(pending.starts_with(&left));

    let mut framer = SseFramer::new(usize::MAX);
    let mut edited = Vec::new();
    let mut count = 0;
    let mut each = |event: SseEvent<'_>| {
        count += usize::from(event.data().is_some());
        event.with_data(b" new\nlines", &mut edited);
        Ok::<(), ()>(())
    };
    framer.push(body, &mut each).unwrap();
    framer.finish(&mut each).unwrap();
    let mut again = SseFramer::new(usize::MAX);
    let mut data = Vec::new();
    let mut each = |event: SseEvent<'_>| {
        data.extend(event.data().map(|data| data.into_owned()));
        Ok::<(), ()>(())
    };
    again.push(&edited, &mut each).unwrap();
    again.finish(&mut each).unwrap();
    assert_eq!(data, vec![b" new\nlines".to_vec(); count]);
}

tollgate_fuzz::target!(llm_sse, SEEDS, property);
