use crate::dialect::support::{
    edited, error_json, parse_request, parse_response, parse_stream, request_lines, typed_events,
};
use crate::{Dialect, Endpoint, Framing, ParseLimits, Response, Usage};

const TRANSCRIPTIONS: Dialect = Dialect::OpenAiTranscriptions;
const SPEECH: Dialect = Dialect::OpenAiSpeech;

#[test]
fn paths_are_detected() {
    for (path, want) in [
        ("/v1/audio/transcriptions", Some((TRANSCRIPTIONS, None))),
        ("/v1/audio/translations", Some((TRANSCRIPTIONS, None))),
        (
            "/openai/deployments/whisper/audio/transcriptions?api-version=1",
            Some((TRANSCRIPTIONS, Some("whisper".to_owned()))),
        ),
        ("/v1/audio/speech", Some((SPEECH, None))),
        ("/v1/audio", None),
    ] {
        let found = Endpoint::detect(b"POST", path.as_bytes());
        assert_eq!(found.map(|found| (found.dialect, found.model.map(|model| model.name))), want, "{path}");
    }
    assert_eq!((TRANSCRIPTIONS.form(), SPEECH.form()), (Some(&["model", "stream", "prompt"][..]), None));
}

#[test]
fn all_strings_of_requests_are_texts() {
    let body = r#"{"model":"tts-1","input":"Hello","voice":"alloy","instructions":"Whisper","stream_format":"sse","later":"z"}"#;
    assert_eq!(
        request_lines(SPEECH, body),
        [
            "- Model tts-1",
            "u Content Hello",
            "- Other alloy",
            "s Content Whisper",
            "- Other sse",
            "- Other later",
            "- Other z"
        ]
    );
    assert_eq!(parse_request(SPEECH, body).max_output_tokens, Some(10));
    assert!(parse_request(SPEECH, body).stream && !parse_request(SPEECH, r#"{"stream_format":"audio"}"#).stream);
    assert_eq!(edited(SPEECH, r#"{"model":"a","input":""}"#, "b"), r#"{"model":"b","input":""}"#);
}

#[test]
fn responses_are_read() {
    let body = r#"{"text":"Hi \u00e9","task":"transcribe","language":"english","duration":1.5,"segments":[{"id":0,"text":" Hi",
        "tokens":[1]}],"words":[{"word":"Hi","start":0,"end":1}],"usage":{"type":"tokens","input_tokens":14,"output_tokens":5,
        "total_tokens":19,"input_token_details":{"text_tokens":4,"audio_tokens":10}}}"#;
    let output = parse_response(TRANSCRIPTIONS, body);
    assert_eq!(output.lines(), ["0 Content Hi é", "0 Logprobs Hi", "0 Whole  Hi", "0 Other english"]);
    let want = Usage { input: 14, audio_input: 10, output: 5, total: 19, ..Usage::default() };
    assert_eq!((output.usage, output.complete), (Some(want), true));
    let response = Response::parse(TRANSCRIPTIONS, body.as_bytes(), &ParseLimits::default()).unwrap();
    assert!(response.logprobs[0].of(body.as_bytes()).starts_with(b"[{\"word\""));
    // Billed by duration: no token counts.
    let output = parse_response(TRANSCRIPTIONS, r#"{"text":"Hi","usage":{"type":"duration","seconds":9}}"#);
    let want = Usage { audio_input_ms: 9000, ..Usage::default() };
    assert_eq!((output.usage, output.lines()), (Some(want), vec!["0 Content Hi".to_owned()]));

    let events = [
        r#"{"type":"transcript.text.delta","delta":"Hel"}"#,
        r#"{"delta":"lo","type":"transcript.text.delta","logprobs":[{"token":"lo","logprob":-1,"bytes":[1]}]}"#,
        r#"{"text":"Hello","type":"transcript.text.segment","id":"seg_1","speaker":"A"}"#,
        r#"{"text":"Hello","type":"transcript.text.done","usage":{"type":"tokens","input_tokens":14,"output_tokens":5,"total_tokens":19}}"#,
    ];
    let output = parse_stream(TRANSCRIPTIONS, Framing::Sse, &typed_events(&events));
    assert_eq!(output.known_lines(), ["0 Content Hello", "0 Logprobs lo", "0 Whole HelloHello"]);
    assert_eq!((output.usage.map(|usage| usage.total), output.ends, output.is_error), (Some(19), true, false));

    let events = [
        r#"{"type":"speech.audio.delta","audio":"aGk="}"#,
        r#"{"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115}}"#,
    ];
    let output = parse_stream(SPEECH, Framing::Sse, &typed_events(&events));
    assert_eq!((output.lines().len(), output.usage.map(|usage| usage.output), output.ends), (0, Some(101), true));
    for dialect in [TRANSCRIPTIONS, SPEECH] {
        assert_eq!(error_json(dialect, 400).0["error"]["param"], "model");
    }
}
