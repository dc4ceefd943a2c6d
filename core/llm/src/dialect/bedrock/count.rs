//! Counting the tokens of a request ("CountTokens"): the request of another call, inside of one.

use super::{Result, request as converse};
use crate::json::field::number;
use crate::json::reader::{Reader, Value};
use crate::view::request::{Draft, Origin};
use crate::view::response::Sketch;
use crate::{Channel, Reported, TextKind};

pub(super) fn request(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<()> {
    draft.body(reader)?;
    while let Some((key, name)) = reader.field(&["input"])? {
        let value = reader.value()?;
        match (name, value) {
            ("input", Value::Object(_)) => input(reader, draft)?,
            _ => draft.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

fn input(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<()> {
    while let Some((key, name)) = reader.field(&["converse", "invokeModel"])? {
        let value = reader.value()?;
        match (name, value) {
            ("converse", Value::Object(_)) => converse::members(reader, draft)?,
            ("invokeModel", Value::Object(_)) => {
                while let Some((key, field)) = reader.field(&["body"])? {
                    let value = reader.value()?;
                    match (field, value) {
                        // The body of a call of InvokeModel in base64, which is not read: it says so by being data.
                        ("body", Value::String(str)) => draft.text(Origin::USER, TextKind::Data, str)?,
                        _ => draft.other(reader, Origin::OUTSIDE, key, value)?,
                    }
                }
            }
            _ => draft.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

pub(super) fn answer(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<()> {
    reader.object()?;
    while let Some((_, field)) = reader.field(&["inputTokens", "message"])? {
        let value = reader.value()?;
        match (field, value) {
            ("inputTokens", Value::Number(_)) => {
                let input = number(reader, value);
                sketch.answer.usage = Some(Reported { input, complete: true, ..Reported::default() });
            }
            ("message", Value::String(_)) => {
                sketch.answer.is_error = true;
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}
