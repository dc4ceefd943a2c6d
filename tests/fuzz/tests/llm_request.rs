//! Requests: the view, its pointers, and edits that must parse again.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a target may panic")]

use tollgate_llm::{Dialect, Edits, ErrorKind, ParseLimits, Request, Span, TextKind};

const SEEDS: &[&[u8]] = &[
    br#"{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Hello \u00e9\ud83d\ude00 \"you\"\n"}]}"#,
    br#"{"stream":true,"stream_options":{"x":[1],"include_usage":false},"n":2,"max_tokens":16.0,"max_completion_tokens":null}"#,
    br#"{"messages":[{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x","detail":"low"}},
        {"type":"input_audio","input_audio":{"data":"QQ==","format":"wav"}},"s"],"name":"n","role":"user"},
        {"role":"assistant","refusal":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}]}"#,
    br#"{"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"name":{"type":"string"}}}}}],
        "metadata":{"k":"v","\u006b2":["w"]},"stop":["s"],"user":"u","temperature":-1.5e-3,"stream":false}"#,
    br#"{"metadata":{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"k":11,"l":12,"m":13,"n":14,"o":15,"p":16,
        "q":17,"r":18,"s":19,"t":20,"u":21,"v":22,"w":23,"x":24,"y":25,"z":26,"aa":27,"\u0061b":28}}"#,
    b"{}",
    b"{\"a\":[[[[[[[[{\"b\":[[[[[[[[1]]]]]]]]}]]]]]]]]}",
];

const REPLACEMENT: &str = "\u{2588}\"\\\n";

fn property(body: &[u8]) {
    let chat = Dialect::OpenAiChat;
    let limits = ParseLimits { max_items: 200, max_depth: 16, max_bytes: 4096, ..ParseLimits::default() };
    let oracle = serde_json::from_slice::<serde_json::Value>(body);
    let request = match Request::parse(chat, body, &limits) {
        Ok(request) => request,
        Err(error) => {
            assert!(error.offset <= body.len());
            let meant = matches!(
                error.kind,
                ErrorKind::DuplicateKey
                    | ErrorKind::AmbiguousKey
                    | ErrorKind::TooDeep
                    | ErrorKind::TooMany
                    | ErrorKind::TooLarge
                    | ErrorKind::WrongType(_)
            );
            assert!(meant || oracle.is_err(), "{error}");
            return;
        }
    };
    if let Err(error) = &oracle {
        assert!(error.to_string().starts_with("number out of range"), "{error}");
    }

    for text in &request.texts {
        let literal = text.str.literal().of(body);
        assert_eq!(serde_json::from_slice::<String>(literal).unwrap(), text.str.decode(body));
        assert!(text.message.is_none_or(|message| (message as usize) < request.messages.len()));
    }
    for text in request.texts.iter().take(3) {
        let pointer = Request::pointer(body, text.str.span);
        if let Ok(oracle) = &oracle {
            assert!(oracle.pointer(&pointer).is_some(), "{pointer}");
        }
    }

    // Edits by the gateway parse again as intended, and all other texts stay.
    let mut edits = Edits::new();
    request.include_usage(body, &mut edits);
    request.set_model("m\"", &mut edits);
    let edited = edits.apply(body);
    assert_eq!(edited.len(), body.len().strict_add_signed(edits.len_change()));
    let generous = ParseLimits { max_items: 210, max_depth: 17, ..ParseLimits::default() };
    let view = Request::parse(chat, &edited, &generous).unwrap();
    assert_eq!(view.model.unwrap().decode(&edited), "m\"");
    assert_eq!(view.stream, request.stream);
    assert_eq!(view.include_usage, request.include_usage || request.stream);
    let others = |view: &Request, body: &[u8]| -> Vec<String> {
        let others = view.texts.iter().filter(|text| text.kind != TextKind::Model);
        others.map(|text| text.str.decode(body).into_owned()).collect()
    };
    assert_eq!(others(&view, &edited), others(&request, body));

    // Replaces every value: the positions stay the same and hold the new text.
    let is_value = |span: Span| body[span.end..].trim_ascii_start().first() != Some(&b':');
    let values: Vec<_> = request.texts.iter().filter(|text| is_value(text.str.literal())).collect();
    let mut edits = Edits::new();
    for text in &values {
        edits.replace_text(text.str.span, REPLACEMENT).unwrap();
    }
    let redacted = edits.apply(body);
    let view = Request::parse(chat, &redacted, &generous).unwrap();
    assert_eq!(view.texts.len(), request.texts.len());
    let replaced = view.texts.iter().filter(|text| text.str.decode(&redacted) == REPLACEMENT).count();
    assert!(replaced >= values.len());
}

tollgate_fuzz::target!(llm_request, SEEDS, property);
