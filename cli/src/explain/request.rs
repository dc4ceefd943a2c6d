//! Dialect and texts of the request.

use serde_json::json;
use tollgate_llm::{Endpoint, Request};
use tollgate_policy::CompiledPolicy;

use super::Stage;
use crate::problem::Problem;

/// Request to explain, parsed.
#[derive(Debug)]
pub struct Call {
    pub(super) request: Request,
    pub(super) body: Vec<u8>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) consumer: Option<String>,
}

impl Call {
    /// Parses a request under the limits of the policy. Names of headers are in lower case.
    ///
    /// # Errors
    /// Path of no known API, or a body that the gateway refuses.
    pub fn new(
        policy: &CompiledPolicy,
        path: &str,
        headers: Vec<(String, String)>,
        consumer: Option<String>,
        body: Vec<u8>,
    ) -> Result<Call, Problem> {
        let endpoint = Endpoint::detect(b"POST", path.as_bytes())
            .ok_or_else(|| Problem::new(format!("`{path}` is not the path of a known API")))?;
        let request = Request::parse_at(&endpoint, &body, &policy.limits.for_parser())
            .map_err(|error| Problem::new(format!("the gateway refuses the request: {error}")))?;
        Ok(Call { request, body, headers, consumer })
    }
}

pub(super) fn explain(call: &Call) -> Stage {
    let (request, body) = call.view();
    let dialect = request.dialect.name();
    let texts: Vec<_> = request
        .texts
        .iter()
        .map(|text| {
            let (role, kind) = (format!("{:?}", text.role).to_lowercase(), format!("{:?}", text.kind).to_lowercase());
            let place = if request.is_form { String::new() } else { Request::pointer(body, text.str.span) };
            json!({ "pointer": place, "role": role, "kind": kind, "bytes": text.str.decode(body).len() })
        })
        .collect();
    let mut lines = vec![format!("The dialect is {dialect}; {} texts were found.", texts.len())];
    lines.extend(texts.iter().map(|text| {
        let word = |key: &str| text.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        format!(
            "{}: {} of {}, {} bytes",
            word("pointer"),
            word("kind"),
            word("role"),
            text.get("bytes").cloned().unwrap_or_default()
        )
    }));
    Stage::new("request", lines, json!({ "dialect": dialect, "stream": request.stream, "texts": texts }))
}
