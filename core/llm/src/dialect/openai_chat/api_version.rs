//! Versions of Azure OpenAI.

/// First version of Azure OpenAI that knows `stream_options` (API changelog, 2024-09-01-preview); older ones answer 400.
const KNOWS_STREAM_OPTIONS: &[u8] = b"2024-09-01";

/// Returns `true` if a path (`:path`, with its query) is that of a deployment of Azure OpenAI in a version that refuses
/// `stream_options`.
#[must_use]
pub fn refuses_stream_options(path: &[u8]) -> bool {
    let mut parts = path.splitn(2, |byte| *byte == b'?');
    let (path, query) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let is_deployment = path.split(|byte| *byte == b'/').any(|segment| segment.eq_ignore_ascii_case(b"deployments"));
    is_deployment && query.split(|byte| *byte == b'&').filter_map(version).any(|version| version < KNOWS_STREAM_OPTIONS)
}

/// Returns the date of the version that a parameter of the query names; `None` if it is another parameter, or no date.
fn version(parameter: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"api-version=";
    let (name, value) = parameter.split_at_checked(NAME.len())?;
    let date = value.get(..KNOWS_STREAM_OPTIONS.len())?;
    let is_date = date.iter().enumerate().all(|(at, byte)| match at {
        4 | 7 => *byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    (name.eq_ignore_ascii_case(NAME) && is_date).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_of_deployments_refuse_stream_options() {
        for (path, refuses) in [
            ("/openai/deployments/d/chat/completions?api-version=2024-06-01", true),
            ("/openai/deployments/d/chat/completions?api-version=2024-08-01-preview", true),
            ("/openai/deployments/d/chat/completions?a=b&API-Version=2023-05-15", true),
            ("/openai/Deployments/d/completions?api-version=2024-02-01", true),
            ("/openai/deployments/d/chat/completions?api-version=2024-09-01-preview", false),
            ("/openai/deployments/d/chat/completions?api-version=2025-04-01-preview", false),
            ("/openai/deployments/d/chat/completions?api-version=preview", false),
            ("/openai/deployments/d/chat/completions?api-version=2024", false),
            ("/openai/deployments/d/chat/completions", false),
            // Models of Azure AI Foundry, which has versions of its own.
            ("/models/chat/completions?api-version=2024-05-01-preview", false),
            ("/openai/v1/chat/completions?api-version=2024-06-01", false),
            ("/v1/chat/completions?x=deployments/api-version=2024-06-01", false),
        ] {
            assert_eq!(refuses_stream_options(path.as_bytes()), refuses, "{path}");
        }
    }
}
