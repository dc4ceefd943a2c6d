//! OpenAI's images (API reference, "Images"): made from a prompt, or from a prompt and other images.
//!
//! New images are asked for in JSON. What edits images comes as a form with the images in it, of which the model, the
//! number and the stream flag are read; or in JSON, too, with the images at other places. An answer holds images in
//! base64, or where they are, and the prompt as a model revised it.

use super::{Echo, Row, openai_chat};
use crate::field::{count, flag, number, saturate};
use crate::path::Pattern;
use crate::reader::{Reader, Value};
use crate::request::{Draft, Origin};
use crate::response::Sketch;
use crate::{Channel, Error, Part, Picture, Reported, TextKind};

pub(super) const GENERATIONS: Row = Row {
    name: "openai.images",
    paths: &[Pattern::new("images/generations"), Pattern::new("deployments/{model}/images/generations")],
    request: read,
    response: read_answer,
    chunk: read_answer,
    echo: Echo::NONE,
    ..openai_chat::ROW
};

pub(super) const EDITS: Row = Row {
    name: "openai.image_edits",
    paths: &[
        Pattern::new("images/edits"),
        Pattern::new("deployments/{model}/images/edits"),
        Pattern::new("images/variations"),
    ],
    form: Some(&["model", "n", "stream", "prompt"]),
    ..GENERATIONS
};

fn read(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<(), Error> {
    draft.body(reader)?;
    while let Some((key, name)) = reader.field(&["model", "prompt", "n", "stream", "image", "images", "mask"])? {
        let value = reader.value()?;
        match (name, value) {
            ("model", value) => draft.model(reader, value)?,
            ("prompt", value) => draft.texts(reader, Origin::USER, TextKind::Content, value)?,
            ("n", value) => {
                draft.request.candidates = count(reader, name, value)?.map_or(1, |n| saturate(n).max(1));
            }
            ("stream", value) => draft.request.stream = flag(name, value)? == Some(true),
            ("image" | "images", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    image(reader, draft, value)?;
                }
            }
            ("image" | "images" | "mask", value) if !value.is_null() => image(reader, draft, value)?,
            _ => draft.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

/// Where an image is: an address, or an object with an address or the name of a file.
fn image(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>, value: Value) -> Result<(), Error> {
    let mut picture = Picture::default();
    match value {
        Value::String(str) => {
            picture.str = Some(str);
            draft.text(Origin::USER, TextKind::ImageUrl, str)?;
        }
        Value::Object(_) => {
            while let Some((key, field)) = reader.field(&["image_url", "file_id"])? {
                match (field, reader.value()?) {
                    ("image_url", Value::String(str)) => {
                        picture.str = Some(str);
                        draft.text(Origin::USER, TextKind::ImageUrl, str)?;
                    }
                    (_, value) => draft.other(reader, Origin::USER, key, value)?,
                }
            }
        }
        value => draft.texts(reader, Origin::USER, TextKind::Other, value)?,
    }
    draft.picture(picture);
    Ok(())
}

/// A whole answer, or an event of one, which has an image itself.
fn read_answer(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<(), Error> {
    reader.object()?;
    while let Some((_, field)) = reader.field(&[
        "data",
        "usage",
        "error",
        "type",
        "b64_json",
        "background",
        "output_format",
        "quality",
        "size",
        "created",
    ])? {
        let value = reader.value()?;
        match (field, value) {
            ("data", Value::Array(_)) => {
                let mut index = 0;
                while let Some(value) = reader.element()? {
                    made(reader, sketch, index, value)?;
                    index = index.saturating_add(1);
                }
            }
            ("usage", Value::Object(_)) => sketch.answer.usage = usage(reader, sketch)?,
            ("type", Value::String(str)) => {
                let kind = str.decode(reader.body());
                sketch.answer.ends |= kind.ends_with(".completed");
                sketch.answer.is_error |= kind == "error";
            }
            ("error", value) => {
                sketch.answer.is_error |= !value.is_null();
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            ("" | "data" | "usage", value) => sketch.texts(reader, Channel::OTHER, value)?,
            // The image itself, and how it was made.
            (_, value) => sketch.nothing(reader, 0, value)?,
        }
    }
    sketch.answer.choices += 1;
    Ok(())
}

/// An image, and the prompt that it was made from in the end.
fn made(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, index: u32, value: Value) -> Result<(), Error> {
    let channel = |part| Channel { choice: index, part };
    let Value::Object(_) = value else { return sketch.texts(reader, channel(Part::Other), value) };
    while let Some((_, field)) = reader.field(&["b64_json", "revised_prompt"])? {
        let value = reader.value()?;
        match field {
            "b64_json" => sketch.nothing(reader, index, value)?,
            "revised_prompt" => sketch.text_or_others(reader, channel(Part::Content), value)?,
            _ => sketch.texts(reader, channel(Part::Other), value)?,
        }
    }
    Ok(())
}

/// Usage of what is not text: tokens by what they stand for. `None` if no count of tokens is in it (some models are
/// charged by the second or by the image).
pub(super) fn usage(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<Option<Reported>, Error> {
    let mut said = Reported { complete: true, ..Reported::default() };
    while let Some((_, field)) = reader.field(&[
        "input_tokens",
        "output_tokens",
        "total_tokens",
        "input_tokens_details",
        "input_token_details",
        "output_tokens_details",
        "type",
    ])? {
        match (field, reader.value()?) {
            ("input_tokens", value @ Value::Number(_)) => said.input = number(reader, value),
            ("output_tokens", value @ Value::Number(_)) => said.output = number(reader, value),
            ("total_tokens", value @ Value::Number(_)) => said.total = number(reader, value),
            ("input_tokens_details" | "input_token_details", Value::Object(_)) => {
                [said.cached, said.audio_input] = sketch.numbers(reader, ["cached_tokens", "audio_tokens"])?;
            }
            ("output_tokens_details", Value::Object(_)) => {
                [said.reasoning, said.audio_output] = sketch.numbers(reader, ["reasoning_tokens", "audio_tokens"])?;
            }
            ("type", value) => sketch.nothing(reader, 0, value)?,
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(Some(said).filter(|said| !said.is_empty()))
}

#[cfg(test)]
mod tests {
    use crate::dialect::fixtures::{edited, errors, request, streamed, told, typed_events, whole};
    use crate::multipart::Scanner;
    use crate::{Dialect, Edits, Endpoint, ErrorKind, Framing, Limits, Request, Usage};

    const IMAGES: Dialect = Dialect::OpenAiImages;
    const EDITS: Dialect = Dialect::OpenAiImageEdits;

    #[test]
    fn paths() {
        for (path, want) in [
            ("/v1/images/generations", Some((IMAGES, None))),
            ("/openai/deployments/dalle/images/generations?api-version=1", Some((IMAGES, Some("dalle".to_owned())))),
            ("/v1/images/edits", Some((EDITS, None))),
            ("/v1/images/variations", Some((EDITS, None))),
            ("/v1/images", None),
        ] {
            let found = Endpoint::detect(b"POST", path.as_bytes());
            assert_eq!(found.map(|found| (found.dialect, found.model.map(|model| model.name))), want, "{path}");
        }
        assert!(IMAGES.form().is_none() && EDITS.form().is_some());
    }

    #[test]
    fn requests() {
        let body =
            r#"{"model":"gpt-image-1","prompt":"A cat","n":3,"size":"1024x1024","user":"u","stream":true,"later":"z"}"#;
        let want = ["- Model gpt-image-1", "u Content A cat", "- Other 1024x1024", "- Other u", "- Other later"];
        assert_eq!(told(IMAGES, body), [&want[..], &["- Other z"]].concat());
        let asked = request(IMAGES, body);
        assert_eq!((asked.candidates, asked.stream, asked.images, asked.lacks_usage()), (3, true, 0, false));
        let body =
            r#"{"prompt":"A cat","images":[{"image_url":"data:,x"},{"file_id":"f"}],"mask":{"image_url":"data:,y"}}"#;
        assert_eq!(told(EDITS, body), ["u Content A cat", "u ImageUrl data:,x", "u Other f", "u ImageUrl data:,y"]);
        assert_eq!(request(EDITS, body).pictures.len(), 3);
        assert_eq!(edited(IMAGES, r#"{"prompt":"x"}"#, "b"), r#"{"model":"b","prompt":"x"}"#);
        for (body, want) in [
            ("[]", ErrorKind::WrongType("body")),
            (r#"{"model":[]}"#, ErrorKind::WrongType("model")),
            (r#"{"n":"3"}"#, ErrorKind::WrongType("n")),
            (r#"{"stream":"true"}"#, ErrorKind::WrongType("stream")),
            (r#"{"Prompt":"x"}"#, ErrorKind::AmbiguousKey),
        ] {
            assert_eq!(Request::parse(IMAGES, body.as_bytes(), &Limits::default()).unwrap_err().kind, want, "{body}");
        }
    }

    #[test]
    fn forms() {
        let field = |name: &str, value: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let body = field("prompt", "A cat") + &field("model", "gpt-image-1") + &field("n", "2") + "--b--\r\n";
        for size in 1..body.len() {
            let wanted = EDITS.form().unwrap();
            let mut scanner = Scanner::new(b"multipart/form-data; boundary=b", wanted).unwrap();
            body.as_bytes().chunks(size).for_each(|piece| scanner.push(piece).unwrap());
            scanner.finish().unwrap();
            let asked = Request::from_form(&Endpoint::from(EDITS), scanner.fields());
            assert_eq!(asked.model_name(body.as_bytes()).as_deref(), Some("gpt-image-1"));
            assert_eq!((asked.candidates, asked.stream), (2, false));
            let mut edits = Edits::new();
            asked.set_model("other", &mut edits);
            let want = body.replace("gpt-image-1", "other");
            assert_eq!(edits.apply(body.as_bytes()), want.as_bytes());
        }
    }

    #[test]
    fn answers() {
        let body = r#"{"created":1,"data":[{"b64_json":"aGk=","revised_prompt":"A grey cat"},{"url":"https://x/y.png"}],"size":"1024x1024",
            "usage":{"total_tokens":150,"input_tokens":50,"output_tokens":100,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}"#;
        for dialect in [IMAGES, EDITS] {
            let heard = whole(dialect, body);
            assert_eq!(heard.lines(), ["0 Content A grey cat", "1 Other https://x/y.png"]);
            assert_eq!(heard.usage, Some(Usage { input: 50, output: 100, total: 150, ..Usage::default() }));
            assert!(heard.complete && !heard.is_error);
        }
        let events = [
            r#"{"type":"image_generation.partial_image","b64_json":"aGk=","partial_image_index":0,"size":"1024x1024"}"#,
            r#"{"type":"image_generation.completed","b64_json":"aGk=","usage":{"total_tokens":3,"input_tokens":1,"output_tokens":2}}"#,
        ];
        let heard = streamed(IMAGES, Framing::Sse, &typed_events(&events));
        assert_eq!((heard.lines().len(), heard.ends, heard.usage_only), (0, true, 0));
        assert_eq!(heard.usage.map(|usage| (usage.input, usage.output)), Some((1, 2)));
        let error = r#"{"type":"error","error":{"message":"no"}}"#;
        assert!(streamed(IMAGES, Framing::Sse, &typed_events(&[events[0], error])).is_error);
        assert_eq!(errors(EDITS, 400).0["error"]["param"], "model");
    }
}
