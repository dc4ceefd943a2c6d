//! Properties: what Tollgate publishes of a stream, and what Envoy knows of it.
//!
//! What a filter sets here is filter state `wasm.<name>`: access logs read it as
//! `%FILTER_STATE(wasm.tollgate.total_tokens:PLAIN)%`, the stock rate limit filter as `hits_addend.format`, CEL as
//! `filter_state['wasm.tollgate.total_tokens']`, and the next Tollgate filter of the chain, in whichever virtual
//! machine it lives, with [`get`]. A name is one segment (its dots are part of it) and a value is ASCII text.

use crate::abi;

macro_rules! published {
    ($($(#[$doc:meta])* $constant:ident = $name:literal;)*) => {
        $($(#[$doc])* pub const $constant: &str = $name;)*
        /// Every property that Tollgate publishes.
        pub const ALL: &[&str] = &[$($name),*];
    };
}

published! {
    /// Wire format of the call, e.g. `openai.chat`.
    DIALECT = "tollgate.dialect";
    /// The model the client asked for.
    MODEL = "tollgate.model";
    /// The model the provider says it served.
    SERVED_MODEL = "tollgate.served_model";
    /// The provider that the route's configuration names.
    PROVIDER = "tollgate.provider";
    /// The route that the model was mapped to.
    ROUTE = "tollgate.route";
    /// Who pays.
    CONSUMER = "tollgate.consumer";
    /// `true` if the client asked for a streamed answer.
    STREAM = "tollgate.stream";
    /// Input tokens, cached ones included.
    INPUT_TOKENS = "tollgate.input_tokens";
    /// Those of the input tokens that the provider had cached.
    CACHED_TOKENS = "tollgate.cached_tokens";
    /// Those of the input tokens that were written to the provider's cache, for whatever time.
    CACHE_WRITE_TOKENS = "tollgate.cache_write_tokens";
    /// Those of them that were written for an hour.
    CACHE_WRITE_1H_TOKENS = "tollgate.cache_write_1h_tokens";
    /// Those of the input tokens that are sound.
    AUDIO_INPUT_TOKENS = "tollgate.audio_input_tokens";
    /// Output tokens, reasoning included.
    OUTPUT_TOKENS = "tollgate.output_tokens";
    /// Those of the output tokens that went into reasoning.
    REASONING_TOKENS = "tollgate.reasoning_tokens";
    /// Those of the output tokens that are sound.
    AUDIO_OUTPUT_TOKENS = "tollgate.audio_output_tokens";
    /// The provider's total, else input plus output.
    TOTAL_TOKENS = "tollgate.total_tokens";
    /// Where the numbers come from: `provider`, `counted`, `mixed` or `none`.
    USAGE_SOURCE = "tollgate.usage_source";
    /// `true` if the numbers are those of an answer that came to its end; `false`: of what was seen of it.
    USAGE_COMPLETE = "tollgate.usage_complete";
    /// What the call cost, in nano-dollars.
    COST_NANO_USD = "tollgate.cost_nano_usd";
    /// What the call cost, in micro-dollars, rounded up (the unit that fits a rate limiter's 10^9).
    COST_MICRO_USD = "tollgate.cost_micro_usd";
    /// What became of the call: `allow`, `log`, `redact`, `block`, `limited`, `unknown_model`, ...
    VERDICT = "tollgate.verdict";
    /// Ids of the firewall rules that matched, joined by commas.
    RULES = "tollgate.rules";
    /// Milliseconds from the forwarding of the request to the first event of the answer.
    TTFT_MS = "tollgate.ttft_ms";
    /// Why something was not scanned; absent if everything was.
    UNSCANNED = "tollgate.unscanned";
}

/// Set by the first Tollgate filter of a chain: the client's copies of our headers are gone.
pub(crate) const EDGE: &str = "tollgate.edge";

/// Set when a filter lets a form go at its trailers: they are there although the body callbacks of the filters behind it
/// do not say so.
pub(crate) const TRAILERS: &str = "tollgate.request_trailers";

/// Publishes a property of this stream. A host that refuses is logged, not fatal: what is lost is a log field.
pub fn set(name: &str, value: impl AsRef<[u8]>) {
    if let Err(status) = abi::set_property(name.as_bytes(), value.as_ref()) {
        log::debug!("tollgate: property {name} not set: {status}");
    }
}

/// Publishes a name that a client or an upstream chose: bounded and printable, as it may stand in a log, or not at all.
pub fn set_name(name: &str, value: &str) {
    let printable = !value.is_empty() && value.len() <= 256 && value.bytes().all(|b| b.is_ascii_graphic());
    set(name, if printable { value } else { "(unprintable)" });
}

/// Publishes that a call used nothing: what adds these numbers up finds a zero, not a gap.
pub(crate) fn set_unused() {
    for name in [
        INPUT_TOKENS,
        CACHED_TOKENS,
        CACHE_WRITE_TOKENS,
        CACHE_WRITE_1H_TOKENS,
        AUDIO_INPUT_TOKENS,
        OUTPUT_TOKENS,
        REASONING_TOKENS,
        AUDIO_OUTPUT_TOKENS,
        TOTAL_TOKENS,
        COST_NANO_USD,
        COST_MICRO_USD,
    ] {
        set(name, "0");
    }
    set(USAGE_SOURCE, "none");
    set(USAGE_COMPLETE, "true");
}

/// A property that a Tollgate filter has published on this stream.
pub fn get(name: &str) -> Option<String> {
    let value = abi::get_property(name.as_bytes()).ok().flatten()?;
    String::from_utf8(value).ok()
}

/// A published property that is a decimal number.
pub fn get_u64(name: &str) -> Option<u64> {
    get(name)?.parse().ok()
}

/// An attribute of Envoy's as it stands, e.g. `["response", "code_details"]`, or metadata that an authentication filter
/// left: `["metadata", "filter_metadata", "envoy.filters.http.jwt_authn", "payload", "sub"]`.
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

/// An attribute that is an integer (Envoy hands it over as eight bytes, little endian).
pub fn attribute_u64<S: AsRef<str>>(path: &[S]) -> Option<u64> {
    attribute(path)?.try_into().ok().map(u64::from_le_bytes)
}
