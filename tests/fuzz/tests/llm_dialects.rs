//! Requests and answers of every dialect: what is taken is JSON, every text stands where it says, edits are read back, and
//! nothing depends on which events a stream is cut into reads by.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a target may panic")]

use tollgate_llm::{
    Chunk, Dialect, Edits, ErrorKind, Event, Framer, Framing, Limits, OutText, Reported, Request, Response, TextKind,
};

/// The first byte says how to split.
const SEEDS: &[&[u8]] = &[
    br#"1{"model":"claude","max_tokens":9,"stream":true,"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[
        {"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"r"}]},{"type":"image","source":{"type":"base64",
        "data":"aGk="}}]}],"tools":[{"name":"f","input_schema":{"type":"object","properties":{"p":{}}}}]}"#,
    br#"2{"model":"gpt-5","instructions":"i","input":[{"role":"user","content":[{"type":"input_text","text":"t"},{"type":"input_image",
        "image_url":"data:,x"}]},{"type":"function_call_output","call_id":"c","output":"o"}],"stream":true}"#,
    br#"3{"model":"m","prompt":["a","b"],"suffix":"s","n":2,"best_of":3,"stream":true,"stream_options":{"x":1}}"#,
    br#"4{"contents":[{"role":"user","parts":[{"text":"hi"},{"inlineData":{"mimeType":"image/png","data":"aGk="}}]}],
        "generationConfig":{"maxOutputTokens":7,"candidateCount":2}}"#,
    b"5event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n\
      event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":7}}\n\n",
    b"6data: {\"type\":\"response.output_text.delta\",\"output_index\":1,\"content_index\":2,\"delta\":\"a\"}\n\n\
      data: {\"type\":\"response.completed\",\"response\":{\"output\":[{\"content\":[{\"text\":\"a\",\"annotations\":[{}]}]}],\
      \"usage\":{\"input_tokens\":1,\"output_tokens\":2}}}\n\n",
    br#"7{"id":"m","model":"x","content":[{"type":"text","text":"a"},{"type":"tool_use","name":"f","input":{"a":"b"}}],
        "usage":{"input_tokens":1,"cache_creation":{"ephemeral_1h_input_tokens":3}}}"#,
    br#"8{"candidates":[{"content":{"parts":[{"text":"a"},{"functionCall":{"name":"f","args":{}}}]}}],"usageMetadata":{"promptTokenCount":3}}"#,
];

const LIMITS: Limits = Limits { max_bytes: 4096, max_depth: 16, max_event_bytes: 4096, max_items: 200 };
/// What an edited body may need more.
const MORE: Limits = Limits { max_bytes: 1 << 20, max_depth: 20, max_event_bytes: 1 << 20, max_items: 300 };

fn property(input: &[u8]) {
    let Some((first, body)) = input.split_first() else { return };
    let size = usize::from(first % 32) + 1;
    for dialect in Dialect::ALL.iter().copied() {
        request(dialect, body);
        answer(dialect, body);
        for framing in [Framing::Sse, Framing::JsonLines, Framing::JsonArray, Framing::EventStream] {
            let whole = stream(dialect, framing, [body].into_iter());
            assert_eq!(whole, stream(dialect, framing, body.chunks(size)), "{dialect:?} {framing:?}");
        }
    }
}

/// Reasons that no parser of JSON has.
fn is_stricter(kind: ErrorKind) -> bool {
    use ErrorKind::{AmbiguousKey, DuplicateKey, TooDeep, TooLarge, TooMany, WrongType};
    matches!(kind, DuplicateKey | AmbiguousKey | TooDeep | TooMany | TooLarge | WrongType(_))
}

fn request(dialect: Dialect, body: &[u8]) {
    let oracle = serde_json::from_slice::<serde_json::Value>(body);
    let request = match Request::parse(dialect, body, &LIMITS) {
        Ok(request) => request,
        Err(error) => {
            assert!(error.offset <= body.len());
            assert!(is_stricter(error.kind) || oracle.is_err(), "{dialect:?} {error}");
            return;
        }
    };
    assert!(oracle.as_ref().err().is_none_or(|error| error.to_string().starts_with("number out of range")));
    for text in &request.texts {
        let literal = text.str.literal().of(body);
        assert_eq!(serde_json::from_slice::<String>(literal).unwrap(), text.str.decode(body));
        assert!(text.message.is_none_or(|message| (message as usize) < request.messages.len()));
    }
    assert!(request.pictures.len() <= request.images as usize);
    let mut edits = Edits::new();
    request.ask_for_usage(body, &mut edits);
    request.set_model("m\"", &mut edits);
    let edited = edits.apply(body);
    let view = Request::parse(dialect, &edited, &MORE).unwrap_or_else(|error| panic!("{dialect:?} {error}"));
    assert!(!view.lacks_usage());
    assert_eq!((view.stream, view.images, view.tools), (request.stream, request.images, request.tools));
    let others = |view: &Request, body: &[u8]| -> Vec<String> {
        let others = view.texts.iter().filter(|text| text.kind != TextKind::Model);
        others.map(|text| text.str.decode(body).into_owned()).collect()
    };
    assert_eq!(others(&view, &edited), others(&request, body));
}

fn answer(dialect: Dialect, body: &[u8]) {
    let Ok(response) = Response::parse(dialect, body, &LIMITS) else { return };
    if let (Some(usage), Some(reported)) = (response.usage, response.reported) {
        assert_eq!(usage, reported.usage());
        assert!(usage.fresh() <= usage.input);
    }
    // Values can be emptied: they lie in the body, and do not overlap.
    let mut edits = Edits::new();
    for span in response.logprobs.iter().copied() {
        edits.replace(span, tollgate_llm::emptied(body, span)).unwrap();
    }
    for offsets in &response.offsets {
        edits.replace(offsets.span, tollgate_llm::emptied(body, offsets.span)).unwrap();
    }
    if !edits.is_empty() {
        let edited = edits.apply(body);
        Response::parse(dialect, &edited, &MORE).unwrap_or_else(|error| panic!("{dialect:?} {error}"));
    }
}

type Seen = (Vec<u8>, Result<bool, ErrorKind>, Vec<OutText>, Vec<u32>, bool, bool);

/// What a reader of the stream sees until the framer gives up, and what was used.
fn stream<'a>(
    dialect: Dialect,
    framing: Framing,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Seen>, Option<Reported>) {
    let (mut framer, mut chunk) = (Framer::new(framing, LIMITS.max_event_bytes), Chunk::default());
    let (mut seen, mut reported) = (Vec::new(), None);
    let mut each = |event: Event<'_>| {
        let data = event.data();
        let read = data.as_ref().map(|data| chunk.parse_event(dialect, event.name(), data, &LIMITS));
        if read.is_none() {
            chunk = Chunk::default();
        }
        Reported::merge(&mut reported, chunk.usage);
        seen.push((
            event.raw().to_vec(),
            read.unwrap_or(Ok(false)).map_err(|error| error.kind),
            chunk.texts.clone(),
            chunk.finished.clone(),
            chunk.ends,
            chunk.is_error,
        ));
        Ok::<_, ()>(())
    };
    for piece in pieces {
        if framer.push(piece, &mut each).is_err() {
            return (seen, reported);
        }
    }
    let _ = framer.finish(&mut each);
    (seen, reported)
}

tollgate_fuzz::target!(llm_dialects, SEEDS, property);
