//! Reads requests.

use crate::json::field::{count, flag, saturate};
use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder};
use crate::{Error, Image, TextKind};

/// Reads a request body.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<(), Error> {
    builder.body(reader)?;
    while let Some((key, name)) = reader.field(&["model", "prompt", "n", "stream", "image", "images", "mask"])? {
        let value = reader.value()?;
        match (name, value) {
            ("model", value) => builder.model(reader, value)?,
            ("prompt", value) => builder.texts(reader, Origin::USER, TextKind::Content, value)?,
            ("n", value) => {
                builder.request.candidates = count(reader, name, value)?.map_or(1, |n| saturate(n).max(1));
            }
            ("stream", value) => builder.request.stream = flag(name, value)? == Some(true),
            ("image" | "images", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    image(reader, builder, value)?;
                }
            }
            ("image" | "images" | "mask", value) if !value.is_null() => image(reader, builder, value)?,
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

/// Reads a reference to an image: a URL, or an object with a URL or a file id.
fn image(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, value: Value) -> Result<(), Error> {
    let mut image = Image::default();
    match value {
        Value::String(str) => {
            image.str = Some(str);
            builder.url(reader.body(), Origin::USER, str)?;
        }
        Value::Object(_) => {
            while let Some((key, field)) = reader.field(&["image_url", "file_id"])? {
                match (field, reader.value()?) {
                    ("image_url", Value::String(str)) => {
                        image.str = Some(str);
                        builder.url(reader.body(), Origin::USER, str)?;
                    }
                    (_, value) => builder.other(reader, Origin::USER, key, value)?,
                }
            }
        }
        value => builder.texts(reader, Origin::USER, TextKind::Other, value)?,
    }
    builder.image(image);
    Ok(())
}
