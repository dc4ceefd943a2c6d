//! Reads requests.

use crate::Error;
use crate::dialect::openai_chat::request;
use crate::json::reader::Reader;
use crate::view::request::{Draft, Origin};

pub(super) fn read(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<(), Error> {
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
