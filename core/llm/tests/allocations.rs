//! The memory of a view depends on the number of texts, not on their length.

use tollgate_llm::{Dialect, ParseLimits, Request};

/// Returns the maximum number of bytes allocated at a time, and the number of allocations.
fn cost(read: impl FnOnce()) -> (u64, u64) {
    let info = allocation_counter::measure(read);
    (info.bytes_max, info.count_total)
}

/// Returns a request in which every name and text chosen by the client has this length, unescaped or full of escapes.
fn request(len: usize, unit: &str) -> Vec<u8> {
    let text = unit.repeat(len);
    format!(
        r#"{{"user":"{text}","messages":[{{"role":"user","content":"{text}"}},{{"role":"user","content":[{{"type":"text","text":"{text}"}},{{"type":"{text}"}}],"{text}":1}}],"tools":[{{"type":"function","function":{{"name":"{text}","parameters":{{"properties":{{"{text}":{{"type":"string"}}}}}}}}}}],"metadata":{{"{text}":"{text}"}},"model":"{text}"}}"#
    )
    .into_bytes()
}

#[test]
fn memory_does_not_depend_on_text_length() {
    let limits = ParseLimits::default();
    for unit in ["a", r"\n", r"\u006d", "é", "料", r"\ud83d\ude00"] {
        let (short, long) = (request(100, unit), request(50_000, unit));
        let view = |body: &[u8]| cost(|| drop(Request::parse(Dialect::OpenAiChat, body, &limits).unwrap()));
        assert_eq!(view(&short), view(&long), "{unit}");
        let model = |body: &[u8]| {
            cost(|| {
                Request::model_only(body, &limits).unwrap();
            })
        };
        assert_eq!(model(&short), model(&long), "{unit}");
        assert!(model(&short).1 <= 2, "{unit}");
    }
}
