use super::*;
use proptest::prelude::*;

/// Raw bytes, name and data of an event.
type Seen = (Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>);

fn seen(event: SseEvent<'_>) -> Seen {
    (event.raw().to_vec(), event.name().map(<[u8]>::to_vec), event.data().map(Cow::into_owned))
}

/// Returns the events before the end, and those that `finish` adds.
fn frame<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, max: usize) -> (Vec<Seen>, Vec<Seen>, Option<Vec<u8>>) {
    let mut framer = SseFramer::new(max);
    let mut events = Vec::new();
    for piece in pieces {
        let pushed = framer.push(piece, |event| {
            events.push(seen(event));
            Ok::<(), ()>(())
        });
        if pushed.is_err() {
            assert_eq!(pushed, Err(FrameError::TooLarge));
            return (events, Vec::new(), Some(framer.pending().to_vec()));
        }
    }
    let mut last = Vec::new();
    framer
        .finish(|event| {
            last.push(seen(event));
            Ok::<(), ()>(())
        })
        .unwrap();
    assert_eq!(framer.pending(), b"");
    (events, last, None)
}

#[test]
fn splits_a_body_into_events() {
    type Case<'a> = (&'a str, &'a [(&'a str, Option<&'a str>, Option<&'a str>)]);
    let cases: &[Case<'_>] = &[
        ("", &[]),
        ("data: a\n\n", &[("data: a\n\n", None, Some("a"))]),
        ("data:a\r\n\r\n", &[("data:a\r\n\r\n", None, Some("a"))]),
        ("data:  a\r\r", &[("data:  a\r\r", None, Some(" a"))]),
        ("data\n\n", &[("data\n\n", None, Some(""))]),
        ("data:\n\n", &[("data:\n\n", None, Some(""))]),
        ("datax: a\n\n", &[("datax: a\n\n", None, None)]),
        ("event: e\ndata: a\n\n", &[("event: e\ndata: a\n\n", Some("e"), Some("a"))]),
        ("event: e\nevent: f\ndata: a\n\n", &[("event: e\nevent: f\ndata: a\n\n", Some("f"), Some("a"))]),
        ("data: a\ndata: b\r\ndata\n\n", &[("data: a\ndata: b\r\ndata\n\n", None, Some("a\nb\n"))]),
        (": ping\n\ndata: a\n\n", &[(": ping\n\n", None, None), ("data: a\n\n", None, Some("a"))]),
        (": ping\ndata: a\n\n", &[(": ping\ndata: a\n\n", None, Some("a"))]),
        ("retry: 9\nid: 1\n\n", &[("retry: 9\nid: 1\n\n", None, None)]),
        (
            "\n\r\n\rdata: a\n\n",
            &[("\n", None, None), ("\r\n", None, None), ("\r", None, None), ("data: a\n\n", None, Some("a"))],
        ),
        // If lines end in CR, an LF after an event is a separate empty line.
        ("data: a\r\r\n", &[("data: a\r\r", None, Some("a")), ("\n", None, None)]),
        (
            "data: a\r\r\ndata: b\r\r\r",
            &[
                ("data: a\r\r", None, Some("a")),
                ("\n", None, None),
                ("data: b\r\r", None, Some("b")),
                ("\r", None, None),
            ],
        ),
        ("data: a\r\n\rdata: b\r\n\r\n", &[("data: a\r\n\r", None, Some("a")), ("data: b\r\n\r\n", None, Some("b"))]),
        ("data: a\n", &[("data: a\n", None, Some("a"))]),
        ("data: a", &[("data: a", None, Some("a"))]),
        (": pi", &[(": pi", None, None)]),
        ("\u{feff}data: a\n\n", &[("\u{feff}data: a\n\n", None, Some("a"))]),
        ("\u{feff}\ndata: a\n\n", &[("\u{feff}\n", None, None), ("data: a\n\n", None, Some("a"))]),
        ("\u{feff}data: a", &[("\u{feff}data: a", None, Some("a"))]),
        ("\n\u{feff}data: a\n\n", &[("\n", None, None), ("\u{feff}data: a\n\n", None, None)]),
        ("\u{feff}\u{feff}data: a\n\n", &[("\u{feff}\u{feff}data: a\n\n", None, None)]),
    ];
    for (body, want) in cases {
        let (mut events, last, _) = frame([body.as_bytes()], 1 << 20);
        events.extend(last);
        let bytes = |text: &&str| text.as_bytes().to_vec();
        let want: Vec<Seen> = want
            .iter()
            .map(|(raw, name, data)| (bytes(raw), name.as_ref().map(bytes), data.as_ref().map(bytes)))
            .collect();
        assert_eq!(events, want, "{body:?}");
    }
}

#[test]
fn event_waits_for_lf_only_if_lines_end_in_crlf() {
    for (body, given_out) in [
        ("data: a\r\r", "data: a\r\r"),
        ("data: a\r\rdata: b\r\r", "data: a\r\rdata: b\r\r"),
        (": c\rdata: a\r\r\r", ": c\rdata: a\r\r\r"),
        ("data: a\r\n\r", ""),
        ("data: a\n\r", ""),
        ("id: 1\rdata: a\n\r", ""),
        ("data: a\r\rdata: b\n\n\r", "data: a\r\rdata: b\n\n"),
        ("data: a\r", ""),
    ] {
        for pieces in [vec![body.as_bytes()], body.as_bytes().chunks(1).collect()] {
            let (events, _, _) = frame(pieces, 64);
            let raw: Vec<u8> = events.into_iter().flat_map(|event| event.0).collect();
            assert_eq!(String::from_utf8_lossy(&raw), given_out, "{body:?}");
        }
    }
}

#[test]
fn partial_byte_order_mark_is_content() {
    for start in [&b"\xef"[..], b"\xef\xbb", b"\xef\xbb\xbe", b"\xef\xef\xbb\xbf"] {
        let first = [start, b"\n\n"].concat();
        let body = [&first[..], b"data: a\n\n"].concat();
        for pieces in [vec![&body[..]], body.chunks(1).collect()] {
            let (events, _, _) = frame(pieces, 64);
            let raw: Vec<&[u8]> = events.iter().map(|event| &event.0[..]).collect();
            assert_eq!(raw, [&first[..], b"data: a\n\n"]);
        }
    }
}

#[test]
fn data_is_replaced_in_place() {
    for (event, data, want) in [
        ("data: a\n\n", "b", "data: b\n\n"),
        ("data:a\r\n\r\n", "b", "data:b\r\n\r\n"),
        ("data:a\n\n", " b", "data:  b\n\n"),
        ("data: a\n\n", " b", "data:  b\n\n"),
        ("data\n\n", "b", "data:b\n\n"),
        ("data: a\n\n", "", "data: \n\n"),
        ("id: 1\ndata: a\n: c\nevent: e\n\n", "b", "id: 1\ndata: b\n: c\nevent: e\n\n"),
        ("data: a\ndata: b\nid: 1\n\n", "c", "data: c\nid: 1\n\n"),
        ("data: a\r\ndata: b\r\n\r\n", "c\nd\ne", "data: c\r\ndata: d\r\ndata: e\r\n\r\n"),
        ("data: a\n\n", "b\n", "data: b\ndata: \n\n"),
        ("data: a\n\n", "\n\n", "data: \ndata: \ndata: \n\n"),
        ("data: a\n\n", "b\r\nc\rd", "data: b\ndata: c\ndata: d\n\n"),
        ("data: a", "b\nc", "data: b\ndata: c"),
        ("\u{feff}data: a\n\n", "b", "\u{feff}data: b\n\n"),
        ("data:\rdata:\n\n", "b", "data:b\r\n\n"),
        (": ping\n\n", "b", ": ping\n\n"),
    ] {
        let mut framer = SseFramer::new(1 << 20);
        let mut out = Vec::new();
        let mut each = |event: SseEvent<'_>| {
            event.with_data(data.as_bytes(), &mut out);
            Ok::<(), ()>(())
        };
        framer.push(event.as_bytes(), &mut each).unwrap();
        framer.finish(&mut each).unwrap();
        assert_eq!(String::from_utf8_lossy(&out), want, "{event:?} {data:?}");
    }
}

#[test]
fn whole_events_are_not_copied() {
    let body = b"data: a\n\ndata: b\n\nda";
    let mut framer = SseFramer::new(64);
    framer
        .push(body, |event| {
            assert!(body.as_ptr_range().contains(&event.raw().as_ptr()));
            assert!(matches!(event.data(), Some(Cow::Borrowed(_))));
            Ok::<(), ()>(())
        })
        .unwrap();
    assert_eq!(framer.pending(), b"da");
}

#[test]
fn oversized_event_stays_pending() {
    let mut framer = SseFramer::new(10);
    let mut count = 0;
    let mut each = |_: SseEvent<'_>| {
        count += 1;
        Ok::<(), ()>(())
    };
    framer.push(b"data: a\n\ndata: ", &mut each).unwrap();
    assert_eq!(framer.push(b"123456\n\ndata: b\n\n", &mut each), Err(FrameError::TooLarge));
    assert_eq!(framer.pending(), b"data: 123456\n\ndata: b\n\n");
    assert_eq!(framer.push(b"more", &mut each), Err(FrameError::TooLarge));
    assert_eq!(framer.pending(), b"data: 123456\n\ndata: b\n\n");
    assert_eq!(framer.finish(&mut each), Err(FrameError::TooLarge));
    assert_eq!(framer.pending(), b"");
    assert_eq!(count, 1);
}

#[test]
fn continues_after_a_callback_error() {
    let mut framer = SseFramer::new(64);
    let mut events = Vec::new();
    let mut each = |event: SseEvent<'_>| {
        events.push(event.raw().to_vec());
        if events.len() == 1 { Err("stop") } else { Ok(()) }
    };
    assert_eq!(framer.push(b"data: a\n\ndata: b\n\nda", &mut each), Err(FrameError::Callback("stop")));
    assert_eq!(framer.pending(), b"data: b\n\nda");
    framer.push(b"ta: c\n\n", &mut each).unwrap();
    assert_eq!(framer.pending(), b"");
    assert_eq!(events, [b"data: a\n\n", b"data: b\n\n", b"data: c\n\n"]);
}

/// Applies the algorithm of the standard to the whole text: returns names and data of the events that have data lines.
fn standard(body: &str) -> Vec<(Option<String>, String)> {
    let text = body.strip_prefix('\u{feff}').unwrap_or(body).replace("\r\n", "\n").replace('\r', "\n");
    let mut events = Vec::new();
    let (mut name, mut data): (Option<String>, Option<Vec<&str>>) = (None, None);
    for line in text.split('\n').chain([""]) {
        if line.is_empty() {
            if let Some(lines) = data.take() {
                events.push((name.take(), lines.join("\n")));
            }
            name = None;
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => name = Some(value.to_owned()),
            "data" => data.get_or_insert_default().push(value),
            _ => {}
        }
    }
    events
}

fn body() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "data:",
        "data: ",
        "data",
        "event: e",
        ":",
        " ",
        "x",
        "é",
        "\u{feff}",
        "\n",
        "\r",
        "\r\n",
        "\n\n",
        "\r\n\r\n",
        "id: 7\n",
        "retry: 1\n",
        "[DONE]",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn split(body: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (body.len() + 1)).chain([0, body.len()]).collect();
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| body[pair[0]..pair[1]].to_vec()).collect()
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_events_and_all_bytes(
        body in body(), cuts in prop::collection::vec(any::<usize>(), 0..12), max in prop::option::of(1usize..40),
    ) {
        let max = max.unwrap_or(1 << 20);
        let bytes = body.as_bytes();
        let whole = frame([bytes], max);
        for pieces in [split(bytes, &cuts), bytes.iter().map(|byte| vec![*byte]).collect()] {
            let (events, last, rest) = frame(pieces.iter().map(Vec::as_slice), max);
            prop_assert_eq!(&events, &whole.0[..events.len()]);
            if rest.is_none() {
                let mut all = events;
                all.extend(last);
                let mut want = whole.0.clone();
                want.extend(whole.1.clone());
                prop_assert_eq!(all, want);
            } else {
                prop_assert_eq!(events.len(), whole.0.len());
            }
            prop_assert_eq!(rest.is_some(), whole.2.is_some());
        }
        let raw: Vec<u8> = whole.0.iter().chain(&whole.1).flat_map(|event| event.0.clone()).chain(whole.2.unwrap_or_default()).collect();
        prop_assert_eq!(raw, bytes);
    }

    #[test]
    fn agrees_with_the_standard_algorithm(body in body()) {
        let (mut events, last, _) = frame([body.as_bytes()], 1 << 20);
        events.extend(last);
        let got: Vec<_> = events
            .into_iter()
            .filter_map(|(_, name, data)| {
                let text = |bytes| String::from_utf8(bytes).unwrap();
                Some((name.map(text), text(data?)))
            })
            .collect();
        prop_assert_eq!(got, standard(&body));
    }

    #[test]
    fn receiver_reads_the_replaced_data(body in body(), data in "[ a\n]{0,6}") {
        let mut out = Vec::new();
        let mut want = Vec::new();
        let mut framer = SseFramer::new(1 << 20);
        let mut each = |event: SseEvent<'_>| {
            event.with_data(data.as_bytes(), &mut out);
            if event.data().is_some() {
                want.push((event.name().map(<[u8]>::to_vec), data.as_bytes().to_vec()));
            }
            Ok::<(), ()>(())
        };
        framer.push(body.as_bytes(), &mut each).unwrap();
        framer.finish(&mut each).unwrap();
        let got: Vec<_> = standard(std::str::from_utf8(&out).unwrap())
            .into_iter()
            .map(|(name, data)| (name.map(String::into_bytes), data.into_bytes()))
            .collect();
        prop_assert_eq!(got, want);
    }
}
