//! Part `publish`: the properties of a call that the filter hands to Envoy.

use serde::Deserialize;

macro_rules! properties {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// Property of a call, filter state `wasm.tollgate.<name>`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum Property {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Property {
            /// All properties.
            pub const ALL: &[Property] = &[$(Property::$variant),*];

            /// Returns the name in a policy.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Property::$variant => $name,)*
                }
            }
        }
    };
}

properties! {
    /// Wire format of the call, e.g. `openai.chat`.
    Dialect = "dialect";
    /// Model that the client asked for.
    Model = "model";
    /// Model that the provider says it served.
    ServedModel = "served_model";
    /// Provider that the route's configuration names.
    Provider = "provider";
    /// Route that the model was mapped to.
    Route = "route";
    /// Consumer whose budgets the call is charged to.
    Consumer = "consumer";
    /// `true` if the client asked for a streamed response.
    Stream = "stream";
    /// Input tokens, cached ones included.
    InputTokens = "input_tokens";
    /// Source of the input tokens: `counted`, `bounded` or `provider`.
    InputTokensSource = "input_tokens_source";
    /// Input tokens that the provider read from its cache.
    CachedTokens = "cached_tokens";
    /// Input tokens that were written to the provider's cache, for any time to live.
    CacheWriteTokens = "cache_write_tokens";
    /// Input tokens that were written to the provider's cache for an hour.
    CacheWrite1hTokens = "cache_write_1h_tokens";
    /// Input tokens of audio.
    AudioInputTokens = "audio_input_tokens";
    /// Input tokens of images.
    ImageInputTokens = "image_input_tokens";
    /// Input tokens of video.
    VideoInputTokens = "video_input_tokens";
    /// Milliseconds of input audio that the provider bills by its duration.
    AudioInputMs = "audio_input_ms";
    /// Output tokens, reasoning included.
    OutputTokens = "output_tokens";
    /// Output tokens of reasoning.
    ReasoningTokens = "reasoning_tokens";
    /// Output tokens of audio.
    AudioOutputTokens = "audio_output_tokens";
    /// Output tokens of images.
    ImageOutputTokens = "image_output_tokens";
    /// Output tokens of video.
    VideoOutputTokens = "video_output_tokens";
    /// Web searches by the provider's own tool.
    WebSearches = "web_searches";
    /// Pages of documents that the provider processed.
    Pages = "pages";
    /// Search units of a rerank call.
    SearchUnits = "search_units";
    /// Service tier that the provider reports, unless it is the default: `flex`, `priority`, `batch` or `other`.
    ServiceTier = "service_tier";
    /// Total by the provider, else input plus output.
    TotalTokens = "total_tokens";
    /// Source of the token numbers: `provider`, `counted`, `mixed`, `estimated` or `none`.
    UsageSource = "usage_source";
    /// Contradictions in the provider's usage, joined by commas; absent if there are none.
    UsageAnomalies = "usage_anomalies";
    /// `true` if the response was complete; `false` if the numbers are those of the part that was seen.
    UsageComplete = "usage_complete";
    /// Cost of the call in nano-dollars.
    CostNanoUsd = "cost_nano_usd";
    /// Cost of the call in micro-dollars, rounded up (the unit that fits a rate limiter's 10^9).
    CostMicroUsd = "cost_micro_usd";
    /// Outcome of the call: `allow`, `log`, `redact`, `block`, `limited`, `unknown_model`, ...
    Verdict = "verdict";
    /// Ids of the firewall rules that matched, joined by commas.
    Rules = "rules";
    /// Tags of the firewall rules that matched, joined by commas: `data=pii`. Absent if there are none.
    Tags = "tags";
    /// Score of the request: points of the firewall rules that matched. Absent if it is zero.
    RequestScore = "request_score";
    /// Score of the results of tools in the request.
    ToolResultsScore = "tool_results_score";
    /// Score of the response.
    ResponseScore = "response_score";
    /// Milliseconds from the forwarding of the request to the first event with text, or to the JSON response.
    TtftMs = "ttft_ms";
    /// Name of the MCP server.
    McpServer = "mcp_server";
    /// Method of an MCP message; `unknown` for one that the protocol does not define.
    McpMethod = "mcp_method";
    /// Tool of an MCP call.
    McpTool = "mcp_tool";
    /// Reason why a body was not scanned; absent if all were.
    Unscanned = "unscanned";
}
