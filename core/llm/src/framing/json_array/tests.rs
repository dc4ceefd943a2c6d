use super::*;
use proptest::prelude::*;

/// Raw bytes and data.
type Seen = (Vec<u8>, Option<Vec<u8>>);

/// Error of a push, and the pending bytes at that time.
type Failed = Option<(FrameError<()>, Vec<u8>)>;

fn frame<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, max: usize) -> (Vec<Seen>, Failed) {
    let mut framer = JsonArrayFramer::new(max);
    let mut events = Vec::new();
    let mut each = |event: ArrayElement<'_>| {
        events.push((event.raw().to_vec(), event.data().map(Cow::into_owned)));
        Ok::<(), ()>(())
    };
    let mut failed = None;
    for piece in pieces {
        failed = framer.push(piece, &mut each).err().or(failed);
    }
    if let Some(error) = failed {
        let pending = framer.pending().to_vec();
        return (events, Some((error, pending)));
    }
    framer.finish(&mut each).unwrap();
    assert_eq!(framer.pending(), b"");
    (events, None)
}

#[test]
fn splits_a_body_into_elements() {
    for (body, want) in [
        ("", &[][..]),
        ("[]", &[("[]", None)]),
        (" [ ] \n", &[(" [ ]", None), (" \n", None)]),
        ("[{}]", &[("[{}", Some("{}")), ("]", None)]),
        ("[{}\n,\r\n{}\n]", &[("[{}", Some("{}")), ("\n,\r\n{}", Some("{}")), ("\n]", None)]),
        (
            r#"[{"a":"}]\"["},[[]]]"#,
            &[(r#"[{"a":"}]\"["}"#, Some(r#"{"a":"}]\"["}"#)), (",[[]]", Some("[[]]")), ("]", None)],
        ),
        (r#"[{"a":"\\"}]"#, &[(r#"[{"a":"\\"}"#, Some(r#"{"a":"\\"}"#)), ("]", None)]),
        (r#"["a","\"]"]"#, &[(r#"["a""#, Some(r#""a""#)), (r#","\"]""#, Some(r#""\"]""#)), ("]", None)]),
        ("[1, 2 ,null]", &[("[1", Some("1")), (", 2", Some("2")), (" ,null", Some("null")), ("]", None)]),
        // A response that is not an array.
        (r#" {"error":{}}"#, &[(r#" {"error":{}}"#, Some(r#"{"error":{}}"#))]),
        ("{} \n", &[("{}", Some("{}")), (" \n", None)]),
        ("\u{feff} [{}]", &[("\u{feff} [{}", Some("{}")), ("]", None)]),
        ("error", &[("error", Some("error"))]),
        // Truncated.
        ("[", &[("[", None)]),
        ("[{}", &[("[{}", Some("{}"))]),
        ("[{},", &[("[{}", Some("{}")), (",", None)]),
        ("[{}, {\"a", &[("[{}", Some("{}")), (", {\"a", Some("{\"a"))]),
        ("[{}, \"\\", &[("[{}", Some("{}")), (", \"\\", Some("\"\\"))]),
        // The inside of an element is not validated here.
        ("[{]]", &[("[{]", Some("{]")), ("]", None)]),
    ] {
        let want: Vec<Seen> = want
            .iter()
            .map(|(raw, data)| (raw.as_bytes().to_vec(), data.map(|data: &str| data.as_bytes().to_vec())))
            .collect();
        for size in 1..=body.len().max(1) {
            assert_eq!(frame(body.as_bytes().chunks(size), 64), (want.clone(), None), "{body:?} {size}");
        }
    }
}

#[test]
fn malformed_arrays_are_refused() {
    for (body, events, pending) in [
        ("[{} {}]", 1, " {}]"),
        ("[{},,{}]", 1, ",,{}]"),
        ("[,{}]", 0, "[,{}]"),
        ("[{},]", 1, ",]"),
        ("[{}]]", 2, "]"),
        ("[{}],", 2, ","),
        ("[{}] [", 2, " ["),
        ("{}{}", 1, "{}"),
        ("{}]", 1, "]"),
        ("[1 2]", 1, " 2]"),
    ] {
        let (seen, failed) = frame([body.as_bytes()], 64);
        assert_eq!((seen.len(), failed), (events, Some((FrameError::Malformed, pending.into()))), "{body}");
    }
}

#[test]
fn data_is_replaced_in_place() {
    let mut out = Vec::new();
    let mut framer = JsonArrayFramer::new(64);
    let mut each = |event: ArrayElement<'_>| {
        event.with_data(b"{\"new\":1}", &mut out);
        Ok::<(), ()>(())
    };
    framer.push(b" [{} ,\n[] \r\n, 1]\n", &mut each).unwrap();
    framer.finish(&mut each).unwrap();
    assert_eq!(out, b" [{\"new\":1} ,\n{\"new\":1} \r\n, {\"new\":1}]\n");
}

#[test]
fn array_can_be_closed_after_any_number_of_elements() {
    for (sent, is_started) in [("", false), ("[{}", true), ("[{}\n,{}", true)] {
        let mut out = sent.as_bytes().to_vec();
        close_with(is_started, b"{\"error\":{}}", &mut out);
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert!(value.as_array().unwrap().last().unwrap()["error"].is_object());
    }
}

#[test]
fn oversized_element_stays_pending() {
    let (events, failed) = frame([&b"[{},{\"a\":1"[..], b"}", b"]"], 5);
    assert_eq!((events.len(), failed.map(|failed| failed.0)), (1, Some(FrameError::TooLarge)));
    let (_, failed) = frame([&b"[{},      "[..]], 5);
    assert_eq!(failed, Some((FrameError::TooLarge, b",      ".to_vec())));
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i32>().prop_map(Into::into),
        "[a\\[\\]{}\",\\\\\u{e9}\n]{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a\\]}\"]{0,3}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_elements(
        values in prop::collection::vec(json(), 0..6),
        pretty in any::<bool>(),
        size in 1usize..30,
    ) {
        let array = serde_json::Value::from(values.clone());
        let body = if pretty { serde_json::to_vec_pretty(&array) } else { serde_json::to_vec(&array) }.unwrap();
        let (events, failed) = frame([&body[..]], 1 << 20);
        prop_assert_eq!(failed, None);
        prop_assert_eq!(&frame(body.chunks(size), 1 << 20).0, &events);
        let raw: Vec<u8> = events.iter().flat_map(|event| &event.0).copied().collect();
        prop_assert_eq!(raw, body);
        let seen: Vec<serde_json::Value> =
            events.iter().filter_map(|event| event.1.as_ref()).map(|data| serde_json::from_slice(data).unwrap()).collect();
        prop_assert_eq!(seen, values);
    }

    #[test]
    fn any_bytes_are_handed_out_unchanged(body in "[\\[\\]{}\",\\\\ 1a]{0,40}", size in 1usize..20) {
        let (events, failed) = frame([body.as_bytes()], 64);
        let raw: Vec<u8> = events.iter().flat_map(|event| &event.0).copied().collect();
        let pending = failed.as_ref().map(|failed| failed.1.clone()).unwrap_or_default();
        prop_assert_eq!([raw, pending].concat(), body.as_bytes());
        let (split, split_failed) = frame(body.as_bytes().chunks(size), 64);
        prop_assert_eq!(split, events);
        prop_assert_eq!(split_failed.map(|failed| failed.0), failed.map(|failed| failed.0));
    }
}
