//! OpenAI's images: made from a prompt, or from other images that come in a form. The picture is always the same one.

use super::{Call, Endpoint, Form, Written, count};
use crate::answer::CREATED;
use crate::error::ApiError;
use crate::json::{Json, object};
use crate::knobs::UsageAt;
use crate::multipart::Fields;
use crate::tokens::tokens;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { paths: &["images/generations"], form: |_| Form::JSON, answer: generate, refuse: ApiError::openai },
    Endpoint {
        paths: &["images/edits", "images/variations"],
        form: |_| Form::JSON,
        answer: edit,
        refuse: ApiError::openai,
    },
];

/// A PNG of one transparent pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
/// Tokens of every picture, made or shown.
const PER_IMAGE: u64 = 100;
/// As OpenAI.
const MOST_IMAGES: u64 = 10;

fn generate(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    let prompt = body.get("prompt").and_then(|prompt| prompt.as_str()).ok_or(ApiError::missing("prompt"))?;
    Ok(images(call, prompt, 0, count(&body, "n").unwrap_or(1)))
}

fn edit(call: &Call<'_>) -> Result<Written, ApiError> {
    let fields = Fields::of(call.content_type, call.body)?;
    let shown = fields.files(&["image", "image[]"]);
    if shown == 0 {
        return Err(ApiError::missing("image"));
    }
    let many = fields.text("n").and_then(|count| count.parse().ok()).unwrap_or(1);
    Ok(images(call, fields.text("prompt").unwrap_or_default(), shown, many))
}

fn images(call: &Call<'_>, prompt: &str, shown: u64, many: u64) -> Written {
    let many = many.clamp(1, MOST_IMAGES);
    let (text, shown) = (tokens(prompt), shown * PER_IMAGE);
    let (input, output) =
        call.knobs.usage.map_or((text + shown, many * PER_IMAGE), |usage| (usage.input, usage.output));
    let data = (0..many).map(|_| object! { "b64_json": PIXEL });
    let mut body = object! { "created": CREATED, "data": Json::list(data) };
    if call.knobs.usage_at != UsageAt::Never {
        let details = object! { "text_tokens": text, "image_tokens": shown };
        body.add(
            "usage",
            object! {
                "total_tokens": input + output, "input_tokens": input, "output_tokens": output,
                "input_tokens_details": details,
            },
        );
    }
    Written::json(&body)
}
