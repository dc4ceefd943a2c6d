//! OpenAI images, generated from a prompt or from images in a form. The generated image is always the same.

use super::{BodyFormat, Call, EncodedResponse, Endpoint, count};
use crate::error::ApiError;
use crate::generation::CREATED;
use crate::json::{Json, object};
use crate::knobs::UsageAt;
use crate::multipart::Fields;
use crate::tokens::tokens;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        paths: &["images/generations"],
        format: |_| BodyFormat::JSON,
        respond: generate,
        error_body: ApiError::openai,
    },
    Endpoint {
        paths: &["images/edits", "images/variations"],
        format: |_| BodyFormat::JSON,
        respond: edit,
        error_body: ApiError::openai,
    },
];

/// PNG of one transparent pixel, in base64.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
/// Tokens of every input or output image.
const PER_IMAGE: u64 = 100;
/// Maximum number of images, as at OpenAI.
const MAX_IMAGES: u64 = 10;

fn generate(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    let prompt = body.get("prompt").and_then(|prompt| prompt.as_str()).ok_or(ApiError::missing("prompt"))?;
    Ok(images(call, prompt, 0, count(&body, "n").unwrap_or(1)))
}

fn edit(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let fields = Fields::parse(call.content_type, call.body)?;
    let input_images = fields.count_files(&["image", "image[]"]);
    if input_images == 0 {
        return Err(ApiError::missing("image"));
    }
    let count = fields.text("n").and_then(|count| count.parse().ok()).unwrap_or(1);
    Ok(images(call, fields.text("prompt").unwrap_or_default(), input_images, count))
}

fn images(call: &Call<'_>, prompt: &str, input_images: u64, count: u64) -> EncodedResponse {
    let count = count.clamp(1, MAX_IMAGES);
    let (text_tokens, image_tokens) = (tokens(prompt), input_images * PER_IMAGE);
    let (input, output) =
        call.knobs.usage.map_or((text_tokens + image_tokens, count * PER_IMAGE), |usage| (usage.input, usage.output));
    let data = (0..count).map(|_| object! { "b64_json": PIXEL });
    let mut body = object! { "created": CREATED, "data": Json::list(data) };
    if call.knobs.usage_at != UsageAt::Never {
        let details = object! { "text_tokens": text_tokens, "image_tokens": image_tokens };
        body.add(
            "usage",
            object! {
                "total_tokens": input + output, "input_tokens": input, "output_tokens": output,
                "input_tokens_details": details,
            },
        );
    }
    EncodedResponse::json(&body)
}
