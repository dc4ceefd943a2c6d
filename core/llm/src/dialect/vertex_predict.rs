//! Vertex AI's `predict`: embeddings, images and whatever else has an endpoint there.
//!
//! Formats are those of the Vertex AI reference ("Method: endpoints.predict", "Text embeddings API", "Multimodal embeddings
//! API", "Imagen API"). A request is a list of instances and parameters, an answer a list of predictions; what is in these
//! is the model's own, so every string in them is read.

use super::{Echo, Row, gemini};
use crate::field::{count, number, saturate};
use crate::path::Pattern;
use crate::reader::{Reader, Value};
use crate::request::{Draft, Origin};
use crate::response::Sketch;
use crate::{Channel, Error, Part, Picture, Reported, TextKind};

pub(super) const ROW: Row = Row {
    name: "vertex.predict",
    paths: &[Pattern::new("models/{model}:predict"), Pattern::new("endpoints/{model}:predict")],
    request: read,
    response: read_answer,
    chunk: read_answer,
    json_stream: None,
    echo: Echo::NONE,
    ..gemini::GENERATE
};

fn read(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<(), Error> {
    draft.body(reader)?;
    while let Some((key, name)) = reader.field(&["instances", "parameters"])? {
        let value = reader.value()?;
        match (name, value) {
            ("instances", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    instance(reader, draft, value)?;
                }
            }
            ("parameters", Value::Object(_)) => parameters(reader, draft)?,
            _ => draft.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

/// What a model is to work on: a text, or an object with texts, images and more objects.
fn instance(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>, value: Value) -> Result<(), Error> {
    match value {
        Value::Object(_) => {}
        Value::Array(_) => {
            while let Some(value) = reader.element()? {
                instance(reader, draft, value)?;
            }
            return Ok(());
        }
        value => return draft.texts(reader, Origin::USER, TextKind::Content, value),
    }
    let (mut place, mut is_image) = (None, false);
    while let Some((key, field)) =
        reader.field(&["bytesBase64Encoded", "gcsUri", "mimeType", "task_type", "taskType"])?
    {
        let value = reader.value()?;
        match (field, value) {
            ("bytesBase64Encoded", Value::String(str)) => {
                place = Some(str);
                draft.text(Origin::USER, TextKind::Data, str)?;
            }
            ("gcsUri", Value::String(str)) => {
                place = Some(str);
                draft.text(Origin::USER, TextKind::ImageUrl, str)?;
            }
            ("mimeType", Value::String(str)) => {
                is_image = str.decode(reader.body()).to_ascii_lowercase().starts_with("image/");
                draft.text(Origin::USER, TextKind::Other, str)?;
            }
            ("task_type" | "taskType", value) => draft.texts(reader, Origin::USER, TextKind::Other, value)?,
            (_, value) => {
                draft.key(reader.body(), Origin::USER, TextKind::Other, key)?;
                // As deep as a body may be, which is bounded.
                instance(reader, draft, value)?;
            }
        }
    }
    if is_image || place.is_some() {
        draft.picture(Picture { str: place, detail: None });
    }
    Ok(())
}

fn parameters(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<(), Error> {
    while let Some((key, field)) = reader.field(&["sampleCount", "candidateCount", "maxOutputTokens"])? {
        let value = reader.value()?;
        match field {
            "sampleCount" | "candidateCount" => {
                let asked = count(reader, "parameters.sampleCount", value)?.map_or(1, saturate);
                draft.request.candidates = draft.request.candidates.max(asked);
            }
            "maxOutputTokens" => {
                draft.request.max_output_tokens = count(reader, "parameters.maxOutputTokens", value)?;
            }
            _ => draft.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

fn read_answer(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<(), Error> {
    reader.object()?;
    let mut said = Reported::default();
    while let Some((_, field)) = reader.field(&["predictions", "metadata", "error", "deployedModelId"])? {
        let value = reader.value()?;
        match (field, value) {
            ("predictions", Value::Array(_)) => {
                let mut index = 0;
                while let Some(value) = reader.element()? {
                    prediction(reader, sketch, &mut said, index, value)?;
                    index = index.saturating_add(1);
                }
            }
            ("metadata", Value::Object(_)) => metadata(reader, sketch, &mut said)?,
            ("error", value) => {
                sketch.answer.is_error = !value.is_null();
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            ("deployedModelId", value) => sketch.nothing(reader, 0, value)?,
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    said.complete = true;
    sketch.answer.usage = Some(said).filter(|said| !said.is_empty());
    Ok(())
}

/// A prediction, or an object or a list in one: as deep as a body may be, which is bounded.
fn prediction(
    reader: &mut Reader<'_, '_>,
    sketch: &mut Sketch<'_>,
    said: &mut Reported,
    index: u32,
    value: Value,
) -> Result<(), Error> {
    let channel = |part| Channel { choice: index, part };
    match value {
        Value::Object(_) => {}
        Value::Array(_) => {
            while let Some(value) = reader.element()? {
                prediction(reader, sketch, said, index, value)?;
            }
            return Ok(());
        }
        value => return sketch.texts(reader, channel(Part::Whole), value),
    }
    while let Some((_, field)) = reader.field(&["bytesBase64Encoded", "mimeType", "token_count", "tokenCount"])? {
        let value = reader.value()?;
        match (field, value) {
            ("bytesBase64Encoded" | "mimeType", value) => sketch.nothing(reader, index, value)?,
            // Of the instance that it belongs to.
            ("token_count" | "tokenCount", Value::Number(_)) => {
                let tokens = number(reader, value).unwrap_or_default();
                said.input = Some(said.input.unwrap_or_default().saturating_add(tokens));
            }
            // Each is a text by itself.
            (_, Value::String(str)) => sketch.text(channel(Part::Whole), str)?,
            (_, value) => prediction(reader, sketch, said, index, value)?,
        }
    }
    Ok(())
}

/// What was used, of models that write.
fn metadata(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, said: &mut Reported) -> Result<(), Error> {
    while let Some((_, field)) = reader.field(&["tokenMetadata"])? {
        match (field, reader.value()?) {
            ("tokenMetadata", Value::Object(_)) => {
                while let Some((_, field)) = reader.field(&["inputTokenCount", "outputTokenCount"])? {
                    match (field, reader.value()?) {
                        ("inputTokenCount", Value::Object(_)) => {
                            [said.input] = sketch.numbers(reader, ["totalTokens"])?;
                        }
                        ("outputTokenCount", Value::Object(_)) => {
                            [said.output] = sketch.numbers(reader, ["totalTokens"])?;
                        }
                        (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
                    }
                }
            }
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::dialect::fixtures::{errors, request, told, whole};
    use crate::{Dialect, Endpoint, ErrorKind, Limits, Request};

    const PREDICT: Dialect = Dialect::VertexPredict;

    #[test]
    fn paths() {
        for (path, want) in [
            (
                "/v1/projects/p/locations/l/publishers/google/models/text-embedding-005:predict",
                Some("text-embedding-005"),
            ),
            ("/v1/projects/p/locations/l/endpoints/123:predict", Some("123")),
            ("/v1beta/models/imagen-4.0-generate-001:predict", Some("imagen-4.0-generate-001")),
            ("/v1/projects/p/locations/l/endpoints/123:explain", None),
        ] {
            let found = Endpoint::detect(b"POST", path.as_bytes());
            assert!(found.as_ref().is_none_or(|found| found.dialect == PREDICT));
            assert_eq!(found.map(|found| found.model.unwrap().name).as_deref(), want, "{path}");
        }
    }

    #[test]
    fn requests() {
        for (body, want) in [
            (
                r#"{"instances":[{"task_type":"RETRIEVAL_QUERY","title":"t","content":"a"},{"content":"b"},"c"],"parameters":{"autoTruncate":true}}"#,
                vec!["u Other RETRIEVAL_QUERY", "u Content t", "u Content a", "u Content b", "u Content c"],
            ),
            (
                r#"{"instances":[{"prompt":"A cat","image":{"bytesBase64Encoded":"aGk=","mimeType":"image/png"}}],"parameters":{"sampleCount":2,"x y":"z"}}"#,
                vec!["u Content A cat", "u Data aGk=", "u Other image/png", "- Other x y", "- Other z"],
            ),
            (
                r#"{"instances":[{"messages":[{"author":"me","x y":["q"]}]},[["r"]]],"later":"z"}"#,
                vec![
                    "u Other author",
                    "u Content me",
                    "u Other x y",
                    "u Content q",
                    "u Content r",
                    "- Other later",
                    "- Other z",
                ],
            ),
        ] {
            assert_eq!(told(PREDICT, body), want, "{body}");
        }
        let asked = request(
            PREDICT,
            r#"{"instances":[{"image":{"gcsUri":"gs://b/o"}}],"parameters":{"sampleCount":2,"maxOutputTokens":9}}"#,
        );
        assert_eq!((asked.images, asked.candidates, asked.max_output_tokens), (1, 2, Some(9)));
        for (body, want) in [
            ("[]", ErrorKind::WrongType("body")),
            (r#"{"Instances":[]}"#, ErrorKind::AmbiguousKey),
            (r#"{"parameters":{"sampleCount":"2"}}"#, ErrorKind::WrongType("parameters.sampleCount")),
        ] {
            assert_eq!(Request::parse(PREDICT, body.as_bytes(), &Limits::default()).unwrap_err().kind, want, "{body}");
        }
    }

    #[test]
    fn answers() {
        for (body, said, usage) in [
            (
                r#"{"predictions":[{"embeddings":{"statistics":{"truncated":false,"token_count":6},"values":[0.1]}},
                    {"embeddings":{"statistics":{"token_count":4},"values":[-1]}}],"metadata":{"billableCharacterCount":30}}"#,
                vec![],
                Some((10, 0)),
            ),
            (
                r#"{"predictions":[{"bytesBase64Encoded":"aGk=","mimeType":"image/png","prompt":"A grey cat"}],"deployedModelId":"1"}"#,
                vec!["0 Whole A grey cat"],
                None,
            ),
            (
                r#"{"predictions":[{"content":"a","safetyAttributes":{"categories":["b"]}},"c",[{"content":"d"}]],
                    "metadata":{"tokenMetadata":{"inputTokenCount":{"totalTokens":3,"totalBillableCharacters":9},
                    "outputTokenCount":{"totalTokens":5}}}}"#,
                vec!["0 Whole ab", "1 Whole c", "2 Whole d"],
                Some((3, 5)),
            ),
        ] {
            let heard = whole(PREDICT, body);
            assert_eq!(heard.lines(), said, "{body}");
            assert_eq!(heard.usage.map(|usage| (usage.input, usage.output)), usage, "{body}");
        }
        assert_eq!(errors(PREDICT, 429).0["error"]["status"], "RESOURCE_EXHAUSTED");
    }
}
