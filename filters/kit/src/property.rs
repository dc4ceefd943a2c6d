//! Properties of a stream: those that Tollgate publishes, and Envoy's attributes.
//!
//! A published property is filter state `wasm.<name>`. Access logs read it as
//! `%FILTER_STATE(wasm.tollgate.total_tokens:PLAIN)%`, the stock rate limit filter as `hits_addend.format`, CEL as
//! `filter_state['wasm.tollgate.total_tokens']`, and later Tollgate filters of the chain, in whichever virtual machine,
//! with [`get`]. A name is one segment (its dots are part of it); a value is ASCII text.

mod audit;
mod pending;

use crate::abi;
use audit::Audited;

pub(crate) use pending::PendingProperties;

macro_rules! published {
    ($($(#[$doc:meta])* $constant:ident = $name:literal;)*) => {
        $($(#[$doc])* pub const $constant: &str = $name;)*
        /// Names of all properties that Tollgate publishes.
        pub const ALL: &[&str] = &[$($name),*];
    };
}

published! {
    /// Wire format of the call, e.g. `openai.chat`.
    DIALECT = "tollgate.dialect";
    /// Model that the client asked for.
    MODEL = "tollgate.model";
    /// Model that the provider says it served.
    SERVED_MODEL = "tollgate.served_model";
    /// Provider that the route's configuration names.
    PROVIDER = "tollgate.provider";
    /// Route that the model was mapped to.
    ROUTE = "tollgate.route";
    /// Consumer whose budgets the call is charged to.
    CONSUMER = "tollgate.consumer";
    /// `true` if the client asked for a streamed response.
    STREAM = "tollgate.stream";
    /// Input tokens, cached ones included.
    INPUT_TOKENS = "tollgate.input_tokens";
    /// Source of the input tokens: `counted`, `bounded` or `provider`.
    INPUT_TOKENS_SOURCE = "tollgate.input_tokens_source";
    /// Input tokens that the provider read from its cache.
    CACHED_TOKENS = "tollgate.cached_tokens";
    /// Input tokens that were written to the provider's cache, for any time to live.
    CACHE_WRITE_TOKENS = "tollgate.cache_write_tokens";
    /// Input tokens that were written to the provider's cache for an hour.
    CACHE_WRITE_1H_TOKENS = "tollgate.cache_write_1h_tokens";
    /// Input tokens of audio.
    AUDIO_INPUT_TOKENS = "tollgate.audio_input_tokens";
    /// Input tokens of images.
    IMAGE_INPUT_TOKENS = "tollgate.image_input_tokens";
    /// Input tokens of video.
    VIDEO_INPUT_TOKENS = "tollgate.video_input_tokens";
    /// Milliseconds of input audio that the provider bills by its duration.
    AUDIO_INPUT_MS = "tollgate.audio_input_ms";
    /// Output tokens, reasoning included.
    OUTPUT_TOKENS = "tollgate.output_tokens";
    /// Output tokens of reasoning.
    REASONING_TOKENS = "tollgate.reasoning_tokens";
    /// Output tokens of audio.
    AUDIO_OUTPUT_TOKENS = "tollgate.audio_output_tokens";
    /// Output tokens of images.
    IMAGE_OUTPUT_TOKENS = "tollgate.image_output_tokens";
    /// Output tokens of video.
    VIDEO_OUTPUT_TOKENS = "tollgate.video_output_tokens";
    /// Web searches by the provider's own tool.
    WEB_SEARCHES = "tollgate.web_searches";
    /// Pages of documents that the provider processed.
    PAGES = "tollgate.pages";
    /// Search units of a rerank call.
    SEARCH_UNITS = "tollgate.search_units";
    /// Service tier that the provider reports, unless it is the default: `flex`, `priority`, `batch` or `other`.
    SERVICE_TIER = "tollgate.service_tier";
    /// Total by the provider, else input plus output.
    TOTAL_TOKENS = "tollgate.total_tokens";
    /// Source of the token numbers: `provider`, `counted`, `mixed`, `estimated` or `none`.
    USAGE_SOURCE = "tollgate.usage_source";
    /// Contradictions in the provider's usage, joined by commas; absent if there are none.
    USAGE_ANOMALIES = "tollgate.usage_anomalies";
    /// `true` if the response was complete; `false` if the numbers are those of the part that was seen.
    USAGE_COMPLETE = "tollgate.usage_complete";
    /// Cost of the call in nano-dollars.
    COST_NANO_USD = "tollgate.cost_nano_usd";
    /// Cost of the call in micro-dollars, rounded up (the unit that fits a rate limiter's 10^9).
    COST_MICRO_USD = "tollgate.cost_micro_usd";
    /// Outcome of the call: `allow`, `log`, `redact`, `block`, `limited`, `unknown_model`, ...
    VERDICT = "tollgate.verdict";
    /// Ids of the firewall rules that matched, joined by commas.
    RULES = "tollgate.rules";
    /// Tags of the firewall rules that matched, joined by commas: `data=pii`. Absent if there are none.
    TAGS = "tollgate.tags";
    /// Score of the request: points of the firewall rules that matched. Absent if it is zero.
    REQUEST_SCORE = "tollgate.request_score";
    /// Score of the results of tools in the request.
    TOOL_RESULTS_SCORE = "tollgate.tool_results_score";
    /// Score of the response.
    RESPONSE_SCORE = "tollgate.response_score";
    /// Milliseconds from the forwarding of the request to the first event with text, or to the JSON response.
    TTFT_MS = "tollgate.ttft_ms";
    /// Name of the MCP server.
    MCP_SERVER = "tollgate.mcp_server";
    /// Method of an MCP message; `unknown` for one that the protocol does not define.
    MCP_METHOD = "tollgate.mcp_method";
    /// Tool of an MCP call.
    MCP_TOOL = "tollgate.mcp_tool";
    /// Reason why a body was not scanned; absent if all were.
    UNSCANNED = "tollgate.unscanned";
}

/// Set by the first Tollgate filter of a chain once it has removed the headers that only Tollgate may set. Holds the
/// removed `x-tollgate-*` headers (see `stream/request/owned_headers.rs`), or `1`.
pub(crate) const EDGE: &str = "tollgate.edge";

/// Set when a filter releases a form at its trailers: they have arrived, although the body callbacks of later filters do
/// not show it.
pub(crate) const TRAILERS: &str = "tollgate.request_trailers";

/// Numbers of a usage that few calls have, for later Tollgate filters: one value in place of many.
pub const USAGE_DETAILS: &str = "tollgate.usage_details";

/// Properties that are set whatever is published: those that Tollgate's filters pass to each other, one of which is the reason why
/// something was not read.
pub(crate) const INTERNAL: [&str; 4] = [EDGE, TRAILERS, USAGE_DETAILS, UNSCANNED];

/// Publishes a property of this stream. Envoy gets the last value of each property before the request or a local reply
/// goes on, and at the end of the stream.
pub fn set(name: &'static str, value: impl AsRef<[u8]>) {
    let value = value.as_ref();
    if !pending::set(name, value) {
        write(name, value);
    }
}

/// Publishes the outcome of a stage.
///
/// Under [`Filter::is_audit`](crate::Filter::is_audit) it is recorded as what would have happened: `would_block`,
/// `would_redact`, and `would_refuse_<verdict>` for every other refusal. The first refusal is kept, since nothing would have
/// followed it.
pub fn set_verdict(verdict: &str) {
    match pending::audit(verdict) {
        None => set(VERDICT, verdict),
        Some(Audited::Recorded(verdict)) => set(VERDICT, verdict.as_bytes()),
        Some(Audited::Superseded) => {}
    }
}

/// Publishes a number.
pub fn set_number(name: &'static str, number: u64) {
    let mut digits = [0; 20];
    set(name, decimal(number, &mut digits));
}

/// Writes a number in decimal into the end of `digits`, and returns that part of it.
fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut start = digits.len();
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        // A remainder by 10 fits.
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        (number, start) = (number / 10, at);
        if number == 0 {
            break;
        }
    }
    digits.get(start..).unwrap_or_default()
}

/// Publishes a number that is zero for most calls, unless it is.
pub fn set_unless_zero(name: &'static str, number: u64) {
    if number > 0 {
        set_number(name, number);
    }
}

/// Hands the new values to Envoy.
pub(crate) fn flush() {
    pending::flush(write);
}

/// Writes a property. A refusal by the host is logged, not fatal: it costs a log field.
fn write(name: &str, value: &[u8]) {
    if let Err(status) = abi::set_property(name.as_bytes(), value) {
        log::debug!("tollgate: property {name} not set: {status}");
    }
}

/// Publishes a name that a client or an upstream chose. A name that is too long or unprintable for a log is replaced.
pub fn set_name(name: &'static str, value: &str) {
    let printable = !value.is_empty() && value.len() <= 256 && value.bytes().all(|b| b.is_ascii_graphic());
    set(name, if printable { value } else { "(unprintable)" });
}

/// Publishes zeros for a call that used nothing: consumers that add the numbers up need a value.
pub fn set_zero_usage() {
    for name in [INPUT_TOKENS, OUTPUT_TOKENS, TOTAL_TOKENS, COST_NANO_USD, COST_MICRO_USD] {
        set(name, "0");
    }
    set(USAGE_SOURCE, "none");
    set(USAGE_COMPLETE, "true");
}

/// Returns a property that a Tollgate filter has published on this stream, as bytes.
pub(crate) fn get_bytes(name: &str) -> Option<Vec<u8>> {
    if let Some(value) = pending::unwritten(name) {
        return Some(value);
    }
    abi::get_property(name.as_bytes()).ok().flatten()
}

/// Returns a property that a Tollgate filter has published on this stream.
pub fn get(name: &str) -> Option<String> {
    String::from_utf8(get_bytes(name)?).ok()
}

/// Returns a published property that is a decimal number.
pub fn get_u64(name: &str) -> Option<u64> {
    get(name)?.parse().ok()
}

/// Returns an attribute of Envoy's, e.g. `["response", "code_details"]`, or metadata that an authentication filter
/// has set: `["metadata", "filter_metadata", "envoy.filters.http.jwt_authn", "payload", "sub"]`.
pub fn attribute<S: AsRef<str>>(path: &[S]) -> Option<Vec<u8>> {
    let mut joined = Vec::with_capacity(64);
    for (i, segment) in path.iter().enumerate() {
        if i > 0 {
            joined.push(0);
        }
        joined.extend_from_slice(segment.as_ref().as_bytes());
    }
    abi::get_property(&joined).ok().flatten()
}

/// Returns an attribute that is an integer. Envoy encodes it as eight bytes, little endian.
pub fn attribute_u64<S: AsRef<str>>(path: &[S]) -> Option<u64> {
    attribute(path)?.try_into().ok().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal() {
        for number in [0, 1, 9, 10, 99, 100, 1_234_567_890, u64::MAX] {
            assert_eq!(decimal(number, &mut [0; 20]), number.to_string().as_bytes());
        }
    }
}
