use crate::dialect::support::{edited, errors, request, streamed, told, typed_events, whole};
use crate::{Dialect, Endpoint, Framing, ParseLimits, Response, Usage};

const HEARD: Dialect = Dialect::OpenAiTranscriptions;
const SAID: Dialect = Dialect::OpenAiSpeech;

#[test]
fn paths() {
    for (path, want) in [
        ("/v1/audio/transcriptions", Some((HEARD, None))),
        ("/v1/audio/translations", Some((HEARD, None))),
        ("/openai/deployments/whisper/audio/transcriptions?api-version=1", Some((HEARD, Some("whisper".to_owned())))),
        ("/v1/audio/speech", Some((SAID, None))),
        ("/v1/audio", None),
    ] {
        let found = Endpoint::detect(b"POST", path.as_bytes());
        assert_eq!(found.map(|found| (found.dialect, found.model.map(|model| model.name))), want, "{path}");
    }
    assert_eq!((HEARD.form(), SAID.form()), (Some(&["model", "stream", "prompt"][..]), None));
}

#[test]
fn requests() {
    let body = r#"{"model":"tts-1","input":"Hello","voice":"alloy","instructions":"Whisper","stream_format":"sse","later":"z"}"#;
    assert_eq!(
        told(SAID, body),
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
    assert_eq!(request(SAID, body).max_output_tokens, Some(10));
    assert!(request(SAID, body).stream && !request(SAID, r#"{"stream_format":"audio"}"#).stream);
    assert_eq!(edited(SAID, r#"{"model":"a","input":""}"#, "b"), r#"{"model":"b","input":""}"#);
}

#[test]
fn answers() {
    let body = r#"{"text":"Hi \u00e9","task":"transcribe","language":"english","duration":1.5,"segments":[{"id":0,"text":" Hi",
        "tokens":[1]}],"words":[{"word":"Hi","start":0,"end":1}],"usage":{"type":"tokens","input_tokens":14,"output_tokens":5,
        "total_tokens":19,"input_token_details":{"text_tokens":4,"audio_tokens":10}}}"#;
    let told = whole(HEARD, body);
    assert_eq!(told.lines(), ["0 Content Hi é", "0 Logprobs Hi", "0 Whole  Hi", "0 Other english"]);
    let want = Usage { input: 14, audio_input: 10, output: 5, total: 19, ..Usage::default() };
    assert_eq!((told.usage, told.complete), (Some(want), true));
    let response = Response::parse(HEARD, body.as_bytes(), &ParseLimits::default()).unwrap();
    assert!(response.logprobs[0].of(body.as_bytes()).starts_with(b"[{\"word\""));
    // charged by the second
    let told = whole(HEARD, r#"{"text":"Hi","usage":{"type":"duration","seconds":9}}"#);
    assert_eq!((told.usage, told.lines()), (None, vec!["0 Content Hi".to_owned()]));

    let events = [
        r#"{"type":"transcript.text.delta","delta":"Hel"}"#,
        r#"{"delta":"lo","type":"transcript.text.delta","logprobs":[{"token":"lo","logprob":-1,"bytes":[1]}]}"#,
        r#"{"text":"Hello","type":"transcript.text.segment","id":"seg_1","speaker":"A"}"#,
        r#"{"text":"Hello","type":"transcript.text.done","usage":{"type":"tokens","input_tokens":14,"output_tokens":5,"total_tokens":19}}"#,
    ];
    let told = streamed(HEARD, Framing::Sse, &typed_events(&events));
    assert_eq!(told.meant(), ["0 Content Hello", "0 Logprobs lo", "0 Whole HelloHello"]);
    assert_eq!((told.usage.map(|usage| usage.total), told.ends, told.is_error), (Some(19), true, false));

    let events = [
        r#"{"type":"speech.audio.delta","audio":"aGk="}"#,
        r#"{"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115}}"#,
    ];
    let told = streamed(SAID, Framing::Sse, &typed_events(&events));
    assert_eq!((told.lines().len(), told.usage.map(|usage| usage.output), told.ends), (0, Some(101), true));
    for dialect in [HEARD, SAID] {
        assert_eq!(errors(dialect, 400).0["error"]["param"], "model");
    }
}
