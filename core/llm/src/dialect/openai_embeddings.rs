//! OpenAI's embeddings and moderations (API reference, "Embeddings", "Moderations"): texts go in, and numbers come out.

use super::openai_chat::{answer, request};
use super::{Echo, Row, openai_chat};
use crate::path::Pattern;
use crate::reader::{Reader, Value};
use crate::request::{Draft, Origin};
use crate::response::Sketch;
use crate::{Channel, Error};

pub(super) const EMBEDDINGS: Row = Row {
    name: "openai.embeddings",
    paths: &[Pattern::new("embeddings"), Pattern::new("deployments/{model}/embeddings")],
    request: read,
    response: read_answer,
    chunk: read_answer,
    echo: Echo::NONE,
    ..openai_chat::ROW
};

/// Nobody charges for them.
pub(super) const MODERATIONS: Row =
    Row { name: "openai.moderations", paths: &[Pattern::new("moderations")], is_free: true, ..EMBEDDINGS };

fn read(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<(), Error> {
    draft.body(reader)?;
    // Numbers are no tokens.
    draft.request.max_output_tokens = Some(0);
    while let Some((key, name)) = reader.field(&["model", "input"])? {
        let value = reader.value()?;
        match name {
            "model" => draft.model(reader, value)?,
            // A text or several, tokens, or parts as chat completions have them.
            "input" => request::content(reader, draft, Origin::USER, value)?,
            _ => draft.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

fn read_answer(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<(), Error> {
    reader.object()?;
    while let Some((_, field)) = reader.field(&["model", "data", "usage", "error", "id", "object"])? {
        let value = reader.value()?;
        match (field, value) {
            ("model", Value::String(str)) => sketch.answer.model = Some(str),
            ("data", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    embedding(reader, sketch, value)?;
                }
            }
            ("usage", Value::Object(_)) => sketch.answer.usage = answer::usage(reader, sketch)?,
            ("error", value) => {
                sketch.answer.is_error = !value.is_null();
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            ("id" | "object", value) => sketch.nothing(reader, 0, value)?,
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    if let Some(usage) = &mut sketch.answer.usage {
        usage.complete = true;
    }
    Ok(())
}

/// An embedding: numbers, or the same in base64, which is no text either.
fn embedding(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, value: Value) -> Result<(), Error> {
    let Value::Object(_) = value else { return sketch.texts(reader, Channel::OTHER, value) };
    while let Some((_, field)) = reader.field(&["embedding", "object"])? {
        let value = reader.value()?;
        match field {
            "" => sketch.texts(reader, Channel::OTHER, value)?,
            _ => sketch.nothing(reader, 0, value)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::dialect::fixtures::{edited, errors, request, told, whole};
    use crate::{Dialect, Endpoint, Usage};

    #[test]
    fn paths() {
        for (path, want) in [
            ("/v1/embeddings", Some((Dialect::OpenAiEmbeddings, None))),
            ("/openai/deployments/ada/embeddings?a", Some((Dialect::OpenAiEmbeddings, Some("ada".to_owned())))),
            ("/v1/moderations", Some((Dialect::OpenAiModerations, None))),
            ("/v1/embeddings/x", None),
        ] {
            let found = Endpoint::detect(b"POST", path.as_bytes());
            assert_eq!(found.map(|found| (found.dialect, found.model.map(|model| model.name))), want, "{path}");
        }
    }

    #[test]
    fn requests() {
        for dialect in [Dialect::OpenAiEmbeddings, Dialect::OpenAiModerations] {
            for (body, want) in [
                (r#"{"model":"m","input":"a","user":"u"}"#, vec!["- Model m", "u Content a", "- Other u"]),
                (
                    r#"{"input":["a","b"],"encoding_format":"base64"}"#,
                    vec!["u Content a", "u Content b", "- Other base64"],
                ),
                (r#"{"input":[1,2,3]}"#, vec![]),
                (r#"{"input":[[1,2],[3]],"dimensions":256}"#, vec![]),
                (
                    r#"{"input":[{"type":"text","text":"t"},{"type":"image_url","image_url":{"url":"data:,x"}}]}"#,
                    vec!["u Content t", "u ImageUrl data:,x"],
                ),
            ] {
                assert_eq!(told(dialect, body), want, "{body}");
            }
            assert_eq!(edited(dialect, r#"{"model":"a","input":""}"#, "b"), r#"{"model":"b","input":""}"#);
            let asked = request(dialect, r#"{"input":[{"image_url":"x"}]}"#);
            assert_eq!((asked.images, asked.max_output_tokens), (1, Some(0)));
        }
    }

    #[test]
    fn answers() {
        let body = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,-2e-3]},
            {"object":"embedding","index":1,"embedding":"AACAPw=="}],"model":"m","usage":{"prompt_tokens":8,"total_tokens":8}}"#;
        let heard = whole(Dialect::OpenAiEmbeddings, body);
        assert_eq!((heard.model.as_deref(), heard.said.len(), heard.complete), (Some("m"), 0, true));
        assert_eq!(heard.usage, Some(Usage { input: 8, total: 8, ..Usage::default() }));
        let body = r#"{"id":"modr-1","model":"m","results":[{"flagged":true,"categories":{"violence":true},
            "category_applied_input_types":{"violence":["text"]}}]}"#;
        let heard = whole(Dialect::OpenAiModerations, body);
        assert_eq!((heard.usage, heard.lines()), (None, vec!["0 Other text".to_owned()]));
        assert!(Dialect::OpenAiModerations.is_free() && !Dialect::OpenAiEmbeddings.is_free());
        assert_eq!(errors(Dialect::OpenAiEmbeddings, 400).0["error"]["param"], "model");
    }
}
