use super::*;
use proptest::prelude::*;

/// Raw bytes and data.
type Seen = (Vec<u8>, Option<Vec<u8>>);

fn frame<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, max: usize) -> Result<Vec<Seen>, (usize, Vec<u8>)> {
    let mut framer = JsonLinesFramer::new(max);
    let mut events = Vec::new();
    let mut each = |event: JsonLine<'_>| {
        events.push((event.raw().to_vec(), event.data().map(Cow::into_owned)));
        Ok::<(), ()>(())
    };
    for piece in pieces {
        if let Err(error) = framer.push(piece, &mut each) {
            assert_eq!(error, FrameError::TooLarge);
            let pending = framer.pending().to_vec();
            return Err((events.len(), pending));
        }
    }
    framer.finish(&mut each).unwrap();
    assert_eq!(framer.pending(), b"");
    Ok(events)
}

#[test]
fn splits_a_body_into_lines() {
    for (body, want) in [
        ("", &[][..]),
        ("{}\n", &[("{}\n", Some("{}"))]),
        ("{}", &[("{}", Some("{}"))]),
        (" {} \r\n", &[(" {} \r\n", Some("{}"))]),
        ("\n\r\n", &[("\n", None), ("\r\n", None)]),
        ("1\n2\n ", &[("1\n", Some("1")), ("2\n", Some("2")), (" ", None)]),
        ("{}\r{}\n", &[("{}\r{}\n", Some("{}\r{}"))]),
        ("\u{b}{}\n", &[("\u{b}{}\n", Some("\u{b}{}"))]),
        ("\u{feff}{}\n", &[("\u{feff}{}\n", Some("\u{feff}{}"))]),
    ] {
        let want: Vec<Seen> = want
            .iter()
            .map(|(raw, data)| (raw.as_bytes().to_vec(), data.map(|data: &str| data.as_bytes().to_vec())))
            .collect();
        for size in 1..=body.len().max(1) {
            assert_eq!(frame(body.as_bytes().chunks(size), 64), Ok(want.clone()), "{body:?} {size}");
        }
    }
}

#[test]
fn data_is_replaced_in_place() {
    for (line, want) in
        [("{}\n", "[1]\n"), ("\t{ }  \r\n", "\t[1]  \r\n"), ("{}", "[1]"), ("\r\n", "\r\n"), ("  ", "  ")]
    {
        let mut out = Vec::new();
        JsonLine { raw: line.as_bytes() }.with_data(b"[1]", &mut out);
        assert_eq!(String::from_utf8_lossy(&out), want);
    }
}

#[test]
fn oversized_line_stays_pending() {
    assert_eq!(frame([&b"1\n12345678"[..]], 4), Err((1, b"12345678".to_vec())));
    assert_eq!(frame([&b"1\n12345\n1\n"[..]], 4), Err((1, b"12345\n1\n".to_vec())));
    assert!(frame([&b"123\n123\n"[..]], 4).is_ok());
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_lines(body in "[ {}\\n\\r1]{0,40}", cut in prop::collection::vec(0usize..41, 0..6)) {
        let mut cut: Vec<usize> = cut.into_iter().map(|at| at.min(body.len())).chain([0, body.len()]).collect();
        cut.sort_unstable();
        let whole = frame([body.as_bytes()], 64).unwrap();
        let raw: Vec<u8> = whole.iter().flat_map(|event| &event.0).copied().collect();
        prop_assert_eq!(raw, body.as_bytes());
        let pieces = cut.windows(2).map(|pair| &body.as_bytes()[pair[0]..pair[1]]);
        prop_assert_eq!(frame(pieces, 64).unwrap(), whole);
    }
}
