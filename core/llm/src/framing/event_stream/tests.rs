use super::*;
use proptest::prelude::*;

/// Raw bytes, name and data of an event, and `true` if it is whole.
type Seen = (Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>, bool);

fn seen(event: EventStreamMessage<'_>) -> Seen {
    let owned = |bytes: &[u8]| bytes.to_vec();
    (event.raw().to_vec(), event.name().map(owned), event.data().map(Cow::into_owned), event.is_whole())
}

fn frame_all<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    max: usize,
) -> (Vec<Seen>, Vec<u8>, Option<FrameError<()>>) {
    let mut framer = EventStreamFramer::new(max);
    let mut events = Vec::new();
    let mut error = None;
    for piece in pieces {
        let pushed = framer.push(piece, |event| {
            events.push(seen(event));
            Ok::<(), ()>(())
        });
        error = error.or(pushed.err());
    }
    (events, framer.pending().to_vec(), error)
}

fn message(name: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write(
        &[(":event-type", name), (":content-type", "application/json"), (":message-type", "event")],
        payload,
        &mut out,
    );
    out
}

/// The empty message and one with headers, with the lengths and checksums that the encoder tests of the AWS SDKs
/// publish.
#[test]
fn messages_of_the_aws_sdks_are_read() {
    let empty = [0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
    let mut out = Vec::new();
    write(&[], b"", &mut out);
    assert_eq!(out, empty);

    let mut payload = vec![0, 0, 0, 0x1d, 0, 0, 0, 0, 0xfd, 0x52, 0x8c, 0x5a];
    payload.extend_from_slice(b"{'foo':'bar'}");
    payload.extend_from_slice(&[0xc3, 0x65, 0x39, 0x36]);
    out.clear();
    write(&[], b"{'foo':'bar'}", &mut out);
    assert_eq!(out, payload);

    let mut headers = vec![0, 0, 0, 0x3d, 0, 0, 0, 0x20, 0x07, 0xfd, 0x83, 0x96, 12];
    headers.extend_from_slice(b"content-type\x07\x00\x10application/json{'foo':'bar'}");
    headers.extend_from_slice(&[0x8d, 0x9c, 0x08, 0xb1]);
    out.clear();
    write(&[("content-type", "application/json")], b"{'foo':'bar'}", &mut out);
    assert_eq!(out, headers);
}

#[test]
fn every_header_type_is_read() {
    let mut block = Vec::new();
    let mut header = |name: &str, kind: u8, value: &[u8]| {
        block.push(u8::try_from(name.len()).unwrap());
        block.extend_from_slice(name.as_bytes());
        block.push(kind);
        block.extend_from_slice(value);
    };
    header("a", 0, b"");
    header("b", 1, b"");
    header("c", 2, &[0xff]);
    header("d", 3, &[0xff, 0xfe]);
    header("e", 4, &[0, 0, 1, 0]);
    header("f", 5, &[0, 0, 0, 0, 0, 0, 1, 0]);
    header("g", 6, &[0, 2, 8, 9]);
    header("h", 7, b"\x00\x02hi");
    header("i", 8, &[0, 0, 0, 0, 0, 0, 0, 7]);
    header("j", 9, &[3; 16]);
    let mut raw = Vec::new();
    frame(&block, b"x", &mut raw);
    let event = EventStreamMessage::new(&raw);
    let headers: Vec<(&[u8], Value<'_>)> = event.headers().collect();
    let want: [(&[u8], Value<'_>); 10] = [
        (b"a", Value::Bool(true)),
        (b"b", Value::Bool(false)),
        (b"c", Value::Byte(-1)),
        (b"d", Value::Short(-2)),
        (b"e", Value::Int(256)),
        (b"f", Value::Long(256)),
        (b"g", Value::Bytes(&[8, 9])),
        (b"h", Value::Text(b"hi")),
        (b"i", Value::Timestamp(7)),
        (b"j", Value::Uuid([3; 16])),
    ];
    assert_eq!(headers, want);
    assert_eq!((event.header(b"h"), event.header(b"g")), (Some(&b"hi"[..]), None));
    assert!(event.is_whole());
}

#[test]
fn invalid_headers_make_the_event_unreadable() {
    for block in [
        &b"\x01"[..],
        b"\x01a",
        b"\x01a\x0a",
        b"\x01a\x07\x00",
        b"\x01a\x07\x00\x02h",
        b"\x01a\x09",
        b"\x01a\x00\x01a\x01",
        &[b"\x01a\x00", &b"\x02bc"[..]].concat(),
    ] {
        let mut raw = Vec::new();
        frame(block, b"{}", &mut raw);
        let event = EventStreamMessage::new(&raw);
        assert!(!event.is_whole(), "{block:?}");
        assert_eq!((event.data().as_deref(), event.raw()), (Some(&raw[..]), &raw[..]));
        assert!(serde_json::from_slice::<serde_json::Value>(&raw).is_err());
    }
    let many: Vec<u8> = (0..=64).flat_map(|n| [1, n, 0]).collect();
    assert!(!header::are_valid(&many));
    assert!(header::are_valid(&many[3..]));
}

#[test]
fn event_and_error_names() {
    for (headers, name, error) in [
        (&[(":event-type", "chunk"), (":message-type", "event")][..], Some("chunk"), false),
        (&[(":event-type", "chunk")], Some("chunk"), false),
        (
            &[(":exception-type", "throttlingException"), (":message-type", "exception")],
            Some("throttlingException"),
            true,
        ),
        (&[(":error-code", "InternalFailure"), (":message-type", "error")], Some("InternalFailure"), true),
        (&[("x", "y")], None, false),
    ] {
        let mut raw = Vec::new();
        write(headers, b"", &mut raw);
        let event = EventStreamMessage::new(&raw);
        assert_eq!((event.name(), event.is_error()), (name.map(str::as_bytes), error));
        assert_eq!(event.data(), None);
    }
}

/// Model output is read and edited inside Bedrock's wrapper.
#[test]
fn wrapped_base64_is_decoded_and_edited() {
    for (name, payload, data, edited) in [
        ("chunk", r#"{"bytes":"eyJhIjoxfQ==","p":"abc"}"#, r#"{"a":1}"#, r#"{"bytes":"eyJuIjoyfQ==","p":"abc"}"#),
        (
            "chunk",
            r#" {"p":"abcd" , "bytes" : "eyJhIjoxfQ=="} "#,
            r#"{"a":1}"#,
            r#" {"p":"abcd" , "bytes" : "eyJuIjoyfQ=="} "#,
        ),
        ("other", r#"{"bytes":"eyJhIjoxfQ=="}"#, r#"{"bytes":"eyJhIjoxfQ=="}"#, r#"{"n":2}"#),
        // Trailing bits after the last byte, and the other alphabet.
        ("chunk", r#"{"bytes":"eyJhIjoxfR=="}"#, r#"{"a":1}"#, r#"{"bytes":"eyJuIjoyfQ=="}"#),
        ("chunk", r#"{"bytes":"eyJhIjoiw78_In0="}"#, r#"{"a":"ÿ?"}"#, r#"{"bytes":"eyJuIjoyfQ=="}"#),
        // Other payloads stay unchanged.
        ("chunk", r#"{"bytes":"eyJhIjoxfQ"}"#, r#"{"bytes":"eyJhIjoxfQ"}"#, r#"{"n":2}"#),
        ("chunk", r#"{"bytes":7}"#, r#"{"bytes":7}"#, r#"{"n":2}"#),
        // Not JSON, so that no reader accepts it.
        ("chunk", r#"{"bytes":"e30=","bytes":"e30="}"#, r#"e30=","bytes":"e30="#, r#"{"bytes":"eyJuIjoyfQ=="}"#),
        ("chunk", "[]", "[]", r#"{"n":2}"#),
    ] {
        let raw = message(name, payload.as_bytes());
        let event = EventStreamMessage::new(&raw);
        assert_eq!(event.data().as_deref(), Some(data.as_bytes()), "{payload}");
        let mut out = Vec::new();
        event.with_data(br#"{"n":2}"#, &mut out);
        assert_eq!(out, message(name, edited.as_bytes()), "{payload}");
    }
}

#[test]
fn any_chunking_gives_the_same_events() {
    let one = message("contentBlockDelta", br#"{"delta":{"text":"Hello"}}"#);
    let two = message("messageStop", b"");
    let body = [&one[..], &two, &one, &one[..20]].concat();
    let (whole, pending, error) = frame_all([&body[..]], 1 << 20);
    assert_eq!((whole.len(), &pending[..], error), (3, &one[..20], None));
    assert_eq!(whole[1].1.as_deref(), Some(&b"messageStop"[..]));
    for size in 1..body.len() {
        assert_eq!(frame_all(body.chunks(size), 1 << 20), (whole.clone(), pending.clone(), None), "{size}");
    }
    for cut in 0..body.len() {
        let (before, after) = body.split_at(cut);
        assert_eq!(frame_all([before, after], 1 << 20), (whole.clone(), pending.clone(), None), "{cut}");
    }
}

#[test]
fn whole_messages_are_not_copied() {
    let body = message("x", b"{}").repeat(2);
    let mut count = 0;
    EventStreamFramer::new(1 << 20)
        .push(&body, |event| {
            count += 1;
            assert!(body.as_ptr_range().contains(&event.raw().as_ptr()));
            Ok::<(), ()>(())
        })
        .unwrap();
    assert_eq!(count, 2);
}

#[test]
fn flipped_bits_are_detected() {
    let good = message("contentBlockDelta", br#"{"delta":{"text":"Hello"}}"#);
    for at in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[at / 8] ^= 1 << (at % 8);
        let body = [&good[..], &bad, &good].concat();
        for size in [body.len(), 5] {
            let (events, pending, error) = frame_all(body.chunks(size), 1 << 20);
            assert_eq!((events.len(), error), (1, Some(FrameError::Malformed)), "bit {at}");
            assert!(body[good.len()..].starts_with(&pending));
        }
    }
}

#[test]
fn oversized_message_stays_pending() {
    let small = message("x", b"{}");
    let body = [&small[..], &message("x", &[b' '; 100])].concat();
    let (events, pending, error) = frame_all([&body[..]], small.len());
    assert_eq!((events.len(), pending.len(), error), (1, body.len() - small.len(), Some(FrameError::TooLarge)));
}

#[test]
fn truncated_message_is_not_json() {
    let body = message("x", br#"{"a":1}"#);
    for cut in 1..body.len() {
        let mut framer = EventStreamFramer::new(1 << 20);
        let mut last = Vec::new();
        let mut each = |event: EventStreamMessage<'_>| {
            last.push(seen(event));
            Ok::<(), ()>(())
        };
        framer.push(&body[..cut], &mut each).unwrap();
        framer.finish(&mut each).unwrap();
        assert_eq!(last, [(body[..cut].to_vec(), None, Some(body[..cut].to_vec()), false)]);
        assert!(serde_json::from_slice::<serde_json::Value>(&body[..cut]).is_err());
        // The framer is ready for another body.
        framer.push(&body, |event| if event.is_whole() { Ok(()) } else { Err(()) }).unwrap();
    }
}

#[test]
fn continues_after_a_callback_error() {
    let body = message("x", b"{}").repeat(3);
    let mut framer = EventStreamFramer::new(1 << 20);
    let mut count = 0;
    let mut each = |_: EventStreamMessage<'_>| {
        count += 1;
        if count == 1 { Err(()) } else { Ok(()) }
    };
    assert_eq!(framer.push(&body, &mut each), Err(FrameError::Callback(())));
    assert_eq!(framer.pending(), &body[body.len() / 3..]);
    framer.push(&body, &mut each).unwrap();
    assert_eq!((count, framer.pending()), (6, &b""[..]));
}

proptest! {
    #[test]
    fn written_messages_are_read_in_any_chunking(
        messages in prop::collection::vec(
            (prop::collection::btree_map("[a-z:-]{1,12}", "\\PC{0,12}", 0..4), prop::collection::vec(any::<u8>(), 0..40)),
            0..5,
        ),
        garbage in prop::collection::vec(any::<u8>(), 0..20),
        size in 1usize..40,
        new in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut body = Vec::new();
        for (headers, payload) in &messages {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            write(&headers, payload, &mut body);
        }
        let good = body.len();
        body.extend_from_slice(&garbage);
        let (events, pending, error) = frame_all([&body[..]], 1 << 20);
        let raw: Vec<u8> = events.iter().flat_map(|event| &event.0).chain(&pending).copied().collect();
        prop_assert_eq!(&raw, &body);
        prop_assert_eq!(pending.len(), body.len() - good);
        prop_assert_eq!(error.is_some(), garbage.len() >= PRELUDE);
        let (split, _, _) = frame_all(body.chunks(size), 1 << 20);
        prop_assert_eq!(&split, &events);
        for ((headers, payload), event) in messages.iter().zip(&events) {
            let event = EventStreamMessage::new(&event.0);
            prop_assert_eq!(&*event.data().unwrap_or_default(), &payload[..]);
            let is_known = |(name, value)| {
                headers.iter().any(|(key, text)| key.as_bytes() == name && value == Value::Text(text.as_bytes()))
            };
            prop_assert!(event.headers().all(is_known));
            let mut edited = Vec::new();
            event.with_data(&new, &mut edited);
            let reparsed = EventStreamMessage::new(&edited);
            prop_assert!(reparsed.is_whole());
            if !payload.is_empty() {
                prop_assert_eq!(reparsed.data().unwrap_or_default(), &new[..]);
            }
            prop_assert!(reparsed.headers().eq(event.headers()));
        }
    }
}
