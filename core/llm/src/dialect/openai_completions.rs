//! OpenAI's legacy completions (API reference, "Completions"), which many compatible servers still have.

use super::openai_chat::answer;
use super::openai_stream::Streaming;
use super::{Echo, Row, openai_chat};
use crate::field::{count, saturate};
use crate::path::Pattern;
use crate::reader::{Reader, Value};
use crate::request::{Draft, Origin};
use crate::{Error, TextKind};

pub(super) const ROW: Row = Row {
    name: "openai.completions",
    paths: &[Pattern::new("completions"), Pattern::new("deployments/{model}/completions")],
    request: read,
    response: |reader, sketch| answer::read(reader, sketch, "text"),
    chunk: |reader, sketch| answer::read(reader, sketch, "text"),
    echo: Echo { inner: &["index"], ..openai_chat::ROW.echo },
    ..openai_chat::ROW
};

fn read(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<(), Error> {
    draft.body(reader)?;
    let prompt = Origin::USER;
    let mut streaming = Streaming::default();
    let (mut n, mut best_of, mut prompts) = (None, None, 1);
    while let Some((key, name)) =
        reader.field(&["model", "prompt", "suffix", "stream", "stream_options", "n", "best_of", "max_tokens"])?
    {
        let value = reader.value()?;
        match (name, value) {
            ("model", value) => draft.model(reader, value)?,
            ("prompt", Value::Array(_)) => prompts = prompt_list(reader, draft, prompt)?,
            ("prompt", value) => draft.text_or_others(reader, prompt, TextKind::Content, value)?,
            // What stands behind the answer: a text of its own.
            ("suffix", value) => draft.text_or_others(reader, prompt, TextKind::Other, value)?,
            ("stream", value) => streaming.flag(value)?,
            ("stream_options", value) => streaming.options(reader, draft, value)?,
            ("n", value) => n = count(reader, name, value)?,
            ("best_of", value) => best_of = count(reader, name, value)?,
            ("max_tokens", value) => draft.request.max_output_tokens = count(reader, name, value)?,
            _ => draft.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    // So many are made for each prompt, whatever of them is sent.
    let each = saturate(n.max(best_of).unwrap_or(1).max(1));
    draft.request.candidates = each.saturating_mul(prompts);
    streaming.settle(draft);
    Ok(())
}

/// Prompts as texts or as tokens, or one prompt as tokens; how many.
fn prompt_list(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>, from: Origin) -> Result<u32, Error> {
    let mut prompts: u32 = 0;
    while let Some(value) = reader.element()? {
        if let Value::String(_) | Value::Array(_) = value {
            prompts = prompts.saturating_add(1);
        }
        draft.texts(reader, from, TextKind::Content, value)?;
    }
    Ok(prompts.max(1))
}

#[cfg(test)]
mod tests {
    use crate::dialect::fixtures::{edited, errors, request, streamed, told, whole};
    use crate::{Dialect, Endpoint, Framing, Usage};

    const COMPLETIONS: Dialect = Dialect::OpenAiCompletions;

    #[test]
    fn paths() {
        for (path, want) in [
            ("/v1/completions", Some(COMPLETIONS)),
            ("/openai/deployments/d/completions?api-version=1", Some(COMPLETIONS)),
            ("/v1/chat/completions", Some(Dialect::OpenAiChat)),
            ("/v1/completions/x", None),
        ] {
            assert_eq!(Dialect::detect(b"POST", path.as_bytes()), want, "{path}");
        }
        let azure = Endpoint::detect(b"POST", b"/openai/deployments/d/chat/completions").unwrap();
        assert_eq!((azure.dialect, &*azure.model.unwrap().name), (Dialect::OpenAiChat, "d"));
    }

    #[test]
    fn requests() {
        for (body, want, candidates) in [
            (r#"{"model":"m","prompt":"Once","suffix":"end"}"#, vec!["- Model m", "u Content Once", "u Other end"], 1),
            (
                r#"{"prompt":["a","b"],"n":2,"best_of":3,"stop":["x"]}"#,
                vec!["u Content a", "u Content b", "- Other x"],
                6,
            ),
            (r#"{"prompt":[1,2,3]}"#, vec![], 1),
            (r#"{"prompt":[[1,2],[3]],"logit_bias":{"50256":-1}}"#, vec!["- Other 50256"], 2),
        ] {
            assert_eq!(told(COMPLETIONS, body), want, "{body}");
            assert_eq!(request(COMPLETIONS, body).candidates, candidates, "{body}");
        }
        let body = r#"{"model":"m","stream":true,"prompt":"x","max_tokens":9}"#;
        assert_eq!(request(COMPLETIONS, body).max_output_tokens, Some(9));
        assert!(request(COMPLETIONS, body).lacks_usage());
        assert_eq!(
            edited(COMPLETIONS, body, "n"),
            r#"{"model":"n","stream":true,"stream_options":{"include_usage":true},"prompt":"x","max_tokens":9}"#
        );
    }

    #[test]
    fn answers() {
        let body = r#"{"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[{"text":" a time","index":0,
            "logprobs":{"tokens":[" a"," time"],"token_logprobs":[-1,-2],"top_logprobs":[{" a":-1}],"text_offset":[0,2]},
            "finish_reason":"stop"},{"index":1,"text":"two"}],"usage":{"prompt_tokens":1,"completion_tokens":3,"total_tokens":4}}"#;
        let heard = whole(COMPLETIONS, body);
        assert_eq!(heard.lines(), ["0 Content  a time", "0 Logprobs  a time", "1 Content two"]);
        assert_eq!(heard.usage, Some(Usage { input: 1, output: 3, total: 4, ..Usage::default() }));
        let stream = b"data: {\"choices\":[{\"text\":\"Hel\",\"index\":0,\"finish_reason\":null}]}\n\n\
            data: {\"choices\":[{\"text\":\"lo\",\"index\":0,\"finish_reason\":\"length\"}]}\n\n\
            data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";
        let heard = streamed(COMPLETIONS, Framing::Sse, stream);
        assert_eq!((heard.lines(), heard.finished), (vec!["0 Content Hello".to_owned()], vec![0]));
        assert_eq!((heard.usage.unwrap().total, heard.usage_only, heard.ends), (3, 1, true));
        assert_eq!(errors(COMPLETIONS, 429).0["error"]["type"], "insufficient_quota");
    }
}
