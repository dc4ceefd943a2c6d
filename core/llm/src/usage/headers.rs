//! Usage in response headers.
//!
//! Bedrock counts the tokens of InvokeModel and reports them in headers, for models whose body has no usage as well
//! (Bedrock user guide, "Submit a single prompt with InvokeModel").

use super::ReportedUsage;
use super::reader::Convention;

/// Headers with token counts, in the order of [`from_headers`].
const NAMES: [&str; 4] = [
    "x-amzn-bedrock-input-token-count",
    "x-amzn-bedrock-output-token-count",
    "x-amzn-bedrock-cache-read-input-token-count",
    "x-amzn-bedrock-cache-write-input-token-count",
];

impl ReportedUsage {
    /// Returns the usage in the headers of a response, if there is any. `header` returns the value of a header.
    #[must_use]
    pub fn from_headers<V: AsRef<[u8]>>(mut header: impl FnMut(&str) -> Option<V>) -> Option<ReportedUsage> {
        let [input, output, cached, cache_write] = NAMES.map(|name| {
            let value = header(name)?;
            std::str::from_utf8(value.as_ref()).ok()?.trim().parse().ok()
        });
        let usage =
            ReportedUsage { input, output, cached, cache_write, complete: true, ..Convention::SECONDARY.usage() };
        Some(usage).filter(|usage| !usage.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_bedrock_are_read() {
        let headers = [
            ("x-amzn-bedrock-input-token-count", "77"),
            ("x-amzn-bedrock-output-token-count", "0"),
            ("x-amzn-bedrock-cache-read-input-token-count", "900"),
            ("x-amzn-bedrock-invocation-latency", "5"),
        ];
        let find = |name: &str| headers.iter().find(|(header, _)| *header == name).map(|(_, value)| *value);
        let usage = ReportedUsage::from_headers(find).unwrap().usage();
        assert_eq!((usage.input, usage.cached, usage.output), (977, 900, 0));
        assert_eq!(ReportedUsage::from_headers(|_| None::<&str>), None);
        assert_eq!(ReportedUsage::from_headers(|_| Some("many")), None);
    }
}
