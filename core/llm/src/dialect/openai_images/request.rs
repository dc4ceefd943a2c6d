//! Reads requests.

use crate::json::field::{count, flag, saturate};
use crate::json::reader::{Reader, Value};
use crate::view::request::{Draft, Origin};
use crate::{Error, Picture, TextKind};

pub(super) fn read(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<(), Error> {
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
