//! Reranking: Cohere's (API reference, "Rerank", v1 and v2), which Jina, vLLM and others have as well. A query and
//! documents go in, and an order comes out.

use super::{Echo, Row, cohere};
use crate::field::{number, wrong};
use crate::path::Pattern;
use crate::reader::{Reader, Value};
use crate::request::{Draft, Origin};
use crate::response::Sketch;
use crate::{Channel, Error, Reported, TextKind};

pub(super) const ROW: Row = Row {
    name: "rerank",
    paths: &[Pattern::new("rerank")],
    request: read,
    response: read_answer,
    chunk: read_answer,
    echo: Echo::NONE,
    error_event: cohere::error_alone,
    ..cohere::CHAT
};

fn read(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<(), Error> {
    draft.body(reader)?;
    while let Some((key, name)) = reader.field(&["model", "query", "documents", "texts"])? {
        let value = reader.value()?;
        match name {
            "model" => draft.model(reader, value)?,
            "query" => draft.texts(reader, Origin::USER, TextKind::Content, value)?,
            "documents" | "texts" => draft.texts(reader, Origin::FOUND, TextKind::Content, value)?,
            _ => draft.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

fn read_answer(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<(), Error> {
    // Some servers send the results as they are.
    let value = reader.value()?;
    if let Value::Array(_) = value {
        return sketch.texts(reader, Channel::OTHER, value);
    }
    let Value::Object(_) = value else { return Err(wrong("body", value)) };
    while let Some((_, field)) = reader.field(&["model", "meta", "usage", "message", "error", "id"])? {
        let value = reader.value()?;
        match (field, value) {
            ("model", Value::String(str)) => sketch.answer.model = Some(str),
            ("meta", Value::Object(_)) => sketch.answer.usage = cohere::billed(reader, sketch)?,
            ("usage", Value::Object(_)) => sketch.answer.usage = usage(reader, sketch)?,
            ("message", Value::String(_)) => {
                sketch.answer.is_error = true;
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            ("error", value) => {
                sketch.answer.is_error |= !value.is_null();
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            ("id", value) => sketch.nothing(reader, 0, value)?,
            // The results, with the documents where these were asked for.
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

/// Of servers that are not Cohere's; all of it is the prompt.
fn usage(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<Option<Reported>, Error> {
    let (mut input, mut total) = (None, None);
    while let Some((_, field)) = reader.field(&["prompt_tokens", "total_tokens"])? {
        match (field, reader.value()?) {
            ("prompt_tokens", value @ Value::Number(_)) => input = number(reader, value),
            ("total_tokens", value @ Value::Number(_)) => total = number(reader, value),
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    let said = Reported { input: input.or(total), total, complete: true, ..Reported::default() };
    Ok(Some(said).filter(|said| !said.is_empty()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::dialect::fixtures::{edited, errors, told, whole};
    use crate::{Dialect, ErrorKind, Limits, Request};

    const RERANK: Dialect = Dialect::Rerank;

    #[test]
    fn requests() {
        for path in ["/v1/rerank", "/v2/rerank", "/rerank", "/jina/v1/rerank?x"] {
            assert_eq!(Dialect::detect(b"POST", path.as_bytes()), Some(RERANK), "{path}");
        }
        let body = r#"{"model":"m","query":"q","documents":["a",{"text":"b","x y":"c"}],"top_n":1,"later":"z"}"#;
        let want = ["- Model m", "u Content q", "t Content a", "t Content b", "t Content x y", "t Content c"];
        assert_eq!(told(RERANK, body), [&want[..], &["- Other later", "- Other z"]].concat());
        assert_eq!(edited(RERANK, r#"{"model":"a","query":""}"#, "b"), r#"{"model":"b","query":""}"#);
        for (body, want) in [
            ("[]", ErrorKind::WrongType("body")),
            (r#"{"model":{}}"#, ErrorKind::WrongType("model")),
            (r#"{"Query":"q"}"#, ErrorKind::AmbiguousKey),
        ] {
            assert_eq!(Request::parse(RERANK, body.as_bytes(), &Limits::default()).unwrap_err().kind, want);
        }
    }

    #[test]
    fn answers() {
        for (body, said, usage) in [
            (
                r#"{"id":"r","results":[{"index":1,"relevance_score":0.9,"document":{"text":"b"}}],"meta":{"api_version":{"version":"2"},
                    "billed_units":{"search_units":1}}}"#,
                vec!["0 Other b2"],
                None,
            ),
            (
                r#"{"results":[{"index":0,"relevance_score":0.9}],"meta":{"billed_units":{"input_tokens":7,"search_units":1}}}"#,
                vec![],
                Some((7, 0, 7)),
            ),
            (
                r#"{"model":"m","results":[{"index":0,"document":{"text":"b"}}],"usage":{"total_tokens":9}}"#,
                vec!["0 Other b"],
                Some((9, 0, 9)),
            ),
            (r#"[{"index":0,"score":0.5,"text":"b"}]"#, vec!["0 Other b"], None),
        ] {
            let heard = whole(RERANK, body);
            assert_eq!(heard.lines(), said, "{body}");
            assert_eq!(heard.usage.map(|usage| (usage.input, usage.output, usage.total)), usage, "{body}");
        }
        assert!(whole(RERANK, r#"{"message":"no"}"#).is_error);
        assert!(whole(RERANK, r#"{"error":{"message":"no"}}"#).is_error);
        let want = json!({"message": "no \"more\"\nfor you\u{0}"});
        assert_eq!(errors(RERANK, 429), (want.clone(), want));
    }
}
