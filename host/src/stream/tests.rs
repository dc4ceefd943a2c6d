//! Tests of whole chains, with filters that are rules instead of guests. The expectations were recorded from Envoy.

use super::*;
use crate::End;

/// Behaviour of a filter in a callback; callbacks without a rule continue.
type Rule = (&'static str, Does);

#[derive(Clone, Copy, Debug)]
enum Does {
    Stop,
    StopAll,
    StopUntilEnd,
    LocalReply(u16),
    Resume,
}

struct Script {
    rules: Vec<Rule>,
    seen: Vec<String>,
    no_route: bool,
}

fn name(filter: usize, callback: Callback) -> (String, String, bool) {
    let message = if callback.direction == Direction::Decode { "rq" } else { "rs" };
    let (kind, text, end) = match callback.part {
        CallbackPart::Headers { end, .. } => ("h", format!("{end}"), end),
        CallbackPart::Body { size, end } => ("b", format!("{size} {end}"), end),
        CallbackPart::Trailers { count } => ("t", format!("{count}"), true),
    };
    let kind = format!("{message}{kind}");
    (format!("{filter}.{kind}"), format!("{filter}.{kind} {text}"), end)
}

impl FilterCallbacks for Script {
    fn call(&mut self, stream: &mut Stream, filter: usize, callback: Callback) -> CallbackStatus {
        let (key, text, end) = name(filter, callback);
        self.seen.push(text);
        let Some((_, does)) = self.rules.iter().find(|(rule, _)| *rule == key) else { return CallbackStatus::Continue };
        match *does {
            Does::Stop => CallbackStatus::Stop,
            Does::StopAll => CallbackStatus::StopAllWatermark,
            Does::StopUntilEnd => {
                if end {
                    CallbackStatus::Continue
                } else {
                    CallbackStatus::Stop
                }
            }
            Does::LocalReply(status) => {
                local_reply::send(stream, self, LocalReply::plain(status, "no", "rule"));
                if key.ends_with('h') { CallbackStatus::StopAllWatermark } else { CallbackStatus::StopNoBuffer }
            }
            Does::Resume => {
                FilterChain::decode(stream, self).resume(filter);
                CallbackStatus::StopAllWatermark
            }
        }
    }

    fn route(&mut self, _: &mut Stream) -> Option<LocalReply> {
        self.no_route.then(|| LocalReply::plain(404, "", "route_not_found"))
    }
}

fn stream(filters: usize) -> Stream {
    let place =
        FilterSlot { kind: FilterKind::Guest { vm: 0, root: 1, context: 2 }, created: true, ..FilterSlot::default() };
    Stream::new(ActiveStream { id: 1, filters: vec![place; filters], buffer_limit: 10, ..ActiveStream::default() })
}

fn request_headers() -> Headers {
    [(":method", "POST"), (":path", "/")].into_iter().collect()
}

fn response_headers() -> Headers {
    [(":status", "200"), ("content-type", "text/plain")].into_iter().collect()
}

/// Step of a message.
#[derive(Clone, Copy, Debug)]
enum Put {
    RequestHeaders(bool),
    RequestData(&'static str, bool),
    RequestTrailers,
    ResponseHeaders(bool),
    ResponseData(&'static str, bool),
    ResponseTrailers,
    Resume(usize),
    ResumeResponse(usize),
}

fn run(filters: usize, rules: &[Rule], steps: &[Put]) -> (Stream, Script) {
    let mut s = stream(filters);
    let mut f = Script { rules: rules.to_vec(), seen: Vec::new(), no_route: false };
    let trailers = || [("x", "y")].into_iter().collect::<Headers>();
    for step in steps {
        match *step {
            Put::RequestHeaders(end) => FilterChain::decode(&mut s, &mut f).headers(request_headers(), end),
            Put::RequestData(text, end) => FilterChain::decode(&mut s, &mut f).data(text.as_bytes().to_vec(), end),
            Put::RequestTrailers => FilterChain::decode(&mut s, &mut f).trailers(trailers()),
            Put::ResponseHeaders(end) => FilterChain::encode(&mut s, &mut f).headers(response_headers(), end),
            Put::ResponseData(text, end) => FilterChain::encode(&mut s, &mut f).data(text.as_bytes().to_vec(), end),
            Put::ResponseTrailers => FilterChain::encode(&mut s, &mut f).trailers(trailers()),
            Put::Resume(filter) => FilterChain::decode(&mut s, &mut f).resume(filter),
            Put::ResumeResponse(filter) => FilterChain::encode(&mut s, &mut f).resume(filter),
        }
    }
    (s, f)
}

/// Returns the outputs towards the upstream: `h`eaders, `d`ata, `t`railers, with `$` at the end.
fn sent(s: &Stream) -> Vec<String> {
    let mark = |end: bool| if end { "$" } else { "" };
    s.outputs
        .iter()
        .map(|output| match output {
            ChainOutput::RequestHeaders(_, end) => format!("h{}", mark(*end)),
            ChainOutput::RequestData(bytes, end) => format!("d:{}{}", String::from_utf8_lossy(bytes), mark(*end)),
            ChainOutput::RequestTrailers(_) => "t$".to_owned(),
            other => format!("{other:?}"),
        })
        .collect()
}

const BODY: [Put; 4] = [
    Put::RequestHeaders(false),
    Put::RequestData("one", false),
    Put::RequestData("two", false),
    Put::RequestData("", true),
];

#[test]
fn requests_through_chains() {
    use Does::*;
    type Case = (&'static str, usize, Vec<Rule>, Vec<Put>, Vec<&'static str>, Vec<&'static str>);
    let with_trailers = vec![Put::RequestHeaders(false), Put::RequestData("one", false), Put::RequestTrailers];
    let cases: Vec<Case> = vec![
        (
            "passes",
            1,
            vec![],
            BODY.to_vec(),
            vec!["0.rqh false", "0.rqb 3 false", "0.rqb 3 false", "0.rqb 0 true"],
            vec!["h", "d:one", "d:two", "d:$"],
        ),
        (
            "a filter that the headers have not reached continues nothing",
            2,
            vec![("0.rqh", Stop)],
            vec![Put::RequestHeaders(true), Put::Resume(1), Put::Resume(0)],
            vec!["0.rqh true", "1.rqh true"],
            vec!["h$"],
        ),
        (
            "body held to its end, headers sent",
            1,
            vec![("0.rqb", StopUntilEnd)],
            BODY.to_vec(),
            vec!["0.rqh false", "0.rqb 3 false", "0.rqb 6 false", "0.rqb 6 true"],
            vec!["h", "d:onetwo$"],
        ),
        (
            "all held to the end, then the next filter sees it whole",
            2,
            vec![("0.rqh", Stop), ("0.rqb", StopUntilEnd)],
            BODY.to_vec(),
            vec!["0.rqh false", "0.rqb 3 false", "0.rqb 6 false", "0.rqb 6 true", "1.rqh false", "1.rqb 6 true"],
            vec!["h", "d:onetwo$"],
        ),
        (
            "headers that stop all hide the body",
            1,
            vec![("0.rqh", StopAll)],
            BODY.to_vec(),
            vec!["0.rqh false"],
            vec![],
        ),
        (
            "continued later, this filter gets the body it has not seen",
            1,
            vec![("0.rqh", StopAll)],
            [&BODY[..], &[Put::Resume(0)]].concat(),
            vec!["0.rqh false", "0.rqb 6 true"],
            vec!["h", "d:onetwo$"],
        ),
        (
            "continued before the end, the rest passes frame by frame",
            1,
            vec![("0.rqh", StopAll)],
            vec![
                Put::RequestHeaders(false),
                Put::RequestData("one", false),
                Put::Resume(0),
                Put::RequestData("two", true),
            ],
            vec!["0.rqh false", "0.rqb 3 false", "0.rqb 3 true"],
            vec!["h", "d:one", "d:two$"],
        ),
        (
            "trailers end a body that was held for its end",
            1,
            vec![("0.rqh", Stop), ("0.rqb", StopUntilEnd)],
            with_trailers.clone(),
            vec!["0.rqh false", "0.rqb 3 false", "0.rqt 1"],
            vec!["h", "d:one", "t$"],
        ),
        (
            "trailers held",
            1,
            vec![("0.rqt", Stop)],
            with_trailers.clone(),
            vec!["0.rqh false", "0.rqb 3 false", "0.rqt 1"],
            vec!["h", "d:one"],
        ),
        (
            "a later filter continues and releases the body that an earlier one holds",
            2,
            vec![("0.rqb", Stop), ("1.rqh", StopAll)],
            vec![Put::RequestHeaders(false), Put::RequestData("leak", false), Put::Resume(1)],
            vec!["0.rqh false", "1.rqh false", "0.rqb 4 false", "1.rqb 4 false"],
            vec!["h", "d:leak"],
        ),
        (
            "a later filter that continues with the body has ended the request when an earlier one continues its trailers",
            2,
            vec![("0.rqh", Stop), ("0.rqb", StopUntilEnd), ("1.rqh", Stop)],
            with_trailers.clone(),
            vec!["0.rqh false", "0.rqb 3 false", "0.rqt 1", "1.rqh false", "1.rqb 3 false", "1.rqt 1"],
            vec!["h", "d:one", "t$", "t$"],
        ),
        (
            "continue and pause in one callback continues the headers",
            1,
            vec![("0.rqh", Resume)],
            vec![Put::RequestHeaders(true)],
            vec!["0.rqh true"],
            vec!["h$"],
        ),
    ];
    for (what, filters, rules, steps, seen, out) in cases {
        let (s, f) = run(filters, &rules, &steps);
        assert_eq!(f.seen, seen, "{what}");
        assert_eq!(sent(&s), out, "{what}");
    }
}

#[test]
fn replies_and_limits() {
    use Does::*;
    type Case = (&'static str, Vec<Rule>, Vec<Put>, u16, End, &'static str, Vec<&'static str>);
    let response = [
        Put::RequestHeaders(true),
        Put::ResponseHeaders(false),
        Put::ResponseData("one", false),
        Put::ResponseData("", true),
    ];
    let cases: Vec<Case> = vec![
        (
            "from a request callback, through the filter itself",
            vec![("0.rqh", LocalReply(403))],
            vec![Put::RequestHeaders(true)],
            403,
            End::Complete,
            "no",
            vec!["0.rqh true", "0.rsh false", "0.rsb 2 true"],
        ),
        (
            "from response headers, past all filters",
            vec![("0.rsh", LocalReply(502))],
            response.to_vec(),
            502,
            End::Complete,
            "no",
            vec!["0.rqh true", "0.rsh false"],
        ),
        (
            "after the headers were sent, by cutting",
            vec![("0.rsb", LocalReply(502))],
            response.to_vec(),
            200,
            End::Truncated,
            "",
            vec!["0.rqh true", "0.rsh false", "0.rsb 3 false"],
        ),
        (
            "a held request above the limit; the filter sees it once",
            vec![("0.rqb", Stop)],
            vec![
                Put::RequestHeaders(false),
                Put::RequestData("123456", false),
                Put::RequestData("7890A", false),
                Put::RequestData("more", true),
            ],
            413,
            End::Complete,
            "Payload Too Large",
            vec!["0.rqh false", "0.rqb 6 false", "0.rqb 11 false", "0.rsh false", "0.rsb 17 true"],
        ),
        (
            "a held response above the limit, headers held too",
            vec![("0.rsh", Stop), ("0.rsb", Stop)],
            vec![
                Put::RequestHeaders(true),
                Put::ResponseHeaders(false),
                Put::ResponseData("123456", false),
                Put::ResponseData("78901", false),
            ],
            500,
            End::Complete,
            "Internal Server Error",
            vec!["0.rqh true", "0.rsh false", "0.rsb 6 false"],
        ),
        (
            "a held response above the limit, headers sent",
            vec![("0.rsb", Stop)],
            vec![Put::RequestHeaders(true), Put::ResponseHeaders(false), Put::ResponseData("12345678901", false)],
            200,
            End::Truncated,
            "",
            vec!["0.rqh true", "0.rsh false", "0.rsb 11 false"],
        ),
        (
            "a response held to its end",
            vec![("0.rsh", Stop), ("0.rsb", StopUntilEnd)],
            response.to_vec(),
            200,
            End::Complete,
            "one",
            vec!["0.rqh true", "0.rsh false", "0.rsb 3 false", "0.rsb 3 true"],
        ),
        (
            "a response held with trailers",
            vec![("0.rsh", Stop), ("0.rsb", Stop)],
            vec![
                Put::RequestHeaders(true),
                Put::ResponseHeaders(false),
                Put::ResponseData("one", false),
                Put::ResponseTrailers,
            ],
            200,
            End::Complete,
            "one",
            vec!["0.rqh true", "0.rsh false", "0.rsb 3 false", "0.rst 1"],
        ),
        (
            "a response that stops all, continued later",
            vec![("0.rsh", StopAll)],
            [&response[..], &[Put::ResumeResponse(0)]].concat(),
            200,
            End::Complete,
            "one",
            vec!["0.rqh true", "0.rsh false", "0.rsb 3 true"],
        ),
    ];
    for (what, rules, steps, status, end, body, seen) in cases {
        let (s, f) = run(1, &rules, &steps);
        assert_eq!(f.seen, seen, "{what}");
        assert_eq!((s.client.status, &s.client.end), (status, &end), "{what}");
        assert_eq!(s.client.text(), body, "{what}");
    }
}

#[test]
fn without_a_route_the_filters_see_the_404() {
    let mut s = stream(2);
    let mut f = Script { rules: Vec::new(), seen: Vec::new(), no_route: true };
    FilterChain::decode(&mut s, &mut f).headers(request_headers(), true);
    assert_eq!(f.seen, ["0.rqh true", "1.rqh true", "1.rsh true", "0.rsh true"]);
    assert_eq!((s.client.status, s.info.details.as_deref()), (404, Some("route_not_found")));
    assert!(s.outputs.is_empty());
}

#[test]
fn the_buffer_filter_holds_the_request_and_sets_its_content_length() {
    let mut s = stream(2);
    s.filters[0].kind = FilterKind::Buffer { limit: 100 };
    let mut f = Script { rules: Vec::new(), seen: Vec::new(), no_route: false };
    FilterChain::decode(&mut s, &mut f).headers(request_headers(), false);
    FilterChain::decode(&mut s, &mut f).data(b"one".to_vec(), false);
    assert!(f.seen.is_empty() && s.outputs.is_empty());
    FilterChain::decode(&mut s, &mut f).data(Vec::new(), true);
    assert_eq!(f.seen, ["1.rqh false", "1.rqb 3 true"]);
    assert_eq!(s.request.headers.as_ref().unwrap().text("content-length"), Some("3"));
}

mod chunking {
    use proptest::prelude::*;

    use super::*;

    fn anything() -> impl Strategy<Value = Vec<Put>> {
        let put = prop_oneof![
            any::<bool>().prop_map(|end| Put::RequestData("data", end)),
            Just(Put::RequestTrailers),
            any::<bool>().prop_map(Put::ResponseHeaders),
            any::<bool>().prop_map(|end| Put::ResponseData("data", end)),
            Just(Put::ResponseTrailers),
            (0usize..3).prop_map(Put::Resume),
            (0usize..3).prop_map(Put::ResumeResponse),
        ];
        proptest::collection::vec(put, 0..12).prop_map(|mut steps| {
            steps.insert(0, Put::RequestHeaders(false));
            steps
        })
    }

    fn rules() -> impl Strategy<Value = Vec<Rule>> {
        let key = proptest::sample::select(vec![
            "0.rqh", "0.rqb", "0.rqt", "0.rsh", "0.rsb", "0.rst", "1.rqh", "1.rqb", "1.rsh", "1.rsb",
        ]);
        let does = proptest::sample::select(vec![
            Does::Stop,
            Does::StopAll,
            Does::StopUntilEnd,
            Does::LocalReply(400),
            Does::Resume,
        ]);
        proptest::collection::vec((key, does), 0..5)
    }

    proptest! {
        /// For every sequence of events: no more bytes leave than have arrived, and nothing leaves after the end.
        #[test]
        fn no_more_leaves_than_has_arrived(steps in anything(), rules in rules()) {
            let (s, _) = run(2, &rules, &steps);
            let arrived = steps.iter().filter(|step| matches!(step, Put::RequestData(..))).count() * 4;
            let left: usize = s.outputs.iter().map(|output| match output {
                ChainOutput::RequestData(bytes, _) => bytes.len(),
                _ => 0,
            }).sum();
            prop_assert!(left <= arrived, "{left} of {arrived}");
            let heads = s.outputs.iter().filter(|output| matches!(output, ChainOutput::RequestHeaders(..))).count();
            prop_assert!(heads <= 1);
            prop_assert_eq!(s.over == Some(StreamEnd::Complete), s.client.end == End::Complete);
        }

        /// A filter that holds a response to its end releases the same bytes for every split into frames.
        #[test]
        fn held_responses_do_not_depend_on_frames(frames in proptest::collection::vec("[a-z]{0,3}", 0..6), trailers: bool) {
            let mut s = stream(2);
            s.buffer_limit = 1000;
            let rules: Vec<Rule> = vec![("1.rsh", Does::Stop), ("1.rsb", Does::StopUntilEnd), ("0.rsb", Does::StopUntilEnd)];
            let mut f = Script { rules, seen: Vec::new(), no_route: false };
            FilterChain::decode(&mut s, &mut f).headers(request_headers(), true);
            FilterChain::encode(&mut s, &mut f).headers(response_headers(), false);
            for frame in &frames {
                FilterChain::encode(&mut s, &mut f).data(frame.clone().into_bytes(), false);
                prop_assert_eq!(s.client.status, 0);
            }
            if trailers {
                FilterChain::encode(&mut s, &mut f).trailers([("x", "y")].into_iter().collect());
            } else {
                FilterChain::encode(&mut s, &mut f).data(Vec::new(), true);
            }
            prop_assert_eq!(s.client.text(), frames.concat());
            prop_assert_eq!(&s.client.end, &End::Complete);
        }

        /// A chain that holds a request to its end releases the same bytes for every split into frames, and nothing earlier.
        #[test]
        fn held_requests_do_not_depend_on_frames(
            frames in proptest::collection::vec("[a-z]{0,3}", 0..6),
            trailers: bool,
            filters in 1usize..4,
        ) {
            let rules: Vec<Rule> = vec![
                ("0.rqh", Does::Stop), ("0.rqb", Does::StopUntilEnd), ("1.rqb", Does::StopUntilEnd),
            ];
            let mut s = stream(filters);
            s.buffer_limit = 1000;
            let mut f = Script { rules, seen: Vec::new(), no_route: false };
            FilterChain::decode(&mut s, &mut f).headers(request_headers(), false);
            for frame in &frames {
                FilterChain::decode(&mut s, &mut f).data(frame.clone().into_bytes(), false);
                prop_assert!(s.outputs.is_empty());
            }
            if trailers {
                FilterChain::decode(&mut s, &mut f).trailers([("x", "y")].into_iter().collect());
            } else {
                FilterChain::decode(&mut s, &mut f).data(Vec::new(), true);
            }
            let body: Vec<u8> = s.outputs.iter().flat_map(|output| match output {
                ChainOutput::RequestData(bytes, _) => bytes.clone(),
                _ => Vec::new(),
            }).collect();
            prop_assert_eq!(body, frames.concat().into_bytes());
            let ends = s.outputs.iter().filter(|output| {
                matches!(output, ChainOutput::RequestHeaders(_, true) | ChainOutput::RequestData(_, true) | ChainOutput::RequestTrailers(_))
            }).count();
            prop_assert_eq!(ends, 1);
        }
    }
}
